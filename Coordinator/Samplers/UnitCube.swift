import Glibc

/// A space as a cube of side 1, for samplers that work in numbers: log axes by their logarithm, choices and steps as equal
/// parts of their side.
struct UnitCube: Sendable {
    let space: Space
    /// Positions in the space of what is searched: single-valued parameters are not.
    let free: [Int]

    init(_ space: Space) {
        self.space = space
        free = space.axes.indices.filter { !space.axes[$0].isSingle }
    }

    var dimensions: Int { free.count }
    func axis(_ dimension: Int) -> Axis { space.axes[free[dimension]] }

    /// Values of a point: fixed ones first, then the point's, nil where inactive.
    ///
    /// - Returns: the values, and those of inactive parameters.
    func values(of point: [Double], fixed: [Double?]) -> (values: [Double?], unused: [Double?]) {
        var values = [Double?](repeating: nil, count: space.count)
        var unused = values
        var dimension = 0
        for (at, axis) in space.axes.enumerated() {
            var value = axis.low
            if !axis.isSingle {
                value = axis.value(atShare: point[dimension])
                dimension += 1
            }
            if space.isActive(at, given: values) { values[at] = fixed[at] ?? value } else { unused[at] = value }
        }
        return (values, unused.allSatisfy { $0 == nil } ? [] : unused)
    }

    /// The point of some values; the middle where there is none.
    func point(of values: [Double?]) -> [Double] {
        free.map { at in values[at].map { space.axes[at].share(of: $0) } ?? 0.5 }
    }
}

extension Axis {
    /// Values of a categorical or stepped axis; 0 for a continuous one.
    var valueCount: Int { isCategorical ? choices : step > 0 ? stepCount : 0 }

    /// The value at a part of the axis, 0…1.
    func value(atShare share: Double) -> Double {
        let share = min(max(share, 0), 1)
        if isCategorical { return min((share * Double(choices)).rounded(.down), Double(choices - 1)) }
        return min(max(value(at: domainLow + (domainHigh - domainLow) * share), low), high)
    }

    /// Where a value is on the axis, 0…1: the middle of its part when it has one.
    func share(of value: Double) -> Double {
        if isCategorical { return (value + 0.5) / Double(choices) }
        guard domainHigh > domainLow else { return 0.5 }
        return min(max(((isLog ? log(value) : value) - domainLow) / (domainHigh - domainLow), 0), 1)
    }
}

/// The draws of one trial, from the study's seed and the trial's number: nothing has to be wound forward after a restart.
/// Source: Steele, Lea and Flood (2014), *Fast Splittable Pseudorandom Number Generators*.
struct TrialDraws {
    private var state: UInt64

    init(seed: UInt32, number: Int, purpose: UInt64) {
        state = UInt64(seed) &* 0xD134_2543_DE82_EF95 ^ purpose << 48
        _ = nextWord()
        state ^= UInt64(bitPattern: Int64(number)) &* 0x9E6D_62D0_6F6A_9A9B
        _ = nextWord()
    }

    mutating func nextWord() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
    /// Uniform in [0, 1).
    mutating func nextDouble() -> Double { Double(nextWord() >> 11) / 9_007_199_254_740_992 }
    /// 0 ..< count.
    mutating func next(below count: Int) -> Int { Int(nextWord().multipliedFullWidth(by: UInt64(count)).high) }
    /// Standard normal. Source: Box and Muller (1958).
    mutating func nextNormal() -> Double {
        let radius = (-2 * log(1 - nextDouble())).squareRoot()
        return radius * cos(2 * Double.pi * nextDouble())
    }
}

/// How good a trial is with one objective: feasible complete ones by value, then pruned ones by how far they got, then
/// infeasible ones by how much.
struct Rank: Comparable {
    private let tier: Int
    private let first: Double, second: Double

    init(_ trial: Trial, _ direction: Direction) {
        if trial.violation > 0 {
            (tier, first, second) = (2, trial.violation, 0)
            return
        }
        switch trial.outcome {
        case .complete(let values):
            let loss = direction == .minimize ? values[0] : -values[0]
            (tier, first, second) = (0, loss.isNaN ? .infinity : loss, 0)
        case .pruned(let report?):
            let loss = direction == .minimize ? report.value : -report.value
            (tier, first, second) = (1, -Double(report.step), loss.isNaN ? .infinity : loss)
        case .pruned(nil): (tier, first, second) = (1, 1, 0)
        }
    }
    /// The value where less is better, of a feasible complete trial.
    var loss: Double? { tier == 0 ? first : nil }

    static func < (a: Rank, b: Rank) -> Bool { (a.tier, a.first, a.second) < (b.tier, b.first, b.second) }
}
