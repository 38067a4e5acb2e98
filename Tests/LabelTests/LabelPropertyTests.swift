import Jobs
import Labels
import Market
import TestSupport
import Testing

/// A walk of prices with gaps and jumps over many sessions, some bars of which are missing.
func randomSeries(_ timeframe: Timeframe, bars count: Int, missing: Int, _ chance: inout SplitMix) -> BarSeries {
    var series = BarSeries(symbol: "AA", timeframe: timeframe)
    var session = TradingSession(date: 2024_10_21)!
    var price = 50.0
    while series.count < count {
        for start in stride(from: session.opens, to: session.closes, by: Int(timeframe.milliseconds))
        where chance.next(below: 100) >= missing {
            let open = price * (1 + (chance.nextUnit() - 0.5) * 0.02)
            let close = open * (1 + (chance.nextUnit() - 0.5) * 0.06)
            series.append(
                start: start, open: open, high: max(open, close) * (1 + chance.nextUnit() * 0.02),
                low: min(open, close) * (1 - chance.nextUnit() * 0.02), close: close,
                volume: Double(chance.next(below: 100_000)))
            price = close
        }
        session = session.later(by: 1)
    }
    return series
}

@Test(arguments: seeds(40))
func `stretches found by blocks are those found bar by bar`(seed: UInt64) {
    var chance = SplitMix(seed: seed)
    let series = randomSeries(.minute1, bars: 400, missing: 30, &chance)
    let path = PricePath(series)
    for _ in 0..<60 {
        let start = chance.next(below: series.count)
        let bars = start..<start + 1 + chance.next(below: series.count - start)
        let high = bars.map { series.high[$0] }.max()!
        #expect(path.peak(in: bars) == bars.first { series.high[$0] == high })
        #expect(path.lowest(in: bars) == bars.map { series.low[$0] }.min())
        let upper = series.open[start] * (1 + chance.nextUnit() * 0.4)
        let lower = series.open[start] * (1 - chance.nextUnit() * 0.4)
        let touch = bars.first { series.high[$0] >= upper || series.low[$0] <= lower }
        #expect(path.firstTouch(in: bars, upper: upper, lower: lower) == touch)
    }
}

/// The walk of a price over the points that a bar is known to have passed: its open, then either extreme.
@Test(arguments: seeds(40))
func `the triple barrier agrees with a walk along the bars`(seed: UInt64) {
    var chance = SplitMix(seed: seed)
    let series = randomSeries(.hour1, bars: 200, missing: 20, &chance)
    let path = PricePath(series)
    for _ in 0..<50 {
        let start = chance.next(below: series.count - 1)
        let bars = start..<min(series.count, start + 1 + chance.next(below: 60))
        let upper = series.open[start] * (1 + 0.005 + chance.nextUnit() * 0.1)
        let lower = series.open[start] * (1 - 0.005 - chance.nextUnit() * 0.1)
        var walked: (side: Int8, bar: Int, exit: Double, ambiguous: Bool) = (
            0, bars.last!, series.close[bars.last!], false
        )
        for bar in bars {
            let (up, down) = (series.high[bar] >= upper, series.low[bar] <= lower)
            if series.open[bar] >= upper {
                walked = (1, bar, series.open[bar], false)
            } else if series.open[bar] <= lower {
                walked = (-1, bar, series.open[bar], false)
            } else if down {
                walked = (-1, bar, lower, up)
            } else if up {
                walked = (1, bar, upper, false)
            } else {
                continue
            }
            break
        }
        let barrier = TripleBarrier(series, path: path, bars: bars, upper: upper, lower: lower)
        #expect(barrier.side == walked.side && barrier.bar == walked.bar && barrier.isAmbiguous == walked.ambiguous)
        #expect(barrier.exitPrice == walked.exit)
    }
}

