import Bars
import CoordinatorCore
import Foundation
import Jobs
import Market
import Messages
import Providers
import Store

/// Puts what providers gave into `bars.sqlite`. A batch is named after its job, task and the task's run: one that is
/// told again, after a restart, changes nothing.
struct IngestSink: PublicationSink {
    private let path: String
    private let log: EventLog
    /// Opened with the first batch: most coordinators have none.
    private var store: BarStore?

    init(path: String, _ log: EventLog) {
        self.path = path
        self.log = log
    }

    /// Its writer: an answer of a provider may be large, and each is a transaction of its own.
    static func writer(_ folder: StateFolder, _ log: EventLog, wake: @escaping @Sendable () -> Void)
        -> PublicationWriter<IngestSink>
    {
        PublicationWriter("ingest", .init(batch: 1, waiting: 64), wake: wake) { IngestSink(path: folder.bars, log) }
    }

    mutating func apply(_ batch: [Publication], isStopping: () -> Bool) throws(DatabaseError) {
        for publication in batch {
            if store == nil { store = try BarStore(path: path, access: .write) }
            try apply(publication.bytes, of: publication.job, to: store!)
        }
    }

    private func apply(_ bytes: [UInt8], of job: JobID, to store: BarStore) throws(DatabaseError) {
        // Our own planner wrote it.
        guard let publication = try? Ingest.Publication(wireBytes: bytes) else { return }
        switch publication {
        case .alert(let words):
            log.write(LogLine(.warning, "ingest_alert", [("job", "\(job)"), ("what", "\"\(words)\"")]))
        case .fetched(let task, let name, let want, let result):
            // The run's own number, drawn by chance, tells jobs of other states apart too.
            let outcome = try store.append(result, from: name, to: want, of: job, task: task)
            log.write(
                LogLine(
                    .info, "bars_stored",
                    [
                        ("job", "\(job)"), ("task", "\(task)"), ("provider", name), ("added", "\(outcome.added)"),
                        ("same", "\(outcome.same)"), ("revised", "\(outcome.revised)"),
                        ("refused", "\(outcome.refused)"), ("left", "\(result.left.count)"),
                    ]))
        }
    }
}

extension BarStore {
    /// What one task of an ingest brought: its bars, what they cover, its calls and the symbols that do not exist. The
    /// same run's again changes nothing.
    @discardableResult
    package func append(
        _ result: Ingest.Result, from provider: String, to want: BarsWanted, of job: JobID, task: UInt32
    ) throws(DatabaseError) -> AppendOutcome {
        // The run's own number, drawn by chance, tells jobs of other states apart too.
        let identifier = "ingest \(job).\(task) \(String(result.run, radix: 16))"
        let wall = UInt64(Date().timeIntervalSince1970 * 1000)
        let outcome = try append(Self.batch(identifier, provider, want, wall, result))
        try log(result.calls, of: identifier, provider: provider, symbols: want.symbols, wall: wall)
        try remember(unknown: result.unknown, to: provider, wall: wall)
        return outcome
    }

    private static func batch(
        _ identifier: String, _ name: String, _ want: BarsWanted, _ wall: UInt64, _ result: Ingest.Result
    ) -> BarBatch {
        let traits = ProviderList.provider(named: name)?.traits
        var batch = BarBatch(
            identifier: identifier, provider: name,
            request: (result.earlier + result.calls.map(\.target)).joined(separator: " "),
            received: Int64(wall), tier: Int(traits?.tier ?? 3), series: [])
        // An unknown symbol covers nothing: it is remembered apart, for a while.
        for symbol in result.answered where !result.unknown.contains(symbol) {
            let key = SeriesKey(want, symbol, feed: traits?.feed ?? "unknown")
            let bars = result.series.first { $0.symbol == symbol }.map { $0.stored } ?? []
            var covers = BarTime.covered(want)
            if let reach = traits?.reach(of: want) {
                // What a plan does not reach back to is not answered: its bars begin late, or there are none, of a symbol
                // that was traded only before.
                let first =
                    bars.first.map { $0.start / BarTime.day * BarTime.day }
                    ?? BarTime.of(date: MarketDate.date(dayNumber: reach))
                let begins = max(covers.lowerBound, first)
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
