/// What the last 31 bars look like. The first that holds, of r bars back from the newest, C closes, H highs, L lows:
package enum Regime: UInt8, CaseIterable, Sendable {
    /// The last 5 bars lost at least 4 standard deviations of the 20 one-bar returns before them, times √5.
    case crash
    /// The range (highest H − lowest L) of the last 10 bars is at most 0.35 of the range of the 20 bars before them.
    case squeeze
    /// |C₀ − C₂₀| is at least 0.4 of the sum of the 20 absolute changes of close, and C rose.
    case trendUp
    /// The same, and C fell.
    case trendDown
    /// Anything else.
    case chop
    package var name: String {
        switch self {
        case .crash: "crash"
        case .squeeze: "squeeze"
        case .trendUp: "trend_up"
        case .trendDown: "trend_down"
        case .chop: "chop"
        }
    }
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

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
