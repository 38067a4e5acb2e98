import Foundation
import Images
import JSON
import Shards

/// The images of a finished render job, by its manifest: what no manifest names does not exist.
package struct ChartFolder {
    package let path: String
    package let manifest: JSONValue
    /// Pixels of a side.
    package let size: Int
    private let shards: [Shard]

    private struct Shard {
        var path: String
        var images: Int
    }
    /// One image, and what its shard says of it.
    package struct Picture {
        package var symbol: String, timeframe: String, date: Int, regime: String
        /// White or not, by pixel, row after row.
        package var pixels: [Bool]
    }

    /// - Throws: when there is no manifest, or it is not of charts in two colours.
    package init(_ path: String) throws(ReportError) {
        guard let bytes = FileManager.default.contents(atPath: path + "/manifest.json"),
            let manifest = JSONValue(String(decoding: bytes, as: UTF8.self))
        else {
            throw ReportError(
                "\(path): no manifest.json; give the --out folder of a render job that is done (`apex submit render`).")
        }
        guard manifest["kind"]?.string == "render", let size = manifest["settings"]?["size"]?.double,
            let list = manifest["shards"]?.array, !list.isEmpty
        else { throw ReportError("\(path)/manifest.json: not the manifest of a render job.") }
        let outputs = manifest["settings"]?["outputs"]?.array?.compactMap(\.string) ?? []
        guard manifest["settings"]?["style"]?.string == "candles", outputs.contains("bits") else {
            throw ReportError(
                "\(path): these images are not kept as bits, which a sheet is drawn from; render them with bits.")
        }
        self.path = path
        self.manifest = manifest
        self.size = Int(size)
        shards = list.compactMap { shard in
            guard let name = shard["path"]?.string, let images = shard["images"]?.double else { return nil }
            return Shard(path: name, images: Int(images))
        }
    }

    package var imageCount: Int { shards.reduce(0) { $0 + $1.images } }
    /// Folders that every event is in once, as `by_date` and `by_regime`, in the order of the shards.
    package var partitions: [String] {
        shards.reduce(into: []) { names, shard in
            let name = String(shard.path.prefix { $0 != "/" })
            if names.last != name { names.append(name) }
        }
    }
    /// Images of the first partition, which come first: the others show the same again.
    package var distinctCount: Int {
        let first = partitions.first.map { $0 + "/" } ?? ""
        return shards.filter { $0.path.hasPrefix(first) }.reduce(0) { $0 + $1.images }
    }

    /// Images by their number in the job, ascending; each shard is opened once.
    package func pictures(_ numbers: [Int]) throws(ReportError) -> [Picture] {
        var pictures: [Picture] = []
        var first = 0
        var next = 0
        for shard in shards {
            guard next < numbers.count else { break }
            defer { first += shard.images }
            guard numbers[next] < first + shard.images else { continue }
            do throws(ShardError) {
                let reader = try ShardReader(path + "/" + shard.path)
                guard reader.rows == shard.images else {
                    throw ShardError(
                        .damaged, "\(reader.path): \(reader.rows) images and not the manifest's \(shard.images).")
                }
                while next < numbers.count, numbers[next] < first + shard.images {
                    pictures.append(try picture(numbers[next] - first, reader))
                    next += 1
                }
            } catch { throw ReportError(error.description) }
        }
        return pictures
    }

    private func picture(_ row: Int, _ reader: ShardReader) throws(ShardError) -> Picture {
        let rows = row..<row + 1
        let bytes = try reader.bytes(of: "bits", rows: rows)
        guard bytes.count == size * size / 8 else {
            throw ShardError(
                .damaged, "\(reader.path): an image of \(bytes.count) bytes where \(size * size / 8) were said.")
        }
        return Picture(
            symbol: try reader.strings("symbol", rows: rows)[0],
            timeframe: try reader.strings("timeframe", rows: rows)[0],
            date: Int(try reader.integers("date", rows: rows)[0]), regime: try reader.strings("regime", rows: rows)[0],
            pixels: bytes.flatMap { (byte: UInt8) -> [Bool] in (0..<8).map { (byte >> UInt8(7 - $0)) & 1 == 1 } })
    }

    /// By shard and row, the regimes of the first partition: for choosing samples of each.
    package func regimes() throws(ReportError) -> [String] {
        var all: [String] = []
        for shard in shards where all.count < distinctCount {
            do throws(ShardError) { all += try ShardReader(path + "/" + shard.path).strings("regime") } catch {
                throw ReportError(error.description)
            }
        }
        return all
    }

    /// Numbers of at most `count` images, evenly spread over all that differ.
    package func spread(_ count: Int) -> [Int] {
        let wanted = min(count, distinctCount)
        return (0..<wanted).map { ($0 * 2 + 1) * distinctCount / (wanted * 2) }
    }
}
