/// The Adler-32 sum of many rows, of which most repeat the row before. Source: RFC 1950, §8.2, summed by rows: with the
/// bytes d₀ … d₍L₋₁₎ of a row, a grows by Σ dᵢ, and b by L·a + Σ (L − i)·dᵢ.
struct RowAdler {
    struct Row {
        /// Σ dᵢ and Σ (L − i)·dᵢ. Below 2²⁰ and 2³² for rows of up to 4,096 bytes.
        var sum: UInt64, weighted: UInt64
    }
    private static let modulus: UInt64 = 65_521
    private var rowBytes: UInt64 = 0
    private var a: UInt64 = 1, b: UInt64 = 0
    private var current = Row(sum: 0, weighted: 0)
    private var repeats: UInt64 = 0

    mutating func begin(rowBytes: Int) {
        self = RowAdler()
        self.rowBytes = UInt64(rowBytes)
    }
    @inline(__always) mutating func row(_ row: Row) {
        settle()
        current = row
        repeats = 1
    }
    @inline(__always) mutating func repeatRow() {
        repeats += 1
        // Keeps the products below 2⁶⁴.
        if repeats == 4096 { settle() }
    }
    var value: UInt32 {
        var all = self
        all.settle()
        return UInt32(all.b << 16 | all.a)
    }
    @inline(__always) private mutating func settle() {
        let k = repeats
        let pairs = k * (k &- 1) / 2
        b =
            (b + k * rowBytes * a + rowBytes * current.sum % Self.modulus * pairs + k * current.weighted)
            % Self.modulus
        a = (a + k * current.sum) % Self.modulus
        repeats = 0
    }

    /// Of a packed row; a filter byte of zero before it changes neither sum.
    static func packed(_ words: Span<UInt64>, _ start: Int, _ rowBytes: Int) -> Row {
        let lanes: UInt64 = 0x00FF_00FF_00FF_00FF
        let ones: UInt64 = 0x0001_0001_0001_0001
        let ramp: UInt64 = 0x0000_0001_0002_0003  // Σ k·laneₖ arrives in the highest lane
        var row = Row(sum: 0, weighted: 0)
        var at = 0
        while at * 8 < rowBytes {
            let left = rowBytes - at * 8
            // The lowest byte is the first one.
            let word = left >= 8 ? words[start + at] : words[start + at] & (UInt64.max >> UInt64(64 - 8 * left))
            let even = word & lanes
            let odd = (word >> 8) & lanes
            let oddSum = (odd &* ones) >> 48
            let sum = ((even &* ones) >> 48) + oddSum
            let moment = 2 * (((even &* ramp) >> 48) + ((odd &* ramp) >> 48)) + oddSum
            row.sum += sum
            row.weighted += UInt64(left) * sum - moment
            at += 1
        }
        return row
    }
}

/// The sums of rows with a value a pixel, from how many pixels are white and where.
struct PixelSums {
    private let unit: UInt64, width: UInt64
    private let black: RowAdler.Row, white: RowAdler.Row  // weighted: Σ j·byteⱼ
    init(black: [UInt8], white: [UInt8], width: Int) {
        func sums(_ bytes: [UInt8]) -> RowAdler.Row {
            var row = RowAdler.Row(sum: 0, weighted: 0)
            for (at, byte) in bytes.enumerated() {
                row.sum += UInt64(byte)
                row.weighted += UInt64(at) * UInt64(byte)
            }
            return row
        }
        self.black = sums(black)
        self.white = sums(white)
        unit = UInt64(black.count)
        self.width = UInt64(width)
    }

    func row(_ words: Span<UInt64>, _ start: Int) -> RowAdler.Row {
        // By bit of a pixel's position in its word, the bits of a word as it lies in memory.
        let masks: InlineArray<6, UInt64> = [
            0x5555_5555_5555_5555, 0x3333_3333_3333_3333, 0x0F0F_0F0F_0F0F_0F0F, 0xFF00_FF00_FF00_FF00,
            0xFFFF_0000_FFFF_0000, 0xFFFF_FFFF_0000_0000,
        ]
        var count: UInt64 = 0
        var positions: UInt64 = 0
        var at: UInt64 = 0
        while at * 64 < width {
            let pixels = min(64, width - at * 64)
            let word = words[start + Int(at)] & Bitmap.mask(0, Int(pixels))
            let whites = UInt64(word.nonzeroBitCount)
            count += whites
            positions += at * 64 * whites
            for bit in 0..<6 { positions += UInt64((word & masks[bit]).nonzeroBitCount) << UInt64(bit) }
            at += 1
        }
        let blacks = width - count
        let blackPositions = width * (width - 1) / 2 - positions
        let sum = count * white.sum + blacks * black.sum
        return RowAdler.Row(
            sum: sum,
            weighted: unit * width * sum - unit * (white.sum * positions + black.sum * blackPositions)
                - (count * white.weighted + blacks * black.weighted))
    }
}
