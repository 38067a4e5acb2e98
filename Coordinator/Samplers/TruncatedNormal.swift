import Glibc

// The normal distribution cut to an interval, in the order of operations that gives Optuna 5.0's bits: every function
// of glibc's libm is called where NumPy without SIMD dispatch or Python's math module calls it.

let root2 = 2.0.squareRoot()
private let logRootTwoPi = log((2 * Double.pi).squareRoot())

/// Φ(x) by the error function alone: good in the middle.
private func centralCDF(_ x: Double) -> Double { 0.5 + 0.5 * erf(x / root2) }

/// ln Φ(x); from the asymptotic series below −20. Error: a few ulp.
func logCDF(_ x: Double) -> Double {
    if x > 6 { return -tailCDF(-x) }
    if x > -20 { return log(tailCDF(x)) }
    let head = -0.5 * pow(x, 2) - log(-x) - 0.5 * log(2 * Double.pi)
    let inverseSquare = 1 / pow(x, 2)
    var (last, sum, numerator, power, sign, term) = (0.0, 1.0, 1.0, 1.0, 1.0, 0.0)
    while abs(last - sum) > Double.ulpOfOne {
        term += 1
        last = sum
        sign = -sign
        power *= inverseSquare
        numerator *= 2 * term - 1
        sum += sign * numerator * power
    }
    return head + log(sum)
}

/// Φ(x), good in both tails.
private func tailCDF(_ a: Double) -> Double {
    let x = a / root2
    if x < -1 / root2 { return 0.5 * erfc(-x) }
    if x < 1 / root2 { return 0.5 + 0.5 * erf(x) }
    return 1 - 0.5 * erfc(x)
}

/// ln (Φ(b) − Φ(a)), a ≤ b.
func logMass(_ a: Double, _ b: Double) -> Double {
    func left(_ a: Double, _ b: Double) -> Double {
        let (p, q) = (logCDF(b), logCDF(a))
        return p + log1p(-exp(q - p))
    }
    if b <= 0 { return left(a, b) }
    if a > 0 { return left(-b, -a) }
    return log1p(-centralCDF(a) - centralCDF(-b))
}

/// ln of the density at x of N(mu, sigma) cut to [low, high]; −∞ outside.
func logDensity(_ x: Double, mu: Double, sigma: Double, low: Double, high: Double) -> Double {
    let z = (x - mu) / sigma
    let (a, b) = ((low - mu) / sigma, (high - mu) / sigma)
    let density = -(z * z) / 2 - logRootTwoPi - logMass(a, b) - log(sigma)
    if a == b { return .nan }
    return z < a || z > b ? -.infinity : density
}

/// ln(eˣ + eʸ).
private func logSum(_ x: Double, _ y: Double) -> Double {
    if x == y { return x + Double(sign: .plus, exponent: 0, significand: 0.693147180559945309417232121458176568) }
    let gap = x - y
    return gap > 0 ? x + log1p(exp(-gap)) : gap <= 0 ? y + log1p(exp(gap)) : gap
}

/// Where the standard normal cut to [a, b] reaches each quantile. The whole batch is solved together: how many Newton
/// steps an element gets depends on the slowest of its batch, and so do its last bits.
func quantiles(_ q: [Double], _ a: [Double], _ b: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: q.count)
    var (leftIndices, rightIndices): ([Int], [Int]) = ([], [])
    var (leftTargets, rightTargets): ([Double], [Double]) = ([], [])
    for i in q.indices {
        let mass = logMass(a[i], b[i])
        if a[i] < 0 {
            leftIndices.append(i)
            leftTargets.append(logSum(logCDF(a[i]), log(q[i]) + mass))
        } else {
            rightIndices.append(i)
            rightTargets.append(logSum(logCDF(-b[i]), log1p(-q[i]) + mass))
        }
    }
    for (i, x) in zip(leftIndices, inverseLogCDF(leftTargets)) { result[i] = x }
    for (i, x) in zip(rightIndices, inverseLogCDF(rightTargets)) { result[i] = -x }
    for i in q.indices {
        if q[i] == 0 { result[i] = a[i] }
        if a[i] == b[i] { result[i] = .nan }
    }
    return result
}

/// x with ln Φ(x) = y for each y, by Newton's method until every element moves less than 1e-8 of itself.
private func inverseLogCDF(_ targets: [Double]) -> [Double] {
    let isFlipped = targets.map { $0 > -1e-2 }
    let z = targets.map { $0 > -1e-2 ? log(-expm1($0)) : $0 }
    var x = z.map {
        $0 < -5 ? -(-2 * ($0 + logRootTwoPi)).squareRoot() : -(3.0.squareRoot() / Double.pi) * log(expm1(-$0))
    }
    // An element that no longer moves computes the same step again: it can rest while the others go on.
    var moving = Array(x.indices)
    for _ in 0..<100 {
        var isDone = true
        moving.removeAll { i in
            let logCDF = logCDF(x[i])
            let logPDF = -0.5 * (x[i] * x[i]) - logRootTwoPi
            let dx = (logCDF - z[i]) * exp(logCDF - logPDF)
            let next = x[i] - dx
            if !(abs(dx) < 1e-8 * abs(next)) { isDone = false }
            defer { x[i] = next }
            return next == x[i] && abs(dx) < 1e-8 * abs(next)
        }
        if isDone { break }
    }
    for i in x.indices where isFlipped[i] { x[i] *= -1 }
    return x
}
