import Glibc

/// The normal distribution of CMA-ES and how it learns. Source: Hansen (2016), *The CMA Evolution Strategy: A Tutorial*,
/// whose names and constants these are.
struct CovarianceModel: Sendable {
    let dimensions: Int
    let population: Int
    private(set) var mean: [Double]
    private(set) var sigma = 1.0 / 6
    private(set) var covariance: Matrix
    private var axes: Matrix
    /// Square roots of the eigenvalues.
    private var lengths: [Double]
    private var evolutionPath: [Double]
    private var stepPath: [Double]
    private let weights: [Double]
    private let effective: Double
    private let cSigma: Double, dSigma: Double, cc: Double, c1: Double, cMu: Double
    /// E‖N(0, I)‖.
    private let expectedLength: Double
    private var updates = 0
    private var flatGenerations = 0
    /// The covariance lost its form.
    private var isBroken = false

    init(dimensions: Int, population: Int? = nil, mean: [Double]? = nil) {
        let n = Double(dimensions)
        let count = population ?? 4 + Int(3 * log(n))
        self.dimensions = dimensions
        self.population = count
        self.mean = mean ?? [Double](repeating: 0.5, count: dimensions)
        covariance = .identity(dimensions)
        axes = .identity(dimensions)
        lengths = [Double](repeating: 1, count: dimensions)
        evolutionPath = [Double](repeating: 0, count: dimensions)
        stepPath = evolutionPath
        expectedLength = n.squareRoot() * (1 - 1 / (4 * n) + 1 / (21 * n * n))

        let half = count / 2
        let raw = (1...count).map { log((Double(count) + 1) / 2) - log(Double($0)) }
        func effectiveness(_ part: ArraySlice<Double>) -> Double {
            let (sum, squares) = (part.reduce(0, +), part.reduce(0) { $0 + $1 * $1 })
            return sum * sum / squares
        }
        effective = effectiveness(raw[..<half])
        let effectiveRest = effectiveness(raw[half...])
        c1 = 2 / ((n + 1.3) * (n + 1.3) + effective)
        cMu = min(1 - c1 - 1e-8, 2 * (effective - 2 + 1 / effective) / ((n + 2) * (n + 2) + effective))
        let smallest = min(1 + c1 / cMu, min(1 + 2 * effectiveRest / (effective + 2), (1 - c1 - cMu) / (n * cMu)))
        let (positive, negative) = (
            raw.reduce(0) { $0 + max($1, 0) }, -raw.reduce(0) { $0 + min($1, 0) }
        )
        weights = raw.map { $0 >= 0 ? $0 / positive : smallest * $0 / negative }
        cSigma = (effective + 2) / (n + effective + 5)
        dSigma = 1 + 2 * max(0, ((effective - 1) / (n + 1)).squareRoot() - 1) + cSigma
        cc = (4 + effective / n) / (n + 4 + 2 * effective / n)
    }

    /// The model's standard deviation along a coordinate, before σ.
    func deviation(_ at: Int) -> Double { max(covariance[at, at], 0).squareRoot() }

    /// y ~ N(0, C).
    func draw(_ draws: inout TrialDraws) -> [Double] {
        var y = [Double](repeating: 0, count: dimensions)
        for axis in 0..<dimensions {
            let z = draws.nextNormal() * lengths[axis]
            for at in 0..<dimensions { y[at] += axes[at, axis] * z }
        }
        return y
    }

    /// The y of a point that this model did not draw: no longer than a draw is.
    func stranger(_ y: [Double]) -> [Double] {
        let length = whitened(y).reduce(0) { $0 + $1 * $1 }.squareRoot()
        let longest = Double(dimensions).squareRoot() + 2 * Double(dimensions) / (Double(dimensions) + 2)
        return length > longest ? y.map { $0 * longest / length } : y
    }

    /// C^(−½)·y.
    private func whitened(_ y: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: dimensions)
        for axis in 0..<dimensions {
            var along = 0.0
            for at in 0..<dimensions { along += axes[at, axis] * y[at] }
            along /= max(lengths[axis], 1e-150)
            for at in 0..<dimensions { result[at] += axes[at, axis] * along }
        }
        return result
    }

    /// - Parameter ys: of one generation, best first.
    mutating func update(_ ys: [[Double]]) {
        updates += 1
        let n = Double(dimensions)
        let half = population / 2
        var step = [Double](repeating: 0, count: dimensions)
        for (y, weight) in zip(ys[..<half], weights) { for at in step.indices { step[at] += weight * y[at] } }
        for at in mean.indices { mean[at] = min(max(mean[at] + sigma * step[at], 0), 1) }

        let straight = whitened(step)
        let keep = (cSigma * (2 - cSigma) * effective).squareRoot()
        for at in stepPath.indices { stepPath[at] = (1 - cSigma) * stepPath[at] + keep * straight[at] }
        let length = stepPath.reduce(0) { $0 + $1 * $1 }.squareRoot()
        sigma *= exp(min(1, cSigma / dSigma * (length / expectedLength - 1)))

        let norm = length / (1 - pow(1 - cSigma, 2 * Double(updates))).squareRoot()
        let isShort = norm < (1.4 + 2 / (n + 1)) * expectedLength
        let push = isShort ? (cc * (2 - cc) * effective).squareRoot() : 0
        for at in evolutionPath.indices { evolutionPath[at] = (1 - cc) * evolutionPath[at] + push * step[at] }

        // Bad directions count no more than a draw of usual length.
        let scaled = zip(ys, weights).map { y, weight -> Double in
            guard weight < 0 else { return weight }
            let square = whitened(y).reduce(0) { $0 + $1 * $1 }
            return weight * n / (square + 1e-8)
        }
        let loss = isShort ? 0 : c1 * cc * (2 - cc)
        let decay = 1 + loss - c1 - cMu * weights.reduce(0, +)
        for column in 0..<dimensions {
            for row in column..<dimensions {
                var sum = decay * covariance[row, column] + c1 * evolutionPath[row] * evolutionPath[column]
                for (y, weight) in zip(ys, scaled) { sum += cMu * weight * y[row] * y[column] }
                covariance[row, column] = sum
                covariance[column, row] = sum
            }
        }
        guard let (values, vectors) = covariance.eigen(), values[0] > 0 else {
            isBroken = true
            return
        }
        axes = vectors
        lengths = values.map { $0.squareRoot() }
    }

    /// Nothing more to gain from here.
    var isSpent: Bool {
        guard let longest = lengths.max(), let shortest = lengths.min() else { return true }
        return isBroken || sigma * longest < 1e-12 || longest > 1e7 * shortest || !(sigma * longest < 1e3)
    }

    /// A generation whose better half is equal; true after so many that the search should go elsewhere.
    mutating func flatten() -> Bool {
        flatGenerations += 1
        return flatGenerations >= 10 + 30 * dimensions / population
    }
}
