import Foundation
import JSON
import Messages

/// A job's manifest.json, asked about its shards.
struct ManifestOfShards {
    let path: String
    let folder: String
    private let value: JSONValue
    private let shards: [JSONValue]

    /// - Throws: when there is none, or it is not a job's.
    init(folder: String) throws(ReportError) {
        path = folder + "/manifest.json"
        self.folder = folder
        guard let bytes = FileManager.default.contents(atPath: path),
            let value = JSONValue(String(decoding: bytes, as: UTF8.self)), let shards = value["shards"]?.array
        else { throw ReportError("\(path): is no manifest of shards; give the folder of a job that is done.") }
        self.value = value
        self.shards = shards
    }

    /// The manifest above a shard that names it; nil when there is none.
    init?(naming shard: String) throws(ReportError) {
        var folder = URL(fileURLWithPath: shard).deletingLastPathComponent().path
        // A job's shards lie at most a few folders below its manifest.
        for _ in 0..<6 {
            if FileManager.default.fileExists(atPath: folder + "/manifest.json") {
                try self.init(folder: folder)
                if facts(of: shard) != nil { return }
            }
            folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        }
        return nil
    }

    /// What is said of a shard; nil when it is not named.
    func facts(of shard: String) -> JSONValue? {
        shards.first { $0["path"]?.string.map { folder + "/" + $0 } == shard }
    }

    /// The shard that holds a row of all of them, and the row in it.
    func shard(ofRow row: Int) throws(ReportError) -> (path: String, row: Int) {
        var left = row
        for shard in shards {
            guard let name = shard["path"]?.string, let rows = (shard["rows"] ?? shard["images"])?.double else {
                continue
            }
            if left < Int(rows), left >= 0 { return (folder + "/" + name, left) }
            left -= Int(rows)
        }
        throw ReportError("\(folder): there is no row \(row); its rows are 0 to \(row - left - 1).")
    }

    /// Where an input of that content hash lies.
    func path(ofInput content: String, _ list: String) -> String? {
        value[list]?.array?.first { $0["content_hash"]?.string == content }?["path"]?.string
    }

    /// The files that a symbol's bars were read from: its own, or all where none bears its name.
    func files(of symbol: String) -> [LineageLink.File] {
        let files = (value["sources"]?.array ?? []).compactMap { source -> LineageLink.File? in
            guard let name = source["name"]?.string, let hash = source["hash"]?.string else { return nil }
            return LineageLink.File(name: name, hash: hash, provider: source["provider"]?.string)
        }
        let own = files.filter { $0.name == symbol + ".csv" || $0.name == symbol + ".csv.gz" }
        return own.isEmpty ? files : own
    }
}
