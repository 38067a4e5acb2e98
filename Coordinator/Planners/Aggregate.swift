import Blobs
import JSON
import Jobs
import Market
import Messages

/// Has every shard looked through, cuts the dates into sets, and has the sets' shards written. Rows are never held here:
/// only how many there are of each date.
package struct AggregatePlanner: Planner {
    package typealias Kind = Aggregate
    private let spec: Aggregate.Spec
    private let sources: [Aggregate.SourceShard]
    private var scans: [Aggregate.Scan?]
    private var writes: [Aggregate.WriteTask] = []
    private var written: [Aggregate.Written?] = []
    private var split: DateSplit?
    private var dates: [Int32] = []
    private var done = 0

    package init(_ spec: Aggregate.Spec, blobs: any BlobSource) throws(JobError) {
        let settings = spec.settings
        guard !spec.shards.isEmpty else {
            throw JobError("there is no shard to aggregate; give folders with manifests.")
        }
        guard settings.folder.hasPrefix("/") else {
            throw JobError("the folder \(settings.folder) is not an absolute path; give --out DIR.")
        }
        guard settings.percent.count == 3, settings.percent.reduce(0, { $0 + Int($1) }) == 100,
            settings.percent.allSatisfy({ $0 <= 100 })
        else { throw JobError("a split of \(settings.percent); give three percentages that make 100, as 70,15,15.") }
        guard (1...1000).contains(settings.blocks), settings.embargoSessions <= 1000 else {
            throw JobError("\(settings.blocks) blocks, an embargo of \(settings.embargoSessions); give at most 1000.")
        }
        guard (1...1_000_000).contains(settings.shardRows) else {
            throw JobError("\(settings.shardRows) rows in a shard; give 1 to 1000000.")
        }
        self.spec = spec
        sources = spec.shards + spec.labels
        scans = sources.map { _ in nil }
    }

    package mutating func start() throws(JobError) -> Step<Aggregate.Task> {
        var step = Step(tasks: sources.map(Aggregate.Task.scan))
        step.status = status
        return step
    }

    package mutating func finished(_ index: Int, with result: Aggregate.Result, load: Load) throws(JobError)
        -> Step<Aggregate.Task>
    {
        var step = Step<Aggregate.Task>()
        switch result {
        case .scan(let scan) where index < scans.count:
            scans[index] = scan
            done += 1
            if done == scans.count { step.tasks = try plan() }
        case .written(let one) where writes.indices.contains(index - scans.count):
            written[index - scans.count] = one
            done += 1
            if done == scans.count + writes.count {
                let report = AggregateManifest(spec, split: split, dates: dates, zip(writes, written.map { $0! }))
                guard report.rows > 0 else {
                    throw JobError("no row is left after purging; give more dates, or a smaller embargo.")
                }
                let files = [("manifest.json", report.manifest), ("aggregate_log.csv", report.log)]
                step.blobs = files.map(\.1)
                step.tasks = [
                    .close(
                        folder: spec.settings.folder,
                        files: files.map { OutputFile(name: $0.0, bytes: BlobID(of: $0.1)) })
                ]
            }
        case .closed:
            step.end = .answer(
                AggregateManifest(spec, split: split, dates: dates, zip(writes, written.map { $0! })).manifest)
        default: throw JobError("the result of task \(index) is of another kind of task.")
        }
        step.status = status
        return step
    }

    private var status: PlanStatus {
        var status = PlanStatus()
        status.stages = [
            PlanStatus.Stage(
                name: "scan", done: UInt64(min(done, scans.count)), total: UInt64(scans.count), unit: "shards")
        ]
        if done >= scans.count {
            status.stages.append(
                PlanStatus.Stage(
                    name: "write", done: UInt64(done - scans.count), total: UInt64(writes.count), unit: "shards"))
        }
        return status
    }

    /// All shards were looked through.
    private mutating func plan() throws(JobError) -> [Aggregate.Task] {
        let scans = self.scans.map { $0! }
        let main = scans[..<spec.shards.count]
        let labels = scans[spec.shards.count...]
        for (at, scan) in scans.enumerated() {
            let first = at < main.count ? scans[0] : scans[main.count]
            guard scan.form == first.form else {
                throw JobError("\(sources[at].path): has other columns than the other shards; aggregate it by itself.")
            }
        }
        guard main[0].hasLabels || labels.allSatisfy(\.hasLabels) && !labels.isEmpty else {
            throw JobError("the shards have no labels; give the folder of a label job with --labels.")
        }
        // Looked up by key, listed only after sorting.
        var rows: [Int32: Int] = [:]
        var lastEnds: [Int32: Int64] = [:]
        for scan in main {
            for date in scan.dates { rows[date.date, default: 0] += Int(date.rows) }
        }
        for scan in scans {
            for date in scan.dates { lastEnds[date.date] = max(lastEnds[date.date] ?? 0, date.lastEnd) }
        }
        dates = rows.keys.sorted()
        let split = DateSplit(dateCount: dates.count, spec.settings)
        self.split = split
        var numbers = Aggregate.Split.allCases.map { _ in 0 }
        for block in split.blocks {
            let spans = try split.spans(for: block.split, dates: dates, lastEnds: dates.map { lastEnds[$0] ?? 0 })
            var next = block.dates.lowerBound
            while next < block.dates.upperBound {
                var end = next
                var count = 0
                // At least one date, and more while they fit.
                while end < block.dates.upperBound,
                    end == next || count + rows[dates[end]]! <= Int(spec.settings.shardRows)
                {
                    count += rows[dates[end]]!
                    end += 1
                }
                let number = String(numbers[Int(block.split.rawValue)])
                numbers[Int(block.split.rawValue)] += 1
                writes.append(
                    task(
                        block.split, Array(dates[next..<end]), spans,
                        "shard-\(String(repeating: "0", count: max(0, 5 - number.count)))\(number).h5"))
                next = end
            }
        }
        written = writes.map { _ in nil }
        return writes.map(Aggregate.Task.write)
    }

    private func task(_ split: Aggregate.Split, _ dates: [Int32], _ spans: [Aggregate.Span], _ name: String)
        -> Aggregate.WriteTask
    {
        let wanted = dates[0]...dates[dates.count - 1]
        var shards: [Aggregate.SourceShard] = []
        var lastKnown = Int64.min
        for (shard, scan) in zip(spec.shards, scans) {
            let here = (scan?.dates ?? []).filter { wanted.contains($0.date) }
            guard !here.isEmpty else { continue }
            shards.append(shard)
            lastKnown = here.reduce(lastKnown) { max($0, $1.lastKnown) }
        }
        // A picture of daily bars may be known on a later day than that of its newest bar.
        let known =
            wanted
            .lowerBound...max(
                wanted.upperBound, MarketDate.date(dayNumber: NewYorkTime.dayNumber(of: lastKnown)))
        let labels = zip(spec.labels, scans[spec.shards.count...]).filter { _, scan in
            scan?.dates.contains { known.contains($0.date) } ?? false
        }
        return Aggregate.WriteTask(
            folder: spec.settings.folder, path: "\(split.name)/\(name)", split: split, dates: dates, shards: shards,
            labels: labels.map(\.0), spans: spans)
    }
}
