import Jobs
import Market

/// Tests variations on one universe, and keeps the indicators it computed for the variations to come.
///
/// A class, so that whoever holds it between tasks keeps its series; one thread uses it at a time. `IndicatorCache`
/// says how much memory it may come to hold. What it answers does not depend on what it was asked before.
package final class VariationKernel {
    private let cache: IndicatorCache
    private let hits: [TickerSet]

    package init(universe: Universe) {
        cache = IndicatorCache(BlockedBars(universe))
        hits = universe.hits
    }

    /// Bytes of indicator series held now.
    package var cachedBytes: Int { cache.bytes }

    /// One evaluation per variation, in their order.
    ///
    /// - Parameter variations: each feasible (`Variation.isFeasible`); traps otherwise.
    package func evaluate(_ variations: [Variation]) -> [VariationEvaluation] {
        cache.dropIfOverLimit()
        let scan = TriggerScan(cache)
        return variations.map { variation in
            let words = scan.buys(VariationRule(variation))
            let buys = (0..<Universe.windows).map { window in
                TickerSet(words: stride(from: window, to: words.count, by: Universe.windows).map { words[$0] })
            }
            return VariationEvaluation(
                variation: variation, buys: buys, metrics: VariationMetrics(buys: buys, hits: hits))
        }
    }
}
