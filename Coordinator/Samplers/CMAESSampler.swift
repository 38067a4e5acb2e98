import Glibc

/// Covariance matrix adaptation: a normal distribution that moves, turns and stretches toward better trials.
///
/// In the unit cube (log axes by logarithm), from its middle, with active (negative) weights. Steps keep the chance of
/// leaving their value as CMA-ES with margin does, choices have probabilities of their own that move to what the better
/// half chose. A result that comes late, or was enqueued, is counted as one of the generation in progress, cut to the
/// length a draw has. When a generation no longer differs, the search starts again elsewhere with twice the population.
///
/// Sources: Hansen (2016), *The CMA Evolution Strategy: A Tutorial*; Hamano and others (2022), *CMA-ES with Margin*;
/// Hansen (2011), *Injecting External Solutions Into CMA-ES*; Auger and Hansen (2005) for the restarts.
package struct CMAESSampler: Sampler {
    private struct Draw {
        var generation: Int
        /// In the model's coordinates before the margin: x = m + σ·y.
        var y: [Double]
        /// In the cube, numbers only.
        var x: [Double]
    }

    private let cube: UnitCube
    private let seed: UInt32
    private let direction: Direction
    /// Dimensions of the cube that are numbers, and choices.
    private let numbers: [Int]
    private let choices: [Int]
    private var model: CovarianceModel
    /// Per choice its probabilities.
    private var odds: [[Double]]
    private var generation = 0
    /// By trial number: looked up only.
    private var asked: [Int: Draw] = [:]
    private var told: [(rank: Rank, number: Int, y: [Double], options: [Int])] = []
    private var restarts = 0

    package init(space: Space, seed: UInt32, direction: Direction) throws(SpaceError) {
        cube = UnitCube(space)
        self.seed = seed
        self.direction = direction
        numbers = (0..<cube.dimensions).filter { [cube] in !cube.axis($0).isCategorical }
        choices = (0..<cube.dimensions).filter { [cube] in cube.axis($0).isCategorical }
        guard !numbers.isEmpty else {
            throw SpaceError("cmaes needs at least one number with more than one value; use tpe or random.")
        }
        model = CovarianceModel(dimensions: numbers.count)
        odds = choices.map { [cube] in
            [Double](repeating: 1 / Double(cube.axis($0).choices), count: cube.axis($0).choices)
        }
    }

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        let (draw, point) = sample(number)
        let (values, unused) = cube.values(of: point, fixed: fixed)
        remember(draw, number, fixed: values, of: point)
        return Suggestion(values: values, unused: unused)
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {
        // The draw is a few multiplications; what was suggested is what counts where it was enqueued.
        let (draw, point) = sample(number)
        remember(draw, number, fixed: suggestion.values, of: point)
    }

    /// Enqueued values make the trial a stranger, whose y is found from its values when it ends.
    private mutating func remember(_ draw: Draw, _ number: Int, fixed values: [Double?], of point: [Double]) {
        let own = cube.values(of: point, fixed: [Double?](repeating: nil, count: values.count)).values
        asked[number] = own == values ? draw : nil
    }

    private func sample(_ number: Int) -> (Draw, [Double]) {
        var draws = TrialDraws(seed: seed, number: number, purpose: 5)
        let margins = margins
        var (y, x): ([Double], [Double]) = ([], [])
        for _ in 0..<100 {
            y = model.draw(&draws)
            x = y.indices.map { model.mean[$0] + model.sigma * y[$0] * margins[$0] }
            if x.allSatisfy({ $0 >= 0 && $0 <= 1 }) { break }
        }
        x = x.map { min(max($0, 0), 1) }
        var point = [Double](repeating: 0, count: cube.dimensions)
        for (at, dimension) in numbers.enumerated() { point[dimension] = x[at] }
        for (at, dimension) in choices.enumerated() {
            let u = draws.nextDouble()
            var (option, sum) = (0, odds[at][0])
            while sum <= u && option + 1 < odds[at].count {
                option += 1
                sum += odds[at][option]
            }
            point[dimension] = (Double(option) + 0.5) / Double(odds[at].count)
        }
        return (Draw(generation: generation, y: y, x: x), point)
    }

    /// How much wider each number is drawn than the model has it: enough that of a generation one is expected to leave
    /// the value in the middle, on axes with steps.
    private var margins: [Double] {
        let chance = 1 / (Double(model.population) * Double(numbers.count))
        let reach = -Self.normalQuantile(min(0.25, chance / 2))
        return numbers.enumerated().map { at, dimension in
            let count = cube.axis(dimension).valueCount
            let deviation = model.sigma * model.deviation(at)
            guard count > 1, deviation > 0 else { return 1 }
            let mean = min(max(model.mean[at], 0), 1)
            let cell = min((mean * Double(count)).rounded(.down), Double(count - 1))
            // The nearest border behind which there is another value.
            var distance = Double.infinity
            if cell > 0 { distance = mean - cell / Double(count) }
            if Int(cell) < count - 1 { distance = min(distance, (cell + 1) / Double(count) - mean) }
            return max(1, distance / reach / deviation)
        }
    }

    /// By bisection on erfc; a few hundred nanoseconds, once a suggestion.
    private static func normalQuantile(_ share: Double) -> Double {
        var (low, high) = (-40.0, 0.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / root2) < share { low = middle } else { high = middle }
        }
        return low
    }

    package mutating func learn(_ trial: Trial) {
        let draw = asked.removeValue(forKey: trial.number)
        let point = cube.point(of: trial.values)
        let y: [Double]
        if let draw, draw.generation == generation {
            y = draw.y
        } else {
            let x = draw?.x ?? numbers.map { point[$0] }
            y = model.stranger(x.indices.map { (x[$0] - model.mean[$0]) / model.sigma })
        }
        let options = choices.map { dimension in
            let count = cube.axis(dimension).choices
            return min(Int(point[dimension] * Double(count)), count - 1)
        }
        told.append((Rank(trial, direction), trial.number, y, options))
        guard told.count == model.population else { return }
        let sorted = told.sorted { ($0.rank, $0.number) < ($1.rank, $1.number) }
        let isFlat = sorted.count > 1 && sorted[0].rank == sorted[sorted.count / 2].rank && choices.isEmpty
        model.update(sorted.map(\.y))
        for at in choices.indices { learnChoices(at, sorted.prefix(sorted.count / 2).map { $0.options[at] }) }
        told = []
        generation += 1
        if model.isSpent || isFlat && model.flatten() { restart() }
    }

    private mutating func learnChoices(_ at: Int, _ better: [Int]) {
        let count = Double(odds[at].count)
        let rate = 0.3 / Double(max(choices.count, 1)).squareRoot()
        for option in odds[at].indices {
            let share = Double(better.count { $0 == option }) / Double(better.count)
            odds[at][option] += rate * (share - odds[at][option])
        }
        // No choice is ever given up.
        let floor = 0.1 / count
        for option in odds[at].indices { odds[at][option] = max(odds[at][option], floor) }
        let sum = odds[at].reduce(0, +)
        for option in odds[at].indices { odds[at][option] /= sum }
    }

    private mutating func restart() {
        restarts += 1
        var draws = TrialDraws(seed: seed, number: restarts, purpose: 6)
        model = CovarianceModel(
            dimensions: numbers.count, population: model.population * 2,
            mean: numbers.map { _ in 0.1 + 0.8 * draws.nextDouble() })
        for at in odds.indices {
            odds[at] = [Double](repeating: 1 / Double(odds[at].count), count: odds[at].count)
        }
    }
}
