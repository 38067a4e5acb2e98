import JSON
import Jobs
import Market
import Messages

/// What an aggregate job says of itself: a manifest for programs, a log a row a shard.
struct AggregateManifest {
    private let spec: Aggregate.Spec
    private let split: DateSplit?
    private let dates: [Int32]
    private let shards: [(task: Aggregate.WriteTask, written: Aggregate.Written)]
    private static var version: String { "\(codeVersion)/\(Aggregate.name) \(Aggregate.codeVersion)" }

    init(
        _ spec: Aggregate.Spec, split: DateSplit?, dates: [Int32],
        _ shards: some Sequence<(Aggregate.WriteTask, Aggregate.Written)>
    ) {
        self.spec = spec
        self.split = split
        self.dates = dates
        self.shards = shards.map { ($0, $1) }
    }
    var rows: Int { shards.reduce(0) { $0 + Int($1.written.file?.rows ?? 0) } }

    private static func sum(_ lists: [[UInt32]]) -> [Int] {
        var total: [Int] = []
        for list in lists {
            for (at, count) in list.enumerated() {
                if at == total.count { total.append(0) }
                total[at] += Int(count)
            }
        }
        return total
    }

    private func facts(_ split: Aggregate.Split) -> JSONValue {
        let mine = shards.filter { $0.task.split == split }
        func total(_ count: (Aggregate.Written) -> UInt32) -> JSONValue {
            JSONValue(mine.reduce(0) { $0 + Int(count($1.written)) })
        }
        func named(_ names: [String], _ counts: [Int]) -> JSONValue {
            .object(zip(names, counts).map { JSONValue.Member(key: $0, value: JSONValue($1)) })
        }
        let blocks = (self.split?.blocks ?? []).filter { $0.split == split }
        return [
            "rows": total { $0.file?.rows ?? 0 }, "duplicates": total { $0.duplicates }, "purged": total { $0.purged },
            "embargoed": total { $0.embargoed }, "unlabelled": total { $0.unlabelled },
            "tier": named(QualityTier.allCases.map(\.name), Self.sum(mine.map(\.written.tiers))),
            "class": named(OutcomeClass.allCases.map(\.name), Self.sum(mine.map(\.written.classes))),
            "blocks": .array(
                blocks.map { block in
                    [
                        "first_date": JSONValue(Int(dates[block.dates.lowerBound])),
                        "last_date": JSONValue(Int(dates[block.dates.upperBound - 1])),
                        "dates": JSONValue(block.dates.count),
                    ]
                }),
        ]
    }

    var manifest: [UInt8] {
        func sources(_ list: [Aggregate.SourceShard]) -> JSONValue {
            .array(
                list.map { shard in
                    [
                        "path": .string(shard.path), "hash": .string(shard.hash.description),
                        "content_hash": .string(shard.contentHash.description),
                    ]
                })
        }
        let settings = spec.settings
        let object: JSONValue = [
            "schema": "apex-dataset", "schema_version": 1, "kind": "dataset", "code_version": .string(Self.version),
            "settings": [
                "split_percent": .array(settings.percent.map { JSONValue(Int($0)) }),
                "blocks": JSONValue(Int(settings.blocks)),
                "embargo_sessions": JSONValue(split?.embargoSessions ?? 0),
                "shard_rows": JSONValue(Int(settings.shardRows)),
            ],
            "rows": JSONValue(rows), "dates": JSONValue(dates.count),
            "splits": .object(
                Aggregate.Split.allCases.map { JSONValue.Member(key: $0.name, value: facts($0)) }),
            "shards": .array(shards.compactMap { $0.written.file.map(LabelManifest.json) }),
            "inputs": sources(spec.shards), "label_inputs": sources(spec.labels),
        ]
        return Array((object.text + "\n").utf8)
    }

    /// One row a shard: which shards its rows were taken from, by content hash.
    var log: [UInt8] {
        var text =
            "path,rows,first_date,last_date,duplicates,purged,embargoed,unlabelled,inputs,code_version,content_hash\n"
        for (task, written) in shards {
            let fields = [
                task.path, "\(written.file?.rows ?? 0)", "\(task.dates[0])", "\(task.dates[task.dates.count - 1])",
                "\(written.duplicates)", "\(written.purged)", "\(written.embargoed)", "\(written.unlabelled)",
                (task.shards + task.labels).map(\.contentHash.description).joined(separator: " "), Self.version,
                written.file?.contentHash.description ?? "",
            ]
            text += fields.joined(separator: ",") + "\n"
        }
        return Array(text.utf8)
    }
}
