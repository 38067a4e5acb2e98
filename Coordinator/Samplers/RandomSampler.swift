import Glibc

/// Uniform draws, for the trials before there is anything to learn from.
package struct RandomSampler: Sendable {
    private var generator: MersenneTwister
    package init(seed: UInt32) { generator = MersenneTwister(seed: seed) }

    package mutating func draw(from distribution: Distribution) -> Double { draw(Axis(distribution)) }

    /// One double a number; one a choice for a categorical axis, of which the first largest wins.
    mutating func draw(_ axis: Axis) -> Double {
        if axis.isCategorical {
            var (best, bestDraw) = (0, -1.0)
            for choice in 0..<axis.choices {
                let draw = generator.nextDouble()
                if draw > bestDraw { (best, bestDraw) = (choice, draw) }
            }
            return Double(best)
        }
        let t = axis.domainLow + (axis.domainHigh - axis.domainLow) * generator.nextDouble()
        let steps = (t - axis.low) / axis.step
        switch (axis.isLog, axis.isInteger) {
        case (true, true): return min(max(rint(exp(t)), axis.low), axis.high)
        case (true, false): return min(max(exp(t), axis.low), nextafter(axis.high, axis.high - 1))
        case (false, true): return min(max(floor(steps + 0.5) * axis.step + axis.low, axis.low), axis.high)
        case (false, false):
            if axis.step == 0 { return min(t, nextafter(axis.high, axis.high - 1)) }
            return min(max(rint(steps) * axis.step + axis.low, axis.low), axis.high)
        }
    }
}
