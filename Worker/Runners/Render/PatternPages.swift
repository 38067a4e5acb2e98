import Charts
import Images
import Jobs
import Messages
import Shards

/// Draws pattern images, a chunk of each column at a time.
struct PatternPages: ~Copyable {
    private let image: PatternImage
    private let columns: ChartColumns
    private var compressor = Compressor()

    init(_ style: ChartStyle, _ columns: ChartColumns) {
        image = PatternImage(style)
        self.columns = columns
    }

    mutating func write(
        _ rows: ChartRows, to writer: inout ShardWriter, _ folder: PNGFolder?, _ facts: inout ChartFacts,
        isCancelled: () -> Bool
    ) throws {
        var page = [UInt8](repeating: 0, count: image.byteCount * columns.pageImages)
        for start in stride(from: 0, to: rows.count, by: columns.pageImages) {
            if isCancelled() { throw JobError("a render task was stopped because it was cancelled.") }
            let count = min(columns.pageImages, rows.count - start)
            for slot in 0..<count {
                let row = try rows.row(start + slot)
                let axis = image.draw(row.series, row.window, into: &page, at: slot * image.byteCount)
                let name = facts.add(row, axis)
                guard let folder else { continue }
                let pixels = Array(page[slot * image.byteCount..<(slot + 1) * image.byteCount])
                try folder.write(
                    PNG.file(pixels, width: image.size, height: image.size, .colour), name: name)
            }
            // The last chunk's missing images are those of the page before: the same bytes every time.
            if let column = columns.int8 {
                try writeChunks(page, column, count, to: &writer) { bytes in bytes.map { $0 ^ 0x80 } }
            }
            if let column = columns.float32 {
                try writeChunks(page, column, count, to: &writer) { bytes in
                    ColumnBytes.floats(bytes.map { Float($0) / 255 })
                }
            }
        }
    }

    private mutating func writeChunks(
        _ page: [UInt8], _ column: Int, _ count: Int, to writer: inout ShardWriter,
        _ convert: (ArraySlice<UInt8>) -> [UInt8]
    ) throws {
        let images = columns.list[column].chunkRows
        for slot in stride(from: 0, to: count, by: images) {
            let bytes = convert(page[slot * image.byteCount..<(slot + images) * image.byteCount])
            try writer.append(compressor.zlib(bytes.span).span, toColumn: column)
        }
    }
}
