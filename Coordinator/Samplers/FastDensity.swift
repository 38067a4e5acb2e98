import Glibc

/// Densities of up to 24 points under one estimator, fast instead of bit for bit: enough to say which point is best
/// when the runner-up is not within a rounding error.
///
/// Each kernel is divided by the prior kernel, whose density is never 0: then kernels multiply as plain numbers without
/// underflow that matters, and the divisor is the same for every estimator of the space.
struct FastDensity {
    typealias Lanes = SIMD8<Double>
    static let points = 24
    private static let blocks = points / Lanes.scalarCount

    /// Per kernel its weight and what does not depend on the point.
    private var factors: [Double]
    /// Axes with steps or choices: per kernel and such axis where its row of `masses` starts. Shape [K][discrete].
    private var rowStarts: [Int32] = []
    /// Rows of one mass a point, over the prior's. Shape [rows][blocks].
    private var masses: [Lanes] = []
    /// Continuous axes: per kernel and such axis mu and 1/sigma. Shape [K][continuous].
    private var centres: [Double] = []
    private var scales: [Double] = []
    /// The points on those axes. Shape [continuous][blocks]; and half of their squared distance to the prior's middle.
    private var places: [Lanes] = []
    private var priorHalfSquares = [Lanes](repeating: .zero, count: blocks)
    private let discreteCount: Int
    private let continuousCount: Int

    /// - Parameter points: per axis one value a point; at most 24.
    init(of estimator: borrowing ParzenEstimator, at points: [[Double]]) {
        let axes = estimator.axes
        let kernelCount = estimator.weights.count
        factors = estimator.weights
        let discrete = axes.indices.filter { axes[$0].isDiscrete }
        let continuous = axes.indices.filter { !axes[$0].isDiscrete }
        discreteCount = discrete.count
        continuousCount = continuous.count
        rowStarts = [Int32](repeating: 0, count: kernelCount * discreteCount)
        centres = [Double](repeating: 0, count: kernelCount * continuousCount)
        scales = centres
        for (column, at) in discrete.enumerated() {
            switch estimator.kernels[at] {
            case .categorical(let table, let rows):
                addChoices(axes[at].choices, table, rows, points[at], column)
            case .numeric(let mus, let sigmas): addSteps(axes[at], mus, sigmas, points[at], column)
            }
        }
        for (column, at) in continuous.enumerated() {
            guard case .numeric(let mus, let sigmas) = estimator.kernels[at] else { continue }
            addContinuous(axes[at], mus, sigmas, points[at], column)
        }
    }

    private mutating func addRow(_ value: (Int) -> Double) -> Int32 {
        let start = Int32(masses.count)
        for block in 0..<Self.blocks {
            var lanes = Lanes.zero
            for lane in 0..<Lanes.scalarCount { lanes[lane] = value(block * Lanes.scalarCount + lane) }
            masses.append(lanes)
        }
        return start
    }

    private mutating func addChoices(
        _ choices: Int, _ table: [Double], _ rows: [Int], _ points: [Double], _ column: Int
    ) {
        var starts: [Int32] = []
        for row in 0...choices {
            starts.append(
                addRow { $0 < points.count ? table[row * choices + Int(points[$0])] * Double(choices) : 0 })
        }
        for (kernel, row) in rows.enumerated() { rowStarts[kernel * discreteCount + column] = starts[row] }
    }

