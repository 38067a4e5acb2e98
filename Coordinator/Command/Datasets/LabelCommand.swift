import Blobs
import CoordinatorShell
import Foundation
import JSON
import Jobs
import Market
import Messages
import Report

/// `apex submit label`: what came of every bar.
enum LabelCommand {
    static let help = """
        usage: apex submit label (--daily FILE | --store FILE | --minutes PATH…) --out DIR [OPTIONS]

        Labels events, an event being a bar: returns over 1, 3, 5 and 10 sessions, best and worst price and time to the
        peak over five, the triple barrier, quality tier, class, regime and reasons to stay away. An event is labelled
        when its outcome window has fully elapsed. DIR gets a shard a day, manifest.json, label_log.csv, and with --wait
        report.html. The same bars and options give the same bytes.

          --daily FILE        daily bars of many symbols: symbol,date,open,high,low,close,volume, plain or gzip
          --store FILE        daily bars of a store, see `apex data`; --adjustment and --feed where it has several: the
                              manifest then says who gave them, and how far each is trusted
          --minutes PATH      one-minute bars: SYMBOL.csv or SYMBOL.csv.gz with timestamp_ms,open,high,low,close,volume,
                              or a folder of them; may be given several times
          --timeframes LIST   of 1m, 5m, 15m, 1h, 1d: events are bars of each (default the bars' own)
          --every N           an event at every Nth bar (default 1)
          --window N          bars that an event has before it, itself included (default 31)
          --barriers UP,DOWN  of the triple barrier, in standard deviations of a day (default 2,2)
          --barrier-days N    its end, in sessions (default 5)
          --neutral SHARE     a five-session return closer to 0 is neutral (default 0.01)
          --shard-rows N      events in one shard at most (default 50000)
        \(DatasetJob.help)
        \(whereHelp)

        Exit code with --wait: 0 all labelled, 1 a task failed or the job was cancelled, 3 stopped following.

        example: apex submit label --minutes us-minute-2024 --timeframes 15m,1d --out labels --wait
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let wish = try LabelWish(&arguments)
        let input = try wish.read()
        switch try wish.job.run(Label.name, { try wish.spec(input, $0) }) {
        case .left(let code): return code
        case .done(let status, let manifest):
            try LabelReport(manifest, bars: input.bars).write(to: wish.job.folder + "/report.html")
            report(status, manifest, wish.job)
            return .done
        }
    }
    static func request(_ arguments: inout Arguments) throws -> JobRequest {
        let wish = try LabelWish(&arguments)
        return wish.job.request(Label.name) { try wish.spec(try wish.read(), $0) }
    }

    static func timeframes(_ arguments: inout Arguments) throws -> [Timeframe]? {
        guard let text = try arguments.value("--timeframes") else { return nil }
        let named = text.split(separator: ",").map { Timeframe(name: String($0)) }
        guard !named.isEmpty, !named.contains(nil) else {
            throw UsageError("--timeframes is \(text); choose from 1m, 5m, 15m, 1h, 1d.")
        }
        return Array(Set(named.map { $0! })).sorted()
    }

    private static func report(_ status: JobStatus, _ manifest: JSONValue, _ job: DatasetJob) {
        let events = manifest["events"]?.double ?? 0
        let seconds = Double(max(1, status.ended - status.submitted)) / 1000
        let shards = manifest["shards"]?.array?.count ?? 0
        if job.json {
            printJSON([
                "job": JSONValue(status.id.number), "out": .string(job.folder), "events": JSONValue(Int(events)),
                "shards": JSONValue(shards), "seconds": .number(seconds),
                "events_per_second": .number((events / seconds).rounded()),
                "counts": manifest["counts"] ?? .null, "rejected_events": manifest["rejected_events"] ?? .null,
                "report": .string(job.folder + "/report.html"),
            ])
            return
        }
        print(
            "\(job.folder): \(Int(events)) events in \(counted(shards, "shard")), \(fixed(seconds, 2)) s, "
                + "\(short(events / seconds)) events/s; look at report.html")
        guard case .object(let reasons)? = manifest["rejected_events"] else { return }
        for reason in reasons where (reason.value.double ?? 0) > 0 {
            let words = EventRejection.allCases.first { $0.name == reason.key }?.words ?? reason.key
            print("  not labelled: \(Int(reason.value.double ?? 0)) × \(words)")
        }
    }
}

/// What `apex submit label` was told, checked.
struct LabelWish {
    let job: DatasetJob
    private var rules = LabelRules()
    private let bars: NamedBars
    private let timeframes: [Timeframe]
    private let stride: UInt32, shardRows: UInt32

    init(_ arguments: inout Arguments) throws {
        job = try DatasetJob(&arguments)
        bars = try NamedBars(&arguments, "to label")
        timeframes = try bars.timeframes(LabelCommand.timeframes(&arguments))
        stride = try arguments.integer("--every", 1...1_000_000) ?? 1
        shardRows = try arguments.integer("--shard-rows", 1...1_000_000) ?? 50_000
        rules.windowBars = try arguments.integer("--window", 31...1024) ?? rules.windowBars
        rules.barrierSessions = try arguments.integer("--barrier-days", 1...10) ?? rules.barrierSessions
        if let text = try arguments.value("--barriers") {
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
            guard numbers.count == 2, let up = numbers[0], let down = numbers[1] else {
                throw UsageError("--barriers is \(text); give two numbers of deviations, as 2,1.5.")
            }
            (rules.upperBarrier, rules.lowerBarrier) = (up, down)
        }
        if let text = try arguments.value("--neutral") {
            guard let share = Double(text) else { throw UsageError("--neutral is \(text); give a share, as 0.01.") }
            rules.neutralReturn = share
        }
        if let fault = rules.fault { throw UsageError("\(fault).") }
        try arguments.finishWithoutTrailing()
    }

    /// The bars, by symbol, and where they come from.
    struct Input {
        var bars: [BarSeries]
        var sources: [ChartEvents.Source]
    }
    func read() throws -> Input {
        let input = try bars.read()
        let bars = input.series.sorted { $0.symbol.utf8.lexicographicallyPrecedes($1.symbol.utf8) }
        guard !bars.isEmpty else { throw JobError("no bar of a regular session is among these files.") }
        return Input(bars: bars, sources: input.sources)
    }

    func spec(_ input: Input, _ client: Client) throws -> [UInt8] {
        let bars = input.bars
        // The rows of a range of dates are in a worker's memory at once when their shards are written.
        let perDay = timeframes.reduce(0) { $0 + max(1, 390 / Int($1.rawValue)) } * bars.count / Int(stride) + 1
        let days = UInt32(max(1, min(32, 300_000 / perDay)))
        // Symbols of daily bars are small, so that many travel together.
        let together = self.bars.areDaily ? 128 : 1
        var inputs: [Label.Input] = []
        for start in Swift.stride(from: 0, to: bars.count, by: together) {
            let part = Array(bars[start..<min(start + together, bars.count)])
            func day(_ instant: Int64) -> Int32 { Int32(NewYorkTime.dayNumber(of: instant)) }
            inputs.append(
                Label.Input(
                    series: try client.put(SeriesSet(part).wireBytes),
                    firstDay: part.map { day($0.starts[0]) }.min()!,
                    lastDay: part.map { day($0.starts[$0.count - 1]) }.max()!))
        }
        return Label.Spec(
            inputs: inputs, timeframes: timeframes.map(\.rawValue), stride: stride,
            knownUntil: bars.map { $0.end(of: $0.count - 1) }.max()!, rules: rules, daysPerTask: days,
            folder: job.folder, shardRows: shardRows,
            sources: input.sources.map { source in
                Label.Source(
                    name: source.name, hash: source.hash, rows: Int(source.rows),
                    rejected: source.rejected.map { Label.Rejection(reason: $0.reason, count: Int($0.count)) },
                    provided: source.provided)
            }
        ).wireBytes
    }
}
