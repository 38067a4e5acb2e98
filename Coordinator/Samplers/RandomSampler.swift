import Glibc

/// Every trial at random: the same suggestions, bit for bit, as Optuna 5.0's `RandomSampler`.
package struct RandomSampler: Sampler {
    private let space: Space
    private var draws: UniformDraws

    package init(space: Space, seed: UInt32) {
        self.space = space
        draws = UniformDraws(seed: seed)
    }

    package mutating func learn(_ trial: Trial) {}

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        var values = [Double?](repeating: nil, count: space.count)
        for (at, axis) in space.axes.enumerated() where space.isActive(at, given: values) {
            values[at] = fixed[at] ?? (axis.isSingle ? axis.low : draws.draw(axis))
        }
        return Suggestion(values: values, draws: Draws(random: draws.generator.taken))
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {
        draws.generator.advance(to: suggestion.draws.random)
    }
}

/// Uniform draws from one stream.
struct UniformDraws: Sendable {
    var generator: MersenneTwister
    init(seed: UInt32) { generator = MersenneTwister(seed: seed) }

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