    /// On evenly spaced steps a kernel's mass depends on its width and the number of steps between, so one short table
    /// a width serves all kernels; on a log axis each kernel is worked out by itself. Equal kernels share a row.
    private mutating func addSteps(
        _ axis: Axis, _ mus: [Double], _ sigmas: [Double], _ points: [Double], _ column: Int
    ) {
        let prior = mus.count - 1
        let cells = points.map { axis.cell(around: $0) }
        let priorWidth = 1 / mass(axis.domainLow, axis.domainHigh, mus[prior], sigmas[prior])
        let priorMasses = cells.map { mass($0.left, $0.right, mus[prior], sigmas[prior]) * priorWidth }
        let steps = axis.stepCount
        let usesTables = !axis.isLog && steps <= 4096
        let places = points.map { usesTables ? Int(rint(($0 - axis.low) / axis.step)) : 0 }
        var widths: [StepMasses] = []
        // Per option the newest row made for it, and per row the one made before it for the same option.
        let options = steps <= 1 << 16 ? steps : 0
        var newest = [Int32](repeating: -1, count: options)
        var rows: [(sigma: Double, start: Int32, older: Int32)] = []
        for kernel in 0..<prior {
            let (mu, sigma) = (mus[kernel], sigmas[kernel])
            let value = axis.isLog ? exp(mu) : mu
            let option = Int(rint((value - axis.low) / axis.step))
            var row = option < options ? newest[option] : -1
            while row >= 0 && rows[Int(row)].sigma != sigma { row = rows[Int(row)].older }
            if row < 0 {
                let start: Int32
                if usesTables {
                    let ratio = sigma / axis.step
                    let width: Int
                    if let known = widths.firstIndex(where: { abs($0.ratio - ratio) <= 1e-12 * ratio }) {
                        width = known
                    } else {
                        width = widths.count
                        widths.append(StepMasses(ratio: ratio, count: steps))
                    }
                    let table = widths[width]
                    let whole = 1 / table.sum(around: option)
                    start = addRow {
                        $0 < places.count ? table.masses[abs(places[$0] - option)] * whole / priorMasses[$0] : 0
                    }
                } else {
                    let whole = 1 / mass(axis.domainLow, axis.domainHigh, mu, sigma)
                    start = addRow {
                        $0 < cells.count
                            ? mass(cells[$0].left, cells[$0].right, mu, sigma) * whole / priorMasses[$0] : 0
                    }
                }
                row = Int32(rows.count)
                rows.append((sigma, start, option < options ? newest[option] : -1))
                if option < options { newest[option] = row }
            }
            rowStarts[kernel * discreteCount + column] = rows[Int(row)].start
        }
        rowStarts[prior * discreteCount + column] = addRow { _ in 1 }
    }

    private mutating func addContinuous(
        _ axis: Axis, _ mus: [Double], _ sigmas: [Double], _ points: [Double], _ column: Int
    ) {
        let (prior, low, high) = (mus.count - 1, axis.domainLow, axis.domainHigh)
        let priorWhole = sigmas[prior] * mass(low, high, mus[prior], sigmas[prior])
        for kernel in mus.indices {
            let at = kernel * continuousCount + column
            centres[at] = mus[kernel]
            scales[at] = 1 / sigmas[kernel]
            factors[kernel] *= priorWhole / (sigmas[kernel] * mass(low, high, mus[kernel], sigmas[kernel]))
        }
        for block in 0..<Self.blocks {
            var lanes = Lanes(repeating: mus[prior])
            for lane in 0..<Lanes.scalarCount where block * Lanes.scalarCount + lane < points.count {
                let value = points[block * Lanes.scalarCount + lane]
                lanes[lane] = axis.isLog ? log(value) : value
            }
            places.append(lanes)
            let z = (lanes - mus[prior]) / sigmas[prior]
            priorHalfSquares[block] += 0.5 * z * z
        }
    }

    /// Per point, over the prior kernel's density. Error: about 1e-13 of each.
    func densities() -> [Double] {
        var sums = (Lanes.zero, Lanes.zero, Lanes.zero)
        for kernel in factors.indices {
            let factor = Lanes(repeating: factors[kernel])
            var terms = (factor, factor, factor)
            let firstRow = kernel * discreteCount
            for column in firstRow..<firstRow + discreteCount {
                let row = Int(rowStarts[column])
                terms.0 *= masses[row]
                terms.1 *= masses[row + 1]
                terms.2 *= masses[row + 2]
            }
            if continuousCount > 0 {
                var halves = (priorHalfSquares[0], priorHalfSquares[1], priorHalfSquares[2])
                for axis in 0..<continuousCount {
                    let at = kernel * continuousCount + axis
                    let (centre, scale) = (centres[at], scales[at])
                    let z0 = (places[axis * 3] - centre) * scale
                    let z1 = (places[axis * 3 + 1] - centre) * scale
                    let z2 = (places[axis * 3 + 2] - centre) * scale
                    halves.0 -= 0.5 * z0 * z0
                    halves.1 -= 0.5 * z1 * z1
                    halves.2 -= 0.5 * z2 * z2
                }
                terms.0 *= fastExp(halves.0)
                terms.1 *= fastExp(halves.1)
                terms.2 *= fastExp(halves.2)
            }
            sums.0 += terms.0
            sums.1 += terms.1
            sums.2 += terms.2
        }
        return [sums.0, sums.1, sums.2].flatMap { lanes in lanes.indices.map { lanes[$0] } }
    }
}

