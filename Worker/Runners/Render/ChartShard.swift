import Blobs
import Charts
import Glibc
import Images
import Jobs
import Market
import Messages
import Shards

/// Writes one shard: the HDF5 file and the folder of PNG files beside it, both under temporary names until they are whole.
struct ChartShard {
    private let task: Render.ShardTask
    private let rows: ChartRows
    private let temporary: String

    init(_ task: Render.ShardTask, _ rows: ChartRows, index: UInt32) {
        self.task = task
        self.rows = rows
        // A task that is handed out twice may run twice at a time.
        temporary = "\(task.settings.folder)/\(Self.temporaryFolder)/\(index)-\(UInt64.random(in: 0 ... .max))"
    }
    private static let temporaryFolder = ".tmp"
    private var outputs: ChartOutputs { task.settings.outputs }
    private var final: String { task.settings.folder + "/" + task.path }

    func write(isCancelled: () -> Bool) throws -> Render.ShardResult {
        try DurableFiles.makeSpreadFolder(task.settings.folder + "/" + Self.temporaryFolder)
        try DurableFiles.makeFolder(temporary)
        defer { DurableFiles.removeTree(temporary) }
        let columns = ChartColumns(task.settings, rows: rows.count)
        var writer = try ShardWriter(
            temporary: temporary + "/shard.h5", columns: columns.list, rows: rows.count,
            attributes: attributes(columns))
        let folder = outputs.contains(.png) ? try PNGFolder(temporary: temporary + "/png") : nil
        var facts = ChartFacts()
        if task.settings.style.kind == .candles {
            var pages = CandlePages(task.settings.style, columns)
            try pages.write(rows, to: &writer, folder, &facts, isCancelled: isCancelled)
        } else {
            var pages = PatternPages(task.settings.style, columns)
            try pages.write(rows, to: &writer, folder, &facts, isCancelled: isCancelled)
        }
        try facts.write(to: &writer, columns)
        let contentHash = try writer.finish()
        let pngHash = folder?.finish() ?? BlobHasher.ofNothing
        // Read back from the file: what is reported is what lies there.
        let shard = temporary + "/shard.h5"
        let (fileHash, fileBytes) = try DurableFiles.hash(of: shard)

        try DurableFiles.makeFolder(DurableFiles.folder(of: final))
        if folder != nil { try publishPictures(pngHash, facts) }
        try publishShard(shard, fileHash)
        return Render.ShardResult(
            rows: UInt32(rows.count), fileBytes: fileBytes, fileHash: fileHash, contentHash: contentHash,
            pngBytes: folder?.bytes ?? 0, pngHash: pngHash, firstTime: facts.eventStarts.first ?? 0,
            lastTime: facts.eventStarts.last ?? 0)
    }

    static func removeTemporaryFiles(in folder: String) { DurableFiles.removeTree(folder + "/" + temporaryFolder) }

    private func publishPictures(_ hash: BlobID, _ facts: ChartFacts) throws {
        let path = final + ".png"
        if DurableFiles.exists(path) {
            guard try PNGFolder.hash(of: path, names: facts.names) == hash else { throw differs(path) }
        } else {
            do { try DurableFiles.publish(temporary + "/png", as: path) } catch {
                // Another worker with the same task may have been first.
                guard try PNGFolder.hash(of: path, names: facts.names) == hash else { throw error }
            }
        }
    }
    private func publishShard(_ shard: String, _ hash: BlobID) throws {
        let path = final + ".h5"
        if DurableFiles.exists(path) {
            guard try DurableFiles.hash(of: path).hash == hash else { throw differs(path) }
        } else {
            try DurableFiles.publish(shard, as: path)
        }
    }
    private func differs(_ path: String) -> ShardError {
        ShardError(
            .differs,
            "\(path) is there already with other contents, of another job or cut short; give another --out, or remove it."
        )
    }

    private func attributes(_ columns: ChartColumns) -> [ShardAttribute] {
        let style = task.settings.style
        return [
            ShardAttribute("schema", "apex-charts"), ShardAttribute("schema_version", 1),
            ShardAttribute("code_version", "\(codeVersion)/\(Render.name) \(Render.codeVersion)"),
            ShardAttribute("input_hash", task.series.description),
            ShardAttribute("events_hash", task.events.description),
            ShardAttribute("first_event", Int(task.first)), ShardAttribute("events", Int(task.count)),
            ShardAttribute("partition", DurableFiles.folder(of: task.path)),
            ShardAttribute("style", style.kind.name), ShardAttribute("size", Int(style.size)),
            ShardAttribute("bars", Int(style.bars)), ShardAttribute("volume", style.hasVolume ? 1 : 0),
            ShardAttribute("grid", style.hasGrid ? 1 : 0), ShardAttribute("outputs", outputs.names),
            ShardAttribute("timeframes", task.settings.timeframes.compactMap { Timeframe(rawValue: $0)?.name }),
            ShardAttribute("png_names", "{symbol}_{event_time as YYYYMMDDTHHMMSSZ}_{timeframe}.png"),
        ]
    }
}
