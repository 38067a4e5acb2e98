import Glibc

/// A Gaussian process over the unit cube with a Matérn 5/2 kernel and a length a dimension, fitted by the most probable
/// hyperparameters. Source: Rasmussen and Williams (2006), *Gaussian Processes for Machine Learning*, §2.2, §5.4.1; the
/// priors are Optuna 5.0's.
struct GaussianProcess {
    /// Logarithms of: per dimension the inverse squared length; the kernel's variance; the noise's.
    typealias Parameters = [Double]
    private static let leastNoise = 1e-6

    /// Dimensions where only equal or unequal counts.
    private let isChoice: [Bool]
    private var points: [[Double]]
    private var y: [Double]
    private var parameters: Parameters
    private var factor: Matrix
    private var alpha: Matrix

    /// - Parameters:
    ///   - points: shape [n][dimensions], n ≥ 2. y: standardised, less is better.
    /// - Returns: nil when no hyperparameters make the kernel matrix positive definite.
    init?(points: [[Double]], y: [Double], isChoice: [Bool]) {
        self.isChoice = isChoice
        self.points = points
        self.y = y
        let evidence = Evidence(points: points, y: y, isChoice: isChoice)
        let start = [Double](repeating: 0, count: isChoice.count) + [0, log(1e-2)]
        parameters = minimise(from: start) { evidence.loss(at: $0) }
        guard let (factor, alpha) = Self.solve(points, y, parameters, isChoice) else { return nil }
        self.factor = factor
        self.alpha = alpha
    }

    private static func solve(
        _ points: [[Double]], _ y: [Double], _ parameters: Parameters, _ isChoice: [Bool]
    ) -> (Matrix, Matrix)? {
        let kernel = Kernel(parameters, isChoice)
        var matrix = Matrix(points.count, points.count)
        for column in points.indices {
            for row in column..<points.count { matrix[row, column] = kernel.covariance(points[row], points[column]) }
            matrix[column, column] = kernel.variance + kernel.noise + leastNoise
        }
        guard let factor = matrix.cholesky() else { return nil }
        var right = Matrix(y.count, 1)
        right.values = y
        return (factor, factor.solve(factor.solve(right), transposed: true))
    }

    /// Takes the mean at some points for what will be found there: pending trials, around which less is then to be
    /// learned. Source: Ginsbourger, Le Riche and Carraro (2010), the kriging believer.
    mutating func believe(_ pending: [[Double]]) {
        guard !pending.isEmpty else { return }
        let means = predict(pending).map(\.mean)
        guard let (factor, alpha) = Self.solve(points + pending, y + means, parameters, isChoice) else { return }
        points += pending
        y += means
        self.factor = factor
        self.alpha = alpha
    }

    /// Mean and variance, without noise, at each point.
    func predict(_ candidates: [[Double]]) -> [(mean: Double, variance: Double)] {
        let kernel = Kernel(parameters, isChoice)
        var cross = Matrix(points.count, candidates.count)
        var means = [Double](repeating: 0, count: candidates.count)
        for (column, candidate) in candidates.enumerated() {
            for row in points.indices {
                let covariance = kernel.covariance(points[row], candidate)
                cross[row, column] = covariance
                means[column] += covariance * alpha.values[row]
            }
        }
        let half = factor.solve(cross)
        return candidates.indices.map { column in
            var explained = 0.0
            for row in points.indices { explained += half[row, column] * half[row, column] }
            return (means[column], max(kernel.variance - explained, 1e-14))
        }
    }

    private struct Kernel {
        let inverseSquares: [Double]
        let isChoice: [Bool]
        let variance: Double
        let noise: Double
        init(_ parameters: Parameters, _ isChoice: [Bool]) {
            self.isChoice = isChoice
            inverseSquares = parameters.dropLast(2).map { exp($0) }
            variance = exp(parameters[isChoice.count])
            noise = exp(parameters[isChoice.count + 1])
        }
        func covariance(_ a: [Double], _ b: [Double]) -> Double {
            var square = 0.0
            for at in isChoice.indices {
                let gap = isChoice[at] ? (a[at] == b[at] ? 0 : 1) : a[at] - b[at]
                square += inverseSquares[at] * gap * gap
            }
            let r = (5 * square).squareRoot()
            return variance * (1 + r + r * r / 3) * exp(-r)
        }
    }

    /// −ln of the evidence times the priors, and its slope.
    private struct Evidence {
        private let count: Int
        private let y: [Double]
        private let dimensions: Int
        /// Squared gaps of each pair, row below column. Shape [pairs][dimensions].
        private var gaps: [Double] = []

        init(points: [[Double]], y: [Double], isChoice: [Bool]) {
            count = points.count
            dimensions = isChoice.count
            self.y = y
            gaps.reserveCapacity(count * (count - 1) / 2 * dimensions)
            for column in 0..<count {
                for row in column + 1..<max(count, column + 1) {
                    for at in 0..<dimensions {
                        let gap = points[row][at] - points[column][at]
                        gaps.append(isChoice[at] ? (gap == 0 ? 0 : 1) : gap * gap)
                    }
                }
            }
        }

