import Blobs
import JSON
import Jobs
import Market
import Messages

/// Cuts a job's events into shards, and when all are there has the manifest and the log written beside them.
package struct RenderPlanner: Planner {
    package typealias Kind = Render
    private let spec: Render.Spec
    private let shards: [Render.ShardTask]
    private let report: RenderManifest
    private var results: [Render.ShardResult?]
    private var done = 0

    package init(_ spec: Render.Spec, blobs: any BlobSource) throws(JobError) {
        let settings = spec.settings
        if let fault = settings.style.fault { throw JobError("\(fault).") }
        guard settings.folder.hasPrefix("/") else {
            throw JobError("the folder \(settings.folder) is not an absolute path; give --out DIR.")
        }
        guard !settings.outputs.isEmpty, settings.outputs.names.count == settings.outputs.rawValue.nonzeroBitCount
        else {
            throw JobError("no output is chosen; give --outputs of png, bits, float32, int8.")
        }
        guard settings.style.kind == .candles || !settings.outputs.contains(.bits) else {
            throw JobError("bits are of two colours and pattern images have 256 a channel; choose int8 or float32.")
        }
        let timeframes = settings.timeframes.compactMap(Timeframe.init(rawValue:))
        guard !timeframes.isEmpty, timeframes.count == settings.timeframes.count,
            zip(timeframes, timeframes.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw JobError("timeframes \(settings.timeframes); give some of 1m, 5m, 15m, 1h, 1d, each once.") }
        guard (1...1_000_000).contains(spec.shardEvents) else {
            throw JobError("\(spec.shardEvents) events in a shard; give 1 to 1000000.")
        }
        let bytes = try blobs.bytes(of: spec.events)
        let events: ChartEvents
        do throws(WireError) { events = try ChartEvents(wireBytes: bytes) } catch {
            throw JobError(error, while: "reading the events \(spec.events)")
        }
        guard !events.bars.isEmpty else { throw JobError("there is no event to draw.") }
        self.spec = spec
        shards = Self.cut(events, spec)
        results = shards.map { _ in nil }
        report = RenderManifest(spec, events)
    }

    private static func cut(_ events: ChartEvents, _ spec: Render.Spec) -> [Render.ShardTask] {
        var shards: [Render.ShardTask] = []
        var first: UInt32 = 0
        for part in events.parts {
            var left = part.count
            var number = 0
            while left > 0 {
                let count = min(left, spec.shardEvents)
                let digits = String(number)
                let name = "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
                shards.append(
                    Render.ShardTask(
                        series: spec.series, events: spec.events, settings: spec.settings, first: first, count: count,
                        path: part.folder + "/" + name))
                first += count
                left -= count
                number += 1
            }
        }
        return shards
    }

    package mutating func start() -> Step<Render.Task> {
        var step = Step(tasks: shards.map(Render.Task.shard))
        step.status = status
        return step
    }

    package mutating func finished(_ index: Int, with result: Render.Result, load: Load) throws(JobError)
        -> Step<Render.Task>
    {
        var step = Step<Render.Task>()
        switch result {
        case .shard(let shard):
            guard results.indices.contains(index), results[index] == nil else {
                throw JobError("a shard of task \(index), which has none.")
            }
            results[index] = shard
            done += 1
            if done == shards.count {
                let files = [("manifest.json", manifest), ("render_log.csv", log)]
                step.blobs = files.map(\.1)
                let named = files.map { Render.File(name: $0.0, bytes: BlobID(of: $0.1)) }
                step.tasks = [.close(folder: spec.settings.folder, files: named)]
            }
        case .closed: step.end = .answer(manifest)
        }
        step.status = status
        return step
    }

    private var pairs: [(Render.ShardTask, Render.ShardResult)] {
        zip(shards, results).compactMap { task, result in result.map { (task, $0) } }
    }
    private var manifest: [UInt8] { report.manifest(pairs) }
    private var log: [UInt8] { report.log(pairs) }

    private var status: PlanStatus {
        var status = PlanStatus()
        let images = UInt64(spec.settings.timeframes.count)
        status.stages = [
            PlanStatus.Stage(
                name: "render", done: results.reduce(0) { $0 + UInt64($1?.rows ?? 0) },
                total: shards.reduce(0) { $0 + UInt64($1.count) * images }, unit: "images")
        ]
        return status
    }
}
