import Charts
import Images
import Jobs
import Messages
import Shards

/// Draws images of candles a page at a time, below each other in one tall picture, and compresses them from it: a chunk
/// of several images is a part of the page.
struct CandlePages: ~Copyable {
    private let chart: CandleChart
    private let columns: ChartColumns
    private let size: Int
    private var deflater = RowDeflater()

    init(_ style: ChartStyle, _ columns: ChartColumns) {
        chart = CandleChart(ChartLayout(style))
        self.columns = columns
        size = Int(style.size)
    }

    mutating func write(
        _ rows: ChartRows, to writer: inout ShardWriter, _ folder: PNGFolder?, _ facts: inout ChartFacts,
        isCancelled: () -> Bool
    ) throws {
        var file: [UInt8] = []
        var page = Bitmap(width: size, height: size * columns.pageImages)
        for start in stride(from: 0, to: rows.count, by: columns.pageImages) {
            if isCancelled() { throw JobError("a render task was stopped because it was cancelled.") }
            page.clear()
            deflater.begin(wordsPerRow: page.wordsPerRow, rowBytes: page.rowBytes, rows: size)
            let count = min(columns.pageImages, rows.count - start)
            for slot in 0..<count {
                let row = try rows.row(start + slot)
                let axis = chart.draw(row.series, row.window, top: slot * size, into: &page)
                deflater.add(page.words.span)
                let name = facts.add(row, axis)
                guard let folder else { continue }
                file.removeAll(keepingCapacity: true)
                PNG.append(page, picture: slot, width: size, height: size, to: &file, &deflater)
                try folder.write(file, name: name)
            }
            try writeChunks(page, count, to: &writer)
        }
    }

    private mutating func writeChunks(_ page: Bitmap, _ count: Int, to writer: inout ShardWriter) throws {
        let words = page.words.span
        if let column = columns.bits {
            let images = columns.list[column].chunkRows
            let chunks = (count + images - 1) / images
            // A last chunk that is not full ends in white images.
            for _ in count..<chunks * images { deflater.add(words) }
            for chunk in 0..<chunks {
                try deflater.packed(words, pictures: chunk * images..<(chunk + 1) * images) {
                    stream throws(ShardError) in try writer.append(stream, toColumn: column)
                }
            }
        }
        // A float of 1 and of 0; grey 255 and 0 less 128.
        let values: [(column: Int?, black: [UInt8], white: [UInt8])] = [
            (columns.float32, [0, 0, 0, 0], [0, 0, 0x80, 0x3F]), (columns.int8, [0x80], [0x7F]),
        ]
        for (column, black, white) in values {
            guard let column else { continue }
            let images = columns.list[column].chunkRows
            for slot in stride(from: 0, to: count, by: images) {
                try deflater.pixels(
                    words.extracting(self.words(page, slot, images)), wordsPerRow: page.wordsPerRow, width: size,
                    black: black, white: white
                ) { stream throws(ShardError) in try writer.append(stream, toColumn: column) }
            }
        }
    }

    /// Of so many images from a slot on.
    private func words(_ page: Bitmap, _ slot: Int, _ images: Int) -> Range<Int> {
        let each = size * page.wordsPerRow
        return slot * each..<(slot + images) * each
    }
}
