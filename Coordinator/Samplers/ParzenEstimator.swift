import Glibc

/// Which of several equal observations counts as first and as last among its neighbours: their kernels get the gaps to
/// the next values, the rest the smallest bandwidth.
package enum TieOrder: Sendable {
    /// As NumPy's unstable `argsort` leaves them: Optuna's bits.
    case numPy
    /// Oldest first, newest last: no sort at all on axes with few values.
    case age
}

/// A density over a search space: one product kernel an observation, oldest first, and a flat prior kernel that comes
/// last. Source: Watanabe (2023), *Tree-Structured Parzen Estimator*, and Optuna 5.0's neighbour-distance bandwidths.
struct ParzenEstimator {
    /// The kernels of one axis; the prior is not among them.
    enum Kernels {
        /// `options`: the choice each kernel observed. Probabilities in `table`, shape [choices + 1][choices]
        /// flattened: a row per choice observed, then the prior's.
        case categorical(table: [Double], options: [Int32])
        /// An axis with few values, grouped by value.
        case stepped(SteppedKernels)
        /// Truncated normals in the axis' domain. `norms`, on continuous axes: `Column.normalization`.
        case numeric(mus: [Double], sigmas: [Double], norms: [Double])
    }

    let axes: [Axis]
    /// Observations; kernels are one more.
    let count: Int
    /// Older observations count less.
    let isAged: Bool
    let kernels: [Kernels]

    /// - Parameter members: rows of the columns, oldest first.
    init(_ parameters: [Int], _ columns: inout [Column], members: [Int32], isAged: Bool, ties: TieOrder) {
        axes = parameters.map { [columns] in columns[$0].axis }
        count = members.count
        self.isAged = isAged
        var kernels: [Kernels] = []
        for parameter in parameters {
            let axis = columns[parameter].axis
            if axis.isCategorical {
                let options = members.map { [columns] in columns[parameter].options[Int($0)] }
                kernels.append(.categorical(table: Self.table(axis.choices, count), options: options))
            } else if columns[parameter].isGrouped {
                kernels.append(.stepped(SteppedKernels(&columns[parameter], members, ties)))
            } else {
                kernels.append(Self.numeric(&columns[parameter], members, ties))
            }
        }
        self.kernels = kernels
    }

    /// Probabilities of a categorical axis' kernels.
    private static func table(_ choices: Int, _ count: Int) -> [Double] {
        if count == 0 { return [Double](repeating: 1 / Double(choices), count: (choices + 1) * choices) }
        let base = 1 / Double(count + 1)
        var table: [Double] = []
        for observed in 0...choices {
            var row = [Double](repeating: base, count: choices)
            if observed < choices { row[observed] += 1 }
            let sum = pairwiseSum(row)
            table += row.map { $0 / sum }
        }
        return table
    }

    private static func numeric(_ column: inout Column, _ members: [Int32], _ ties: TieOrder) -> Kernels {
        let sigmas = bandwidths(column, members, ties)
        let mus = members.map { [column] in column.mus[Int($0)] }
        var norms: [Double] = []
        if !column.axis.isDiscrete {
            norms.reserveCapacity(members.count)
            for (kernel, row) in members.enumerated() {
                norms.append(column.normalization(row: Int(row), sigma: sigmas[kernel]))
            }
        }
        return .numeric(mus: mus, sigmas: sigmas, norms: norms)
    }

    /// Each kernel's distance to its farther neighbour; at the ends to the only one.
    private static func bandwidths(_ column: Column, _ members: [Int32], _ ties: TieOrder) -> [Double] {
        let (low, high) = (column.axis.domainLow, column.axis.domainHigh)
        let narrowest = (high - low) / min(100, Double(2 + members.count))
        var sigmas = [Double](repeating: 0, count: members.count)
        let order = ascending(column, members, ties)
        var previous = low
        for (place, kernel) in order.enumerated() {
            let mu = column.mus[Int(members[Int(kernel)])]
            let isLast = place == members.count - 1
            let left = mu - previous
            let right = (isLast ? high : column.mus[Int(members[Int(order[place + 1])])]) - mu
            var sigma = max(left, right)
            if members.count >= 2 {
                if place == 0 { sigma = right }
                if isLast { sigma = left }
            }
            sigmas[Int(kernel)] = min(max(sigma, narrowest), high - low)
            previous = mu
        }
        return sigmas
    }

