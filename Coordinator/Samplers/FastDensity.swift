import Glibc

/// Log densities of up to 24 points under one estimator, fast instead of bit for bit: enough to say which point is best
/// when the runner-up is not within a rounding error.
///
/// Each kernel is divided by the prior kernel, whose density is never 0: then kernels on axes with steps multiply as
/// plain numbers, and the divisor is the same for every estimator of the space.
struct FastDensity {
    typealias Lanes = SIMD8<Double>
    static let points = 24
    private static let blocks = points / Lanes.scalarCount
    /// Kernels worked on together, so that what is between the axes stays in the first cache.
    private static let tile = 32
    /// With more axes than this the product of masses might leave a double's range: logarithms are added then.
    private static let factorLimit = 60

    private let weights: [Double]
    /// Axes with steps or choices: per axis and kernel where its row of `masses` starts.
    private var rowStarts: [[Int32]] = []
    /// Rows of one mass a point, over the prior's. Shape [rows][blocks].
    private var masses: [Lanes] = []
    private let isLogarithmic: Bool
    /// Continuous axes.
    private var axes: [ContinuousAxis] = []

    private struct ContinuousAxis {
        /// Per kernel, the prior last.
        var centres: [Double]
        /// √½ / sigma.
        var scales: [Double]
        var norms: [Double]
        /// The points on the axis, and half of their squared distance to the prior's middle.
        var places: [Lanes]
        var priorHalfSquares: [Lanes]
    }

    /// - Parameter points: per axis one value a point; at most 24.
    init(of estimator: borrowing ParzenEstimator, at points: [[Double]]) {
        weights = estimator.weights
        isLogarithmic = estimator.axes.count { $0.isDiscrete } > Self.factorLimit
        for (at, axis) in estimator.axes.enumerated() {
            switch estimator.kernels[at] {
            case .categorical(let table, let options): addChoices(axis.choices, table, options, points[at])
            case .stepped(let kernels): addSteps(axis, kernels, points[at])
            case .numeric(let mus, let sigmas, let norms):
                if axis.isDiscrete {
                    addCells(axis, mus, sigmas, points[at])
                } else {
                    addContinuous(axis, mus, sigmas, norms, points[at])
                }
            }
        }
    }

    // MARK: Rows of masses

    private mutating func addRow(_ values: [Double]) -> Int32 {
        let start = Int32(masses.count)
        for block in 0..<Self.blocks {
            var lanes = Lanes.zero
            for lane in 0..<Lanes.scalarCount where block * Lanes.scalarCount + lane < values.count {
                let value = values[block * Lanes.scalarCount + lane]
                lanes[lane] = isLogarithmic ? log(value) : value
            }
            masses.append(lanes)
        }
        return start
    }

    private mutating func addRow(_ blocks: [Lanes]) -> Int32 {
        let start = Int32(masses.count)
        if isLogarithmic {
            return addRow(blocks.flatMap { lanes in lanes.indices.map { lanes[$0] } })
        }
        masses.append(contentsOf: blocks)
        return start
    }

    private mutating func addChoices(_ choices: Int, _ table: [Double], _ options: [Int32], _ points: [Double]) {
        var starts: [Int32] = []
        for row in 0...choices {
            starts.append(addRow(points.map { table[row * choices + Int($0)] * Double(choices) }))
        }
        rowStarts.append(options.map { starts[Int($0)] } + [starts[choices]])
    }

    /// Kernels on one value share at most three rows. On evenly spaced steps a kernel's mass depends on its width and the
    /// number of steps between.
    private mutating func addSteps(_ axis: Axis, _ kernels: SteppedKernels, _ points: [Double]) {
        let count = kernels.firsts.count
        var starts = [Int32](repeating: -1, count: count)
        let cells = axis.isLog ? Cells(axis, points) : nil
        let places = points.map { axis.option(of: $0) }
        let shares = places.map { Self.priorShare(axis, $0) }
        var row = [Double](repeating: 0, count: points.count)
        func make(_ option: Int, _ place: SteppedKernels.Place, in density: inout FastDensity) -> Int32 {
            if let cells {
                return density.addRow(
                    cells.shares(mu: kernels.mu(option: option), sigma: kernels.sigma(option: option, place)))
            }
            guard let table = kernels.tables[3 * option + place.rawValue] else { return 0 }
            let whole = 1 / table.sum(around: option, of: count)
            for point in places.indices {
                let distance = abs(places[point] - option)
                row[point] = distance < table.masses.count ? table.masses[distance] * whole * shares[point] : 0
            }
            return density.addRow(row)
        }
        // Most kernels of a value are between the first and the last.
        var rows = [Int32](repeating: 0, count: kernels.options.count + 1)
        for (kernel, option) in kernels.options.enumerated() {
            let at = Int(option)
            if kernels.firsts[at] == kernel {
                rows[kernel] = make(at, .first, in: &self)
            } else if kernels.lasts[at] == kernel {
                rows[kernel] = make(at, .last, in: &self)
            } else {
                if starts[at] < 0 { starts[at] = make(at, .middle, in: &self) }
                rows[kernel] = starts[at]
            }
        }
        rows[kernels.options.count] = addRow([Double](repeating: 1, count: points.count))
        rowStarts.append(rows)
    }

