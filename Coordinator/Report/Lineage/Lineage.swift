import Foundation
import JSON
import Messages
import Shards

/// Where a row of a data set comes from: its shard, the shards that one was made of, the bars drawn or labelled, the blob
/// and the files they were read from, and the code. Every shard on the way is read and its hash compared with the one its
/// manifest names, so that what is said is what lies there.
package struct Lineage {
    /// From the row that was asked about back to the bars; a training row of an image has two ends, image and label.
    package private(set) var links: [LineageLink] = []

    /// - Parameters: path: a job's folder, whose rows count over all shards in the manifest's order, or one shard.
    ///   row: from 0.
    /// - Throws: words on what is missing or was changed.
    package init(_ path: String, row: Int) throws(ReportError) {
        var shard = path
        var row = row
        if !path.hasSuffix(".h5") {
            (shard, row) = try ManifestOfShards(folder: path).shard(ofRow: row)
        }
        try follow(shard, row: row, expecting: nil)
    }

    private mutating func follow(_ shard: String, row: Int, expecting: LineageLink?) throws(ReportError) {
        let manifest = try ManifestOfShards(naming: shard)
        let link: LineageLink
        do throws(ShardError) { link = try LineageLink(shard, row: row, manifest) } catch {
            throw ReportError(error.description)
        }
        if let expecting {
            guard link.symbol == expecting.symbol, link.timeframe == expecting.timeframe, link.time == expecting.time
            else {
                throw ReportError(
                    "\(shard): row \(row) is another bar than row \(expecting.row) of \(expecting.shard), which was made "
                        + "of it; make the training set again.")
            }
        }
        links.append(link)
        if let source = link.source {
            let path = try place(of: source.content, "inputs", manifest, link)
            try follow(path, row: source.row, expecting: link)
        }
        if let label = link.label {
            let path = try place(of: label, "label_inputs", manifest, link)
            try follow(path, row: try labelRow(path, link), expecting: nil)
        }
    }

    private func place(
        of content: String, _ list: String, _ manifest: ManifestOfShards?, _ link: LineageLink
    ) throws(ReportError) -> String {
        guard let manifest else {
            throw ReportError(
                "\(link.shard): row \(link.row) is of the shard with content hash \(content); where that lies is in the "
                    + "manifest.json of its job, which is not here.")
        }
        guard let path = manifest.path(ofInput: content, list) else {
            throw ReportError("\(manifest.path): names no input with content hash \(content); is it another job's?")
        }
        guard FileManager.default.fileExists(atPath: path) else {
            throw ReportError(
                "\(path): is gone; row \(link.row) of \(link.shard) was made of it, content hash \(content).")
        }
        return path
    }

    /// Labels are joined by symbol and the moment an event is known; the first of a shard counts.
    private func labelRow(_ path: String, _ link: LineageLink) throws(ReportError) -> Int {
        do throws(ShardError) {
            let reader = try ShardReader(path)
            let symbols = try reader.strings("symbol")
            let known = try reader.integers("known_time")
            for row in 0..<reader.rows where symbols[row] == link.symbol && known[row] == link.known { return row }
        } catch { throw ReportError(error.description) }
        throw ReportError("\(path): has no label of \(link.symbol) known when row \(link.row) of \(link.shard) was.")
    }

    package var json: JSONValue { ["links": .array(links.map(\.json))] }

    /// For people: a paragraph a link.
    package var text: String { links.map(\.text).joined(separator: "\n") }
}
