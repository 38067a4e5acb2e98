/// Suggests what to try next by tree-structured Parzen estimators: the same suggestions, bit for bit, as Optuna 5.0's
/// `TPESampler` with the same seed and the same trials (NumPy without SIMD dispatch, glibc, x86-64).
///
/// The first ten trials are random. After them the good trials and the rest each make a density; of 24 points drawn from
/// the good one, the point where good over rest is highest wins. Pending trials count among the rest, so that a batch
/// spreads out. A sampler that is multivariate draws all parameters that every trial has together; the others, and all
/// of a univariate one, are drawn one by one.
package struct TPESampler: Sampler {
    private static let startupTrials = 10
    private static let candidates = 24

    private let space: Space
    private let axes: [Axis]
    /// Positions in `space` in order of name, as joint estimators list their axes.
    private let byName: [Int]
    private let isMultivariate: Bool
    private let ties: TieOrder
    private var trials: History
    private var generator: MersenneTwister
    private var random: UniformDraws
    private var scratch: [Double] = []

    package init(
        space: Space, seed: UInt32, directions: [Direction], isMultivariate: Bool = true, ties: TieOrder = .numPy
    ) {
        self.space = space
        self.isMultivariate = isMultivariate
        self.ties = ties
        axes = space.axes
        let names = space.parameters.map(\.name)
        byName = names.indices.sorted {
            names[$0].unicodeScalars.lexicographicallyPrecedes(names[$1].unicodeScalars)
        }
        trials = History(axes: space.axes, directions: directions)
        generator = MersenneTwister(seed: seed)
        random = UniformDraws(seed: seed)
    }

    /// Starts both streams of draws anew; what was learned stays.
    package mutating func reseed(_ seed: UInt32) {
        generator = MersenneTwister(seed: seed)
        random = UniformDraws(seed: seed)
    }

    /// A trial ended; in any order.
    package mutating func learn(_ trial: Trial) { trials.add(trial) }

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        var joint: [Double?]?
        var values = [Double?](repeating: nil, count: axes.count)
        for (at, axis) in axes.enumerated() where space.isActive(at, given: values) {
            if let value = fixed[at] {
                values[at] = value
            } else if axis.isSingle {
                values[at] = axis.low
            } else {
                if joint == nil { joint = suggestJoint(pending: pending) }
                if let value = joint?[at], axis.contains(value) {
                    values[at] = value
                } else {
                    values[at] = suggestOne(at, pending: pending)
                }
            }
        }
        var unused = joint ?? []
        for at in unused.indices where values[at] != nil { unused[at] = nil }
        if unused.allSatisfy({ $0 == nil }) { unused = [] }
        return Suggestion(
            values: values, unused: unused, draws: Draws(random: random.generator.taken, model: generator.taken))
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {
        random.generator.advance(to: suggestion.draws.random)
        generator.advance(to: suggestion.draws.model)
    }

    /// The parameters that every trial so far has, drawn together; nil for the others, and for all of them while there
    /// are too few trials.
    private mutating func suggestJoint(pending: [PendingTrial]) -> [Double?] {
        var point = [Double?](repeating: nil, count: axes.count)
        guard isMultivariate, trials.count >= Self.startupTrials else { return point }
        let joint = byName.filter { !axes[$0].isSingle && trials.columns[$0].absences == 0 }
        guard !joint.isEmpty else { return point }
        for (at, value) in zip(joint, sample(joint, pending)) { point[at] = value }
        return point
    }

    /// One parameter drawn by itself.
    private mutating func suggestOne(_ parameter: Int, pending: [PendingTrial]) -> Double {
        guard trials.count >= Self.startupTrials else { return random.draw(axes[parameter]) }
        return sample([parameter], pending)[0]
    }

    /// A point that `isAcceptable`, drawn again at most `redraws` times from the same estimators: a draw is one random
    /// point before the start-up trials are over, and 24 candidates after, of which the acceptable ones compete. When
    /// every draw fails, the point that would have been suggested without the condition, and false.
    ///
    /// Needs every trial to have every parameter, and a multivariate sampler.
    package mutating func suggest(
        pending: [PendingTrial] = [], redraws: Int, where isAcceptable: ([Double]) -> Bool
    ) -> (point: [Double], isAccepted: Bool) {
        let free = byName.filter { !axes[$0].isSingle }
        precondition(
            isMultivariate && free.allSatisfy { trials.columns[$0].absences == 0 }, "conditions are on whole points")
        guard trials.count >= Self.startupTrials, !free.isEmpty else {
            var first: [Double]?
            for _ in 0...redraws {
                let point = axes.map { $0.isSingle ? $0.low : random.draw($0) }
                if isAcceptable(point) { return (point, true) }
                first = first ?? point
            }
            return (first ?? [], false)
        }
        let (good, rest) = fit(free, pending)
        var point = axes.map(\.low)
        var first: [[Double]]?
        for _ in 0...redraws {
            let points = good.sample(Self.candidates, from: &generator)
            let accepted = (0..<Self.candidates).filter { candidate in
                for (at, parameter) in free.enumerated() { point[parameter] = points[at][candidate] }
                return isAcceptable(point)
            }
            if accepted.isEmpty {
                first = first ?? points
                continue
            }
            let best = Acquisition.best(of: accepted, in: points, good: good, rest: rest, scratch: &scratch)
            for (at, parameter) in free.enumerated() { point[parameter] = points[at][best] }
            return (point, true)
        }
        let points = first ?? []
        let best = Acquisition.best(
            of: Array(0..<Self.candidates), in: points, good: good, rest: rest, scratch: &scratch)
        for (at, parameter) in free.enumerated() { point[parameter] = points[at][best] }
        return (point, false)
    }

    private mutating func sample(_ parameters: [Int], _ pending: [PendingTrial]) -> [Double] {
        let (good, rest) = fit(parameters, pending)
        let points = good.sample(Self.candidates, from: &generator)
        let best = Acquisition.best(
            of: Array(0..<Self.candidates), in: points, good: good, rest: rest, scratch: &scratch)
        return points.map { $0[best] }
    }

    private mutating func fit(_ parameters: [Int], _ pending: [PendingTrial]) -> (
        good: ParzenEstimator, rest: ParzenEstimator
    ) {
        trials.admit(pending)
        defer { trials.dismiss() }
        return trials.estimators(parameters, ties: ties)
    }
}