/// Masses of a normal, centred on a step, over the steps around it.
private struct StepMasses {
    /// sigma / step.
    let ratio: Double
    /// By the number of steps from the centre; count as asked.
    let masses: [Double]
    /// Σ masses[1...i].
    private let sums: [Double]

    init(ratio: Double, count: Int) {
        self.ratio = ratio
        var masses = [1 - erfc(0.5 / ratio / root2)]
        var sums = [0.0]
        var tail = erfc(0.5 / ratio / root2) / 2
        for distance in 1..<max(count, 2) {
            let next = tail == 0 ? 0 : erfc((Double(distance) + 0.5) / ratio / root2) / 2
            masses.append(tail - next)
            sums.append(sums[distance - 1] + tail - next)
            tail = next
        }
        self.masses = masses
        self.sums = sums
    }
    func sum(around option: Int) -> Double { masses[0] + sums[option] + sums[masses.count - 1 - option] }
}

private let root2 = 2.0.squareRoot()

/// The mass of N(mu, sigma) in [low, high], from the tail that is nearer.
private func mass(_ low: Double, _ high: Double, _ mu: Double, _ sigma: Double) -> Double {
    let (a, b) = ((low - mu) / sigma / root2, (high - mu) / sigma / root2)
    if a > 0 { return (erfc(a) - erfc(b)) / 2 }
    if b < 0 { return (erfc(-b) - erfc(-a)) / 2 }
    // Past 6 erf is 1 to the last bit.
    let (left, right) = (a < -6 ? -1 : erf(a), b > 6 ? 1 : erf(b))
    return (right - left) / 2
}

extension Axis {
    var isDiscrete: Bool { isCategorical || step > 0 }
    /// Values on an axis with steps.
    var stepCount: Int { Int(rint((high - low) / step)) + 1 }
}

/// eˣ, x ≤ 600. Relative error: at most 4e-16 above −700; below it, at most e⁻⁷⁰⁰.
func fastExp(_ x: SIMD8<Double>) -> SIMD8<Double> {
    typealias Lanes = SIMD8<Double>
    let clamped = x.replacing(with: -700, where: x .< -700)
    // Adding 1.5 · 2⁵² rounds to a whole number and leaves it in the low bits.
    let magic = Lanes(repeating: 6_755_399_441_055_744)
    let shifted = clamped * 1.442_695_040_888_963_4 + magic
    let whole = shifted - magic
    let r = (clamped - whole * 6.931_471_803_691_238e-1) - whole * 1.908_214_929_270_587_7e-10
    // Taylor's series to r¹³: |r| ≤ 0.347, so the first term left out is below 5e-18.
    var sum = Lanes(repeating: 1 / 6_227_020_800)
    sum = sum * r + 1 / 479_001_600
    sum = sum * r + 1 / 39_916_800
    sum = sum * r + 1 / 3_628_800
    sum = sum * r + 1 / 362_880
    sum = sum * r + 1 / 40_320
    sum = sum * r + 1 / 5_040
    sum = sum * r + 1 / 720
    sum = sum * r + 1 / 120
    sum = sum * r + 1 / 24
    sum = sum * r + 1 / 6
    sum = sum * r + 0.5
    sum = sum * r + 1
    sum = sum * r + 1
    // 2^whole by adding to the exponent bits; both types are eight words of 64 bits.
    let exponents = unsafe unsafeBitCast(shifted, to: SIMD8<UInt64>.self) &<< 52
    return unsafe unsafeBitCast(unsafeBitCast(sum, to: SIMD8<UInt64>.self) &+ exponents, to: Lanes.self)
}
