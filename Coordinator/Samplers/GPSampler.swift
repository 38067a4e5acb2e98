import Glibc

/// For few, expensive trials: a Gaussian process learns the objective, and the point with the highest expected improvement
/// is tried. Its cost grows with the cube of the trials; past 400 it learns from the best 100 and the newest.
///
/// Pending trials are believed to turn out as predicted, so a batch spreads out. Pruned and infeasible trials count as bad
/// as the worst complete one. Losses above the median are compressed, so that a few terrible ones do not flatten the
/// rest. Inactive parameters sit in the middle of their side.
/// Sources: Jones, Schonlau and Welch (1998), *Efficient Global Optimization*; Ament and others (2023), *Unexpected
/// Improvements to Expected Improvement*, for its logarithm.
package struct GPSampler: Sampler {
    private static let startupTrials = 10
    private static let memory = 400
    private static let spread = 1024
    private static let starts = 6
    private static let perStart = 40
    private static let rounds = 14

    private let cube: UnitCube
    private let seed: UInt32
    private let direction: Direction
    private let start: QuasiRandomSampler
    private let sobol: Sobol
    private let isChoice: [Bool]
    private var trials: [(number: Int, point: [Double], rank: Rank)] = []

    package init(space: Space, seed: UInt32, direction: Direction) {
        cube = UnitCube(space)
        self.seed = seed
        self.direction = direction
        start = QuasiRandomSampler(space: space, seed: seed)
        sobol = Sobol(dimensions: min(cube.dimensions, Sobol.dimensionLimit))
        isChoice = (0..<cube.dimensions).map { [cube] in cube.axis($0).isCategorical }
    }

    package mutating func learn(_ trial: Trial) {
        trials.append((trial.number, cube.point(of: trial.values), Rank(trial, direction)))
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {}

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        let losses = trials.compactMap(\.rank.loss).filter(\.isFinite)
        guard trials.count >= Self.startupTrials, losses.count >= 2, cube.dimensions > 0,
            let improvement = improvement(pending, losses)
        else {
            var start = start
            return start.suggest(number: number, pending: pending, fixed: fixed)
        }
        let point = search(improvement, number)
        return Suggestion(values: cube.values(of: point, fixed: fixed).values)
    }

    /// ln of the expected improvement at each of some points.
    private func improvement(_ pending: [PendingTrial], _ losses: [Double]) -> (([[Double]]) -> [Double])? {
        let sorted = losses.sorted()
        let (best, median, worst) = (sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1])
        let scale = median - best
        func compressed(_ loss: Double) -> Double {
            loss > median && scale > 0 ? median + scale * log1p((loss - median) / scale) : loss
        }
        let known = remembered().map { trial in
            let loss = trial.rank.loss ?? worst
            return (trial.point, compressed(loss.isFinite ? loss : loss < 0 ? best : worst))
        }
        let mean = known.reduce(0) { $0 + $1.1 } / Double(known.count)
        let variance = known.reduce(0) { $0 + ($1.1 - mean) * ($1.1 - mean) } / Double(known.count)
        let deviation = variance > 0 && variance.isFinite ? variance.squareRoot() : 1
        guard
            var process = GaussianProcess(
                points: known.map(\.0), y: known.map { ($0.1 - mean) / deviation }, isChoice: isChoice)
        else { return nil }
        process.believe(pending.map { cube.point(of: $0.values) })
        let goal = (compressed(best) - mean) / deviation
        return { [process] candidates in
            process.predict(candidates).map { logImprovement(goal, $0.mean, $0.variance.squareRoot()) }
        }
    }

    private func remembered() -> [(number: Int, point: [Double], rank: Rank)] {
        guard trials.count > Self.memory else { return trials }
        let best = trials.indices.sorted { (trials[$0].rank, $0) < (trials[$1].rank, $1) }.prefix(100)
        let newest = trials.indices.suffix(Self.memory - 100)
        return Set(best).union(newest).sorted().map { trials[$0] }
    }

    /// An even spread first, then around the best of it and around the best trials, ever closer.
    private func search(_ improvement: ([[Double]]) -> [Double], _ number: Int) -> [Double] {
        var draws = TrialDraws(seed: seed, number: number, purpose: 8)
        let shift = UInt32(truncatingIfNeeded: draws.nextWord())
        var candidates = (0..<Self.spread).map { index -> [Double] in
            var point = sobol.scrambled(UInt32(index), seed: shift)
            while point.count < cube.dimensions { point.append(draws.nextDouble()) }
            return snapped(point)
        }
        candidates += trials.sorted { ($0.rank, $0.number) < ($1.rank, $1.number) }.prefix(4).map(\.point)
        var scores = improvement(candidates)
        var best = candidates.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
            .prefix(Self.starts).map { (point: candidates[$0], score: scores[$0]) }
        // The best trial's own place, where the improvement is nothing but around it may be much.
        best.append((candidates[Self.spread], scores[Self.spread]))
        var radius = 0.2
        for _ in 0..<Self.rounds {
            candidates = best.flatMap { around in (0..<Self.perStart).map { _ in move(around.point, radius, &draws) } }
            scores = improvement(candidates)
            for (at, score) in scores.enumerated() where score > best[at / Self.perStart].score {
                best[at / Self.perStart] = (candidates[at], score)
            }
            radius *= 0.55
        }
        return best.max { $0.score < $1.score }?.point ?? candidates[0]
    }

    /// A few sides change at a time: by a normal step, or to another choice or value.
    private func move(_ point: [Double], _ radius: Double, _ draws: inout TrialDraws) -> [Double] {
        var moved = point
        let share = max(1 / Double(point.count), draws.nextDouble())
        let forced = draws.next(below: point.count)
        for at in point.indices {
            guard at == forced || draws.nextDouble() < share else { continue }
            let count = cube.axis(at).valueCount
            if isChoice[at] {
                moved[at] = draws.nextDouble()
            } else {
                let step = radius * draws.nextNormal()
                let least = count > 0 ? 0.7 / Double(count) : 0
                moved[at] += abs(step) < least ? (step < 0 ? -least : least) : step
            }
            moved[at] = min(max(moved[at], 0), 1)
        }
        return snapped(moved)
    }

    /// Choices and steps in the middle of their part of the side.
    private func snapped(_ point: [Double]) -> [Double] {
        point.enumerated().map { at, share in
            let axis = cube.axis(at)
            return axis.isDiscrete ? axis.share(of: axis.value(atShare: share)) : share
        }
    }
}

/// ln E[max(goal − f, 0)] for f ~ N(mean, deviation²).
func logImprovement(_ goal: Double, _ mean: Double, _ deviation: Double) -> Double {
    let z = (goal - mean) / deviation
    let logDensity = -0.5 * z * z - 0.5 * log(2 * Double.pi)
    if z > -1 { return log(deviation) + log(exp(logDensity) + z * 0.5 * erfc(-z / root2)) }
    // φ(z) + z·Φ(z) = φ(z)·(1 − |z|·Φ(z)/φ(z)), the ratio by its asymptotic series far out.
    let square = z * z
    if z < -25 { return log(deviation) + logDensity - log(square) + log1p(-3 / square + 15 / (square * square)) }
    return log(deviation) + logDensity + log1p(z * 0.5 * erfc(-z / root2) / exp(logDensity))
}
