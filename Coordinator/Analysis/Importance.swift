import Glibc
import Samplers

/// How much of getting among the best tenth each parameter decides: PED-ANOVA, the divergence of the best trials' values
/// from all trials' values, parameter by parameter.
/// Source: Watanabe, Bansal and Hutter (2023), *PED-ANOVA*, with the grids and bandwidths of Optuna 5.0.
package struct Importance: Sendable, Equatable {
    package var name: String
    /// 0…1; those of all parameters sum to 1.
    package var share: Double

    /// Importances of every parameter that a complete trial has, the largest first, equals by name.
    ///
    /// A parameter that only some trials have is judged among those, and weighs as much as being among the best goes
    /// with having it. All are equal when nothing can be told: fewer than two trials with finite values, or no divergence.
    ///
    /// - Parameters: trials: in any order. objective: which of the values counts. direction: of that objective.
    package static func all(
        of trials: [AnalysisTrial], objective: Int = 0, direction: Direction
    ) -> [Importance] {
        all(of: trials) {
            $0.values.indices.contains(objective) && $0.values[objective].isFinite
        } isTop: { trials in
            let losses = trials.map { direction == .minimize ? $0.values[objective] : -$0.values[objective] }
            let bar = losses.sorted()[Int(ceil(0.1 * Double(losses.count))) - 1]
            return losses.map { $0 <= bar }
        }
    }

    /// For several objectives at once: the best tenth are the best fronts.
    package static func all(of trials: [AnalysisTrial], directions: [Direction]) -> [Importance] {
        if directions.count == 1 { return all(of: trials, direction: directions[0]) }
        return all(of: trials) {
            $0.values.count == directions.count && $0.values.allSatisfy(\.isFinite)
        } isTop: {
            bestByFronts($0.map { losses($0.values, directions) }, count: Int(ceil(0.1 * Double($0.count))))
        }
    }

    private static func all(
        of trials: [AnalysisTrial], where isUsable: (AnalysisTrial) -> Bool, isTop: ([AnalysisTrial]) -> [Bool]
    ) -> [Importance] {
        let complete = trials.filter { $0.state == .complete }.sorted { $0.number < $1.number }
        let names = Set(complete.flatMap { $0.parameters.map(\.name) }).sorted()
        let usable = complete.filter(isUsable)
        return usable.count > 1 ? of(usable, isTop: isTop(usable), names: names) : shares(names.map { ($0, 0) })
    }

    /// - Parameters: trials: complete, with finite values. isTop: one a trial, at least one true.
    private static func of(_ trials: [AnalysisTrial], isTop: [Bool], names: [String]) -> [Importance] {
        let topCount = Double(isTop.count { $0 })
        let quantile = topCount / Double(trials.count)
        return shares(
            names.map { name in
                var importance = 0.0
                for regime in Regime.all(of: name, in: trials, isTop: isTop) where regime.topCount > 0 {
                    let top = Double(regime.topCount) / topCount
                    let region = Double(regime.values.count) / Double(trials.count)
                    importance += top * top / region * regime.divergence
                }
                return (name, importance * quantile * quantile)
            })
    }

    private static func shares(_ importances: [(name: String, value: Double)]) -> [Importance] {
        let sum = importances.reduce(0) { $0 + $1.value }
        return importances.map {
            Importance(name: $0.name, share: sum == 0 ? 1 / Double(importances.count) : $0.value / sum)
        }
        .sorted { $0.share > $1.share || ($0.share == $1.share && $0.name < $1.name) }
    }
}

/// Trials whose value of a parameter came from one range; at least two.
private struct Regime {
    var range: Range
    var values: [Double] = []
    var isTop: [Bool] = []

    /// What tells ranges apart.
    struct Range: Equatable {
        var distribution: Distribution
        var low = 0.0
        var high = 0.0
        init(_ distribution: Distribution) {
            self.distribution = distribution
            high = distribution.lastValue
            switch distribution {
            case .float(let low, _, _, _): self.low = low
            case .int(let low, _, _, _): self.low = Double(low)
            case .categorical: break
            }
        }
        /// A high between two steps is the lower step.
        static func == (a: Range, b: Range) -> Bool {
            guard a.low == b.low, a.high == b.high else { return false }
            switch (a.distribution, b.distribution) {
            case (.float(_, _, let step, let log), .float(_, _, let step2, let log2)):
                return step == step2 && log == log2
            case (.int(_, _, let step, let log), .int(_, _, let step2, let log2)): return step == step2 && log == log2
            case (.categorical(let count), .categorical(let count2)): return count == count2
            default: return false
            }
        }
    }

    var topCount: Int { isTop.count { $0 } }

    /// Regimes of one parameter, in the order of their first trials; without those where nothing was chosen.
    static func all(of name: String, in trials: [AnalysisTrial], isTop: [Bool]) -> [Regime] {
        var regimes: [Regime] = []
        for (trial, isTop) in zip(trials, isTop) {
            guard let parameter = trial.parameters.first(where: { $0.name == name }) else { continue }
            let range = Range(parameter.distribution)
            let at = regimes.firstIndex { $0.range == range } ?? regimes.count
            if at == regimes.count { regimes.append(Regime(range: range)) }
            regimes[at].values.append(parameter.value)
            regimes[at].isTop.append(isTop)
        }
        return regimes.filter { $0.values.count >= 2 && !$0.range.distribution.isSingle }
    }

