import Foundation
import Market
import Testing

@testable import Kernels

/// One window of Golden/indicators.txt (indicators.py says how it was made).
private struct GoldenCase: CustomTestStringConvertible, Sendable {
    var name: String
    var fields: [String: [Double]] = [:]
    /// Indicator and periods, as `macd_line 5 13 4`, and TA-Lib's values; NaN where it has none.
    var series: [(name: String, periods: [Int], values: [Double])] = []
    var testDescription: String { name }
    var high: [Double] { fields["high"]! }
    var low: [Double] { fields["low"]! }
    var close: [Double] { fields["close"]! }

    /// What an error is relative to: for prices their size, for percentages 100.
    func unit(_ indicator: String) -> Double {
        ["rsi", "adx", "plus_di", "minus_di"].contains(indicator) ? 100 : indicator == "natr" ? 1 : close.max()!
    }
}

private let goldenCases: [GoldenCase] = {
    let url = Bundle.module.url(forResource: "indicators", withExtension: "txt", subdirectory: "Golden")!
    var cases: [GoldenCase] = []
    for line in try! String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        if words[0] == "case" {
            cases.append(GoldenCase(name: words[1]))
            continue
        }
        let at = cases.count - 1
        if ["high", "low", "close"].contains(words[0]) {
            cases[at].fields[words[0]] = words.dropFirst().map { Double($0)! }
            continue
        }
        let values = words.suffix(cases[at].close.count).map { Double($0)! }
        let periods = words.dropFirst().dropLast(values.count).map { Int($0)! }
        cases[at].series.append((words[0], periods, values))
    }
    return cases
}()

@Test(arguments: goldenCases)
private func `the oracle's indicators are TA-Lib's, from the same first bar on`(golden: GoldenCase) {
    for (name, periods, values) in golden.series {
        let ours = oracle(name, periods, golden)
        for (t, expected) in values.enumerated() {
            let what = Comment(rawValue: "\(golden.name): \(name) \(periods) at \(t)")
            if expected.isNaN {
                #expect(ours[t] == nil, what)
            } else if let value = ours[t] {
                #expect(abs(value - expected) <= 1e-9 * golden.unit(name), what)
            } else {
                Issue.record(what)
            }
        }
    }
}

private func oracle(_ name: String, _ periods: [Int], _ golden: GoldenCase) -> [Double?] {
    typealias I = IndicatorOracle
    let (high, low, close, p) = (golden.high, golden.low, golden.close, periods[0])
    func band(_ k: Double) -> [Double?] {
        let bands = I.bands(close, p)
        return zip(bands.middle, bands.sigma).map { middle, sigma in middle.map { $0 + k * sigma! } }
    }
    switch name {
    case "sma": return I.sma(close, p)
    case "ema": return I.ema(close, p)
    case "macd_line": return I.macd(close, p, periods[1], periods[2]).line
    case "macd_signal": return I.macd(close, p, periods[1], periods[2]).signal
    case "rsi": return I.rsi(close, p)
    case "atr": return I.atr(high, low, close, p)
    case "natr": return I.natr(high, low, close, p)
    case "plus_di": return I.directional(high, low, close, p).plusDI
    case "minus_di": return I.directional(high, low, close, p).minusDI
    case "adx": return I.directional(high, low, close, p).adx
    case "upper": return band(2)
    case "middle": return band(0)
    case "lower": return band(-2)
    default: preconditionFailure("\(name) is no indicator of the golden file")
    }
}

/// Every 30-bar case twice: as the first window of one ticker and as the last window of the next.
private func universe(of cases: [GoldenCase]) -> Universe {
    let n = 2 * cases.count
    func field(_ name: String) -> [Double] {
        var values = [Double](repeating: 1, count: n * Universe.days)
        for (at, golden) in cases.enumerated() {
            for day in 0..<Universe.days {
                let bars = golden.fields[name]!
                values[day * n + 2 * at] = bars[min(day, 29)]
                values[day * n + 2 * at + 1] = bars[min(max(day - 4, 0), 29)]
            }
        }
        return values
    }
    return Universe(
        symbols: (0..<n).map { "G\($0)" }, dates: (0..<35).map { Int32($0) }, open: field("close"), high: field("high"),
        low: field("low"), close: field("close"), volume: [Double](repeating: 1, count: n * Universe.days))
}

@Test func `the kernel's indicators are TA-Lib's in the first and the last window`() {
    let cases = goldenCases.filter { $0.close.count == 30 }
    #expect(cases.count > 10)
    let bars = BlockedBars(universe(of: cases))
    let cache = IndicatorCache(bars, limitBytes: .max)
    for (at, golden) in cases.enumerated() {
        for (name, periods, values) in golden.series {
            for (ticker, window) in [(2 * at, 0), (2 * at + 1, 4)] {
                for t in bars.firstPosition..<30 where !values[t].isNaN {
                    let offset = t - bars.firstPosition
                    guard let value = kernel(name, periods, cache, ticker, window, offset) else { continue }
                    #expect(
                        abs(value - values[t]) <= 1e-9 * golden.unit(name),
                        "\(golden.name): \(name) \(periods) at \(t), window \(window)")
                }
            }
        }
    }
}

