import CDeflate
import Images
import TestSupport
import Testing

/// The compressor is judged by a decompressor that it does not share a line with.
@Suite struct RowDeflaterTests {
    /// Rectangles, lines, dots and whole rows of noise, so that every kind of row follows every other.
    private func bitmap(_ generator: inout SplitMix, maximum: Int = 40) -> Bitmap {
        let width = 8 * (1 + generator.next(below: maximum))
        var bitmap = Bitmap(width: width, height: 1 + generator.next(below: 90))
        for _ in 0..<generator.next(below: 30) {
            let x = generator.next(below: bitmap.width)
            let y = generator.next(below: bitmap.height)
            let isNarrow = generator.next(below: 2) == 0
            bitmap.fill(
                x..<x + 1 + (isNarrow ? 0 : generator.next(below: bitmap.width - x)),
                y..<y + 1 + generator.next(below: bitmap.height - y), white: generator.next(below: 3) == 0)
        }
        for _ in 0..<generator.next(below: 60) {
            let x = generator.next(below: bitmap.width)
            let y = generator.next(below: bitmap.height)
            bitmap.fill(x..<x + 1, y..<y + 1, white: generator.next(below: 2) == 0)
        }
        return bitmap
    }

    @Test(arguments: seeds(60)) func `packed rows come back from any decompressor`(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        var deflater = RowDeflater()
        for _ in 0..<20 {
            let bitmap = bitmap(&generator)
            let plain = deflater.packed(
                bitmap.words.span, wordsPerRow: bitmap.wordsPerRow, rowBytes: bitmap.rowBytes
            ) { inflated($0, bytes: bitmap.packed.count) }
            #expect(plain == bitmap.packed)
            let filtered = deflater.packed(
                bitmap.words.span, wordsPerRow: bitmap.wordsPerRow, rowBytes: bitmap.rowBytes, filterBytes: true
            ) { inflated($0, bytes: bitmap.packed.count + bitmap.height) }
            let rows = (0..<bitmap.height).flatMap { row in
                [0] + bitmap.packed[row * bitmap.rowBytes..<(row + 1) * bitmap.rowBytes]
            }
            #expect(filtered == rows)
        }
    }

    @Test(arguments: seeds(60))
    func `pictures looked through once are said one by one and together`(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        var deflater = RowDeflater()
        for _ in 0..<10 {
            let (first, count) = (bitmap(&generator), 1 + generator.next(below: 5))
            // Of one size, below each other.
            var page = Bitmap(width: first.width, height: first.height * count)
            deflater.begin(wordsPerRow: page.wordsPerRow, rowBytes: page.rowBytes, rows: first.height)
            for picture in 0..<count {
                for _ in 0..<generator.next(below: 20) {
                    let x = generator.next(below: page.width)
                    let y = generator.next(below: first.height)
                    page.fill(
                        x..<x + 1 + generator.next(below: page.width - x),
                        picture * first.height + y..<picture * first.height + y + 1
                            + generator.next(below: first.height - y), white: generator.next(below: 3) == 0)
                }
                deflater.add(page.words.span)
            }
            let bytes = first.height * page.rowBytes
            for from in 0..<count {
                for to in from + 1...count {
                    let plain = deflater.packed(page.words.span, pictures: from..<to) {
                        inflated($0, bytes: bytes * (to - from))
                    }
                    #expect(plain == Array(page.packed[from * bytes..<to * bytes]))
                }
                let filtered = deflater.packed(page.words.span, pictures: from..<from + 1, filterBytes: true) {
                    inflated($0, bytes: bytes + first.height)
                }
                let rows = (from * first.height..<(from + 1) * first.height).flatMap { row in
                    [0] + page.packed[row * page.rowBytes..<(row + 1) * page.rowBytes]
                }
                #expect(filtered == rows)
            }
        }
    }