    /// The prior's mass on the whole axis over its mass on one value.
    private static func priorShare(_ axis: Axis, _ option: Int) -> Double {
        guard !axis.isLog else { return 1 }
        let (low, high) = (axis.domainLow, axis.domainHigh)
        let (middle, width) = (0.5 * (low + high), high - low)
        let left = low + Double(option) * axis.step
        return mass(low, high, middle, width) / mass(left, left + axis.step, middle, width)
    }

    /// An axis with many values: each kernel by itself.
    private mutating func addCells(_ axis: Axis, _ mus: [Double], _ sigmas: [Double], _ points: [Double]) {
        let cells = Cells(axis, points)
        var rows: [Int32] = []
        rows.reserveCapacity(mus.count + 1)
        for kernel in mus.indices { rows.append(addRow(cells.shares(mu: mus[kernel], sigma: sigmas[kernel]))) }
        rows.append(addRow([Double](repeating: 1, count: points.count)))
        rowStarts.append(rows)
    }

    private mutating func addContinuous(
        _ axis: Axis, _ mus: [Double], _ sigmas: [Double], _ norms: [Double], _ points: [Double]
    ) {
        let (low, high) = (axis.domainLow, axis.domainHigh)
        let (middle, scale) = (0.5 * (low + high), 0.5.squareRoot() / (high - low))
        var continuous = ContinuousAxis(
            centres: mus + [middle], scales: sigmas.map { 0.5.squareRoot() / $0 } + [scale], norms: norms + [0],
            places: [], priorHalfSquares: [])
        for block in 0..<Self.blocks {
            var lanes = Lanes(repeating: middle)
            for lane in 0..<Lanes.scalarCount where block * Lanes.scalarCount + lane < points.count {
                let value = points[block * Lanes.scalarCount + lane]
                lanes[lane] = axis.isLog ? log(value) : value
            }
            continuous.places.append(lanes)
            let z = (lanes - middle) * scale
            continuous.priorHalfSquares.append(z * z)
        }
        axes.append(continuous)
    }

    // MARK: The sum over kernels

    /// ln of each point's density over the prior's; the unused places of the last block hold anything.
    func logDensities() -> [Double] {
        var sums = [Lanes](repeating: .zero, count: Self.blocks)
        var shifts = [Lanes](repeating: Lanes(repeating: -1e300), count: Self.blocks)
        var logs = [Lanes](repeating: .zero, count: Self.blocks * Self.tile)
        let usesLogs = !axes.isEmpty || isLogarithmic
        for start in stride(from: 0, to: weights.count, by: Self.tile) {
            let kernels = start..<min(start + Self.tile, weights.count)
            if usesLogs {
                addLogs(kernels, to: &logs)
                for block in 0..<Self.blocks {
                    var highest = logs[block]
                    for at in stride(from: block + Self.blocks, to: kernels.count * Self.blocks, by: Self.blocks) {
                        highest = pointwiseMax(highest, logs[at])
                    }
                    let shift = pointwiseMax(shifts[block], highest)
                    sums[block] *= fastExp(shifts[block] - shift)
                    shifts[block] = shift
                    for at in stride(from: block, to: kernels.count * Self.blocks, by: Self.blocks) {
                        logs[at] = fastExp(logs[at] - shift)
                    }
                }
            } else {
                for at in logs.indices { logs[at] = Lanes(repeating: 1) }
            }
            multiply(kernels, into: &logs)
            for (at, kernel) in kernels.enumerated() {
                let weight = weights[kernel]
                for block in 0..<Self.blocks { sums[block] += logs[at * Self.blocks + block] * weight }
            }
        }
        return (0..<Self.points).map { point in
            let (block, lane) = (point / Lanes.scalarCount, point % Lanes.scalarCount)
            return log(sums[block][lane]) + (usesLogs ? shifts[block][lane] : 0)
        }
    }