    /// Kernels ascending by value.
    private static func ascending(_ column: Column, _ members: [Int32], _ ties: TieOrder) -> [Int32] {
        var order: [Int32] = []
        if members.count * 8 < column.order.count {
            order = members.indices.map { Int32($0) }
            order.sort {
                let (a, b) = (column.mus[Int(members[Int($0)])], column.mus[Int(members[Int($1)])])
                return a < b || (a == b && $0 < $1)
            }
        } else {
            var kernels = [Int32](repeating: -1, count: column.values.count)
            for (kernel, row) in members.enumerated() { kernels[Int(row)] = Int32(kernel) }
            order.reserveCapacity(members.count)
            for row in column.order where kernels[Int(row)] >= 0 { order.append(kernels[Int(row)]) }
            // Pending trials stand last among the rows, wherever their age puts them among the kernels.
        }
        func mu(_ place: Int) -> Double { column.mus[Int(members[Int(order[place])])] }
        var hasTies = false
        for place in order.indices.dropFirst() where mu(place) == mu(place - 1) {
            hasTies = true
            break
        }
        guard hasTies else { return order }
        var entries = [UInt64](repeating: 0, count: members.count)
        var rank: UInt64 = 0
        for place in order.indices {
            if place > 0 && mu(place) != mu(place - 1) { rank += 1 }
            entries[Int(order[place])] = rank << 32 | UInt64(order[place])
        }
        if ties == .age { entries.sort() } else { introsort(&entries) }
        return entries.map { Int32(truncatingIfNeeded: $0 & 0xFFFF_FFFF) }
    }

    // MARK: Weights

    /// Σ = 1, the prior's last: the newest 25 observations count 1, older ones fall off linearly to 1/n when aged; the
    /// prior counts 1.
    var weights: [Double] {
        let n = count
        if n == 0 { return [1] }
        var weights = [Double](repeating: 1, count: n + 1)
        if n > 25 && isAged {
            let first = 1 / Double(n)
            let ramp = n - 25
            let step = (1 - first) / Double(max(ramp - 1, 1))
            for i in 0..<ramp { weights[i] = Double(i) * step + first }
            if ramp > 1 { weights[ramp - 1] = 1 }
        }
        let sum = pairwiseSum(weights)
        for i in weights.indices { weights[i] /= sum }
        return weights
    }

    // MARK: Sampling

    /// Draws `count` points. Order of draws: kernels, then categorical axes, then all numbers, axis by axis.
    ///
    /// - Returns: shape [axes][count].
    func sample(_ count: Int, from generator: inout MersenneTwister) -> [[Double]] {
        var points = [[Double]](repeating: [], count: axes.count)
        let chosen = sampleKernels(count, from: &generator)
        for (at, axis) in axes.enumerated() {
            guard case .categorical(let table, let options) = kernels[at] else { continue }
            points[at] = chosen.map { kernel in
                let draw = generator.nextDouble()
                let start = (kernel == self.count ? axis.choices : Int(options[kernel])) * axis.choices
                var (sum, choice) = (0.0, 0)
                for probability in table[start..<start + axis.choices - 1] {
                    sum += probability
                    if sum < draw { choice += 1 }
                }
                return Double(choice)
            }
        }
        var (q, a, b): ([Double], [Double], [Double]) = ([], [], [])
        var (mus, sigmas): ([Double], [Double]) = ([], [])
        for (at, axis) in axes.enumerated() where !axis.isCategorical {
            for kernel in chosen {
                let (mu, sigma) = normal(at, kernel)
                q.append(generator.nextDouble())
                a.append((axis.domainLow - mu) / sigma)
                b.append((axis.domainHigh - mu) / sigma)
                mus.append(mu)
                sigmas.append(sigma)
            }
        }
        let z = quantiles(q, a, b)
        var next = 0
        for (at, axis) in axes.enumerated() where !axis.isCategorical {
            points[at] = (next..<next + count).map { axis.value(at: z[$0] * sigmas[$0] + mus[$0]) }
            next += count
        }
        return points
    }

