import Glibc

/// Which of several equal observations counts as first and as last among its neighbours: their kernels get the gaps to
/// the next values, the rest the smallest bandwidth.
package enum TieOrder: Sendable {
    /// As NumPy's unstable `argsort` leaves them: Optuna's bits.
    case numPy
    /// Oldest first, newest last: no sort at all on axes with few values.
    case age
}

/// A density over a search space: one product kernel an observation, and a flat prior kernel that comes last.
/// Source: Watanabe (2023), *Tree-Structured Parzen Estimator*, and Optuna 5.0's neighbour-distance bandwidths.
struct ParzenEstimator {
    /// The kernels of one axis.
    enum Kernels {
        /// Probabilities, shape [choices + 1][choices] flattened: a row per choice observed, then the prior's.
        /// `rows` names each kernel's row.
        case categorical(table: [Double], rows: [Int])
        /// Truncated normals in the axis' domain (logarithms for a log axis).
        case numeric(mus: [Double], sigmas: [Double])
    }

    let axes: [Axis]
    /// Σ = 1. Count K.
    let weights: [Double]
    let kernels: [Kernels]

    /// - Parameter columns: per axis the observed values, oldest first, all of one length.
    init(axes: [Axis], columns: [[Double]], ties: TieOrder) {
        self.axes = axes
        let count = columns.first?.count ?? 0
        weights = Self.weights(observations: count)
        kernels = zip(axes, columns).map { axis, column in
            axis.isCategorical
                ? Self.categorical(axis, column)
                : Self.numeric(axis, axis.isLog ? column.map { log($0) } : column, ties)
        }
    }

