import Jobs
import Market

extension Regime {
    /// Bars that a regime is told from.
    package static let bars = 31

    /// The regime of the 31 bars that end at a position. Its definitions stand at its cases; sums run from old to new.
    ///
    /// - Parameter bar: at least 30.
    package init(of series: BarSeries, endingAt bar: Int) {
        precondition(bar >= Self.bars - 1, "a regime is told from 31 bars")
        let close = series.close
        self =
            if Self.isCrash(close, bar) {
                .crash
            } else if Self.range(series, bar - 9...bar) <= 0.35 * Self.range(series, bar - 29...bar - 10) {
                .squeeze
            } else {
                Self.trend(close, bar)
            }
    }

    private static func isCrash(_ close: [Double], _ bar: Int) -> Bool {
        let change = close[bar] / close[bar - 5] - 1
        guard change < 0 else { return false }
        var sum = 0.0
        for at in bar - 24...bar - 5 { sum += close[at] / close[at - 1] - 1 }
        let mean = sum / 20
        var squares = 0.0
        for at in bar - 24...bar - 5 {
            let apart = close[at] / close[at - 1] - 1 - mean
            squares += apart * apart
        }
        return change <= -4 * (squares / 19).squareRoot() * 5.0.squareRoot()
    }

    private static func range(_ series: BarSeries, _ bars: ClosedRange<Int>) -> Double {
        var (high, low) = (series.high[bars.lowerBound], series.low[bars.lowerBound])
        for at in bars {
            high = max(high, series.high[at])
            low = min(low, series.low[at])
        }
        return high - low
    }

    private static func trend(_ close: [Double], _ bar: Int) -> Regime {
        var way = 0.0
        for at in bar - 19...bar { way += abs(close[at] - close[at - 1]) }
        let gain = close[bar] - close[bar - 20]
        guard abs(gain) >= 0.4 * way, gain != 0 else { return .chop }
        return gain > 0 ? .trendUp : .trendDown
    }
}
