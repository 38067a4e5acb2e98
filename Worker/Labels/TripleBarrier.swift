import Market

/// Which of three barriers a price meets first: one above, one below, and the end of time.
/// Source: López de Prado (2018), *Advances in Financial Machine Learning*, chapter 3.
package struct TripleBarrier: Equatable, Sendable {
    /// +1 above, −1 below, 0 when time ran out.
    package var side: Int8
    /// Both lie in the bar that touched; which came first cannot be known, so it counts as below.
    package var isAmbiguous: Bool
    /// The bar that touched, or the last one.
    package var bar: Int
    /// What one is left with: the barrier, the open where a bar opened beyond it, the last close when time ran out.
    package var exitPrice: Double

    /// - Parameter bars: from the entry, made at the open of the first, to the last in time; not empty.
    package init(_ series: BarSeries, path: PricePath, bars: Range<Int>, upper: Double, lower: Double) {
        guard let touched = path.firstTouch(in: bars, upper: upper, lower: lower) else {
            self.init(
                side: 0, isAmbiguous: false, bar: bars.upperBound - 1, exitPrice: series.close[bars.upperBound - 1])
            return
        }
        let open = series.open[touched]
        if open >= upper {
            self.init(side: 1, isAmbiguous: false, bar: touched, exitPrice: open)
        } else if open <= lower {
            self.init(side: -1, isAmbiguous: false, bar: touched, exitPrice: open)
        } else if series.low[touched] <= lower {
            self.init(
                side: -1, isAmbiguous: series.high[touched] >= upper, bar: touched, exitPrice: lower)
        } else {
            self.init(side: 1, isAmbiguous: false, bar: touched, exitPrice: upper)
        }
    }
    private init(side: Int8, isAmbiguous: Bool, bar: Int, exitPrice: Double) {
        self.side = side
        self.isAmbiguous = isAmbiguous
        self.bar = bar
        self.exitPrice = exitPrice
    }
}
