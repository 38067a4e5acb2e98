import Glibc

/// Log densities of up to 24 points under one estimator, fast instead of bit for bit: enough to say which point is best
/// when the runner-up is not within a rounding error.
///
/// Each kernel is divided by the prior kernel, whose density is never 0: then kernels on axes with steps multiply as
/// plain numbers, and the divisor is the same for every estimator of the space.
struct FastDensity {
    static let points = 24
    private static let blocks = points / Lanes.scalarCount
    /// Kernels worked on together, so that what is between the axes stays in the first cache.
    private static let tile = 32
    /// With more axes than this the product of masses might leave a double's range: logarithms are added then.
    private static let factorLimit = 60

    private let weights: [Double]
    /// Axes with steps or choices: per axis and kernel where its row of `masses` starts.
    private var rowStarts: [[Int32]] = []
    /// Rows of one mass a point, over the prior's. Shape [rows][24].
    private var masses: [Double] = []
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

    /// ln of each point's density over the prior's.
    ///
    /// - Parameters:
    ///   - points: per axis one value a point; at most 24.
    ///   - scratch: memory to work in; kept between calls, since new pages cost more than the sums.
    static func logDensities(
        of estimator: borrowing ParzenEstimator, at points: [[Double]], scratch: inout [Double]
    ) -> [Double] {
        var density = FastDensity(of: estimator, at: points, scratch: &scratch)
        let result = density.logDensities()
        swap(&scratch, &density.masses)
        return result
    }

    private init(of estimator: borrowing ParzenEstimator, at points: [[Double]], scratch: inout [Double]) {
        swap(&masses, &scratch)
        masses.removeAll(keepingCapacity: true)
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

    /// A new row of zeros; where it starts.
    private mutating func addRow() -> Int {
        let start = masses.count
        for _ in 0..<Self.points { masses.append(0) }
        return start
    }

    private mutating func addOnes() -> Int32 {
        let start = addRow()
        for point in 0..<Self.points { masses[start + point] = 1 }
        return Int32(start)
    }

    private mutating func addChoices(_ choices: Int, _ table: [Double], _ options: [Int32], _ points: [Double]) {
        var starts: [Int32] = []
        for row in 0...choices {
            let start = addRow()
            for point in points.indices {
                masses[start + point] = table[row * choices + Int(points[point])] * Double(choices)
            }
            starts.append(Int32(start))
        }
        rowStarts.append(options.map { starts[Int($0)] } + [starts[choices]])
    }

    /// Kernels on one value share at most three rows. On evenly spaced steps a kernel's mass depends on its width and the
    /// number of steps between.
    private mutating func addSteps(_ axis: Axis, _ kernels: SteppedKernels, _ points: [Double]) {
        let cells = axis.isLog ? Cells(axis, points) : nil
        let places = points.map { axis.option(of: $0) }
        let shares = places.map { Self.priorShare(axis, $0) }
        let count = kernels.firsts.count
        func add(_ option: Int, _ place: SteppedKernels.Place, to density: inout FastDensity) -> Int32 {
            let start = density.addRow()
            if let cells {
                cells.addShares(
                    mu: kernels.mu(option: option), sigma: kernels.sigma(option: option, place),
                    to: &density.masses, at: start)
            } else {
                kernels.table(option, place).add(
                    around: option, of: count, at: places, times: shares, to: &density.masses, start)
            }
            return Int32(start)
        }
        // Most kernels of a value are between the first and the last.
        var middles = [Int32](repeating: 0, count: count)
        for option in kernels.used where kernels.counts[option] > 2 {
            middles[option] = add(option, .middle, to: &self)
        }
        var rows: [Int32] = []
        rows.reserveCapacity(kernels.options.count + 1)
        for option in kernels.options { rows.append(middles[Int(option)]) }
        rows.append(0)
        for option in kernels.used {
            rows[Int(kernels.firsts[option])] = add(option, .first, to: &self)
            if kernels.counts[option] > 1 { rows[Int(kernels.lasts[option])] = add(option, .last, to: &self) }
        }
        rows[kernels.options.count] = addOnes()
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
        for kernel in mus.indices {
            let start = addRow()
            cells.addShares(mu: mus[kernel], sigma: sigmas[kernel], to: &masses, at: start)
            rows.append(Int32(start))
        }
        rows.append(addOnes())
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
            let z = (lanes - all(middle)) * all(scale)
            continuous.priorHalfSquares.append(z * z)
        }
        axes.append(continuous)
    }

    // MARK: The sum over kernels