    /// The newest 25 count 1, older ones fall off linearly to 1/n; the prior counts 1.
    private static func weights(observations n: Int) -> [Double] {
        if n == 0 { return [1] }
        var weights = [Double](repeating: 1, count: n + 1)
        if n > 25 {
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

    private static func categorical(_ axis: Axis, _ column: [Double]) -> Kernels {
        let choices = axis.choices
        if column.isEmpty {
            return .categorical(
                table: [Double](repeating: 1 / Double(choices), count: (choices + 1) * choices), rows: [choices])
        }
        let base = 1 / Double(column.count + 1)
        var table: [Double] = []
        for observed in 0...choices {
            var row = [Double](repeating: base, count: choices)
            if observed < choices { row[observed] += 1 }
            let sum = pairwiseSum(row)
            table += row.map { $0 / sum }
        }
        return .categorical(table: table, rows: column.map { Int($0) } + [choices])
    }

    private static func numeric(_ axis: Axis, _ mus: [Double], _ ties: TieOrder) -> Kernels {
        let (low, high) = (axis.domainLow, axis.domainHigh)
        let narrowest = (high - low) / min(100, Double(2 + mus.count))
        var sigmas = [Double](repeating: 0, count: mus.count)
        let order = order(of: mus, ties)
        for (place, index) in order.enumerated() {
            let mu = mus[index]
            let left = mu - (place == 0 ? low : mus[order[place - 1]])
            let right = (place == mus.count - 1 ? high : mus[order[place + 1]]) - mu
            var sigma = max(left, right)
            if mus.count >= 2 {
                if place == 0 { sigma = right }
                if place == mus.count - 1 { sigma = left }
            }
            sigmas[index] = min(max(sigma, narrowest), high - low)
        }
        return .numeric(mus: mus + [0.5 * (low + high)], sigmas: sigmas + [high - low])
    }

    /// Positions of `mus` in ascending order.
    private static func order(of mus: [Double], _ ties: TieOrder) -> [Int] {
        if ties == .age, let order = countingOrder(of: mus) { return order }
        var byAge = mus.enumerated().map { (mu: $1, index: Int32($0)) }
        byAge.sort { $0.mu < $1.mu || ($0.mu == $1.mu && $0.index < $1.index) }
        guard ties == .numPy, zip(byAge, byAge.dropFirst()).contains(where: { $0.mu == $1.mu }) else {
            return byAge.map { Int($0.index) }
        }
        var entries = [UInt64](repeating: 0, count: mus.count)
        var rank: UInt64 = 0
        for place in byAge.indices {
            if place > 0 && byAge[place].mu != byAge[place - 1].mu { rank += 1 }
            entries[Int(byAge[place].index)] = rank << 32 | UInt64(byAge[place].index)
        }
        introsort(&entries)
        return entries.map { Int($0 & 0xFFFF_FFFF) }
    }

    /// Ascending, ties by age, for whole numbers within a few thousand of each other, which is what options are: a pass
    /// instead of a sort, and after ten thousand trials the sort was half of a suggestion. Nil for others.
    private static func countingOrder(of mus: [Double]) -> [Int]? {
        guard let low = mus.min(), let high = mus.max(), high - low <= 4096 else { return nil }
        var starts = [Int](repeating: 0, count: Int(high - low) + 2)
        for mu in mus {
            guard mu.rounded(.towardZero) == mu else { return nil }
            starts[Int(mu - low) + 1] += 1
        }
        for bucket in 1..<starts.count { starts[bucket] += starts[bucket - 1] }
        var order = [Int](repeating: 0, count: mus.count)
        for (index, mu) in mus.enumerated() {
            let bucket = Int(mu - low)
            order[starts[bucket]] = index
            starts[bucket] += 1
        }
        return order
    }

    /// Draws `count` points. Order of draws: kernels, then categorical axes, then all numbers, axis by axis.
    ///
    /// - Returns: shape [axes][count].
    func sample(_ count: Int, from generator: inout MersenneTwister) -> [[Double]] {
        var points = [[Double]](repeating: [], count: axes.count)
        let chosen = sampleKernels(count, from: &generator)
        for (at, axis) in axes.enumerated() {
            guard case .categorical(let table, let rows) = kernels[at] else { continue }
            points[at] = chosen.map { kernel in
                let draw = generator.nextDouble()
                let row = table[rows[kernel] * axis.choices..<(rows[kernel] + 1) * axis.choices]
                var (sum, choice) = (0.0, 0)
                for probability in row.dropLast() {
                    sum += probability
                    if sum < draw { choice += 1 }
                }
                return Double(choice)
            }
        }
        var (q, a, b): ([Double], [Double], [Double]) = ([], [], [])
        for (at, axis) in axes.enumerated() {
            guard case .numeric(let mus, let sigmas) = kernels[at] else { continue }
            for kernel in chosen {
                q.append(generator.nextDouble())
                a.append((axis.domainLow - mus[kernel]) / sigmas[kernel])
                b.append((axis.domainHigh - mus[kernel]) / sigmas[kernel])
            }
        }
        let z = quantiles(q, a, b)
        var next = 0
        for (at, axis) in axes.enumerated() {
            guard case .numeric(let mus, let sigmas) = kernels[at] else { continue }
            points[at] = chosen.enumerated().map { draw, kernel in
                let x = z[next + draw] * sigmas[kernel] + mus[kernel]
                return axis.value(at: x)
            }
            next += count
        }
        return points
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

    /// ln of the density at a point (a probability on axes with steps or choices), in Optuna's order of operations.
    ///
    /// - Parameter point: one value an axis.
    func logDensity(at point: [Double]) -> Double {
        var logs = [Double](repeating: 0, count: weights.count)
        var continuous: [Int] = []
        for (at, axis) in axes.enumerated() {
            switch kernels[at] {
            case .categorical(let table, let rows):
                let choice = Int(point[at])
                let column = (0...axis.choices).map { log(table[$0 * axis.choices + choice]) }
                for k in logs.indices { logs[k] += column[rows[k]] }
            case .numeric(let mus, let sigmas):
                guard axis.step > 0 else {
                    continuous.append(at)
                    continue
                }
                let (left, right) = axis.cell(around: point[at])
                for k in logs.indices {
                    logs[k] += logMass((left - mus[k]) / sigmas[k], (right - mus[k]) / sigmas[k])
                    logs[k] -= logMass((axis.domainLow - mus[k]) / sigmas[k], (axis.domainHigh - mus[k]) / sigmas[k])
                }
            }
        }
        if !continuous.isEmpty {
            var terms = [Double](repeating: 0, count: continuous.count)
            for k in logs.indices {
                for (term, at) in continuous.enumerated() {
                    guard case .numeric(let mus, let sigmas) = kernels[at] else { continue }
                    let axis = axes[at]
                    terms[term] = Samplers.logDensity(
                        axis.isLog ? log(point[at]) : point[at], mu: mus[k], sigma: sigmas[k], low: axis.domainLow,
                        high: axis.domainHigh)
                }
                logs[k] += pairwiseSum(terms)
            }
        }
        for k in logs.indices { logs[k] += log(weights[k]) }
        var largest = logs.max() ?? 0
        if largest == -.infinity { largest = 0 }
        return log(pairwiseSum(logs.map { exp($0 - largest) })) + largest
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
