import Foundation
import JSON
import Messages
import Shards

/// One row of one shard, and what the shard and its manifest say of where it is from.
package struct LineageLink {
    /// Path, and the row in it from 0.
    package let shard: String, row: Int
    /// What job made it: `apex-charts`, `apex-labels` or `apex-dataset`.
    package let schema: String
    package let contentHash: String, codeVersion: String
    package let symbol: String, timeframe: String
    /// Starts of the oldest bar drawn, where it is said, and of the newest; nanoseconds since 1970 UTC, as all times here.
    package let firstTime: Int64?, time: Int64
    /// When the event was known; and nothing later went into its label.
    package let known: Int64, labelEnd: Int64?
    /// BLAKE2b-256 of the bars.
    package let inputBlob: String
    /// Of a training set's row: content hash of the shard it was copied from, and its row there.
    package let source: (content: String, row: Int)?
    package let label: String?
    /// Files that the bars were read from.
    package let files: [File]
    /// The row's picture, where there is one.
    package let picture: String?
    /// Whether a manifest names this shard; its hash was compared then.
    package let isNamed: Bool

    package struct File {
        package var name: String
        /// Of its contents, unpacked.
        package var hash: String
        /// Who delivered it, where the manifest says so.
        package var provider: String?
    }

    /// - Parameter manifest: that names the shard; nil when none is there.
    init(_ path: String, row: Int, _ manifest: ManifestOfShards?) throws(ShardError) {
        let reader = try ShardReader(path)
        func text(_ name: String) throws(ShardError) -> String? {
            guard case .string(let value)? = try reader.attribute(name) else { return nil }
            return value
        }
        guard let schema = try text("schema"), let contentHash = try text("content_hash"),
            let code = try text("code_version")
        else { throw ShardError(.damaged, "\(path): does not say what made it; is it a shard of apex?") }
        guard reader.rows > row, row >= 0 else {
            throw ShardError(.wrongUse, "\(path): there is no row \(row); its rows are 0 to \(reader.rows - 1).")
        }
        if let named = manifest?.facts(of: path) {
            let hash = try DurableFiles.hash(of: path).hash.description
            guard named["hash"]?.string == hash else {
                throw ShardError(
                    .damaged,
                    "\(path): is not the file that its manifest names (hash \(hash)); it was cut short or changed.")
            }
        }
        func string(_ name: String) throws(ShardError) -> String? {
            reader.column(name) == nil ? nil : try reader.strings(name, rows: row..<row + 1)[0]
        }
        func integer(_ name: String) throws(ShardError) -> Int64? {
            reader.column(name) == nil ? nil : try reader.integers(name, rows: row..<row + 1)[0]
        }
        guard let symbol = try string("symbol"), let timeframe = try string("timeframe"),
            let time = try integer("time"), let known = try integer("known_time")
        else { throw ShardError(.damaged, "\(path): its rows do not say which bar they are of.") }
        shard = path
        self.row = row
        self.schema = schema
        self.contentHash = contentHash
        codeVersion = code
        self.symbol = symbol
        self.timeframe = timeframe
        self.time = time
        self.known = known
        firstTime = try integer("first_time")
        labelEnd = try integer("label_end")
        var blob = try string("input_blob")
        if blob == nil { blob = try text("input_hash") }
        guard let blob else { throw ShardError(.damaged, "\(path): does not say which bars it was made of.") }
        inputBlob = blob
        if let content = try string("source_shard"), let row = try integer("source_row") {
            source = (content, Int(row))
        } else {
            source = nil
        }
        label = try string("label_shard")
        isNamed = manifest?.facts(of: path) != nil
        files = manifest?.files(of: symbol) ?? []
        picture = try Self.picture(manifest, path, symbol, timeframe, eventTime: try integer("event_time"))
    }

    private static func picture(
        _ manifest: ManifestOfShards?, _ path: String, _ symbol: String, _ timeframe: String, eventTime: Int64?
    ) throws(ShardError) -> String? {
        guard let manifest, let folder = manifest.facts(of: path)?["png_folder"]?.string, let eventTime else {
            return nil
        }
        let stamp = instant(eventTime).filter { $0 != "-" && $0 != ":" }
        let file = "\(manifest.folder)/\(folder)/\(symbol)_\(stamp)_\(timeframe).png"
        return DurableFiles.exists(file) ? file : nil
    }

    /// `2017-03-31T13:30:00Z`.
    static func instant(_ nanoseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)).formatted(.iso8601)
    }

    package var json: JSONValue {
        func clock(_ time: Int64?) -> JSONValue? { time.map { .string(Self.instant($0)) } }
        return .object(present: [
            "schema": .string(schema), "shard": .string(shard), "row": JSONValue(row),
            "content_hash": .string(contentHash), "named_by_manifest": .bool(isNamed),
            "code_version": .string(codeVersion), "symbol": .string(symbol), "timeframe": .string(timeframe),
            "first_time": clock(firstTime), "time": clock(time), "known_time": clock(known),
            "label_end": clock(labelEnd), "input_blob": .string(inputBlob),
            "source_shard": source.map { .string($0.content) }, "source_row": source.map { JSONValue($0.row) },
            "label_shard": label.map { .string($0) }, "picture": picture.map { .string($0) },
            "files": source != nil
                ? nil
                : .array(
                    files.map { file in
                        .object(present: [
                            "name": .string(file.name), "hash": .string(file.hash),
                            "provider": file.provider.map { .string($0) },
                        ])
                    }),
        ])
    }

    package var text: String {
        let what =
            switch schema {
            case "apex-charts": "image"
            case "apex-labels": "label"
            case "apex-dataset": "training row"
            default: schema
            }
        var lines = ["\(what): row \(row) of \(shard)"]
        lines.append("  shard     content hash \(contentHash)\(isNamed ? ", as its manifest says" : "; no manifest")")
        let from = firstTime.map { Self.instant($0) + " to " } ?? ""
        lines.append("  bars      \(symbol) \(timeframe), \(from)\(Self.instant(time)); known \(Self.instant(known))")
        if let labelEnd { lines.append("  outcome   until \(Self.instant(labelEnd))") }
        lines.append("  blob      \(inputBlob)")
        lines.append("  code      \(codeVersion)")
        if let picture { lines.append("  picture   \(picture)") }
        if let source {
            lines.append("  made of   row \(source.row) of the shard with content hash \(source.content)")
        } else {
            for file in files {
                lines.append("  file      \(file.name), contents \(file.hash); provider \(file.provider ?? "not recorded")")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
