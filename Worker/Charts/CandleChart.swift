import Images
import Market

/// Draws windows of bars as candles in two colours: hollow where the close is above the open, filled where it is below,
/// a line where they are equal.
package struct CandleChart: Sendable {
    package let layout: ChartLayout
    package init(_ layout: ChartLayout) { self.layout = layout }

    /// What an image's vertical axis spans.
    package struct Axis: Equatable, Sendable {
        /// Lowest low, highest high, largest volume.
        package var low: Double, high: Double, volume: Double
    }

    package func axis(_ bars: BarSeries, _ window: Range<Int>) -> Axis {
        var axis = Axis(low: .infinity, high: 0, volume: 0)
        for bar in window {
            axis.low = min(axis.low, bars.low[bar])
            axis.high = max(axis.high, bars.high[bar])
            axis.volume = max(axis.volume, bars.volume[bar])
        }
        return axis
    }

    /// The row of a price: (P − 1)·(high − price)/(high − low), halves rounded down the picture; the middle when a window
    /// has one price.
    @inline(__always)
    private func row(_ price: Double, _ axis: Axis) -> Int {
        guard axis.high > axis.low else { return (layout.priceRows - 1) / 2 }
        // Between 0 and 1 for valid bars: the price lies between low and high.
        let share = (axis.high - price) / (axis.high - axis.low)
        return Int(share * Double(layout.priceRows - 1) + 0.5)
    }

    /// Draws a window into rows `top ..< top + size` of a page that is white there.
    ///
    /// - Parameters: bars: valid, see `BarSeries`. window: as many bars as the layout has.
    /// - Returns: the axis.
    @discardableResult
    package func draw(_ bars: BarSeries, _ window: Range<Int>, top: Int, into page: inout Bitmap) -> Axis {
        precondition(window.count == layout.bars && page.width == layout.size, "a window that the layout is not for")
        let axis = axis(bars, window)
        if layout.hasGrid { drawGrid(top, &page) }
        let half = layout.body / 2
        for (position, bar) in window.enumerated() {
            let centre = layout.centre(position)
            let body = centre - half..<centre + half + 1
            let (open, close) = (bars.open[bar], bars.close[bar])
            let highRow = row(bars.high[bar], axis)
            let lowRow = row(bars.low[bar], axis)
            let first = row(max(open, close), axis)
            let last = row(min(open, close), axis)
            // The wick, except where the body covers it.
            page.fill(centre..<centre + 1, top + highRow..<top + first, white: false)
            page.fill(centre..<centre + 1, top + last + 1..<top + lowRow + 1, white: false)
            if close > open, last - first > 1 {
                page.hollow(body, top + first..<top + last + 1)
            } else {
                page.fill(body, top + first..<top + last + 1, white: false)
            }
            drawVolume(bars.volume[bar], axis, body, isHollow: close > open, top, &page)
        }
        return axis
    }

    /// In the lowest rows, as high as its share of the largest volume; at least one row when anything was traded.
    @inline(__always)
    private func drawVolume(
        _ volume: Double, _ axis: Axis, _ body: Range<Int>, isHollow: Bool, _ top: Int, _ page: inout Bitmap
    ) {
        guard layout.volumeRows > 0, volume > 0 else { return }
        let most = layout.volumeRows - layout.gap
        let height = max(1, Int(volume / axis.volume * Double(most) + 0.5))
        let first = top + layout.size - height
        if isHollow, height > 2 {
            page.hollow(body, first..<top + layout.size)
        } else {
            page.fill(body, first..<top + layout.size, white: false)
        }
    }

    /// Dots at every eighth pixel of the lines that quarter the prices' area and the width.
    private func drawGrid(_ top: Int, _ page: inout Bitmap) {
        for quarter in 1...3 {
            let row = top + layout.priceRows * quarter / 4
            for x in stride(from: 0, to: layout.size, by: 8) { page.fill(x..<x + 1, row..<row + 1, white: false) }
            let column = layout.size * quarter / 4
            for y in stride(from: top, to: top + layout.priceRows, by: 8) {
                page.fill(column..<column + 1, y..<y + 1, white: false)
            }
        }
    }
}
