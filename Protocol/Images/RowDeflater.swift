/// Compresses pictures of two colours, many times faster than a general compressor, because it knows where they repeat:
/// a row is mostly the row above it. What differs is written out, everything else is copied from one row back, and no
/// search takes place. Any decompressor reads the result: it is a zlib stream of one block with a code of its own.
///
/// Larger than what libdeflate makes of the same rows at its level 6 by about a tenth. One per thread.
package struct RowDeflater: ~Copyable {
    private var tokens = DeflateTokens()
    private var output = Scratch<UInt8>(4096, filler: 0)
    private var changes = RowChanges()
    private var adler = RowAdler()
    /// Bytes that are the same as one row back and not yet said.
    private var gap = 0

    package init() {}

    // MARK: - Bytes of 8 pixels

    /// Rows as they are, 8 pixels a byte.
    /// - Parameters:
    ///   - words: rows of `bitmap`'s form, of any number of pictures below each other.
    ///   - filterBytes: PNG's: a zero before each row.
    package mutating func packed<Result: ~Copyable, Failure: Error>(
        _ words: Span<UInt64>, wordsPerRow: Int, rowBytes: Int, filterBytes: Bool = false,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        begin(wordsPerRow: wordsPerRow, rowBytes: rowBytes, rows: words.count / wordsPerRow)
        add(words)
        return try packed(words, pictures: 0..<1, filterBytes: filterBytes, body)
    }

    /// Before pictures of so many rows each, which are added one by one and may then be said more than once.
    package mutating func begin(wordsPerRow: Int, rowBytes: Int, rows: Int) {
        changes.begin(wordsPerRow: wordsPerRow, rowBytes: rowBytes, rows: rows)
    }
    /// - Parameter words: all pictures so far below each other, the new one the last.
    package mutating func add(_ words: Span<UInt64>) { changes.add(words) }

    /// Some of the pictures added, below each other.
    /// - Parameter words: all of them, from the first on.
    package mutating func packed<Result: ~Copyable, Failure: Error>(
        _ words: Span<UInt64>, pictures: Range<Int>, filterBytes: Bool = false,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let end = say(words, pictures, filter: filterBytes ? 1 : 0)
        return try output.prefix(end, body)
    }

    private mutating func say(_ words: Span<UInt64>, _ pictures: Range<Int>, filter: Int) -> Int {
        precondition(!pictures.isEmpty && pictures.upperBound <= changes.pictures.count, "a picture not added")
        let streamRow = changes.rowBytes + filter
        let inner = changes.pictures[pictures.lowerBound].inner
        let end = changes.pictures[pictures.upperBound - 1].end
        tokens.begin(far: streamRow, near: 1)
        // A change is a literal, and before it a copy of three tokens or two literals.
        tokens.reserve(2 * streamRow + 4 * (end - inner) + 8)
        if filter == 1 { tokens.literal(0) }
        sayFirstRow(words, pictures.lowerBound * changes.rows * changes.wordsPerRow)
        var said = (pictures.lowerBound * changes.rows + 1) * streamRow
        for at in inner..<end {
            let change = changes[at]
            let position = change.row &* streamRow &+ filter &+ change.column
            if position > said { sayGap(said..<position, words, streamRow, filter) }
            tokens.literal(change.value)
            said = position &+ 1
        }
        let last = pictures.upperBound * changes.rows * streamRow
        if last > said { sayGap(said..<last, words, streamRow, filter) }
        var adler = AdlerSum()
        for picture in pictures { changes.pictures[picture].sums.append(to: &adler, streamRow: streamRow) }
        return tokens.write(adler: adler.value, to: &output, at: 0)
    }

    private mutating func sayFirstRow(_ words: Span<UInt64>, _ start: Int) {
        func byte(_ at: Int) -> UInt8 {
            UInt8(truncatingIfNeeded: words[start + at / 8] >> UInt64(8 * (at % 8)))
        }
        var at = 0
        while at < changes.rowBytes {
            let value = byte(at)
            var end = at + 1
            while end < changes.rowBytes, byte(end) == value { end += 1 }
            tokens.literal(value)
            let rest = end - at - 1
            if rest >= 3 { tokens.copy(rest, near: true) } else { for _ in 0..<rest { tokens.literal(value) } }
            at = end
        }
    }

    /// Says that bytes of the stream are as one row back; one or two of them cannot be copied.
    @inline(__always)
    private mutating func sayGap(_ gap: Range<Int>, _ words: Span<UInt64>, _ streamRow: Int, _ filter: Int) {
        if gap.count >= 3 { return tokens.copy(gap.count, near: false) }
        for position in gap {
            // It may lie in a row above.
            let column = position % streamRow - filter
            let word = position / streamRow * changes.wordsPerRow + column / 8
            tokens.literal(column < 0 ? 0 : UInt8(truncatingIfNeeded: words[word] >> UInt64(8 * (column % 8))))
        }
    }

    // MARK: - A value a pixel

    /// Rows of one value a pixel.
    /// - Parameters: black, white: the bytes of a pixel, 1…8 each, as many.
    package mutating func pixels<Result: ~Copyable, Failure: Error>(
        _ words: Span<UInt64>, wordsPerRow: Int, width: Int, black: [UInt8], white: [UInt8],
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let end = deflatePixels(words, wordsPerRow: wordsPerRow, width: width, black: black, white: white)
        return try output.prefix(end, body)
    }

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
            if RowChanges.isRepeated(words, start, wordsPerRow) {
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
