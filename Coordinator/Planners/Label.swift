import Blobs
import JSON
import Jobs
import Market
import Messages

/// Cuts the events into tasks: by input, and within an input by ranges of dates. When a range is labelled its daily shards
/// are written, and when all are there the manifest and the log.
package struct LabelPlanner: Planner {
    package typealias Kind = Label
    private let spec: Label.Spec
    /// Ranges of dates, ascending: the inputs with bars in each.
    private let ranges: [Range]
    /// What each task is, by index.
    private var works: [Work] = []
    /// By range and place within it: the blob of the labels, once they are there.
    private var labels: [[BlobID?]]
    private var shards: [[ShardFile]?]
    private var counts = LabelCounts()
    private var done = 0

    private struct Range {
        var firstDay: Int32, endDay: Int32
        /// Positions in the spec.
        var inputs: [Int]
    }
    private enum Work {
        case events(range: Int, place: Int)
        case shards(range: Int)
        case close
    }

    package init(_ spec: Label.Spec, blobs: any BlobSource) throws(JobError) {
        guard !spec.inputs.isEmpty else { throw JobError("there are no bars to label; give a file or folder of bars.") }
        let timeframes = spec.timeframes.compactMap(Timeframe.init(rawValue:))
        guard !timeframes.isEmpty, timeframes.count == spec.timeframes.count,
            zip(timeframes, timeframes.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw JobError("timeframes of \(spec.timeframes) minutes; give some of 1m, 5m, 15m, 1h, 1d, each once.")
        }
        guard spec.stride > 0, spec.daysPerTask > 0, spec.shardRows > 0 else {
            throw JobError("a stride, task or shard of 0; give at least 1.")
        }
        guard spec.folder.hasPrefix("/") else {
            throw JobError("the folder \(spec.folder) is not an absolute path; give --out DIR.")
        }
        if let fault = spec.rules.fault { throw JobError("the rules: \(fault).") }
        guard spec.inputs.allSatisfy({ $0.firstDay <= $0.lastDay && $0.firstDay > 0 && $0.lastDay < 100_000 }) else {
            throw JobError("an input ends before it begins, or is centuries away; submit again.")
        }
        self.spec = spec
        var ranges: [Range] = []
        let (first, last) = (spec.inputs.map(\.firstDay).min() ?? 0, spec.inputs.map(\.lastDay).max() ?? 0)
        for day in stride(from: first, through: last, by: Int(spec.daysPerTask)) {
            let end = day + Int32(clamping: spec.daysPerTask)
            let inputs = spec.inputs.indices.filter { spec.inputs[$0].firstDay < end && spec.inputs[$0].lastDay >= day }
            if !inputs.isEmpty { ranges.append(Range(firstDay: day, endDay: end, inputs: inputs)) }
        }
        self.ranges = ranges
        labels = ranges.map { $0.inputs.map { _ in nil } }
        shards = ranges.map { _ in nil }
    }

    package mutating func start() throws(JobError) -> Step<Label.Task> {
        var step = Step<Label.Task>()
        // Input by input: a worker that has a symbol's bars at hand is given more of its dates.
        for input in spec.inputs.indices {
            for (number, range) in ranges.enumerated() {
                guard let place = range.inputs.firstIndex(of: input) else { continue }
                works.append(.events(range: number, place: place))
                step.tasks.append(
                    .events(
                        Label.EventsTask(
                            series: spec.inputs[input].series, firstDay: range.firstDay, endDay: range.endDay,
                            timeframes: spec.timeframes, stride: spec.stride, knownUntil: spec.knownUntil,
                            rules: spec.rules)))
            }
        }
        step.status = status
        return step
    }

    package mutating func finished(_ index: Int, with result: Label.Result, load: Load) throws(JobError)
        -> Step<Label.Task>
    {
        guard works.indices.contains(index) else { throw JobError("a result of task \(index), which there is not.") }
        var step = Step<Label.Task>()
        switch (works[index], result) {
        case (.events(let range, let place), .events(let events)):
            counts.add(events)
            let bytes = events.wireBytes
            labels[range][place] = BlobID(of: bytes)
            step.blobs = [bytes]
            let known = labels[range].compactMap { $0 }
            if known.count == labels[range].count {
                works.append(.shards(range: range))
                step.tasks = [
                    .shards(
                        Label.ShardsTask(
                            folder: spec.folder, shardRows: spec.shardRows,
                            series: ranges[range].inputs.map { spec.inputs[$0].series }, labels: known,
                            rules: spec.rules))
                ]
            }
        case (.shards(let range), .shards(let files)):
            shards[range] = files
            if shards.allSatisfy({ $0 != nil }) {
                works.append(.close)
                let files = [("manifest.json", manifest), ("label_log.csv", log)]
                step.blobs = files.map(\.1)
                step.tasks = [
                    .close(
                        folder: spec.folder, files: files.map { OutputFile(name: $0.0, bytes: BlobID(of: $0.1)) })
                ]
            }
        case (.close, .closed): step.end = .answer(manifest)
        default: throw JobError("the result of task \(index) is of another kind of task.")
        }
        done += 1
        step.status = status
        return step
    }

    private var status: PlanStatus {
        var status = PlanStatus()
        let total = ranges.reduce(0) { $0 + $1.inputs.count } + ranges.count + 1
        status.stages = [
            PlanStatus.Stage(name: "labels", done: UInt64(done), total: UInt64(total), unit: "tasks")
        ]
        return status
    }

    private var files: [ShardFile] { shards.flatMap { $0 ?? [] } }
    private var manifest: [UInt8] { LabelManifest(spec, counts).manifest(files) }
    private var log: [UInt8] { LabelManifest(spec, counts).log(files) }
}
