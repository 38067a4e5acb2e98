import Jobs
import Messages
import Samplers

/// The search for variations of one algorithm: cycles of a batch each, the next planned from all before it. What cycle
/// k tries follows from the seed, the algorithm, k and the scores of the cycles before, and from nothing else: a study
/// restored from its results goes on as if it had never stopped.
struct VariationStudy {
    private static let redraws = 100

    let algorithm: Algorithm
    private let seed: UInt64
    private let cycles: UInt32
    private let batch: Int
    private var sampler: TPESampler
    private var tested: TestedVariations
    /// Planned variations in number order: number n is element n − 1. Those past `evaluations` are in flight.
    private(set) var planned: [Variation] = []
    private(set) var evaluations: [VariationEvaluation] = []
    private(set) var cyclesPlanned: UInt32 = 0
    /// Every feasible variation has been planned.
    private(set) var isExhausted = false

    init(_ algorithm: Algorithm, seed: UInt64, cycles: UInt32, batch: Int, windowBars: Int) {
        self.algorithm = algorithm
        self.seed = seed
        self.cycles = cycles
        self.batch = batch
        tested = TestedVariations(algorithm, windowBars: windowBars)
        sampler = TPESampler(space: Self.space(of: algorithm), seed: 0, directions: [.maximize], ties: .age)
    }

    /// Options are sampled, not numbers: the grid is the same and every algorithm's looks alike.
    private static func space(of algorithm: Algorithm) -> Space {
        let parameters = algorithm.parameters.map {
            Samplers.Parameter(
                $0.name,
                $0.isCategorical ? .categorical(choices: $0.optionCount) : .int(low: 0, high: $0.optionCount - 1))
        }
        guard let space = try? Space(parameters) else {
            preconditionFailure("an algorithm's parameters are named once and have options")
        }
        return space
    }

    var isDone: Bool { evaluations.count == planned.count && (cyclesPlanned == cycles || isExhausted) }
    /// Variations it will have tested at its end, as far as is known.
    var total: Int { isExhausted ? planned.count : Int(cycles) * batch }

    /// The next cycle's variations; nil while one is in flight and when there is none.
    mutating func plan() -> [Variation]? {
        guard evaluations.count == planned.count, cyclesPlanned < cycles, !isExhausted else { return nil }
        sampler.reseed(streamSeed(of: cyclesPlanned))
        let first = planned.count
        for _ in 0..<batch {
            guard let variation = suggest(pendingFrom: first) else {
                isExhausted = true
                break
            }
            tested.insert(variation)
            planned.append(variation)
        }
        guard planned.count > first else { return nil }
        cyclesPlanned += 1
        return Array(planned[first...])
    }

    private mutating func suggest(pendingFrom first: Int) -> Variation? {
        let pending = (first..<planned.count).map {
            PendingTrial(number: $0, values: planned[$0].options.map(Double.init))
        }
        let (algorithm, tested) = (algorithm, tested)
        let suggestion = sampler.suggest(pending: pending, redraws: Self.redraws) { point in
            tested.lacks(Variation(algorithm, point.map { UInt8($0) }))
        }
        let variation = Variation(algorithm, suggestion.point.map { UInt8($0) })
        if suggestion.isAccepted { return variation }
        let neighbours = Neighbours(axes: algorithm.parameters.map { ($0.optionCount, $0.isCategorical) }) {
            Variation(algorithm, $0).canonical.options
        }
        return neighbours.nearest(to: variation.options) { tested.lacks(Variation(algorithm, $0)) }
            .map { Variation(algorithm, $0) }
    }

    /// After a restart: a cycle that was planned before.
    mutating func replan(_ variations: [Variation]) {
        for variation in variations {
            tested.insert(variation)
            planned.append(variation)
        }
        cyclesPlanned += 1
    }

    /// - Throws: when the evaluations are not those of the cycle in flight.
    mutating func learn(_ results: [VariationEvaluation]) throws(JobError) {
        let asked = planned[evaluations.count...]
        guard results.map(\.variation) == Array(asked) else {
            throw JobError(
                "cycle \(cyclesPlanned) of \(algorithm.name): \(results.count) evaluations that are not of the "
                    + "\(asked.count) variations asked for; the worker's program is not this coordinator's.")
        }
        guard results.allSatisfy({ $0.buys.count == 5 && $0.metrics.stabilityScore.isFinite }) else {
            throw JobError(
                "cycle \(cyclesPlanned) of \(algorithm.name): an evaluation without five days or with a score that is "
                    + "no number.")
        }
        for result in results {
            sampler.learn(
                Trial(
                    number: evaluations.count, values: result.variation.options.map(Double.init),
                    outcome: .complete(result.metrics.stabilityScore)))
            evaluations.append(result)
        }
    }

    /// One stream of draws a cycle, so that nothing has to be drawn again after a restart. Source of the mixing steps:
    /// Steele, Lea and Flood (2014), *Fast Splittable Pseudorandom Number Generators*.
    private func streamSeed(of cycle: UInt32) -> UInt32 {
        var mixed = seed
        for word in [UInt64(algorithm.rawValue) + 1, UInt64(cycle) + 1] {
            mixed = (mixed ^ word) &+ 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            mixed ^= mixed >> 31
        }
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }
}

/// Which variations of an algorithm were planned already, duplicates judged as DESIGN §5.4 does.
private struct TestedVariations {
    private let strides: [UInt64]
    private let windowBars: Int
    /// Only asked for membership.
    private var keys: Set<UInt64> = []

    init(_ algorithm: Algorithm, windowBars: Int) {
        self.windowBars = windowBars
        var stride: UInt64 = 1
        strides = algorithm.parameters.map { parameter in
            defer { stride *= UInt64(parameter.optionCount) }
            return stride
        }
    }
    mutating func insert(_ variation: Variation) { keys.insert(key(variation)) }
    /// A feasible variation that is no duplicate.
    func lacks(_ variation: Variation) -> Bool {
        !keys.contains(key(variation)) && variation.isFeasible(windowBars: windowBars)
    }
    private func key(_ variation: Variation) -> UInt64 {
        zip(variation.canonical.options, strides).reduce(0) { $0 + UInt64($1.0) * $1.1 }
    }
}
