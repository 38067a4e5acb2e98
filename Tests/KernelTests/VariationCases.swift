import Foundation
import Jobs
import Market
import TestSupport

/// A universe of `tickers` random walks with what real ones have: gaps, halts of a few days or of all, whole-cent ticks
/// with many ties, prices from fractions of a cent to millions, days without volume.
func randomUniverse(tickers: Int, seed: UInt64, windowBars: Int = Universe.windowBars) -> Universe {
    let days = Universe.days(windowBars: windowBars)
    var random = SplitMix(seed: seed)
    func uniform(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
    var open = [Double](repeating: 0, count: tickers * days)
    var (high, low, close, volume) = (open, open, open, open)
    for ticker in 0..<tickers {
        let kind = Int.random(in: 0..<8, using: &random)
        let scale = kind == 0 ? pow(10, uniform(-4...7)) : uniform(1...90)
        // Kind 1 trades in few ticks, so that averages often tie.
        let tick = kind == 1 ? scale / 20 : kind == 2 ? 0.01 : 0
        let drift = uniform(-0.01...0.01)
        let spread = uniform(0.001...0.05)
        let haltFrom = Int.random(in: 0..<days, using: &random)
        let haltDays = kind == 3 ? Int.random(in: 1...days, using: &random) : kind == 4 ? 2 * days : 0
        func ticked(_ price: Double) -> Double { tick == 0 ? price : max(tick, (price / tick).rounded() * tick) }
        var price = scale
        for day in 0..<days {
            let at = day * tickers + ticker
            let isHalted = haltDays > days || (haltFrom..<haltFrom + haltDays).contains(day)
            if isHalted {
                let last = day == 0 ? ticked(price) : close[at - tickers]
                (open[at], high[at], low[at], close[at], volume[at]) = (last, last, last, last, 0)
                continue
            }
            let gap = Int.random(in: 0..<12, using: &random) == 0 ? uniform(-0.3...0.3) : 0
            let from = price * (1 + gap)
            price = from * (1 + drift + uniform(-1...1) * spread)
            open[at] = ticked(from)
            close[at] = ticked(price)
            high[at] = ticked(max(from, price) * (1 + uniform(0...1) * spread))
            low[at] = ticked(min(from, price) * (1 - uniform(0...1) * spread))
            high[at] = max(high[at], open[at], close[at])
            low[at] = min(low[at], open[at], close[at])
            volume[at] = Int.random(in: 0..<20, using: &random) == 0 ? 0 : uniform(1e4...1e7).rounded()
        }
    }
    return Universe(
        symbols: (0..<tickers).map { "S\($0)" }, dates: (0..<Int32(days)).map { 20_170_101 + $0 }, open: open,
        high: high, low: low, close: close, volume: volume)
}

/// Feasible options, uniform by redrawing.
func randomVariation(
    _ algorithm: Algorithm, windowBars: Int = Universe.windowBars, using random: inout SplitMix
) -> Variation {
    while true {
        let drawn = Variation(
            algorithm, algorithm.parameters.map { UInt8.random(in: 0..<UInt8($0.optionCount), using: &random) })
        if drawn.isFeasible(windowBars: windowBars) { return drawn }
    }
}
