import JSON
import Jobs
import Market
import Messages

/// What a render job says of itself when its shards are there: a manifest for programs, a log a row a shard.
struct RenderManifest {
    private let spec: Render.Spec
    private let sources: [ChartEvents.Source]
    private let rejected: [ChartEvents.Rejection]
    private let eventCount: Int

    init(_ spec: Render.Spec, _ events: ChartEvents) {
        self.spec = spec
        sources = events.sources
        rejected = events.rejected
        eventCount = events.bars.count
    }
    private var timeframes: [String] { spec.settings.timeframes.compactMap { Timeframe(rawValue: $0)?.name } }
    private static var version: String { "\(codeVersion)/\(Render.name) \(Render.codeVersion)" }

    func manifest(_ shards: [(Render.ShardTask, Render.ShardResult)]) -> [UInt8] {
        let style = spec.settings.style
        let hasPictures = spec.settings.outputs.contains(.png)
        let list = shards.map { task, result -> JSONValue in
            .object(present: [
                "path": .string(task.path + ".h5"), "events": JSONValue(Int(task.count)),
                "images": JSONValue(Int(result.rows)), "bytes": JSONValue(result.fileBytes),
                "hash": .string(result.fileHash.description), "content_hash": .string(result.contentHash.description),
                "first_time_ms": JSONValue(Int(result.firstTime)), "last_time_ms": JSONValue(Int(result.lastTime)),
                "png_folder": hasPictures ? .string(task.path + ".png") : nil,
                "png_bytes": hasPictures ? JSONValue(result.pngBytes) : nil,
                "png_hash": hasPictures ? .string(result.pngHash.description) : nil,
            ])
        }
        let object: JSONValue = [
            "schema": "apex-charts", "schema_version": 1, "kind": "render", "code_version": .string(Self.version),
            "input_hash": .string(spec.series.description), "events_hash": .string(spec.events.description),
            "sources": .array(
                sources.map { source in
                    [
                        "name": .string(source.name), "hash": .string(source.hash.description),
                        "rows": JSONValue(source.rows), "rejected_rows": counts(source.rejected),
                        "provider": source.provided.names, "tier": source.provided.worstTier,
                        "providers": source.provided.json,
                    ]
                }),
            "settings": [
                "style": .string(style.kind.name), "size": JSONValue(Int(style.size)),
                "bars": JSONValue(Int(style.bars)), "volume": .bool(style.hasVolume), "grid": .bool(style.hasGrid),
                "outputs": .array(spec.settings.outputs.names.map { .string($0) }),
                "timeframes": .array(timeframes.map { .string($0) }),
                "shard_events": JSONValue(Int(spec.shardEvents)),
            ],
            "events": JSONValue(eventCount), "images": JSONValue(shards.reduce(0) { $0 + Int($1.1.rows) }),
            "rejected_events": counts(rejected), "shards": .array(list),
        ]
        return Array((object.text + "\n").utf8)
    }

    /// One row a shard: which bars and which code made its images.
    func log(_ shards: [(Render.ShardTask, Render.ShardResult)]) -> [UInt8] {
        var text =
            "path,images,events,timeframes,bars,first_event,first_time_ms,last_time_ms,input_hash,events_hash,"
            + "code_version,content_hash,failures\n"
        for (task, result) in shards {
            let fields = [
                task.path + ".h5", "\(result.rows)", "\(task.count)", timeframes.joined(separator: " "),
                "\(task.settings.style.bars)", "\(task.first)", "\(result.firstTime)", "\(result.lastTime)",
                task.series.description, task.events.description, Self.version, result.contentHash.description, "0",
            ]
            text += fields.joined(separator: ",") + "\n"
        }
        // What was not drawn belongs to no shard.
        for rejection in rejected {
            text +=
                "rejected: \(rejection.reason),0,0,\(timeframes.joined(separator: " ")),\(spec.settings.style.bars),"
            text += ",,,\(spec.series.description),\(spec.events.description),\(Self.version),,\(rejection.count)\n"
        }
        return Array(text.utf8)
    }

    private func counts(_ rejections: [ChartEvents.Rejection]) -> JSONValue {
        .array(rejections.map { ["reason": .string($0.reason), "count": JSONValue($0.count)] })
    }
}
