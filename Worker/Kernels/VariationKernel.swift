import Jobs
import Market

/// Tests variations on one universe, and keeps the indicators it computed for the variations to come.
///
/// A class, so that whoever holds it between tasks keeps its series; one thread uses it at a time. `IndicatorCache`
/// says how much memory it may come to hold. What it answers does not depend on what it was asked before.
///
/// The same lanes serve every `SIMDLevel`: compiled for AVX-512 they gained nothing over the AVX2 that the target is
/// built for (0.9 to 1.1 times, all ten algorithms), so there is no wider twin to choose.
package final class VariationKernel {
    private let cache: IndicatorCache
    private let hits: [TickerSet]
    private let windowBars: Int
    /// By the algorithm's raw value.
    private let grids = Algorithm.allCases.map(OptionGrid.init)

    /// - Parameter cacheBytes: once the series held exceed this, the next call of `evaluate` starts without any.
    package init(universe: Universe, cacheBytes: Int = 256 << 20) {
        cache = IndicatorCache(BlockedBars(universe), limitBytes: cacheBytes)
        hits = universe.hits
        windowBars = universe.windowBars
    }

    /// Bytes of indicator series held now.
    package var cachedBytes: Int { cache.bytes }

    /// One evaluation per variation, in their order.
    ///
    /// - Parameter variations: each feasible in the universe's windows (`Variation.isFeasible(windowBars:)`); traps otherwise.
    package func evaluate(_ variations: [Variation]) -> [VariationEvaluation] {
        cache.dropIfOverLimit()
        let scan = TriggerScan(cache)
        return variations.map { variation in
            let rule = rule(variation)
            precondition(
                rule.isFeasible(windowBars: windowBars), "a variation satisfies the constraints between its parameters")
            let words = scan.buys(rule)
            let buys = (0..<Universe.windows).map { window in
                TickerSet(words: stride(from: window, to: words.count, by: Universe.windows).map { words[$0] })
            }
            return VariationEvaluation(
                variation: variation, buys: buys, metrics: VariationMetrics(buys: buys, hits: hits))
        }
    }

    /// Whether `evaluate` takes it: `Variation.isFeasible(windowBars:)`, sooner.
    package func accepts(_ variation: Variation) -> Bool { rule(variation).isFeasible(windowBars: windowBars) }

    private func rule(_ variation: Variation) -> VariationRule {
        VariationRule(variation, grids[Int(variation.algorithm.rawValue)])
    }
}
