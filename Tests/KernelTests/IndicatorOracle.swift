import Foundation

/// The indicators as their definitions read, one window and one value at a time. Nil where a value is undefined.
///
/// Means of prices are taken about the newest of them (and variances about the mean) so that equal prices have exactly
/// that mean: the kernel does the same, for triggers compare with `>` and a tie must fall the same way in both. The
/// golden values show that this is TA-Lib's indicator within 1e-9.
enum IndicatorOracle {
    typealias Series = [Double?]
    static let zero = 1e-14

    /// Mean of the `period` values that end at `t`.
    static func mean(_ x: [Double], _ t: Int, _ period: Int) -> Double {
        var sum = 0.0
        for age in 1..<period { sum += x[t - age] - x[t] }
        return x[t] + sum / Double(period)
    }

    static func sma(_ x: [Double], _ period: Int) -> Series {
        x.indices.map { $0 < period - 1 ? nil : mean(x, $0, period) }
    }

    static func ema(_ x: [Double], _ period: Int) -> Series { ema(x, period, from: period - 1) }

    /// Seeded at bar `start` with the mean of the `period` values up to there.
    static func ema(_ x: [Double], _ period: Int, from start: Int) -> Series {
        var result = Series(repeating: nil, count: x.count)
        guard start < x.count else { return result }
        var value = mean(x, start, period)
        result[start] = value
        for t in x.indices where t > start {
            value += (x[t] - value) * (2 / Double(period + 1))
            result[t] = value
        }
        return result
    }

    static func macd(_ x: [Double], _ fast: Int, _ slow: Int, _ signal: Int) -> (line: Series, signal: Series) {
        let fastAverage = ema(x, fast, from: slow - 1)
        let slowAverage = ema(x, slow, from: slow - 1)
        let lines = zip(fastAverage, slowAverage).map { fast, slow -> Double? in
            guard let fast, let slow else { return nil }
            return fast - slow
        }
        let first = slow + signal - 2
        var signals = Series(repeating: nil, count: x.count)
        var value = 0.0
        for t in x.indices where t >= first {
            if t == first {
                for at in slow - 1...first { value += lines[at]! }
                value /= Double(signal)
            } else {
                value += (lines[t]! - value) * (2 / Double(signal + 1))
            }
            signals[t] = value
        }
        return (lines.indices.map { $0 < first ? nil : lines[$0] }, signals)
    }

    /// Wilder's average of x[1…]: the mean of the first `period`, then (A·(p − 1) + x) / p.
    static func wilder(_ x: [Double], _ period: Int) -> Series {
        var result = Series(repeating: nil, count: x.count)
        guard x.count > period else { return result }
        var value = x[1...period].reduce(0, +) / Double(period)
        result[period] = value
        for t in x.indices where t > period {
            value = (value * Double(period - 1) + x[t]) / Double(period)
            result[t] = value
        }
        return result
    }

    static func rsi(_ x: [Double], _ period: Int) -> Series {
        let changes = x.indices.map { $0 == 0 ? 0 : x[$0] - x[$0 - 1] }
        let gains = wilder(changes.map { max($0, 0) }, period)
        let losses = wilder(changes.map { max(-$0, 0) }, period)
        return zip(gains, losses).map { gain, loss in
            guard let gain, let loss else { return nil }
            return gain + loss < zero ? 0 : 100 * (gain / (gain + loss))
        }
    }

    /// Bar 0 has no true range; its 0 is never used.
    static func trueRange(_ high: [Double], _ low: [Double], _ close: [Double]) -> [Double] {
        close.indices.map { t in
            if t == 0 { return 0 }
            return max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1]))
        }
    }

    static func atr(_ high: [Double], _ low: [Double], _ close: [Double], _ period: Int) -> Series {
        wilder(trueRange(high, low, close), period)
    }

    static func natr(_ high: [Double], _ low: [Double], _ close: [Double], _ period: Int) -> Series {
        zip(atr(high, low, close, period), close).map { atr, close in
            guard let atr else { return nil }
            return abs(close) < zero ? 0 : atr / close * 100
        }
    }

    static func directional(_ high: [Double], _ low: [Double], _ close: [Double], _ period: Int) -> (
        plusDI: Series, minusDI: Series, adx: Series
    ) {
        let p = Double(period)
        let ranges = trueRange(high, low, close)
        var plusDI = Series(repeating: nil, count: close.count)
        var minusDI = plusDI
        var adx = plusDI
        var (plus, minus, range, value) = (0.0, 0.0, 0.0, 0.0)
        for t in close.indices.dropFirst() {
            let rise = high[t] - high[t - 1]
            let fall = low[t - 1] - low[t]
            if t >= period {
                plus -= plus / p
                minus -= minus / p
                range -= range / p
            }
            plus += rise > 0 && rise > fall ? rise : 0
            minus += fall > 0 && fall > rise ? fall : 0
            range += ranges[t]
            guard t >= period else { continue }
            let up = range < zero ? 0 : 100 * (plus / range)
            let down = range < zero ? 0 : 100 * (minus / range)
            plusDI[t] = up
            minusDI[t] = down
            let dx = up + down < zero ? nil : 100 * (abs(down - up) / (up + down))
            if t < 2 * period {
                value += dx ?? 0
                guard t == 2 * period - 1 else { continue }
                value /= p
            } else if let dx {
                value = (value * (p - 1) + dx) / p
            }
            adx[t] = value
        }
        return (plusDI, minusDI, adx)
    }

    /// Population deviation; none where the variance is less than `zero`.
    static func bands(_ x: [Double], _ period: Int) -> (middle: Series, sigma: Series) {
        let middle = sma(x, period)
        let sigma = x.indices.map { t -> Double? in
            guard let mean = middle[t] else { return nil }
            var squares = 0.0
            for age in 0..<period { squares += (x[t - age] - mean) * (x[t - age] - mean) }
            let variance = squares / Double(period)
            return variance < zero ? 0 : variance.squareRoot()
        }
        return (middle, sigma)
    }

    /// Highest of the `period` values before each bar.
    static func highestBefore(_ x: [Double], _ period: Int) -> Series {
        x.indices.map { $0 < period ? nil : x[$0 - period..<$0].max()! }
    }

    /// Plain mean of the `period` values before each bar.
    static func meanBefore(_ x: [Double], _ period: Int) -> Series {
        x.indices.map { t in t < period ? nil : (1...period).reduce(0) { $0 + x[t - $1] } / Double(period) }
    }
}
