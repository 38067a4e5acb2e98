/// Compresses pictures of two colours, many times faster than a general compressor, because it knows where they repeat:
/// a row is mostly the row above it. What differs is written out, everything else is copied from one row back, and no
/// search takes place. Any decompressor reads the result: it is a zlib stream of one block with a code of its own.
///
/// Larger than what libdeflate makes of the same rows at its level 6 by about a tenth. One per thread.
package struct RowDeflater: ~Copyable {
    private var tokens = DeflateTokens()
    private var output = Scratch<UInt8>(4096, filler: 0)
    private var adler = RowAdler()
    /// Bytes that are the same as one row back and not yet said.
    private var gap = 0

    package init() {}

    /// Rows as they are, 8 pixels a byte.
    /// - Parameters:
    ///   - words: rows of `bitmap`'s form, of any number of pictures below each other.
    ///   - filterBytes: PNG's: a zero before each row.
    package mutating func packed<Result: ~Copyable, Failure: Error>(
        _ words: Span<UInt64>, wordsPerRow: Int, rowBytes: Int, filterBytes: Bool = false,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let end = deflatePacked(words, wordsPerRow: wordsPerRow, rowBytes: rowBytes, filterBytes: filterBytes)
        return try output.prefix(end, body)
    }

    /// Rows of one value a pixel.
    /// - Parameters: black, white: the bytes of a pixel, 1…8 each, as many.
    package mutating func pixels<Result: ~Copyable, Failure: Error>(
        _ words: Span<UInt64>, wordsPerRow: Int, width: Int, black: [UInt8], white: [UInt8],
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let end = deflatePixels(words, wordsPerRow: wordsPerRow, width: width, black: black, white: white)
        return try output.prefix(end, body)
    }

    /// Whether a row is the same as the one above it.
    @inline(__always)
    private func isRepeated(_ words: Span<UInt64>, _ start: Int, _ wordsPerRow: Int) -> Bool {
        typealias Lanes = SIMD8<UInt64>
        if wordsPerRow == Lanes.scalarCount {
            let bytes = unsafe words.bytes
            // Bounds-checked. Unsafe in type only: any 64 bytes are eight words.
            let row = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start * 8, as: Lanes.self)
            let above = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: (start - wordsPerRow) * 8, as: Lanes.self)
            let apart = row ^ above
            // Eight comparisons one by one are what `==` makes of it.
            return (apart[0] | apart[1] | apart[2] | apart[3]) | (apart[4] | apart[5] | apart[6] | apart[7]) == 0
        }
        var difference: UInt64 = 0
        for word in start..<start + wordsPerRow { difference |= words[word] ^ words[word - wordsPerRow] }
        return difference == 0
    }

    // MARK: - Bytes of 8 pixels

    private mutating func deflatePacked(_ words: Span<UInt64>, wordsPerRow: Int, rowBytes: Int, filterBytes: Bool)
        -> Int
    {
        let rowCount = words.count / wordsPerRow
        precondition(rowCount > 0 && rowBytes <= wordsPerRow * 8 && rowBytes > wordsPerRow * 8 - 8, "rows of no form")
        let filter = filterBytes ? 1 : 0
        let streamRow = rowBytes + filter
        tokens.begin(far: streamRow, near: 1)
        adler.begin(rowBytes: streamRow)
        gap = 0
        tokens.reserve(streamRow)
        if filterBytes { tokens.literal(0) }
        firstPackedRow(words, rowBytes)
        adler.row(RowAdler.packed(words, 0, rowBytes))
        for row in 1..<max(rowCount, 1) {
            let start = row * wordsPerRow
            if isRepeated(words, start, wordsPerRow) {
                gap += streamRow
                adler.repeatRow()
                continue
            }
            adler.row(RowAdler.packed(words, start, rowBytes))
            tokens.reserve(2 * streamRow + gap / 128 + 8)
            gap += filter
            for word in 0..<wordsPerRow {
                let bytes = min(8, rowBytes - 8 * word)
                let now = words[start + word]
                let changed = now ^ words[start + word - wordsPerRow]
                if changed == 0 {
                    gap += bytes
                    continue
                }
                var at = 0
                while at < bytes {
                    // Bytes beyond a row's last one are the same in all rows.
                    let same = min((changed >> UInt64(8 * at)).trailingZeroBitCount / 8, bytes - at)
                    gap += same
                    at += same
                    if at == bytes { break }
                    if gap > 0 { sayPackedGap(words, wordsPerRow, row, 8 * word + at + filter, rowBytes, filter) }
                    tokens.literal(UInt8(truncatingIfNeeded: now >> UInt64(8 * at)))
                    at += 1
                }
            }
        }
        tokens.reserve(gap / 128 + 8)
        sayPackedGap(words, wordsPerRow, rowCount, 0, rowBytes, filter)
        return tokens.write(adler: adler.value, to: &output, at: 0)
    }

    private mutating func firstPackedRow(_ words: Span<UInt64>, _ rowBytes: Int) {
        func byte(_ at: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[at / 8] >> UInt64(8 * (at % 8))) }
        var at = 0
        while at < rowBytes {
            let value = byte(at)
            var end = at + 1
            while end < rowBytes, byte(end) == value { end += 1 }
            tokens.literal(value)
            let rest = end - at - 1
            if rest >= 3 { tokens.copy(rest, near: true) } else { for _ in 0..<rest { tokens.literal(value) } }
            at = end
        }
    }

    /// Says that the bytes before (row, column) are as one row back; one or two of them cannot be copied.
    @inline(__always)
    private mutating func sayPackedGap(
        _ words: Span<UInt64>, _ wordsPerRow: Int, _ row: Int, _ column: Int, _ rowBytes: Int, _ filter: Int
    ) {
        if gap >= 3 {
            tokens.copy(gap, near: false)
        } else {
            for back in stride(from: gap, to: 0, by: -1) {
                // It may lie in a row above.
                let position = row * (rowBytes + filter) + column - back
                let start = position / (rowBytes + filter) * wordsPerRow
                let at = position % (rowBytes + filter) - filter
                tokens.literal(
                    at < 0 ? 0 : UInt8(truncatingIfNeeded: words[start + at / 8] >> UInt64(8 * (at % 8))))
            }
        }
        gap = 0
    }

    // MARK: - A value a pixel

    private mutating func deflatePixels(
        _ words: Span<UInt64>, wordsPerRow: Int, width: Int, black: [UInt8], white: [UInt8]
    ) -> Int {
        let rowCount = words.count / wordsPerRow
        let unit = black.count
        precondition(rowCount > 0 && width <= wordsPerRow * 64 && unit == white.count, "rows of no form")
        precondition((1...8).contains(unit), "a pixel of \(unit) bytes")
        let streamRow = width * unit
        tokens.begin(far: streamRow, near: unit)
        adler.begin(rowBytes: streamRow)
        gap = 0
        let sums = PixelSums(black: black, white: white, width: width)
        var last: Bool?
        tokens.reserve(2 * streamRow + 8)
        adler.row(sums.row(words, 0))
        for word in 0..<wordsPerRow {
            let pixels = min(64, width - 64 * word)
            sayPixels(words[word].byteSwapped, pixels, &last, black, white)
        }
        for row in 1..<max(rowCount, 1) {
            let start = row * wordsPerRow
            if isRepeated(words, start, wordsPerRow) {
                gap += streamRow
                adler.repeatRow()
                continue
            }
            adler.row(sums.row(words, start))
            tokens.reserve(2 * streamRow + gap / 128 + 8)
            for word in 0..<wordsPerRow {
                let pixels = min(64, width - 64 * word)
                let now = words[start + word].byteSwapped
                let changed = now ^ words[start + word - wordsPerRow].byteSwapped
                if changed == 0 {
                    gap += pixels * unit
                    continue
                }
                var at = 0
                while at < pixels {
                    let same = min((changed << UInt64(at)).leadingZeroBitCount, pixels - at)
                    gap += same * unit
                    at += same
                    if at == pixels { break }
                    let run = min((~(changed << UInt64(at))).leadingZeroBitCount, pixels - at)
                    sayPixelGap(words, wordsPerRow, row, 64 * word + at, width, black, white)
                    var before: Bool? =
                        at > 0
                        ? (now << UInt64(at - 1)) >> 63 == 1
                        : word > 0 ? words[start + word - 1].byteSwapped & 1 == 1 : nil
                    sayPixels(now << UInt64(at), run, &before, black, white)
                    at += run
                }
            }
        }
        tokens.reserve(gap / 128 + 8)
        sayPixelGap(words, wordsPerRow, rowCount, 0, width, black, white)
        return tokens.write(adler: adler.value, to: &output, at: 0)
    }

    /// Writes out the first `count` pixels of a word, first pixel highest. `last`: the pixel before them.
    @inline(__always)
    private mutating func sayPixels(
        _ word: UInt64, _ count: Int, _ last: inout Bool?, _ black: [UInt8], _ white: [UInt8]
    ) {
        var at = 0
        while at < count {
            let rest = word << UInt64(at)
            let isWhite = rest >> 63 == 1
            var run = min(isWhite ? (~rest).leadingZeroBitCount : rest.leadingZeroBitCount, count - at)
            at += run
            let bytes = isWhite ? white : black
            if last != isWhite {
                for byte in bytes { tokens.literal(byte) }
                run -= 1
            }
            last = isWhite
            let length = run * bytes.count
            if length >= 3 {
                tokens.copy(length, near: true)
            } else {
                for _ in 0..<run { for byte in bytes { tokens.literal(byte) } }
            }
        }
    }

    @inline(__always)
    private mutating func sayPixelGap(
        _ words: Span<UInt64>, _ wordsPerRow: Int, _ row: Int, _ column: Int, _ width: Int, _ black: [UInt8],
        _ white: [UInt8]
    ) {
        if gap >= 3 {
            tokens.copy(gap, near: false)
        } else {
            for back in stride(from: gap / black.count, to: 0, by: -1) {
                let position = row * width + column - back
                let at = position % width
                let word = words[position / width * wordsPerRow + at / 64].byteSwapped
                for byte in (word << UInt64(at % 64)) >> 63 == 1 ? white : black { tokens.literal(byte) }
            }
        }
        gap = 0
    }
}
