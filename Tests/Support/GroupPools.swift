import Jobs
import Market

/// A pool made from a seed, for tests: variations of one algorithm share a core of tickers, and all lean a little on
/// the hits, so that some groups pass every rule and many do not.
package func randomPool(seed: UInt64, symbols: Int = 90, counts: [Int], density: ClosedRange<Double> = 0.35...0.75)
    -> VariationPool
{
    var random = SplitMix(seed: seed)
    func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }
    let hits = (0..<5).map { _ in
        var set = TickerSet(capacity: symbols)
        for ticker in 0..<symbols where chance(0.5) { set.insert(ticker) }
        return set
    }
    var members: [VariationPool.Member] = []
    for (algorithm, count) in zip(Algorithm.allCases, counts) {
        for number in 0..<count {
            let share = Double.random(in: density, using: &random)
            let skill = Double.random(in: 1...1.8, using: &random)
            let buys = (0..<5).map { window in
                var set = TickerSet(capacity: symbols)
                for ticker in 0..<symbols
                where chance(min(1, hits[window].contains(ticker) ? share * skill : share * 0.7)) {
                    set.insert(ticker)
                }
                return set
            }
            members.append(VariationPool.Member(algorithm: algorithm, number: UInt32(number + 1), buys: buys))
        }
    }
    return VariationPool(symbolCount: UInt32(symbols), hits: hits, members: members)
}
