import Glibc

/// For several objectives: the best fifty trials so far are parents; a child mixes two of them and changes a little.
///
/// Steady-state: every finished trial competes with the parents at once, so workers never wait for a generation. Parents
/// are kept by fronts, then by how far apart they lie; feasible before infeasible; pruned trials have no values and are
/// not parents. Source: Deb, Pratap, Agarwal and Meyarivan (2002), *A Fast and Elitist Multiobjective Genetic Algorithm*,
/// and Deb and Agrawal (1995) for the crossover.
package struct NSGA2Sampler: Sampler {
    static let population = 50
    private static let crossoverShare = 0.9
    private static let crossoverIndex = 15.0
    private static let mutationIndex = 20.0

    private struct Parent {
        var number: Int
        var point: [Double]
        var losses: [Double]
        var violation: Double
    }

    private let cube: UnitCube
    private let seed: UInt32
    private let directions: [Direction]
    private let start: QuasiRandomSampler
    /// Best first: by front, then by crowding. In the order of tells before there are enough.
    private var parents: [Parent] = []

    package init(space: Space, seed: UInt32, directions: [Direction]) {
        cube = UnitCube(space)
        self.seed = seed
        self.directions = directions
        start = QuasiRandomSampler(space: space, seed: seed)
    }

    package mutating func learn(_ trial: Trial) {
        guard let losses = trial.losses(directions), losses.allSatisfy({ !$0.isNaN }) else { return }
        parents.append(
            Parent(
                number: trial.number, point: cube.point(of: trial.values), losses: losses, violation: trial.violation))
        if parents.count > Self.population { select() }
    }

    private mutating func select() {
        let feasible = parents.filter { $0.violation <= 0 }
        let infeasible = parents.filter { $0.violation > 0 }
            .sorted { ($0.violation, $0.number) < ($1.violation, $1.number) }
        let ranks = fronts(feasible.map(\.losses))
        var chosen: [Parent] = []
        for rank in 0...(ranks.max() ?? 0) {
            let front = feasible.indices.filter { ranks[$0] == rank }.map { feasible[$0] }
            let distances = Self.crowding(front)
            chosen += front.indices.sorted { (-distances[$0], front[$0].number) < (-distances[$1], front[$1].number) }
                .map { front[$0] }
        }
        parents = Array((chosen + infeasible).prefix(Self.population))
    }

    /// Per parent the sum over objectives of the distance between its two neighbours, ∞ at the ends.
    private static func crowding(_ front: [Parent]) -> [Double] {
        var distances = [Double](repeating: 0, count: front.count)
        guard let objectives = front.first?.losses.count else { return [] }
        for objective in 0..<objectives {
            func loss(_ at: Int) -> Double { front[at].losses[objective] }
            let order = front.indices.sorted { (loss($0), front[$0].number) < (loss($1), front[$1].number) }
            let (lowest, highest) = (loss(order[0]), loss(order[order.count - 1]))
            distances[order[0]] = .infinity
            distances[order[order.count - 1]] = .infinity
            guard highest > lowest, (highest - lowest).isFinite, order.count > 2 else { continue }
            for at in 1..<order.count - 1 {
                distances[order[at]] += (loss(order[at + 1]) - loss(order[at - 1])) / (highest - lowest)
            }
        }
        return distances
    }

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        // The first population is spread evenly; more of it when trials are pruned or fail.
        guard number >= Self.population, parents.count >= 2 else {
            var start = start
            return start.suggest(number: number, pending: pending, fixed: fixed)
        }
        var draws = TrialDraws(seed: seed, number: number, purpose: 4)
        let taken = pending.map { cube.point(of: $0.values) }
        var suggestion = cube.values(of: child(&draws), fixed: fixed)
        // What is known or on its way is not tried again, while another try helps.
        for _ in 0..<10 {
            let point = cube.point(of: suggestion.values)
            guard taken.contains(point) || parents.contains(where: { $0.point == point }) else { break }
            suggestion = cube.values(of: child(&draws), fixed: fixed)
        }
        return Suggestion(values: suggestion.values)
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {}

    private func child(_ draws: inout TrialDraws) -> [Double] {
        // The better of two: parents stand best first.
        func pick(_ draws: inout TrialDraws) -> [Double] {
            parents[min(draws.next(below: parents.count), draws.next(below: parents.count))].point
        }
        var child = pick(&draws)
        let other = pick(&draws)
        let mixes = draws.nextDouble() < Self.crossoverShare
        for at in child.indices {
            let axis = cube.axis(at)
            if mixes && draws.nextDouble() < 0.5 {
                child[at] = axis.isCategorical ? other[at] : Self.cross(child[at], other[at], &draws)
            }
            if draws.nextDouble() < 1 / Double(child.count) {
                child[at] =
                    axis.isCategorical ? draws.nextDouble() : Self.mutate(child[at], axis.valueCount, &draws)
            }
        }
        return child
    }

    /// Simulated binary crossover: one of two children around the parents' middle.
    private static func cross(_ a: Double, _ b: Double, _ draws: inout TrialDraws) -> Double {
        let u = draws.nextDouble()
        let spread = pow(u <= 0.5 ? 2 * u : 1 / (2 * (1 - u)), 1 / (crossoverIndex + 1))
        let side = draws.nextDouble() < 0.5 ? spread : -spread
        return min(max(0.5 * (a + b) + 0.5 * side * (a - b), 0), 1)
    }

    /// Polynomial mutation; on an axis with steps at least one of them.
    private static func mutate(_ x: Double, _ steps: Int, _ draws: inout TrialDraws) -> Double {
        let u = draws.nextDouble()
        var change =
            u < 0.5
            ? pow(2 * u, 1 / (mutationIndex + 1)) - 1 : 1 - pow(2 * (1 - u), 1 / (mutationIndex + 1))
        if steps > 1 {
            let step = 1 / Double(steps)
            if abs(change) < step { change = change < 0 ? -step : step }
        }
        return min(max(x + change, 0), 1)
    }
}