    /// Pearson's divergence of the top values' density from that of all values, on a grid.
    var divergence: Double {
        let cells = self.cells
        let count = gridSize
        let all = counts(cells, count)
        let top = counts(zip(cells, isTop).filter { $0.1 }.map(\.0), count)
        let (p, q) = (density(top), density(all))
        return zip(p, q).reduce(0) { sum, cell in
            let (p, q) = (cell.0 + 1e-12, cell.1 + 1e-12)
            let gap = p / q - 1
            return sum + q * gap * gap
        }
    }

    private var isCategorical: Bool {
        if case .categorical = range.distribution { true } else { false }
    }

    /// At most 50 cells; as many as values where there are fewer, and as many as doublings for a log-scale int.
    private var gridSize: Int {
        switch range.distribution {
        case .categorical(let choices): return choices
        case .int(_, _, _, log: true):
            return min(Int(ceil(log(range.high - range.low + 1) / log(2))) + 1, 50)
        case .int(_, _, let step, _): return min(Int(rint((range.high - range.low) / Double(step))) + 1, 50)
        case .float(_, _, let step?, _):
            let steps = rint((range.high - range.low) / step)
            return steps < 49 ? Int(steps) + 1 : 50
        case .float: return 50
        }
    }

    /// Per value its cell.
    private var cells: [Int] {
        let isLog: Bool
        switch range.distribution {
        case .categorical: return values.map { Int($0) }
        case .float(_, _, _, let log), .int(_, _, _, let log): isLog = log
        }
        let (low, high) = isLog ? (log(range.low), log(range.high)) : (range.low, range.high)
        let last = gridSize - 1
        let width = (high - low) / Double(last)
        return values.map { min(max(Int(ceil(((isLog ? log($0) : $0) - low) / width - 0.5)), 0), last) }
    }

    private func counts(_ cells: [Int], _ count: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: count)
        for cell in cells { counts[cell] += 1 }
        return counts
    }

    /// A Parzen estimate: one kernel a cell that was hit, weighing as often as it was hit, and a flat one of weight 1.
    private func density(_ counts: [Int]) -> [Double] {
        let hit = counts.indices.filter { counts[$0] > 0 }
        let total = counts.reduce(0, +)
        let weights = hit.map { Double(counts[$0]) / Double(total + 1) } + [1 / Double(total + 1)]
        return isCategorical
            ? categoricalDensity(hit, weights, count: counts.count)
            : numericDensity(hit, weights, bandwidth: bandwidth(hit, counts, total), count: counts.count)
    }

    private func categoricalDensity(_ hit: [Int], _ weights: [Double], count: Int) -> [Double] {
        let base = 1 / Double(weights.count)
        let sum = 1 + base * Double(count)
        return (0..<count).map { choice in
            var density = weights[hit.count] / Double(count)
            for (kernel, observed) in hit.enumerated() {
                density += weights[kernel] * (observed == choice ? 1 + base : base) / sum
            }
            return density
        }
    }

    private func numericDensity(_ hit: [Int], _ weights: [Double], bandwidth: Double, count: Int) -> [Double] {
        let last = Double(count - 1)
        let kernels = hit.map { (mu: Double($0), sigma: bandwidth) } + [(mu: last / 2, sigma: last + 1)]
        var density = [Double](repeating: 0, count: count)
        for (weight, (mu, sigma)) in zip(weights, kernels) {
            let whole = normalMass((-0.5 - mu) / sigma, (last + 0.5 - mu) / sigma)
            for cell in 0..<count {
                let middle = Double(cell)
                density[cell] += weight * normalMass((middle - 0.5 - mu) / sigma, (middle + 0.5 - mu) / sigma) / whole
            }
        }
        return density
    }

    /// Scott's rule on the smaller of the deviation and the quartiles' distance, in cells; at least a cell's.
    private func bandwidth(_ hit: [Int], _ counts: [Int], _ total: Int) -> Double {
        let mean = Double(hit.reduce(0) { $0 + $1 * counts[$1] }) / Double(total)
        let squares = hit.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) * Double(counts[$1]) }
        let deviation = (squares / Double(max(1, total - 1))).squareRoot()
        var (sum, first, third) = (0, hit.count, hit.count)
        for (at, cell) in hit.enumerated() {
            sum += counts[cell]
            if sum >= total / 4 { first = min(first, at) }
            if sum > total * 3 / 4 { third = min(third, at) }
        }
        let quartiles = Double(hit[min(hit.count - 1, third)] - hit[first])
        return max(1.059 * min(quartiles / 1.34, deviation) * pow(Double(total), -0.2), 0.5 / 1.64)
    }
}

/// Φ(b) − Φ(a), a ≤ b, by the complementary error function on the side of the nearer tail.
private func normalMass(_ a: Double, _ b: Double) -> Double {
    let root2 = 2.0.squareRoot()
    if b <= 0 { return 0.5 * (erfc(-b / root2) - erfc(-a / root2)) }
    if a > 0 { return 0.5 * (erfc(a / root2) - erfc(b / root2)) }
    return 0.5 * (erf(b / root2) - erf(a / root2))
}
