import Jobs

/// The parameters of one variation as the numbers its trigger compares, read from the option grid once.
///
/// DESIGN §5.2 states the triggers; `TriggerScan` evaluates them.
struct VariationRule {
    /// Periods of a MACD, in bars.
    struct MACDPeriods {
        var fast: Int, slow: Int, signal: Int
    }
    enum Trigger {
        case macd(MACDPeriods, crosses: Bool)
        /// `factor` multiplies the slow average: 1 + gap / 100.
        case averages(isExponential: Bool, fast: Int, slow: Int, factor: Double, crosses: Bool)
        /// Position of the mode among below, above, exit.
        case rsi(period: Int, level: Double, mode: UInt8)
        /// `factor` multiplies the highest price: 1 + buffer / 100.
        case breakout(period: Int, factor: Double, ofHighs: Bool)
        case adx(period: Int, threshold: Double, upOnly: Bool)
        /// Bounds in percent of the close; `factor` multiplies the earlier close: 1 + trend / 100.
        case volatility(period: Int, lowest: Double, highest: Double, factor: Double)
        /// Position of the mode among below, above, reenter.
        case bollinger(period: Int, k: Double, mode: UInt8)
        case emaMACD(period: Int, MACDPeriods)
        case rsiBollinger(rsiPeriod: Int, level: Double, bandPeriod: Int, k: Double)
    }

    var trigger: Trigger
    /// Newest signal bars on any of which the trigger may hold: 1…8.
    var lookback: Int
    /// The newest volume must exceed `multiple` × the mean of the `period` volumes before it.
    var volume: (multiple: Double, period: Int)?

    /// - Parameter grid: `OptionGrid` of the variation's algorithm.
    init(_ variation: Variation, _ grid: OptionGrid) {
        let options = variation.options
        func number(_ at: Int) -> Double { grid.value(of: options[at], at) }
        func integer(_ at: Int) -> Int { Int(number(at)) }
        func factor(_ at: Int) -> Double { 1 + number(at) / 100 }
        func macd(_ at: Int) -> MACDPeriods {
            MACDPeriods(fast: integer(at), slow: integer(at + 1), signal: integer(at + 2))
        }

        switch variation.algorithm {
        case .macd: trigger = .macd(macd(0), crosses: options[3] == 1)
        case .ema, .sma:
            trigger = .averages(
                isExponential: variation.algorithm == .ema, fast: integer(0), slow: integer(1), factor: factor(2),
                crosses: options[3] == 1)
        case .rsi: trigger = .rsi(period: integer(0), level: number(1), mode: options[2])
        case .breakout: trigger = .breakout(period: integer(0), factor: factor(1), ofHighs: options[2] == 0)
        case .adx: trigger = .adx(period: integer(0), threshold: number(1), upOnly: options[2] == 1)
        case .volatility:
            trigger = .volatility(
                period: integer(0), lowest: number(1), highest: number(1) + number(2), factor: factor(3))
        case .bollinger: trigger = .bollinger(period: integer(0), k: number(1), mode: options[2])
        case .emaMACD: trigger = .emaMACD(period: integer(0), macd(1))
        case .rsiBollinger:
            trigger = .rsiBollinger(
                rsiPeriod: integer(0), level: number(1), bandPeriod: integer(2), k: number(3))
        }
        let shared = options.count - 4
        lookback = integer(shared)
        volume = options[shared + 1] == 1 ? (number(shared + 2), integer(shared + 3)) : nil
    }

    /// `Variation.isFeasible(windowBars:)`, from the numbers at hand.
    func isFeasible(windowBars: Int) -> Bool {
        switch trigger {
        case .macd(let periods, _), .emaMACD(_, let periods):
            periods.fast < periods.slow && periods.slow + periods.signal <= windowBars - lookback
        case .averages(_, let fast, let slow, _, _): fast < slow
        case .adx(let period, _, _): 2 * period <= windowBars - lookback
        case .rsi, .breakout, .volatility, .bollinger, .rsiBollinger: true
        }
    }
}

/// An algorithm's `parameters` without names: plain numbers by position.
///
/// Looking at `Algorithm.parameters` counts references to arrays and strings that all threads share, and the counting
/// of two threads that test variations took more time than the tests.
struct OptionGrid {
    private var lowTenths = SIMD16<Int>.zero, stepTenths = SIMD16<Int>.zero

    init(_ algorithm: Algorithm) {
        for (at, parameter) in algorithm.parameters.enumerated() {
            switch parameter.options {
            case .tenths(let low, _, let step): (lowTenths[at], stepTenths[at]) = (low, step)
            case .choices: (lowTenths[at], stepTenths[at]) = (0, 10)
            }
        }
    }

    /// As `Algorithm.Parameter.value(of:)` for the parameter at position `at`.
    func value(of option: UInt8, _ at: Int) -> Double {
        Double(lowTenths[at] + Int(option) * stepTenths[at]) / 10
    }
}