    /// Centre and bandwidth of a kernel, the prior's included.
    private func normal(_ at: Int, _ kernel: Int) -> (mu: Double, sigma: Double) {
        let (low, high) = (axes[at].domainLow, axes[at].domainHigh)
        if kernel == count { return (0.5 * (low + high), high - low) }
        switch kernels[at] {
        case .stepped(let kernels): return (kernels.mu(kernel), kernels.sigma(kernel))
        case .numeric(let mus, let sigmas, _): return (mus[kernel], sigmas[kernel])
        case .categorical: preconditionFailure("a categorical axis has no normals")
        }
    }

    private func sampleKernels(_ count: Int, from generator: inout MersenneTwister) -> [Int] {
        var sums = weights
        for i in sums.indices.dropFirst() { sums[i] += sums[i - 1] }
        let total = sums[sums.count - 1]
        for i in sums.indices { sums[i] /= total }
        return (0..<count).map { _ in
            let draw = generator.nextDouble()
            // The first sum above the draw.
            var (low, high) = (0, sums.count)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] <= draw { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    // MARK: Density

    /// ln of the density at a point (a probability on axes with steps or choices), in Optuna's order of operations.
    ///
    /// - Parameter point: one value an axis.
    func logDensity(at point: [Double]) -> Double {
        var logs = [Double](repeating: 0, count: count + 1)
        var continuous: [Int] = []
        for (at, axis) in axes.enumerated() {
            switch kernels[at] {
            case .categorical(let table, let options):
                let choice = Int(point[at])
                let column = (0...axis.choices).map { log(table[$0 * axis.choices + choice]) }
                for k in 0..<count { logs[k] += column[Int(options[k])] }
                logs[count] += column[axis.choices]
            case .stepped(let kernels):
                let cell = axis.cell(around: point[at])
                kernels.addLogMasses(of: cell, axis, to: &logs)
                let (mu, sigma) = normal(at, count)
                add(&logs[count], axis, cell, mu, sigma)
            case .numeric:
                guard axis.isDiscrete else {
                    continuous.append(at)
                    continue
                }
                let cell = axis.cell(around: point[at])
                for k in logs.indices {
                    let (mu, sigma) = normal(at, k)
                    add(&logs[k], axis, cell, mu, sigma)
                }
            }
        }
        if !continuous.isEmpty {
            var terms = [Double](repeating: 0, count: continuous.count)
            for k in logs.indices {
                for (term, at) in continuous.enumerated() {
                    let axis = axes[at]
                    let (mu, sigma) = normal(at, k)
                    terms[term] = Samplers.logDensity(
                        axis.isLog ? log(point[at]) : point[at], mu: mu, sigma: sigma, low: axis.domainLow,
                        high: axis.domainHigh)
                }
                logs[k] += pairwiseSum(terms)
            }
        }
        let weights = weights
        for k in logs.indices { logs[k] += log(weights[k]) }
        var largest = logs.max() ?? 0
        if largest == -.infinity { largest = 0 }
        return log(pairwiseSum(logs.map { exp($0 - largest) })) + largest
    }

    private func add(
        _ sum: inout Double, _ axis: Axis, _ cell: (left: Double, right: Double), _ mu: Double, _ sigma: Double
    ) {
        sum += logMass((cell.left - mu) / sigma, (cell.right - mu) / sigma)
        sum -= logMass((axis.domainLow - mu) / sigma, (axis.domainHigh - mu) / sigma)
    }
}

extension Axis {
    /// The parameter's value at a place in the domain: on a step when there are steps.
    func value(at x: Double) -> Double {
        let plain = isLog ? exp(x) : x
        guard step > 0 else { return plain }
        return min(max(low + rint((plain - low) / step) * step, low), high)
    }

    /// The part of the domain that rounds to a value.
    func cell(around value: Double) -> (left: Double, right: Double) {
        let (left, right) = (value - step / 2, value + step / 2)
        return isLog ? (log(left), log(right)) : (left, right)
    }
}
