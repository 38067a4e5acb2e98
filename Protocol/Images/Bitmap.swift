/// A picture of two colours: a bit a pixel, 1 white and 0 black, the first pixel of a row in the highest bit of its first
/// byte, as PNG and NumPy's `unpackbits` have it. Rows begin at whole words, whose bits beyond the width stay white.
package struct Bitmap: Sendable, Equatable {
    /// In pixels; the width is a multiple of 8.
    package let width: Int, height: Int
    package let wordsPerRow: Int
    /// Row after row. Words as they lie in memory: the lowest byte holds the first 8 pixels.
    package var words: [UInt64]

    package init(width: Int, height: Int) {
        precondition(width > 0 && height > 0 && width % 8 == 0, "a picture of \(width) × \(height) pixels")
        self.width = width
        self.height = height
        wordsPerRow = (width + 63) / 64
        words = [UInt64](repeating: .max, count: wordsPerRow * height)
    }
    package var rowBytes: Int { width / 8 }

    package mutating func clear() {
        for at in words.indices { words[at] = .max }
    }

    /// Whether a pixel is white.
    package subscript(x: Int, y: Int) -> Bool {
        words[y * wordsPerRow + x / 64] & Self.pixel(x % 64) != 0
    }
    /// The bit of pixel 0…63 of a word.
    private static func pixel(_ x: Int) -> UInt64 { (UInt64(1) << (63 - x)).byteSwapped }

    /// Pixels `from..<to` of a word's 64.
    @inline(__always)
    package static func mask(_ from: Int, _ to: Int) -> UInt64 {
        // Shifting by 64 gives 0, as is wanted.
        ((UInt64.max >> UInt64(from)) & ~(UInt64.max >> UInt64(to))).byteSwapped
    }

    /// Paints a rectangle, one or two words a row.
    @inline(__always)
    package mutating func fill(_ columns: Range<Int>, _ rows: Range<Int>, white: Bool) {
        guard !columns.isEmpty, !rows.isEmpty else { return }
        let first = columns.lowerBound / 64
        let last = (columns.upperBound - 1) / 64
        for word in first...last {
            let mask = Self.mask(max(columns.lowerBound - word * 64, 0), min(columns.upperBound - word * 64, 64))
            var at = rows.lowerBound * wordsPerRow + word
            if white {
                for _ in rows {
                    words[at] |= mask
                    at += wordsPerRow
                }
            } else {
                for _ in rows {
                    words[at] &= ~mask
                    at += wordsPerRow
                }
            }
        }
    }

    /// Paints a rectangle's edges black and what they enclose white, one or two words a row. At least 3 columns and rows.
    @inline(__always)
    package mutating func hollow(_ columns: Range<Int>, _ rows: Range<Int>) {
        precondition(columns.count > 2 && rows.count > 2, "a rectangle without an inside")
        fill(columns, rows.lowerBound..<rows.lowerBound + 1, white: false)
        fill(columns, rows.upperBound - 1..<rows.upperBound, white: false)
        let first = columns.lowerBound / 64
        let last = (columns.upperBound - 1) / 64
        for word in first...last {
            let (from, to) = (columns.lowerBound - word * 64, columns.upperBound - word * 64)
            let whole = Self.mask(max(from, 0), min(to, 64))
            let inside = Self.mask(min(max(from + 1, 0), 64), max(min(to - 1, 64), 0))
            let edges = whole & ~inside
            var at = (rows.lowerBound + 1) * wordsPerRow + word
            for _ in 0..<rows.count - 2 {
                words[at] = (words[at] | inside) & ~edges
                at += wordsPerRow
            }
        }
    }

    /// The rows without what fills their last word: height × `rowBytes` bytes.
    package var packed: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(height * rowBytes)
        for row in 0..<height {
            for byte in 0..<rowBytes {
                bytes.append(UInt8(truncatingIfNeeded: words[row * wordsPerRow + byte / 8] >> UInt64(8 * (byte % 8))))
            }
        }
        return bytes
    }
}