    /// ln of each point's density over the prior's; the unused places of the last block hold anything.
    private func logDensities() -> [Double] {
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
                let weight = all(weights[kernel])
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
                let (centre, scale) = (all(axis.centres[kernel]), all(axis.scales[kernel]))
                let norm = all(axis.norms[kernel])
                let (z0, z1, z2) = ((x0 - centre) * scale, (x1 - centre) * scale, (x2 - centre) * scale)
                logs[3 * at] += norm - z0 * z0
                logs[3 * at + 1] += norm - z1 * z1
                logs[3 * at + 2] += norm - z2 * z2
            }
        }
        guard isLogarithmic else { return }
        for rows in rowStarts {
            for (at, kernel) in kernels.enumerated() {
                for block in 0..<Self.blocks {
                    let row = lanes(Int(rows[kernel]) + block * Lanes.scalarCount)
                    for lane in row.indices { logs[3 * at + block][lane] += log(row[lane]) }
                }
            }
        }
    }

    private func multiply(_ kernels: Range<Int>, into terms: inout [Lanes]) {
        guard !isLogarithmic else { return }
        for rows in rowStarts {
            for (at, kernel) in kernels.enumerated() {
                let row = Int(rows[kernel])
                terms[3 * at] *= lanes(row)
                terms[3 * at + 1] *= lanes(row + 8)
                terms[3 * at + 2] *= lanes(row + 16)
            }
        }
    }

    private func lanes(_ start: Int) -> Lanes {
        // Bounds-checked. Unsafe in type only: any 64 bytes are a valid Lanes.
        unsafe masses.span.bytes.unsafeLoadUnaligned(fromByteOffset: start * 8, as: Lanes.self)
    }
}

/// The parts of a stepped axis that round to each of up to 24 values, for kernels of any width.
private struct Cells {
    /// A kernel's mass is nothing beside the prior's so many bandwidths away.
    private static let reach = 9.0
    /// In ascending order, so that whole blocks are out of a kernel's reach.
    private var lefts: [Lanes] = []
    private var rights: [Lanes] = []
    /// The prior's mass on the whole axis over its mass in the cell.
    private var priors: [Lanes] = []
    /// Per block where it begins and ends.
    private var extents: [(low: Double, high: Double)] = []
    /// Which point each cell is.
    private let order: [Int]
    private let low: Double, high: Double

    init(_ axis: Axis, _ points: [Double]) {
        (low, high) = (axis.domainLow, axis.domainHigh)
        let (middle, width) = (0.5 * (low + high), high - low)
        let whole = mass(low, high, middle, width)
        order = points.indices.sorted { (points[$0], $0) < (points[$1], $1) }
        for start in stride(from: 0, to: order.count, by: Lanes.scalarCount) {
            var (left, right, prior) = (all(low), all(high), Lanes.zero)
            var extent = (low: high, high: low)
            for lane in 0..<min(Lanes.scalarCount, order.count - start) {
                let cell = axis.cell(around: points[order[start + lane]])
                (left[lane], right[lane]) = cell
                prior[lane] = whole / mass(cell.left, cell.right, middle, width)
                extent = (min(extent.low, cell.left), max(extent.high, cell.right))
            }
            lefts.append(left)
            rights.append(right)
            priors.append(prior)
            extents.append(extent)
        }
    }

    /// A kernel's mass in each cell, over the prior's.
    func addShares(mu: Double, sigma: Double, to masses: inout [Double], at start: Int) {
        var half = 0.0
        for block in lefts.indices {
            let (from, to) = extents[block]
            if from > mu + Self.reach * sigma || to < mu - Self.reach * sigma { continue }
            if half == 0 { half = 0.5 / mass(low, high, mu, sigma) }
            let (zero, centre, scale) = (Lanes.zero, all(mu), all(1 / (sigma * root2)))
            let (a, b) = ((lefts[block] - centre) * scale, (rights[block] - centre) * scale)
            // From the nearer tail: erfc of distances, which are positive on one side of the centre.
            let x = a.replacing(with: zero - a, where: a .< zero)
            let y = b.replacing(with: zero - b, where: b .< zero)
            let (p, q) = (fastErfc(x), fastErfc(y))
            let apart = (all(2) - p) - q  // the centre lies between
            let outside = (p - q).replacing(with: q - p, where: b .<= zero)
            let inside = outside.replacing(with: apart, where: (a .< zero) .& (b .> zero))
            let shares = inside * all(half) * priors[block]
            let first = block * Lanes.scalarCount
            for lane in 0..<min(Lanes.scalarCount, order.count - first) {
                masses[start + order[first + lane]] = shares[lane]
            }
        }
    }
}
