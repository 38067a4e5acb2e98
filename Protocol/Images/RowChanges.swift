/// The bytes in which the rows of pictures differ from the row above, found once for all the streams that say them: a
/// picture as PNG, and a chunk of several below each other.
struct RowChanges: ~Copyable {
    /// One picture's part of the list, and what its checksums are made of.
    struct Picture {
        /// The first row against the row above it, which is another picture's, begins at `first`; the rest at `inner`.
        var first: Int, inner: Int, end: Int
        var sums: PictureSums
    }
    private var list = Scratch<UInt64>(4096, filler: 0)
    private var count = 0
    private(set) var pictures: [Picture] = []
    private(set) var wordsPerRow = 1, rowBytes = 8, rows = 1

    /// Forgets all pictures. The next ones have `rows` rows each.
    mutating func begin(wordsPerRow: Int, rowBytes: Int, rows: Int) {
        precondition(rows > 0 && rowBytes <= wordsPerRow * 8 && rowBytes > wordsPerRow * 8 - 8, "rows of no form")
        precondition(rowBytes < 1 << 24, "a row of \(rowBytes) bytes")
        self.wordsPerRow = wordsPerRow
        self.rowBytes = rowBytes
        self.rows = rows
        count = 0
        pictures.removeAll(keepingCapacity: true)
    }

    /// A byte that is not as the one above it.
    struct Change {
        fileprivate var bits: UInt64
        /// Of all pictures' rows, and in bytes.
        @inline(__always) var row: Int { Int(bits >> 32) }
        @inline(__always) var column: Int { Int(bits >> 8) & 0xFF_FFFF }
        @inline(__always) var value: UInt8 { UInt8(truncatingIfNeeded: bits) }
    }
    @inline(__always) subscript(at: Int) -> Change { Change(bits: list[at]) }

    /// Looks through the next picture.
    /// - Parameter words: all pictures so far, this one the last.
    mutating func add(_ words: Span<UInt64>) {
        let top = pictures.count * rows
        precondition(words.count >= (top + rows) * wordsPerRow, "a picture that is not there")
        let base = RowAdler.packed(words, top * wordsPerRow, rowBytes)
        var sums = PictureSums(rows: rows, first: base)
        let first = count
        if top > 0 { _ = compare(words, row: top) }
        let inner = count
        for row in top + 1..<top + rows {
            if Self.isRepeated(words, row * wordsPerRow, wordsPerRow) { continue }
            let change = compare(words, row: row)
            sums.add(change, rowsLeft: top + rows - row)
        }
        pictures.append(Picture(first: first, inner: inner, end: count, sums: sums))
    }

    /// Lists a row's changes.
    /// - Returns: Σ δ and Σ (L − i)·δᵢ of them.
    @inline(__always)
    private mutating func compare(_ words: Span<UInt64>, row: Int) -> (sum: Int, weighted: Int) {
        list.reserve(count + rowBytes)
        var sums = (sum: 0, weighted: 0)
        let start = row * wordsPerRow
        if wordsPerRow == Lanes.scalarCount {
            let now = Self.lanes(words, start)
            let apart = now ^ Self.lanes(words, start - wordsPerRow)
            for word in 0..<Lanes.scalarCount where apart[word] != 0 {
                compare(now[word], apart[word], row, word, &sums)
            }
        } else {
            for word in 0..<wordsPerRow {
                let now = words[start + word]
                compare(now, now ^ words[start + word - wordsPerRow], row, word, &sums)
            }
        }
        return sums
    }
    /// - Parameter apart: the word and the one above it, exclusively or.
    @inline(__always)
    private mutating func compare(
        _ now: UInt64, _ apart: UInt64, _ row: Int, _ word: Int, _ sums: inout (sum: Int, weighted: Int)
    ) {
        // Bits beyond a row's last byte are the same in all rows.
        var apart = apart
        while apart != 0 {
            let shift = UInt64(truncatingIfNeeded: apart.trailingZeroBitCount & ~7)
            let column = 8 &* word &+ Int(truncatingIfNeeded: shift &>> 3)
            let value = now &>> shift & 0xFF
            let above = value ^ (apart &>> shift & 0xFF)
            let change = Int(truncatingIfNeeded: value) &- Int(truncatingIfNeeded: above)
            sums.sum &+= change
            sums.weighted &+= change &* (rowBytes &- column)
            list[count] = UInt64(truncatingIfNeeded: row) &<< 32 | UInt64(truncatingIfNeeded: column) &<< 8 | value
            count &+= 1
            apart &= ~(0xFF &<< shift)
        }
    }

    private typealias Lanes = SIMD8<UInt64>
    @inline(__always) private static func lanes(_ words: Span<UInt64>, _ start: Int) -> Lanes {
        let bytes = unsafe words.bytes
        // Bounds-checked. Unsafe in type only: any 64 bytes are eight words.
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start * 8, as: Lanes.self)
    }

    /// Whether a row is the same as the one above it.
    @inline(__always)
    static func isRepeated(_ words: Span<UInt64>, _ start: Int, _ wordsPerRow: Int) -> Bool {
        if wordsPerRow == Lanes.scalarCount {
            let apart = lanes(words, start) ^ lanes(words, start - wordsPerRow)
            // Eight comparisons one by one are what `==` makes of it.
            return (apart[0] | apart[1] | apart[2] | apart[3]) | (apart[4] | apart[5] | apart[6] | apart[7]) == 0
        }
        var difference: UInt64 = 0
        for word in start..<start + wordsPerRow { difference |= words[word] ^ words[word - wordsPerRow] }
        return difference == 0
    }
}

/// What a picture adds to an Adler-32 sum, whether its rows have a filter byte of zero or not. With sᵣ = Σ dᵢ and
/// wᵣ = Σ (L − i)·dᵢ over row r of R, these are Σ sᵣ, Σ (R − 1 − r)·sᵣ and Σ wᵣ. A byte that changes by δ in a row changes
/// all rows from there on.
struct PictureSums {
    private let rows: Int
    private var total: Int, below: Int, weighted: Int

    init(rows: Int, first: RowAdler.Row) {
        self.rows = rows
        total = Int(first.sum) * rows
        below = Int(first.sum) * (rows * (rows - 1) / 2)
        weighted = Int(first.weighted) * rows
    }
    @inline(__always) mutating func add(_ change: (sum: Int, weighted: Int), rowsLeft: Int) {
        total &+= change.sum &* rowsLeft
        below &+= change.sum &* (rowsLeft &* (rowsLeft - 1) / 2)
        weighted &+= change.weighted &* rowsLeft
    }
    /// - Parameter streamRow: bytes of a row in the stream, its filter byte included.
    func append(to sum: inout AdlerSum, streamRow: Int) {
        sum.append(
            bytes: UInt64(rows * streamRow), total: UInt64(total), weighted: UInt64(streamRow * below + weighted))
    }
}

/// An Adler-32 sum of parts. Source: RFC 1950, §8.2: with the bytes d₀ … dₙ₋₁, a grows by Σ dᵢ, and b by
/// n·a + Σ (n − i)·dᵢ.
struct AdlerSum {
    private static let modulus: UInt64 = 65_521
    private var a: UInt64 = 1, b: UInt64 = 0

    mutating func append(bytes: UInt64, total: UInt64, weighted: UInt64) {
        b = (b + bytes % Self.modulus * a + weighted % Self.modulus) % Self.modulus
        a = (a + total % Self.modulus) % Self.modulus
    }
    var value: UInt32 { UInt32(b << 16 | a) }
}
