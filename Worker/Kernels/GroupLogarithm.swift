/// Natural logarithms built from + − × ÷ alone, each of which IEEE 754 rounds the same on every machine: the C
/// library's `log` may differ in its last bit from one machine to the next, and a score must not.
///
/// Error: below 1 unit in the last place for 1/4096 ≤ x ≤ 4096.
package func portableLog(_ x: Double) -> Double {
    precondition(x > 0 && x.isFinite, "a logarithm of \(x)")
    // x = 2^exponent · fraction with fraction near 1, so that the series is short.
    var fraction = x
    var exponent = 0.0
    while fraction > 1.5 { (fraction, exponent) = (fraction / 2, exponent + 1) }
    while fraction < 0.75 { (fraction, exponent) = (fraction * 2, exponent - 1) }
    let logTwo = seriesLog(2)
    let whole = TwoDoubles.product(logTwo, TwoDoubles(high: exponent, low: 0))
    return TwoDoubles.sum(whole, seriesLog(fraction)).high
}

/// ln x = 2·(z + z³/3 + z⁵/5 + …) with z = (x − 1)/(x + 1): |z| ≤ 1/3, so 40 terms leave less than 2⁻¹²⁰.
private func seriesLog(_ x: Double) -> TwoDoubles {
    // x is in 0.75…2: x − 1 is exact (Sterbenz), x + 1 in two doubles is exact.
    let z = TwoDoubles.quotient(TwoDoubles(high: x - 1, low: 0), TwoDoubles.exactSum(x, 1))
    let square = TwoDoubles.product(z, z)
    var sum = TwoDoubles(high: 0, low: 0)
    for term in stride(from: 81.0, through: 1, by: -2) {
        let coefficient = TwoDoubles.quotient(TwoDoubles(high: 1, low: 0), TwoDoubles(high: term, low: 0))
        sum = TwoDoubles.sum(TwoDoubles.product(sum, square), coefficient)
    }
    return TwoDoubles.product(TwoDoubles.product(sum, z), TwoDoubles(high: 2, low: 0))
}

/// A number as the sum of two doubles: about 106 bits. Source: Dekker (1971), *A floating-point technique for
/// extending the available precision*; Knuth, volume 2, section 4.2.2.
private struct TwoDoubles {
    var high: Double
    var low: Double

    static func exactSum(_ a: Double, _ b: Double) -> TwoDoubles {
        let sum = a + b
        let back = sum - a
        return TwoDoubles(high: sum, low: (a - (sum - back)) + (b - back))
    }
    /// Each factor is cut into two halves of 26 bits, whose products are exact: no fused multiply-add is needed.
    static func exactProduct(_ a: Double, _ b: Double) -> TwoDoubles {
        func halves(_ x: Double) -> (Double, Double) {
            let scaled = 134_217_729 * x
            let high = scaled - (scaled - x)
            return (high, x - high)
        }
        let (aHigh, aLow) = halves(a)
        let (bHigh, bLow) = halves(b)
        let product = a * b
        let error = ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow
        return TwoDoubles(high: product, low: error)
    }
    static func sum(_ a: TwoDoubles, _ b: TwoDoubles) -> TwoDoubles {
        let high = exactSum(a.high, b.high)
        return exactSum(high.high, high.low + (a.low + b.low))
    }
    static func product(_ a: TwoDoubles, _ b: TwoDoubles) -> TwoDoubles {
        let high = exactProduct(a.high, b.high)
        return exactSum(high.high, high.low + (a.high * b.low + a.low * b.high))
    }
    static func quotient(_ a: TwoDoubles, _ b: TwoDoubles) -> TwoDoubles {
        let first = a.high / b.high
        let rest = sum(a, product(b, TwoDoubles(high: -first, low: 0)))
        return exactSum(first, rest.high / b.high)
    }
}
