import CKernels
import Jobs

/// What a group within the rails can score, from its integers: tables for the quick test of one group, and an upper
/// bound for every group below a node.
@safe final class GroupBound {
    private var pp: [Double]
    private var weighted: [Double]
    private var wilson: [Double]
    private var size: [Double]
    /// Highest score by Σ min(20, H_d) of a node. Shape [101]; −∞ below 40, where no group passes the rail.
    private let highest: [Double]

    init(_ score: GroupScore) {
        let most = GroupScore.mostBuys
        var pp: [Double] = []
        for buys in 0...most { for hits in 0...most { pp.append(buys == 0 ? 0 : 100 * Double(hits) / Double(buys)) } }
        var weighted: [Double] = []
        for weight in score.weights { for value in pp { weighted.append(0.60 * value * weight / 5) } }
        var wilson: [Double] = []
        for buys in 0...5 * most {
            for hits in 0...5 * most { wilson.append(hits > buys ? 0 : 0.80 * wilsonLowerBound(hits: hits, of: buys)) }
        }
        let size = (0...5 * most).map { score.sizeTerms(totalBuys: $0) }
        highest = Self.highest(pp: pp, weighted: weighted, wilson: wilson, size: size)
        (self.pp, self.weighted, self.wilson, self.size) = (pp, weighted, wilson, size)
    }

    /// An upper bound on the score of every retained group whose members include those of a node with these hits.
    func highest(hits: InlineArray<5, Int>) -> Double {
        var total = 0
        for d in 0..<5 {
            if hits[d] < GroupScore.fewestHits { return -.infinity }
            total += min(hits[d], GroupScore.mostBuys)
        }
        return highest[total]
    }

    /// Moves to the front of `survivors` those that are retained and may score `threshold`; how many those are, and how
    /// many are retained.
    func filter(_ survivors: inout [apex_groups_survivor], count: Int, threshold: Double) -> (kept: Int, retained: Int)
    {
        precondition(count <= survivors.count, "more survivors than there are")
        var retained: UInt32 = 0
        // The tables have the shapes that `apex_groups_tables` names, and outlive the call.
        let kept = unsafe pp.withUnsafeBufferPointer { pp in
            unsafe weighted.withUnsafeBufferPointer { weighted in
                unsafe wilson.withUnsafeBufferPointer { wilson in
                    unsafe size.withUnsafeBufferPointer { size in
                        var tables = unsafe apex_groups_tables(
                            pp: pp.baseAddress, weighted: weighted.baseAddress, wilson: wilson.baseAddress,
                            size: size.baseAddress)
                        return unsafe apex_groups_filter(&tables, threshold, &survivors, UInt32(count), &retained)
                    }
                }
            }
        }
        return (Int(kept), Int(retained))
    }

    /// Splits the score of a group within the rails into what each window adds on its own (its part of weighted_pp and
    /// of 3·slope) and what ΣH and ΣB add (Wilson, size); the best split over the windows comes from dynamic
    /// programming over (ΣB, ΣH). Median and second-worst pp count as 100, and what lowers the score (deviation, iqr,
    /// cv, repeats) as nothing. Slope may be positive or not: the bound is the larger of the two cases.
    private static func highest(pp: [Double], weighted: [Double], wilson: [Double], size: [Double]) -> [Double] {
        let (fewest, most) = (GroupScore.fewestHits, GroupScore.mostBuys)
        var byHits = Array(repeating: -Double.infinity, count: 5 * most + 1)
        for slopeFactor in [0.0, 0.3] {
            var best = Array(repeating: -Double.infinity, count: 101 * 101)
            // Shapes as `apex_groups_best_splits` names them.
            unsafe apex_groups_best_splits(pp, weighted, slopeFactor, &best)
            let side = 5 * most + 1
            for buys in 5 * fewest..<side {
                for hits in 5 * fewest...buys where 2 * hits >= buys {
                    let score = best[buys * side + hits] + 25 + 15 + wilson[buys * side + hits] + size[buys]
                    byHits[hits] = max(byHits[hits], score)
                }
            }
        }
        // Fewer hits than the node has are possible too; the slack covers the rounding of these sums.
        var running = -Double.infinity
        return byHits.map { value in
            running = max(running, value)
            return running + 1e-6
        }
    }
}