/// Nil for what the kernel does not keep as a number.
private func kernel(
    _ name: String, _ periods: [Int], _ cache: IndicatorCache, _ ticker: Int, _ window: Int, _ offset: Int
) -> Double? {
    func value(_ series: IndicatorSeries) -> Double {
        series.values[series.start(ticker / 64, window * series.windowStride + offset) + ticker % 64]
    }
    let p = periods[0]
    switch name {
    case "sma", "middle": return value(cache.sma(p))
    case "ema": return value(cache.ema(p))
    case "rsi": return value(cache.rsi(p))
    case "natr": return value(cache.natr(p))
    case "adx": return value(cache.movement(p).adx)
    case "upper": return value(cache.sma(p)) + 2 * value(cache.deviation(p))
    case "lower": return value(cache.sma(p)) - 2 * value(cache.deviation(p))
    default: return nil
    }
}

@Test func `the kernel knows on which side of its signal TA-Lib's MACD lies, and which DI is larger`() {
    let cases = goldenCases.filter { $0.close.count == 30 }
    let bars = BlockedBars(universe(of: cases))
    let cache = IndicatorCache(bars, limitBytes: .max)
    var compared = 0
    for (at, golden) in cases.enumerated() {
        for (upper, lower) in [("macd_line", "macd_signal"), ("plus_di", "minus_di")] {
            let pairs = zip(golden.series.filter { $0.name == upper }, golden.series.filter { $0.name == lower })
            for (above, below) in pairs {
                let p = above.periods
                func isAbove(_ row: Int) -> UInt64 {
                    upper == "plus_di"
                        ? cache.movement(p[0]).isUp[row]
                        : cache.macd(fast: p[0], slow: p[1]).isAbove(signal: p[2], row)
                }
                for (ticker, window) in [(2 * at, 0), (2 * at + 1, 4)] {
                    for t in bars.firstPosition..<30 {
                        // Equal within what rounding may do: either answer is right. NaN: there is none.
                        let gap = above.values[t] - below.values[t]
                        guard abs(gap) > 1e-9 * golden.unit(upper) else { continue }
                        let row = ticker / 64 * 45 + window * 9 + t - bars.firstPosition
                        #expect(
                            isAbove(row) >> UInt64(ticker % 64) & 1 == (gap > 0 ? 1 : 0),
                            "\(golden.name): \(upper) \(p) at \(t), window \(window)")
                        compared += 1
                    }
                }
            }
        }
    }
    #expect(compared > 1000)
}

@Test func `the golden vector has the published values`() {
    typealias I = IndicatorOracle
    let bars = (0...30).map(Double.init)
    let close = bars.map { 100 + 5 * sin($0 / 3) + 0.3 * $0 }
    let high = zip(close, 0...30).map { $0 + 1 + 0.1 * Double($1 % 3) }
    let low = zip(close, 0...30).map { $0 - 1 - 0.1 * Double($1 % 4) }
    let macd = I.macd(close, 5, 13, 4)
    let movement = I.directional(high, low, close, 14)
    let bands = I.bands(close, 20)
    let expected: [(Double?, Double)] = [
        (I.sma(close, 10)[9], 104.3425786435), (I.sma(close, 10)[30], 110.0455363310),
        (I.ema(close, 10)[30], 108.4090854230), (macd.line[15], -1.7629362478), (macd.signal[15], -1.6949501185),
        (macd.line[30], 0.1205393439), (macd.signal[30], 0.9926271269), (I.rsi(close, 14)[14], 47.1096697366),
        (I.rsi(close, 14)[30], 51.9428343686), (I.atr(high, low, close, 14)[14], 2.4071502357),
        (I.atr(high, low, close, 14)[30], 2.4446652193), (movement.plusDI[30], 23.1485142923),
        (movement.minusDI[30], 22.0132067553), (movement.adx[27], 35.2492614009), (movement.adx[30], 30.7266991274),
        (I.directional(high, low, close, 7).adx[30], 38.9125019460), (bands.middle[30], 105.9998586335),
        (bands.middle[30]! + 2 * bands.sigma[30]!, 115.4393096356),
        (bands.middle[30]! - 2 * bands.sigma[30]!, 96.5604076314),
    ]
    for (at, (value, published)) in expected.enumerated() {
        // Published to ten decimals.
        #expect(value.map { abs($0 - published) <= 1e-10 } ?? false, "value \(at): \(value as Double?), \(published)")
    }
    #expect(macd.line[14] == nil && movement.adx[26] == nil)
}
