import JSON
import Jobs
import Market
import Messages

/// What a label job says of itself when its shards are there: a manifest for programs, a log a row a shard.
struct LabelManifest {
    private let spec: Label.Spec
    private let counts: LabelCounts

    init(_ spec: Label.Spec, _ counts: LabelCounts) {
        self.spec = spec
        self.counts = counts
    }
    private var timeframes: [String] { spec.timeframes.compactMap { Timeframe(rawValue: $0)?.name } }
    private static var version: String { "\(codeVersion)/\(Label.name) \(Label.codeVersion)" }

    func manifest(_ shards: [ShardFile]) -> [UInt8] {
        let object: JSONValue = [
            "schema": "apex-labels", "schema_version": 1, "kind": "labels", "code_version": .string(Self.version),
            "input_hashes": .array(spec.inputs.map { .string($0.series.description) }),
            "sources": .array(
                spec.sources.map { source in
                    [
                        "name": .string(source.name), "hash": .string(source.hash.description),
                        "rows": JSONValue(source.rows),
                        "rejected_rows": .array(
                            source.rejected.map { ["reason": .string($0.reason), "count": JSONValue($0.count)] }),
                        "provider": source.provided.names, "tier": source.provided.worstTier,
                        "providers": source.provided.json,
                    ]
                }),
            "settings": .object(
                [
                    JSONValue.Member(key: "timeframes", value: .array(timeframes.map { .string($0) })),
                    JSONValue.Member(key: "stride", value: JSONValue(spec.stride)),
                    JSONValue.Member(key: "shard_rows", value: JSONValue(spec.shardRows)),
                    JSONValue.Member(key: "known_until_ms", value: .integer(spec.knownUntil)),
                ] + spec.rules.settings.map { JSONValue.Member(key: $0.name, value: .number($0.value)) }),
            "events": JSONValue(counts.events), "rejected_events": counts.rejectedJSON, "counts": counts.json,
            "spread": counts.spreadJSON, "samples": counts.samplesJSON,
            "shards": .array(shards.map(Self.json)),
        ]
        return Array((object.text + "\n").utf8)
    }

    static func json(_ shard: ShardFile) -> JSONValue {
        [
            "path": .string(shard.path), "rows": JSONValue(shard.rows), "bytes": JSONValue(shard.bytes),
            "hash": .string(shard.hash.description), "content_hash": .string(shard.contentHash.description),
            "first_time_ms": .integer(shard.firstTime), "last_time_ms": .integer(shard.lastTime),
        ]
    }

    /// One row a shard, and one for each reason that events were left out: which bars, which outcome window and which code.
    func log(_ shards: [ShardFile]) -> [UInt8] {
        var text =
            "path,events,timeframes,first_time_ms,last_time_ms,outcome_sessions,known_until_ms,input_hashes,"
            + "code_version,content_hash,hash,failures\n"
        let inputs = spec.inputs.map(\.series.description).joined(separator: " ")
        let names = timeframes.joined(separator: " ")
        let window = "\(LabelRules.horizons.last ?? 0)"
        for shard in shards {
            let fields = [
                shard.path, "\(shard.rows)", names, "\(shard.firstTime)", "\(shard.lastTime)", window,
                "\(spec.knownUntil)", inputs, Self.version, shard.contentHash.description, shard.hash.description, "0",
            ]
            text += fields.joined(separator: ",") + "\n"
        }
        if case .object(let reasons) = counts.rejectedJSON {
            for reason in reasons where reason.value != .integer(0) {
                text +=
                    "rejected: \(reason.key),0,\(names),,,\(window),\(spec.knownUntil),\(inputs),\(Self.version),,,"
                    + "\(reason.value.text)\n"
            }
        }
        return Array(text.utf8)
    }
}
