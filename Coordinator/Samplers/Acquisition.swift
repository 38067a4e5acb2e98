/// Chooses among candidates by the ratio of good to rest.
enum Acquisition {
    /// The first candidate with the highest ratio, as Optuna's own arithmetic would find it: fast for all of them, and
    /// again in its order of operations for those within a rounding error of the best.
    ///
    /// - Parameters:
    ///   - candidates: positions in `points`, ascending, at least one.
    ///   - points: shape [axes][points], at most 24 points.
    static func best(
        of candidates: [Int], in points: [[Double]], good: ParzenEstimator, rest: ParzenEstimator,
        scratch: inout [Double]
    ) -> Int {
        if candidates.count == 1 { return candidates[0] }
        let chosen = points.map { column in candidates.map { column[$0] } }
        let goodDensities = FastDensity.logDensities(of: good, at: chosen, scratch: &scratch)
        let restDensities = FastDensity.logDensities(of: rest, at: chosen, scratch: &scratch)
        let scores = candidates.indices.map { goodDensities[$0] - restDensities[$0] }
        let isSound = scores.allSatisfy(\.isFinite)
        let highest = scores.max() ?? 0
        let tolerance = tolerance(good.axes)
        var contenders: [Int] = []
        for at in candidates.indices where !isSound || scores[at] >= highest - tolerance {
            // Equal points have equal scores, and the first of them wins.
            let isRepeat = contenders.contains { other in chosen.allSatisfy { $0[other] == $0[at] } }
            if !isRepeat { contenders.append(at) }
        }
        guard contenders.count > 1 else { return candidates[contenders.first ?? 0] }
        var (best, bestScore) = (contenders[0], -Double.infinity)
        for at in contenders {
            let point = chosen.map { $0[at] }
            let score = good.logDensity(at: point) - rest.logDensity(at: point)
            if score > bestScore { (best, bestScore) = (at, score) }
        }
        return candidates[best]
    }

    /// A thousand times what `FastDensity` may be off; more on axes with so many steps that a step's mass is the
    /// difference of nearly equal numbers.
    private static func tolerance(_ axes: [Axis]) -> Double {
        let steps = axes.filter { $0.isDiscrete && !$0.isCategorical }.map { ($0.high - $0.low) / $0.step }.max() ?? 0
        return max(1e-9, steps * 1e-12)
    }
}