    /// The sum over continuous axes of each kernel's log density at each point.
    private func addLogs(_ kernels: Range<Int>, to logs: inout [Lanes]) {
        var prior = (Lanes.zero, Lanes.zero, Lanes.zero)
        for axis in axes {
            prior.0 += axis.priorHalfSquares[0]
            prior.1 += axis.priorHalfSquares[1]
            prior.2 += axis.priorHalfSquares[2]
        }
        for at in 0..<kernels.count {
            logs[3 * at] = prior.0
            logs[3 * at + 1] = prior.1
            logs[3 * at + 2] = prior.2
        }
        for axis in axes {
            let (x0, x1, x2) = (axis.places[0], axis.places[1], axis.places[2])
            for (at, kernel) in kernels.enumerated() {
                let (centre, scale, norm) = (axis.centres[kernel], axis.scales[kernel], axis.norms[kernel])
                let (z0, z1, z2) = ((x0 - centre) * scale, (x1 - centre) * scale, (x2 - centre) * scale)
                logs[3 * at] += norm - z0 * z0
                logs[3 * at + 1] += norm - z1 * z1
                logs[3 * at + 2] += norm - z2 * z2
            }
        }
        guard isLogarithmic else { return }
        for rows in rowStarts {
            for (at, kernel) in kernels.enumerated() {
                let row = Int(rows[kernel])
                for block in 0..<3 { logs[3 * at + block] += masses[row + block] }
            }
        }
    }

    private func multiply(_ kernels: Range<Int>, into terms: inout [Lanes]) {
        guard !isLogarithmic else { return }
        for rows in rowStarts {
            for (at, kernel) in kernels.enumerated() {
                let row = Int(rows[kernel])
                terms[3 * at] *= masses[row]
                terms[3 * at + 1] *= masses[row + 1]
                terms[3 * at + 2] *= masses[row + 2]
            }
        }
    }
}

/// The parts of a stepped axis that round to each of up to 24 values, for kernels of any width.
private struct Cells {
    typealias Lanes = SIMD8<Double>
    private var lefts: [Lanes] = []
    private var rights: [Lanes] = []
    /// The prior's mass on the whole axis over its mass in the cell.
    private var priors: [Lanes] = []
    private let low: Double, high: Double

    init(_ axis: Axis, _ points: [Double]) {
        (low, high) = (axis.domainLow, axis.domainHigh)
        let (middle, width) = (0.5 * (low + high), high - low)
        let whole = mass(low, high, middle, width)
        for block in 0..<FastDensity.points / Lanes.scalarCount {
            var (left, right, prior) = (Lanes(repeating: low), Lanes(repeating: high), Lanes.zero)
            for lane in 0..<Lanes.scalarCount where block * Lanes.scalarCount + lane < points.count {
                let cell = axis.cell(around: points[block * Lanes.scalarCount + lane])
                (left[lane], right[lane]) = cell
                prior[lane] = whole / mass(cell.left, cell.right, middle, width)
            }
            lefts.append(left)
            rights.append(right)
            priors.append(prior)
        }
    }

    /// A kernel's mass in each cell, over the prior's.
    func shares(mu: Double, sigma: Double) -> [Lanes] {
        let whole = mass(low, high, mu, sigma)
        let scale = 1 / (sigma * root2)
        return lefts.indices.map { block in
            let (a, b) = ((lefts[block] - mu) * scale, (rights[block] - mu) * scale)
            // From the nearer tail: erfc of distances, which are positive on one side of the centre.
            let (x, y) = (a.replacing(with: -a, where: a .< 0), b.replacing(with: -b, where: b .< 0))
            let (p, q) = (fastErfc(x), fastErfc(y))
            let apart = (2 - p) - q  // the centre lies between
            let left = q - p
            let right = p - q
            let masses = right.replacing(with: left, where: b .<= 0).replacing(with: apart, where: (a .< 0) .& (b .> 0))
            return masses * (0.5 / whole) * priors[block]
        }
    }
}
