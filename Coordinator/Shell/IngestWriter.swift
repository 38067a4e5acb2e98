import Bars
import CoordinatorCore
import Foundation
import Jobs
import Market
import Messages
import Providers
import Store
import Synchronization
import ZeroMQ

/// Puts what providers gave into `bars.sqlite`, on a thread of its own. A batch is named after its job, task and
/// time: one that is told again, after a restart, changes nothing.
final class IngestWriter: Sendable {
    /// Publications that wait, at most; beyond, the coordinator waits too, rather than grow without bound.
    private static let maximumWaiting = 64

    private struct State: Sendable {
        var waiting: [(job: JobID, bytes: [UInt8])] = []
        var failure: String?
        var isStopped = false
        var isDone = false
    }
    private let state = Mutex(State())
    private let given = DispatchSemaphore(value: 0)
    private let taken = DispatchSemaphore(value: 0)
    private let path: String
    private let log: @Sendable (LogLine) -> Void
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called when it has failed.
    init(path: String, log: @escaping @Sendable (LogLine) -> Void, wake: @escaping @Sendable () -> Void) {
        self.path = path
        self.log = log
        self.wake = wake
        let thread = Thread { [self] in work() }
        thread.name = "ingest"
        thread.start()
    }

    /// Why bars cannot be stored, if they cannot: the coordinator must stop, and can resume.
    var failure: String? { state.withLock { $0.failure } }

    func write(_ publications: [[UInt8]], of job: JobID) {
        for bytes in publications {
            while state.withLock({ $0.waiting.count >= Self.maximumWaiting && $0.failure == nil }) {
                _ = taken.wait(timeout: .now() + .milliseconds(100))
            }
            state.withLock { $0.waiting.append((job, bytes)) }
            given.signal()
        }
    }

    /// Writes what waits, and ends.
    func stop() {
        state.withLock { $0.isStopped = true }
        given.signal()
        while state.withLock({ !$0.isDone }) { _ = taken.wait(timeout: .now() + .milliseconds(100)) }
    }

    private func work() {
        Signals.blockOnThisThread()
        // Opened with the first batch: most coordinators have none.
        var store: BarStore?
        while true {
            given.wait()
            let next = state.withLock { $0.waiting.first }
            if let next, failure == nil {
                do throws(DatabaseError) {
                    if store == nil { store = try BarStore(path: path, access: .write) }
                    try apply(next.bytes, of: next.job, to: store!)
                } catch {
                    state.withLock { $0.failure = error.description }
                    wake()
                }
            }
            state.withLock { if !$0.waiting.isEmpty { $0.waiting.removeFirst() } }
            taken.signal()
            if state.withLock({ $0.isStopped && $0.waiting.isEmpty }) { break }
        }
        store = nil
        state.withLock { $0.isDone = true }
        taken.signal()
    }

    private func apply(_ bytes: [UInt8], of job: JobID, to store: BarStore) throws(DatabaseError) {
        // Our own planner wrote it.
        guard let publication = try? Ingest.Publication(wireBytes: bytes) else { return }
        switch publication {
        case .alert(let words):
            log(LogLine(.warning, "ingest_alert", [("job", "\(job)"), ("what", "\"\(words)\"")]))
        case .fetched(let task, let name, let want, let wall, let result):
            // The time by the job's clock, which a restart repeats, tells jobs of other states apart.
            let identifier = "ingest \(job).\(task) \(wall)"
            let outcome = try store.append(Self.batch(identifier, name, want, wall, result))
            try store.log(result.calls, of: identifier, provider: name, symbols: want.symbols, wall: wall)
            log(
                LogLine(
                    .info, "bars_stored",
                    [
                        ("job", "\(job)"), ("task", "\(task)"), ("provider", name), ("added", "\(outcome.added)"),
                        ("same", "\(outcome.same)"), ("revised", "\(outcome.revised)"),
                        ("refused", "\(outcome.refused)"), ("left", "\(result.left.count)"),
                    ]))
        }
    }

    private static func batch(
        _ identifier: String, _ name: String, _ want: BarsWanted, _ wall: UInt64, _ result: Ingest.Result
    ) -> BarBatch {
        let traits = ProviderList.provider(named: name)?.traits
        var batch = BarBatch(
            identifier: identifier, provider: name, request: result.calls.map(\.target).joined(separator: " "),
            received: Int64(wall), tier: Int(traits?.tier ?? 3), series: [])
        for symbol in result.answered {
            let key = SeriesKey(want, symbol, feed: traits?.feed ?? "unknown")
            let bars = result.series.first { $0.symbol == symbol }.map { $0.stored } ?? []
            // Also of a symbol that is unknown: it is remembered, and not asked for again in the same days.
            var covers = BarTime.covered(want)
            if let days = traits?.historyDays, let first = bars.first,
                MarketDate.dayNumber(want.from) < MarketDate.dayNumber(want.today) - days + 3
            {
                // What a plan does not reach back to is not answered: its bars begin late.
                let begins = max(covers.lowerBound, first.start / BarTime.day * BarTime.day)
                covers = begins..<max(begins, covers.upperBound)
            }
            batch.series.append(BarBatch.Series(key, bars, covers: covers))
        }
        return batch
    }
}

extension SeriesKey {
    /// The series in the store that an answer belongs to.
    package init(_ want: BarsWanted, _ symbol: String, feed: String) {
        let adjustment: Adjustment =
            switch want.adjustment {
            case .raw: .raw
            case .splits: .split
            case .all: .all
            }
        self.init(symbol: symbol, minutes: Int(want.timeframe.rawValue), adjustment: adjustment, feed: feed)
    }
}
extension BarTime {
    /// The days of a want, half open, on the store's axis: for bars of a day their labels, for others New York's
    /// midnights as those of UTC, which only have to be the same ones every time.
    /// Today may still change and stays open.
    package static func covered(_ want: BarsWanted) -> Range<Int64> {
        let from = of(date: want.from)
        return from..<max(from, min(of(date: want.to) + day, of(date: want.today)))
    }
}
extension BarSeries {
    fileprivate var stored: [Bar] {
        (0..<count).map { at in
            Bar(
                start: timeframe == .day1 ? BarTime.of(date: date(of: at)) : starts[at], open: open[at],
                high: high[at], low: low[at], close: close[at], volume: volume[at])
        }
    }
}