    @Test(arguments: seeds(40)) func `a hollow rectangle is a black one with a white one inside`(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        var found = bitmap(&generator)
        guard found.width > 8, found.height > 4 else { return }
        var expected = found
        let x = generator.next(below: found.width - 3)
        let y = generator.next(below: found.height - 3)
        let columns = x..<x + 3 + generator.next(below: found.width - x - 2)
        let rows = y..<y + 3 + generator.next(below: found.height - y - 2)
        found.hollow(columns, rows)
        expected.fill(columns, rows, white: false)
        expected.fill(
            columns.lowerBound + 1..<columns.upperBound - 1, rows.lowerBound + 1..<rows.upperBound - 1, white: true)
        #expect(found == expected)
    }

    @Test(arguments: seeds(60)) func `rows of a value a pixel come back from any decompressor`(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        var deflater = RowDeflater()
        let values: [([UInt8], [UInt8])] = [
            ([0x80], [0x7F]), ([0, 0, 0, 0], [0, 0, 0x80, 0x3F]), ([1, 2], [3, 4]), ([9, 8, 7], [6, 5, 4]),
            ((0..<8).map { $0 }, (0..<8).map { 50 + $0 }),
        ]
        for _ in 0..<6 {
            let bitmap = bitmap(&generator, maximum: 24)
            for (black, white) in values {
                let expected = (0..<bitmap.height).flatMap { y in
                    (0..<bitmap.width).flatMap { x in bitmap[x, y] ? white : black }
                }
                let found = deflater.pixels(
                    bitmap.words.span, wordsPerRow: bitmap.wordsPerRow, width: bitmap.width, black: black,
                    white: white
                ) { inflated($0, bytes: expected.count) }
                #expect(found == expected)
            }
        }
    }

    @Test func `a white picture and a large one are said too`() {
        var deflater = RowDeflater()
        for (width, height) in [(8, 1), (512, 512), (1024, 1024), (64, 8192)] {
            let bitmap = Bitmap(width: width, height: height)
            let plain = deflater.packed(
                bitmap.words.span, wordsPerRow: bitmap.wordsPerRow, rowBytes: bitmap.rowBytes
            ) { inflated($0, bytes: bitmap.packed.count) }
            #expect(plain == bitmap.packed)
            let floats = deflater.pixels(
                bitmap.words.span, wordsPerRow: bitmap.wordsPerRow, width: width, black: [0, 0, 0, 0],
                white: [0, 0, 0x80, 0x3F]
            ) { inflated($0, bytes: 4 * width * height) }
            #expect(floats?.count == 4 * width * height)
            #expect(floats?.enumerated().allSatisfy { $1 == [0, 0, 0x80, 0x3F][$0 % 4] } == true)
        }
    }

    @Test func `noise is said in about its own size`() {
        var generator = SplitMix(seed: 11)
        var bitmap = Bitmap(width: 512, height: 512)
        for at in bitmap.words.indices { bitmap.words[at] = generator.next() }
        var deflater = RowDeflater()
        deflater.packed(bitmap.words.span, wordsPerRow: 8, rowBytes: 64) { stream in
            #expect(stream.count < bitmap.packed.count * 21 / 20)
            #expect(inflated(stream, bytes: bitmap.packed.count) == bitmap.packed)
        }
    }
}

/// What libdeflate makes of a zlib stream; nil unless it is whole, fits exactly and its checksum holds.
func inflated(_ stream: Span<UInt8>, bytes count: Int) -> [UInt8]? {
    guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
    defer { unsafe libdeflate_free_decompressor(decompressor) }
    var output = [UInt8](repeating: 0, count: count)
    var consumed = 0
    var made = 0
    let result = unsafe stream.withUnsafeBufferPointer { source in
        unsafe libdeflate_zlib_decompress_ex(
            decompressor, source.baseAddress, source.count, &output, output.count, &consumed, &made)
    }
    return result == LIBDEFLATE_SUCCESS && consumed == stream.count && made == count ? output : nil
}