@Test(arguments: seeds(20))
func `volatility is the weighted deviation, summed the long way`(seed: UInt64) {
    var chance = SplitMix(seed: seed)
    let close = (0..<80).map { _ in 10 + chance.nextUnit() * 5 }
    let span = 2 + chance.next(below: 30)
    let fast = dailyVolatility(close: close, span: span)
    for day in close.indices {
        guard day >= span else {
            #expect(fast[day] == nil)
            continue
        }
        let returns = (1...day).map { close[$0] / close[$0 - 1] - 1 }
        var weights: [Double] = [1]
        for _ in returns.dropFirst() { weights.insert(weights[0] * (1 - 2 / (Double(span) + 1)), at: 0) }
        let sum = weights.reduce(0, +)
        let mean = zip(weights, returns).map(*).reduce(0, +) / sum
        let biased = zip(weights, returns).map { $0 * ($1 - mean) * ($1 - mean) }.reduce(0, +) / sum
        let squares = weights.map { $0 * $0 }.reduce(0, +)
        let slow = (biased * sum * sum / (sum * sum - squares)).squareRoot()
        #expect(abs(fast[day]! - slow) <= 1e-12 * max(1, slow))
    }
    #expect(dailyVolatility(close: [Double](repeating: 7, count: 50), span: 20).allSatisfy { $0 == nil })
}

@Test(arguments: seeds(12))
func `what happens after an outcome window changes no label, and what happens in it no description`(seed: UInt64) throws
{
    var chance = SplitMix(seed: seed)
    var series = randomSeries(.hour1, bars: 420, missing: 3, &chance)
    let until = series.end(of: series.count - 1)
    func rows(_ series: BarSeries, _ timeframe: Timeframe) -> [LabelRow] {
        var labelled = Label.SymbolRows(symbol: "AA")
        Labeller(finest: series, knownUntil: until, rules: LabelRules()).label(
            timeframe, days: 0..<40_000, stride: 1, into: &labelled)
        return labelled.rows
    }
    let before = rows(series, .hour1)
    try #require(before.count > 20)
    // The future of one event is replaced.
    let row = before[chance.next(below: before.count)]
    for bar in series.starts.indices where series.starts[bar] >= row.outcomeEnd {
        series.open[bar] *= 2
        series.high[bar] *= 2
        series.low[bar] *= 2
        series.close[bar] *= 2
    }
    let after = rows(series, .hour1)
    for (old, new) in zip(before, after) where old.outcomeEnd <= row.outcomeEnd { #expect(old == new) }
    for bar in series.starts.indices where series.starts[bar] >= row.end {
        series.high[bar] *= 1.5
        series.close[bar] *= 1.1
        series.high[bar] = max(series.high[bar], series.close[bar])
    }
    let changed = try #require(rows(series, .hour1).first { $0.start == row.start })
    #expect(changed.regime == row.regime && changed.volatility == row.volatility && changed.turnover == row.turnover)
    #expect(changed.maxRunup > row.maxRunup)
}

@Test(arguments: seeds(8))
func `tasks by ranges of days give together what one task gives`(seed: UInt64) {
    var chance = SplitMix(seed: seed)
    let series = randomSeries(.minute15, bars: 1200, missing: 10, &chance)
    let labeller = Labeller(finest: series, knownUntil: series.end(of: series.count - 1), rules: LabelRules())
    for timeframe in Timeframe.allCases where timeframe >= .minute15 {
        var whole = Label.SymbolRows(symbol: "AA")
        labeller.label(timeframe, days: 0..<40_000, stride: 3, into: &whole)
        var parts = Label.SymbolRows(symbol: "AA")
        var day = NewYorkTime.dayNumber(of: series.starts[0]) - chance.next(below: 5)
        while day <= NewYorkTime.dayNumber(of: series.starts.last!) {
            let next = day + 1 + chance.next(below: 9)
            labeller.label(timeframe, days: day..<next, stride: 3, into: &parts)
            day = next
        }
        #expect(parts == whole)
    }
}
