import Market

/// TA-Lib's definitions, eight tickers at a time, in the order of operations that the test oracle repeats for one: a
/// tie between two indicators must fall the same way wherever it is computed.
///
/// One difference in rounding from TA-Lib is deliberate: a mean of prices is taken about its newest bar, and a variance
/// about the mean. So equal prices have exactly that mean and exactly no deviation, and two averages of a halted symbol
/// are equal, where running sums leave differences in the last digit that would trigger. Agreement: 1e-9 relative.
enum Indicators {
    /// Below this a sum counts as nothing, as in TA-Lib since 0.6.1.
    static let zero = 1e-14
    /// Elements from a ticker's bar to its next bar in a field of `BlockedBars`.
    static let day = BlockedBars.blockTickers

    /// The values of one window's newest nine signal bars, oldest first.
    struct Tail {
        private(set) var values = InlineArray<9, Lanes>(repeating: .zero)
        private let firstPosition: Int
        init(from firstPosition: Int) { self.firstPosition = firstPosition }
        /// Keeps `value` if `position` is among the newest nine.
        @inline(__always) mutating func set(_ position: Int, _ value: Lanes) {
            if position >= firstPosition { values[position - firstPosition] = value }
        }
    }

    /// Makes a series by window. `run` takes the element of the window's bar 0 in a field of `BlockedBars`.
    @inline(__always) private static func byWindow(
        _ bars: BlockedBars, _ run: (_ bar0: Int, _ tail: inout Tail) -> Void
    ) -> IndicatorSeries {
        var values = [Double](repeating: 0, count: bars.blocks * IndicatorSeries.rows(IndicatorSeries.positions) * day)
        var out = 0
        for block in 0..<bars.blocks {
            for window in 0..<Universe.windows {
                for lane in stride(from: 0, to: day, by: Lanes.scalarCount) {
                    var tail = Tail(from: bars.firstPosition)
                    run(block * bars.blockStride + window * day + lane, &tail)
                    for row in 0..<IndicatorSeries.positions { values.store(tail.values[row], out + row * day + lane) }
                }
                out += IndicatorSeries.positions * day
            }
        }
        return IndicatorSeries(values: values, windowStride: IndicatorSeries.positions)
    }

    /// Makes a series by day; rows before day `first` stay 0. `value` takes the element of the day's bar.
    @inline(__always) private static func byDay(
        _ bars: BlockedBars, from first: Int, _ value: (_ bar: Int) -> Lanes
    ) -> IndicatorSeries {
        let rows = IndicatorSeries.rows(1)
        var values = [Double](repeating: 0, count: bars.blocks * rows * day)
        for block in 0..<bars.blocks {
            for row in max(0, first - bars.firstPosition)..<rows {
                let bar = block * bars.blockStride + (bars.firstPosition + row) * day
                for lane in stride(from: 0, to: day, by: Lanes.scalarCount) {
                    values.store(value(bar + lane), (block * rows + row) * day + lane)
                }
            }
        }
        return IndicatorSeries(values: values, windowStride: 1)
    }

    /// Mean of the `count` ≥ 1 values of which the newest is element `at`.
    @inline(__always) static func mean(_ values: [Double], _ at: Int, _ count: Int) -> Lanes {
        let newest = values.lanes(at)
        var sum = Lanes.zero
        for age in 1..<max(count, 1) { sum += values.lanes(at &- age &* day) - newest }
        return newest + sum / Double(count)
    }

    /// Simple moving average of closes, in the unit of price, by day: from day `period` − 1. In a window it is defined
    /// from position `period` − 1.
    static func sma(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        byDay(bars, from: period - 1) { mean(bars.close, $0, period) }
    }

    /// Population standard deviation of the last `period` closes about `means`, in the unit of price, by day; 0 where
    /// the variance is less than `zero`.
    static func deviation(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        byDay(bars, from: period - 1) { bar in
            let middle = mean(bars.close, bar, period)
            var squares = Lanes.zero
            for age in 0..<period {
                let d = bars.close.lanes(bar &- age &* day) - middle
                squares += d * d
            }
            let variance = squares / Double(period)
            return variance.squareRoot().replacing(with: 0, where: variance .< zero)
        }
    }

