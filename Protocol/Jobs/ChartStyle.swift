import Messages

/// What an image shows and how large it is.
package struct ChartStyle: Wire, Equatable {
    package enum Kind: UInt8, CaseIterable, Sendable {
        /// Candles in two colours, hollow up and filled down.
        case candles
        /// Three channels of a byte: candle texture, distance to the EMA of 21 closes, RSI of 14.
        case pattern
        package var name: String { self == .candles ? "candles" : "pattern" }
    }
    package var kind: Kind
    /// Height and width in pixels.
    package var size: UInt16
    /// Bars in one image.
    package var bars: UInt16
    /// The bottom fifth shows volume.
    package var hasVolume: Bool
    /// A dotted grid under the candles.
    package var hasGrid: Bool

    package init(
        kind: Kind = .candles, size: UInt16 = 512, bars: UInt16 = 31, hasVolume: Bool = true, hasGrid: Bool = false
    ) {
        self.kind = kind
        self.size = size
        self.bars = bars
        self.hasVolume = hasVolume
        self.hasGrid = hasGrid
    }

    package static let sizes: ClosedRange<UInt16> = 64...1024
    /// What a candle needs at least: two sides and something between them.
    package static let fewestPixelsPerBar: UInt16 = 3

    /// What is wrong, and what to do; nil when it can be drawn.
    package var fault: String? {
        guard Self.sizes.contains(size), size % 8 == 0 else {
            return "an image of \(size) pixels; give a multiple of 8 from 64 to 1024"
        }
        guard bars > 0 else { return "an image of 0 bars; give at least 1" }
        let pixels = kind == .candles ? Self.fewestPixelsPerBar : 1
        guard bars <= size / pixels else {
            return "\(bars) bars in \(size) pixels; give at most \(size / pixels) bars, or a larger size"
        }
        return nil
    }

    package func write(to writer: inout WireWriter) {
        writer.integer(kind.rawValue)
        writer.integer(size)
        writer.integer(bars)
        writer.bool(hasVolume)
        writer.bool(hasGrid)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        guard let kind = Kind(rawValue: try reader.integer()) else { throw WireError("an unknown kind of image") }
        self.init(
            kind: kind, size: try reader.integer(), bars: try reader.integer(), hasVolume: try reader.bool(),
            hasGrid: try reader.bool())
        if let fault { throw WireError(fault) }
    }
}

/// What a render job leaves behind. The columns that say which bars an image shows are always there.
package struct ChartOutputs: OptionSet, Sendable, Equatable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// A file an image.
    package static let png = ChartOutputs(rawValue: 1)
    /// 8 pixels a byte, the first one highest; 1 is white.
    package static let bits = ChartOutputs(rawValue: 2)
    /// White 1, black 0.
    package static let float32 = ChartOutputs(rawValue: 4)
    /// The grey of 0…255 less 128: real = (q − zero_point) × scale with zero_point −128 and scale 1/255.
    package static let int8 = ChartOutputs(rawValue: 8)

    package static let named: [(name: String, output: ChartOutputs)] = [
        ("png", .png), ("bits", .bits), ("float32", .float32), ("int8", .int8),
    ]
    package var names: [String] { Self.named.filter { contains($0.output) }.map(\.name) }
}
