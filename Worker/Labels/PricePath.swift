import Market

/// Highest and lowest prices of stretches of bars, found fast: whole blocks of 64 bars are looked at as one.
package struct PricePath: Sendable {
    private let high: [Double], low: [Double]
    private var blockHigh: [Double] = [], blockLow: [Double] = []
    private static let blockBars = 64

    package init(_ series: BarSeries) {
        high = series.high
        low = series.low
        for start in stride(from: 0, to: high.count, by: Self.blockBars) {
            let end = min(start + Self.blockBars, high.count)
            blockHigh.append(high[start..<end].reduce(high[start], max))
            blockLow.append(low[start..<end].reduce(low[start], min))
        }
    }

    /// The first bar with the highest high of a stretch that is not empty.
    package func peak(in bars: Range<Int>) -> Int {
        var best = bars.lowerBound
        visit(bars) { block in
            blockHigh[block] > high[best]
        } bar: { bar in
            if high[bar] > high[best] { best = bar }
            return true
        }
        return best
    }

    /// The lowest low of a stretch that is not empty.
    package func lowest(in bars: Range<Int>) -> Double {
        var best = low[bars.lowerBound]
        visit(bars) { block in
            blockLow[block] < best
        } bar: { bar in
            best = min(best, low[bar])
            return true
        }
        return best
    }

    /// The first bar whose high reaches `upper` or whose low reaches `lower`; nil when none does.
    package func firstTouch(in bars: Range<Int>, upper: Double, lower: Double) -> Int? {
        var found: Int?
        visit(bars) { block in
            blockHigh[block] >= upper || blockLow[block] <= lower
        } bar: { bar in
            guard high[bar] >= upper || low[bar] <= lower else { return true }
            found = bar
            return false
        }
        return found
    }

    /// Calls `bar` for each bar in order, without those of whole blocks that `isWanted` refuses, until it says false.
    @inline(__always)
    private func visit(_ bars: Range<Int>, isWanted: (Int) -> Bool, bar: (Int) -> Bool) {
        var at = bars.lowerBound
        while at < bars.upperBound {
            let block = at / Self.blockBars
            let end = min((block + 1) * Self.blockBars, bars.upperBound)
            if isWanted(block) {
                while at < end {
                    if !bar(at) { return }
                    at += 1
                }
            }
            at = end
        }
    }
}
