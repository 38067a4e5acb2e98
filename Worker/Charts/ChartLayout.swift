import Jobs

/// Where things are in an image of candles, in pixels; x grows to the right and y downwards.
///
/// Of S pixels the lowest V = ⌊S / 5⌋ rows show volume, the P rows above them prices. Bar i of n takes `step` = ⌊S / n⌋
/// columns from ⌊(S − n·step) / 2⌋ + i·step on, its wick the column in their middle. A body is `body` columns wide: 3 of
/// 3, else the odd number at or below ⌊0.7·step⌋ | 1 that leaves a column free.
package struct ChartLayout: Sendable, Equatable {
    package let size: Int, bars: Int
    package let priceRows: Int, volumeRows: Int
    package let margin: Int, step: Int, body: Int
    package let hasGrid: Bool

    package init(_ style: ChartStyle) {
        precondition(style.fault == nil, "a style that cannot be drawn")
        size = Int(style.size)
        bars = Int(style.bars)
        volumeRows = style.hasVolume ? size / 5 : 0
        priceRows = size - volumeRows
        step = size / bars
        margin = (size - step * bars) / 2
        let wanted = (step * 7 / 10) | 1
        body = step == 3 ? 3 : min(wanted, (step - 1) % 2 == 1 ? step - 1 : step - 2)
        hasGrid = style.hasGrid
    }
    /// Rows between prices and the highest volume.
    package var gap: Int { max(1, size / 128) }
    package func centre(_ bar: Int) -> Int { margin + bar * step + step / 2 }
}
