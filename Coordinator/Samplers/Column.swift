import Glibc

/// What every trial so far had for one parameter, by row, kept so that an estimator is built in one pass.
struct Column: Sendable {
    /// Axes with at most so many values group their kernels by value.
    static let optionLimit = 4096

    let axis: Axis
    /// NaN where the trial lacks the parameter.
    private(set) var values: [Double] = []
    /// Values in the axis' domain: logarithms for a log axis.
    private(set) var mus: [Double] = []
    /// Positions among the values of an axis with few of them; else empty.
    private(set) var options: [Int32] = []
    /// Rows with a value, ascending by value, then by row; numbers only.
    private(set) var order: [Int32] = []
    private(set) var absences = 0
    /// Values between two steps, within rounding: somebody enqueued 0.3 where the step is 0.30000000000000004.
    private var irregulars = 0
    /// Per row the bandwidth last seen and what `normalization` made of it.
    private var knownSigmas: [Double] = []
    private var knownNorms: [Double] = []
    /// By bandwidth in whole steps.
    private var tables: [StepMasses?] = []

    init(_ axis: Axis) {
        self.axis = axis
        if axis.isGrouped && axis.stepCount <= 256 { tables = Array(repeating: nil, count: axis.stepCount + 1) }
    }

    /// Whether kernels can be told apart by option.
    var isGrouped: Bool { axis.isGrouped && irregulars == 0 }

    mutating func insert(_ value: Double?, at row: Int) {
        // What is not on the axis at all cannot be learned from.
        let value = value.flatMap { axis.isDiscrete && !axis.contains($0) ? nil : $0 }
        let mu = value.map { axis.isLog ? log($0) : $0 } ?? .nan
        values.insert(value ?? .nan, at: row)
        mus.insert(mu, at: row)
        if value == nil { absences += 1 }
        if axis.isCategorical || axis.isGrouped {
            options.insert(value.map { Int32(axis.option(of: $0)) } ?? -1, at: row)
            if let value, !axis.isCategorical, axis.value(of: axis.option(of: value)) != value { irregulars += 1 }
        }
        guard !axis.isCategorical else { return }
        if !axis.isDiscrete {
            knownSigmas.insert(.nan, at: row)
            knownNorms.insert(.nan, at: row)
        }
        if row + 1 < values.count {
            for at in order.indices where order[at] >= row { order[at] += 1 }
        }
        if value != nil { order.insert(Int32(row), at: place(mu, row)) }
    }

    mutating func removeLast() {
        let (value, row) = (values.removeLast(), values.count)
        if value.isNaN { absences -= 1 }
        if !value.isNaN && !axis.isCategorical {
            if axis.isGrouped && axis.value(of: axis.option(of: value)) != value { irregulars -= 1 }
            order.remove(at: place(mus[row], row))
        }
        mus.removeLast()
        _ = options.popLast()
        _ = knownSigmas.popLast()
        _ = knownNorms.popLast()
    }

    /// Where a row stands, or would, in `order`.
    private func place(_ mu: Double, _ row: Int) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            let other = Int(order[middle])
            if mus[other] < mu || (mus[other] == mu && other < row) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// ln of the prior's share over a kernel's: what a kernel's density counts beside the prior's, before the squares.
    mutating func normalization(row: Int, sigma: Double) -> Double {
        if knownSigmas[row] == sigma { return knownNorms[row] }
        let (low, high) = (axis.domainLow, axis.domainHigh)
        let width = high - low
        let prior = width * mass(low, high, 0.5 * (low + high), width)
        let norm = log(prior / (sigma * mass(low, high, mus[row], sigma)))
        knownSigmas[row] = sigma
        knownNorms[row] = norm
        return norm
    }

    /// Masses of a kernel over the steps around its centre.
    mutating func stepMasses(sigma: Double) -> StepMasses {
        let ratio = sigma / axis.step
        let whole = rint(ratio)
        guard abs(ratio - whole) <= 1e-12 * ratio, Int(whole) < tables.count else {
            return StepMasses(ratio: ratio, count: axis.stepCount)
        }
        if let known = tables[Int(whole)] { return known }
        let made = StepMasses(ratio: ratio, count: axis.stepCount)
        tables[Int(whole)] = made
        return made
    }
}

extension Axis {
    var isDiscrete: Bool { isCategorical || step > 0 }
    /// Values on an axis with steps.
    var stepCount: Int { Int(min(rint((high - low) / step), 1e15)) + 1 }
    var isGrouped: Bool { !isCategorical && step > 0 && stepCount <= Column.optionLimit }
    /// Position of a value among the axis' values.
    func option(of value: Double) -> Int { isCategorical ? Int(value) : Int(rint((value - low) / step)) }
    func value(of option: Int) -> Double { min(max(low + Double(option) * step, low), high) }
}

/// Masses of a normal, centred on a step, over the steps around it.
struct StepMasses: Sendable {
    /// By the number of steps from the centre; the last, which stands for all beyond, is 0.
    private let masses: [Double]
    /// Σ masses[1...i].
    private let sums: [Double]

    /// - Parameter ratio: sigma / step.
    init(ratio: Double, count: Int) {
        let reach = Int(min(Double(count), ratio * 9 + 2))
        var masses = [1 - erfc(0.5 / ratio / root2)]
        var sums = [0.0]
        var tail = erfc(0.5 / ratio / root2) / 2
        for distance in 1..<max(reach, 2) {
            let next = erfc((Double(distance) + 0.5) / ratio / root2) / 2
            masses.append(tail - next)
            sums.append(sums[distance - 1] + tail - next)
            tail = next
        }
        self.masses = masses + [0]
        self.sums = sums
    }

    /// The mass of a kernel on `option` of `count`, cut to the axis, at each of some places; times a factor each.
    func add(
        around option: Int, of count: Int, at places: [Int], times factors: [Double], to rows: inout [Double],
        _ start: Int
    ) {
        let last = sums.count - 1
        let whole = 1 / (masses[0] + sums[min(option, last)] + sums[min(count - 1 - option, last)])
        for at in places.indices {
            rows[start + at] = masses[min(abs(places[at] - option), last + 1)] * whole * factors[at]
        }
    }
}

/// The mass of N(mu, sigma) in [low, high], from the tail that is nearer. Relative error: a few 1e-15 of the larger
/// tail.
func mass(_ low: Double, _ high: Double, _ mu: Double, _ sigma: Double) -> Double {
    let (a, b) = ((low - mu) / sigma / root2, (high - mu) / sigma / root2)
    if a > 0 { return (erfc(a) - erfc(b)) / 2 }
    if b < 0 { return (erfc(-b) - erfc(-a)) / 2 }
    // Past 6 erf is 1 to the last bit.
    let (left, right) = (a < -6 ? -1 : erf(a), b > 6 ? 1 : erf(b))
    return (right - left) / 2
}
