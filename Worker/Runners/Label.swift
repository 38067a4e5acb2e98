import Datasets
import Jobs
import Labels
import Market
import Messages

/// Labels events, and writes the shards that they go into.
package enum LabelRunner: Runner {
    package typealias Kind = Label

    package static func run(_ task: Label.Task, index: UInt32, context: RunContext) throws(JobError) -> Label.Result {
        switch task {
        case .events(let task): return .events(try label(task, index, context))
        case .shards(let task):
            var labels: [Label.Events] = []
            for blob in task.labels {
                let bytes = try context.blobs.bytes(of: blob)
                do throws(WireError) { labels.append(try Label.Events(wireBytes: bytes)) } catch {
                    throw JobError(error, while: "reading the labels \(blob)")
                }
            }
            return .shards(try LabelShards(task).write(labels))
        case .close(let folder, let files):
            try ShardPlace.close(folder, files, context.blobs)
            return .closed
        }
    }

    /// A thread keeps what it made of a blob's bars for the next range of the same bars.
    private static func label(_ task: Label.EventsTask, _ index: UInt32, _ context: RunContext) throws(JobError)
        -> Label.Events
    {
        if let fault = task.rules.fault { throw JobError("the rules of task \(index): \(fault).") }
        let bars = try context.decoded(task.series) { bytes throws(JobError) in
            do throws(WireError) { return Labellers(try SeriesSet(wireBytes: bytes)) } catch {
                throw JobError(error, while: "reading the bars \(task.series)")
            }
        }
        let days = Int(task.firstDay)..<max(Int(task.firstDay), Int(task.endDay))
        var symbols: [Label.SymbolRows] = []
        for labeller in bars.all(knownUntil: task.knownUntil, rules: task.rules) {
            if context.isCancelled() { throw JobError("stopped because its task was cancelled.") }
            var rows = Label.SymbolRows(symbol: labeller.finest.symbol)
            for minutes in task.timeframes {
                guard let timeframe = Timeframe(rawValue: minutes), timeframe >= labeller.finest.timeframe else {
                    throw JobError(
                        "bars of \(labeller.finest.timeframe.name) cannot be put together to \(minutes) minutes; "
                            + "ask for coarser timeframes, or give finer bars.")
                }
                labeller.label(timeframe, days: days, stride: max(1, Int(task.stride)), into: &rows)
            }
            symbols.append(rows)
        }
        return Label.Events(symbols: symbols)
    }
}

/// The labellers of a blob's symbols, made when they are first asked for.
private final class Labellers {
    private let bars: SeriesSet
    private var made: [Labeller] = []
    private var madeFor: (knownUntil: Int64, rules: LabelRules)?

    init(_ bars: SeriesSet) { self.bars = bars }

    func all(knownUntil: Int64, rules: LabelRules) -> [Labeller] {
        if let madeFor, madeFor.knownUntil == knownUntil, madeFor.rules == rules { return made }
        made = bars.series.filter { $0.count > 0 }.map {
            Labeller(finest: $0, knownUntil: knownUntil, rules: rules)
        }
        madeFor = (knownUntil, rules)
        return made
    }
}
