import Jobs
import Market

/// Draws windows of bars as three channels of a byte each: what the candles look like, how far the close is from its
/// average, and its relative strength.
///
/// Column x shows bar ⌊x·n / S⌋. Channel 0: 255 in the body of a bar that rose, 170 of one that fell or stood, 85 where
/// only its range is, 0 elsewhere; prices span all rows. Channels 1 and 2 have one value a column: 128 + 127·d/10 %, d
/// being the close's distance to its EMA of 21 in units of that EMA and at most ±10 %; and 255·RSI/100 of 14 bars, after
/// Wilder. Both see the window's bars only; where they are not defined yet they are 128.
package struct PatternImage: Sendable {
    package let size: Int, bars: Int
    package static let channels = 3
    package static let averageBars = 21, strengthBars = 14
    package static let neutral: UInt8 = 128

    package init(_ style: ChartStyle) {
        precondition(style.fault == nil, "a style that cannot be drawn")
        size = Int(style.size)
        bars = Int(style.bars)
    }
    package var byteCount: Int { size * size * Self.channels }

    /// Writes size × size × 3 bytes, row after row, from `start` on.
    @discardableResult
    package func draw(_ series: BarSeries, _ window: Range<Int>, into pixels: inout [UInt8], at start: Int)
        -> CandleChart.Axis
    {
        precondition(window.count == bars && pixels.count >= start + byteCount, "a window that the image is not for")
        var axis = CandleChart.Axis(low: .infinity, high: 0, volume: 0)
        for bar in window {
            axis.low = min(axis.low, series.low[bar])
            axis.high = max(axis.high, series.high[bar])
            axis.volume = max(axis.volume, series.volume[bar])
        }
        let distances = distances(series.close, window)
        let strengths = strengths(series.close, window)
        func row(_ price: Double) -> Int {
            guard axis.high > axis.low else { return (size - 1) / 2 }
            return Int((axis.high - price) / (axis.high - axis.low) * Double(size - 1) + 0.5)
        }
        for x in 0..<size {
            let position = x * bars / size
            let bar = window.lowerBound + position
            let (open, close) = (series.open[bar], series.close[bar])
            let range = row(series.high[bar])...row(series.low[bar])
            let body = row(max(open, close))...row(min(open, close))
            for y in 0..<size {
                let at = start + (y * size + x) * Self.channels
                pixels[at] = body.contains(y) ? (close > open ? 255 : 170) : range.contains(y) ? 85 : 0
                pixels[at + 1] = distances[position]
                pixels[at + 2] = strengths[position]
            }
        }
        return axis
    }

    /// The EMA starts as the mean of the first 21 closes.
    private func distances(_ close: [Double], _ window: Range<Int>) -> [UInt8] {
        var values = [UInt8](repeating: Self.neutral, count: bars)
        guard bars >= Self.averageBars else { return values }
        let start = window.lowerBound
        var average = close[start..<start + Self.averageBars].reduce(0, +) / Double(Self.averageBars)
        for position in Self.averageBars - 1..<bars {
            let price = close[start + position]
            if position >= Self.averageBars { average += (price - average) * 2 / Double(Self.averageBars + 1) }
            let distance = max(-0.1, min(0.1, (price - average) / average))
            values[position] = UInt8(128 + (distance * 1270).rounded())
        }
        return values
    }

    /// Gains and losses averaged over 14 changes, then smoothed by 1/14. Equal prices stand at 50.
    private func strengths(_ close: [Double], _ window: Range<Int>) -> [UInt8] {
        var values = [UInt8](repeating: Self.neutral, count: bars)
        let period = Self.strengthBars
        guard bars > period else { return values }
        var gain = 0.0
        var loss = 0.0
        for position in 1..<bars {
            let change = close[window.lowerBound + position] - close[window.lowerBound + position - 1]
            let (up, down) = (max(change, 0), max(-change, 0))
            if position <= period {
                gain += up / Double(period)
                loss += down / Double(period)
            } else {
                gain = (gain * Double(period - 1) + up) / Double(period)
                loss = (loss * Double(period - 1) + down) / Double(period)
            }
            guard position >= period else { continue }
            let strength = gain + loss > 0 ? gain / (gain + loss) : 0.5
            values[position] = UInt8((strength * 255).rounded())
        }
        return values
    }
}
