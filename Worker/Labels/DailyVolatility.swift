/// The exponentially weighted deviation of daily returns, as pandas' `ewm(span=…, adjust=True).std()` has it: of the n
/// returns up to a day the newest weighs 1 and each older one 1 − α times the next, α = 2 / (span + 1); corrected for bias.
///
/// - Parameters: close: prices above 0, shape [n]. span: at least 2.
/// - Returns: shape [n], as fractions; nil where fewer than `span` returns are known or none of them moved.
package func dailyVolatility(close: [Double], span: Int) -> [Double?] {
    let keep = 1 - 2 / (Double(span) + 1)
    var deviations: [Double?] = close.map { _ in nil }
    // Sums of the weights and of their squares; weighted mean, and weighted sum of squares about it.
    var weights = 0.0
    var squaredWeights = 0.0
    var mean = 0.0
    var apart = 0.0
    for day in close.indices.dropFirst() {
        let value = close[day] / close[day - 1] - 1
        weights = weights * keep + 1
        squaredWeights = squaredWeights * keep * keep + 1
        // Source: West (1979), *Updating mean and variance estimates*, with weights that shrink by `keep`.
        let step = value - mean
        mean += step / weights
        apart = apart * keep + step * (value - mean)
        guard day >= span else { continue }
        let free = weights - squaredWeights / weights
        let variance = apart / free
        if free > 0, variance > 0 { deviations[day] = variance.squareRoot() }
    }
    return deviations
}

/// Mean over `sessions` bars, the newest included, of close × volume.
/// - Returns: shape [n]; nil before there are as many bars.
package func meanTurnover(close: [Double], volume: [Double], sessions: Int) -> [Double?] {
    close.indices.map { day in
        guard day >= sessions - 1 else { return nil }
        // Added up anew each day: a running sum would depend on where the bars begin.
        var sum = 0.0
        for at in day - sessions + 1...day { sum += close[at] * volume[at] }
        return sum / Double(sessions)
    }
}
