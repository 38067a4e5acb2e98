import CoordinatorShell
import Foundation
import JSON
import Jobs
import Messages

/// `apex submit aggregate`: training sets of daily shards.
enum AggregateCommand {
    static let help = """
        usage: apex submit aggregate --from DIR… --out DIR [OPTIONS]

        Makes training, validation and test sets of the shards that jobs left in the folders --from: every bar of a symbol
        and timeframe once, split by blocks of dates, without rows whose outcome overlaps what is held out and without
        those just after it. Each row says which bars, which shard and which row it comes from. The same shards and
        options give the same bytes.

          --from DIR          a folder with a manifest.json; may be given several times
          --labels DIR        labels for shards that have none, as of images: joined by symbol and the time an event is
                              known; may be given several times
          --split LIST        percent of the dates for training, validation and test (default 70,15,15)
          --blocks N          cut the dates into N stretches first, and split each (default 1)
          --embargo N         sessions after a held-out block that nothing is learnt from (default 10, or a hundredth of
                              the dates if that is more)
          --shard-rows N      rows in one shard at most, except that a date is not cut (default 20000)
        \(DatasetJob.help)
        \(whereHelp)

        Exit code with --wait: 0 done, 1 a task failed or the job was cancelled, 3 stopped following.

        example: apex submit aggregate --from charts --labels labels --out training --wait
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let (job, prepare) = try parse(&arguments)
        let spec = try prepare()
        switch try job.run(Aggregate.name, { _ in spec }) {
        case .left(let code): return code
        case .done(let status, let manifest):
            report(status, manifest, job)
            return .done
        }
    }
    static func request(_ arguments: inout Arguments) throws -> JobRequest {
        let (job, prepare) = try parse(&arguments)
        return job.request(Aggregate.name) { _ in try prepare() }
    }

    /// - Returns: what reads the folders' manifests and makes the spec.
    private static func parse(_ arguments: inout Arguments) throws -> (DatasetJob, () throws -> [UInt8]) {
        let job = try DatasetJob(&arguments)
        var settings = Aggregate.Settings(folder: job.folder)
        var folders: [String] = []
        var labels: [String] = []
        while let folder = try arguments.firstValue("--from") { folders.append(absolute(folder)) }
        while let folder = try arguments.firstValue("--labels") { labels.append(absolute(folder)) }
        guard !folders.isEmpty else {
            throw UsageError("--from is missing; name a folder of shards, as --from labels.")
        }
        if let text = try arguments.value("--split") {
            let percent = text.split(separator: ",", omittingEmptySubsequences: false).map { UInt8($0) }
            guard percent.count == 3, percent.reduce(0, { $0 + Int($1 ?? 255) }) == 100 else {
                throw UsageError("--split is \(text); give three percentages that make 100, as 70,15,15.")
            }
            settings.percent = percent.map { $0! }
        }
        settings.blocks = try arguments.integer("--blocks", 1...1000) ?? settings.blocks
        settings.embargoSessions = try arguments.integer("--embargo", 1...1000) ?? settings.embargoSessions
        settings.shardRows = try arguments.integer("--shard-rows", 1...1_000_000) ?? settings.shardRows
        try arguments.finishWithoutTrailing()
        return (
            job,
            { [folders, labels, settings] in
                let shards = try folders.flatMap { try Self.shards(in: $0) }
                let labelShards = try labels.flatMap { try Self.shards(in: $0) }
                return Aggregate.Spec(shards: shards, labels: labelShards, settings: settings).wireBytes
            }
        )
    }

    /// The shards that a folder's manifest names, in its order.
    private static func shards(in folder: String) throws -> [Aggregate.SourceShard] {
        let path = folder + "/manifest.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw JobError("\(path): cannot be read; give the folder of a job that is done.")
        }
        guard let manifest = JSONValue(String(decoding: data, as: UTF8.self)), let list = manifest["shards"]?.array,
            !list.isEmpty
        else { throw JobError("\(path): names no shards; give the folder of a render or label job that is done.") }
        return try list.map { shard in
            guard let name = shard["path"]?.string, let hash = shard["hash"]?.string.flatMap({ BlobID($0) }),
                let content = shard["content_hash"]?.string.flatMap({ BlobID($0) })
            else { throw JobError("\(path): a shard has no path or hash; is it another version's?") }
            return Aggregate.SourceShard(path: folder + "/" + name, hash: hash, contentHash: content)
        }
    }

    private static func report(_ status: JobStatus, _ manifest: JSONValue, _ job: DatasetJob) {
        let rows = Int(manifest["rows"]?.double ?? 0)
        let seconds = Double(max(1, status.ended - status.submitted)) / 1000
        if job.json {
            printJSON([
                "job": JSONValue(status.id.number), "out": .string(job.folder), "rows": JSONValue(rows),
                "shards": JSONValue(manifest["shards"]?.array?.count ?? 0), "seconds": .number(seconds),
                "splits": manifest["splits"] ?? .null,
            ])
            return
        }
        print("\(job.folder): \(rows) rows in \(fixed(seconds, 2)) s")
        for split in Aggregate.Split.allCases {
            guard let facts = manifest["splits"]?[split.name] else { continue }
            func count(_ name: String) -> Int { Int(facts[name]?.double ?? 0) }
            print(
                "  \(split.name): \(count("rows")) rows; left out \(count("duplicates")) seen before, "
                    + "\(count("purged")) purged, \(count("embargoed")) embargoed, \(count("unlabelled")) without a label"
            )
        }
    }
}