        func loss(at parameters: Parameters) -> (value: Double, slope: [Double]) {
            let failed = (Double.infinity, [Double](repeating: 0, count: parameters.count))
            guard parameters.allSatisfy({ abs($0) < 30 }) else { return failed }
            let inverseSquares = parameters.dropLast(2).map { exp($0) }
            let (variance, noise) = (exp(parameters[dimensions]), exp(parameters[dimensions + 1]))
            var matrix = Matrix(count, count)
            // d k / d square, per pair.
            var slopes = [Double](repeating: 0, count: count * (count - 1) / 2)
            var pair = 0
            for column in 0..<count {
                matrix[column, column] = variance + noise + leastNoise
                for row in column + 1..<max(count, column + 1) {
                    var square = 0.0
                    for at in 0..<dimensions { square += inverseSquares[at] * gaps[pair * dimensions + at] }
                    let r = (5 * square).squareRoot()
                    let decay = variance * exp(-r)
                    matrix[row, column] = decay * (1 + r + r * r / 3)
                    slopes[pair] = decay * (-5.0 / 6) * (1 + r)
                    pair += 1
                }
            }
            guard let factor = matrix.cholesky() else { return failed }
            var right = Matrix(count, 1)
            right.values = y
            let alpha = factor.solve(factor.solve(right), transposed: true).values
            let inverse = factor.inverseFromCholesky()
            var value = 0.5 * Double(count) * log(2 * Double.pi)
            for at in 0..<count { value += 0.5 * y[at] * alpha[at] + log(factor[at, at]) }

            var slope = [Double](repeating: 0, count: parameters.count)
            var (byVariance, byNoise) = (0.0, 0.0)
            pair = 0
            for column in 0..<count {
                let own = 0.5 * (inverse[column, column] - alpha[column] * alpha[column])
                byVariance += own * variance
                byNoise += own * noise
                for row in column + 1..<max(count, column + 1) {
                    // Twice: the matrix is symmetric.
                    let weight = inverse[row, column] - alpha[row] * alpha[column]
                    byVariance += weight * matrix[row, column]
                    let share = weight * slopes[pair]
                    for at in 0..<dimensions { slope[at] += share * inverseSquares[at] * gaps[pair * dimensions + at] }
                    pair += 1
                }
            }
            slope[dimensions] = byVariance
            slope[dimensions + 1] = byNoise
            for (at, w) in inverseSquares.enumerated() {
                value += 0.1 / w + 0.1 * w
                slope[at] += -0.1 / w + 0.1 * w
            }
            value += variance - log(variance) + 30 * noise - 0.1 * log(noise)
            slope[dimensions] += variance - 1
            slope[dimensions + 1] += 30 * noise - 0.1
            return value.isFinite ? (value, slope) : failed
        }
    }
}

/// L-BFGS with a backtracking line search, until a step gains next to nothing. Source: Nocedal and Wright (2006),
/// *Numerical Optimization*, §7.2.
func minimise(
    from start: [Double], iterations: Int = 60, _ function: ([Double]) -> (value: Double, slope: [Double])
) -> [Double] {
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    var x = start
    var (value, slope) = function(x)
    var memory: [(step: [Double], change: [Double])] = []
    for _ in 0..<iterations {
        var direction = slope
        var shares: [Double] = []
        for (step, change) in memory.reversed() {
            let share = dot(step, direction) / dot(step, change)
            shares.append(share)
            for at in direction.indices { direction[at] -= share * change[at] }
        }
        if let (step, change) = memory.last {
            let scale = dot(step, change) / dot(change, change)
            for at in direction.indices { direction[at] *= scale }
        }
        for ((step, change), share) in zip(memory, shares.reversed()) {
            let other = dot(change, direction) / dot(step, change)
            for at in direction.indices { direction[at] += (share - other) * step[at] }
        }
        var descent = -dot(slope, direction)
        if !(descent < 0) {
            direction = slope
            descent = -dot(slope, slope)
            memory = []
        }
        // Never further than a factor e³ at once.
        let longest = direction.map { abs($0) }.max() ?? 0
        guard longest > 1e-9 else { break }
        var length = min(1, (memory.isEmpty ? 1 : 3) / longest)
        var next: (x: [Double], value: Double, slope: [Double])?
        for _ in 0..<25 {
            let trial = zip(x, direction).map { $0 - length * $1 }
            let found = function(trial)
            if found.value <= value + 1e-4 * length * descent {
                next = (trial, found.value, found.slope)
                break
            }
            length *= 0.4
        }
        guard let next else { break }
        let step = zip(next.x, x).map { $0 - $1 }
        let change = zip(next.slope, slope).map { $0 - $1 }
        if dot(step, change) > 1e-12 {
            memory.append((step, change))
            if memory.count > 8 { memory.removeFirst() }
        }
        let gain = value - next.value
        (x, value, slope) = (next.x, next.value, next.slope)
        if gain < 1e-6 * max(1, abs(value)) { break }
    }
    return x
}