    /// Highest of the `period` ≥ 1 highs or closes before each day, in the unit of price, by day: from day `period`.
    static func highest(_ bars: BlockedBars, period: Int, ofHighs: Bool) -> IndicatorSeries {
        let field = ofHighs ? bars.high : bars.close
        return byDay(bars, from: period) { bar in
            var top = field.lanes(bar - day)
            for age in 2..<max(period + 1, 2) { top = larger(top, field.lanes(bar - age * day)) }
            return top
        }
    }

    /// Mean of the `period` volumes before each day, in shares, by day: from day `period`. The sum of volumes is exact,
    /// being one of whole numbers, so it is taken plainly.
    static func volumeMean(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        byDay(bars, from: period) { bar in
            var sum = Lanes.zero
            for age in 1...period { sum += bars.volume.lanes(bar - age * day) }
            return sum / Double(period)
        }
    }

    /// Exponential moving average of closes, seeded with the mean of the window's first `period`, in the unit of price.
    /// First at position `period` − 1.
    static func ema(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        let k = 2 / Double(period + 1)
        return byWindow(bars) { bar0, tail in
            var e = mean(bars.close, bar0 + (period - 1) * day, period)
            tail.set(period - 1, e)
            for t in period..<bars.signalBars {
                e += (bars.close.lanes(bar0 + t * day) - e) * k
                tail.set(t, e)
            }
        }
    }

    /// 100·G/(G+L) of Wilder's averages of gains and losses, 0…100; 0 when both are. First at position `period`.
    static func rsi(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        byWindow(bars) { bar0, tail in
            var gain = Lanes.zero
            var loss = Lanes.zero
            var before = bars.close.lanes(bar0)
            for t in 1..<bars.signalBars {
                let now = bars.close.lanes(bar0 + t * day)
                let change = now - before
                let isFall = change .< 0
                before = now
                gain = wilder(gain, change.replacing(with: 0, where: isFall), t, period)
                loss = wilder(loss, Lanes.zero.replacing(with: -change, where: isFall), t, period)
                let sum = gain + loss
                tail.set(t, (100 * (gain / sum)).replacing(with: 0, where: sum .< zero))
            }
        }
    }

    /// Average true range in percent of the close; 0 where the close is. First at position `period`.
    static func natr(_ bars: BlockedBars, period: Int) -> IndicatorSeries {
        byWindow(bars) { bar0, tail in
            var average = Lanes.zero
            for t in 1..<bars.signalBars {
                let at = bar0 + t * day
                average = wilder(average, trueRange(bars, at), t, period)
                let close = bars.close.lanes(at)
                tail.set(t, (average / close * 100).replacing(with: 0, where: magnitude(close) .< zero))
            }
        }
    }

    /// Wilder's average after its `t`-th value: a sum while t < `period`, their mean at t = `period`, then smoothed.
    @inline(__always) private static func wilder(_ average: Lanes, _ value: Lanes, _ t: Int, _ period: Int) -> Lanes {
        let p = Double(period)
        if t < period { return average + value }
        return t == period ? (average + value) / p : (average * (p - 1) + value) / p
    }

    /// max(H − L, |H − C₋₁|, |L − C₋₁|) of the bar at element `at`, in the unit of price.
    @inline(__always) static func trueRange(_ bars: BlockedBars, _ at: Int) -> Lanes {
        let (high, low, before) = (bars.high.lanes(at), bars.low.lanes(at), bars.close.lanes(at - day))
        return larger(larger(high - low, magnitude(high - before)), magnitude(low - before))
    }

    @inline(__always) static func larger(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .> a) }
    @inline(__always) static func magnitude(_ a: Lanes) -> Lanes { a.replacing(with: -a, where: a .< 0) }
}
