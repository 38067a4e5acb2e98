import Images

/// Many images on one, smaller: to see at a glance whether they are right.
package enum ContactSheet {
    /// Grey around and between the images.
    private static let ground: UInt8 = 208
    private static let gap = 6

    /// A grey PNG of all pictures in rows of `columns`, each `side` pixels wide and high; ink stays visible because a
    /// pixel of the sheet is the mean of what it covers.
    ///
    /// - Parameter size: of the pictures.
    package static func png(_ pictures: [ChartFolder.Picture], size: Int, columns: Int, side: Int) -> [UInt8] {
        let lines = (pictures.count + columns - 1) / columns
        let width = columns * (side + gap) + gap
        let height = lines * (side + gap) + gap
        var pixels = [UInt8](repeating: ground, count: width * height)
        for (at, picture) in pictures.enumerated() {
            let left = gap + at % columns * (side + gap)
            let top = gap + at / columns * (side + gap)
            let small = reduced(picture.pixels, size: size, to: side)
            for row in 0..<side {
                let start = (top + row) * width + left
                pixels.replaceSubrange(start..<start + side, with: small[row * side..<(row + 1) * side])
            }
        }
        return PNG.file(pixels, width: width, height: height, .grey)
    }

    /// The mean of the pixels that each smaller one covers, whole ones only.
    static func reduced(_ pixels: [Bool], size: Int, to side: Int) -> [UInt8] {
        func span(_ at: Int) -> Range<Int> {
            let from = at * size / side
            return from..<max(from + 1, (at + 1) * size / side)
        }
        let spans = (0..<side).map(span)
        var small: [UInt8] = []
        small.reserveCapacity(side * side)
        for y in 0..<side {
            for x in 0..<side {
                var white = 0
                for row in spans[y] { for column in spans[x] where pixels[row * size + column] { white += 1 } }
                small.append(UInt8(255 * white / (spans[y].count * spans[x].count)))
            }
        }
        return small
    }
}
