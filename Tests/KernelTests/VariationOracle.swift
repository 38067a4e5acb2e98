import Foundation
import Jobs
import Market

/// DESIGN §5.2 read aloud: one variation, one ticker, one window at a time.
struct VariationOracle {
    private let tickers: Int
    /// Position of the newest signal bar: 29 in windows of 31 bars.
    private let newest: Int
    /// Shape [windows][tickers]; nil where nothing triggers: closes that are all equal, or a bar that is no number or
    /// too large to square.
    private let windows: [[SignalBars?]]

    init(universe: Universe) {
        tickers = universe.symbols.count
        newest = universe.windowBars - 2
        windows = (0..<Universe.windows).map { window in
            universe.symbols.indices.map { ticker in
                let bars = SignalBars(universe, ticker, window)
                let isFlat = bars.close.allSatisfy { $0 == bars.close[0] }
                return bars.areDefined && !isFlat ? bars : nil
            }
        }
    }

    /// What `variation` buys, per window. Shape [5].
    func buys(_ variation: Variation) -> [TickerSet] {
        let trigger = Self.trigger(variation)
        let lookback = variation.integer("lookback")
        let confirms = variation.confirmsVolume
        let period = variation.integer("volume_period")
        let multiple = variation.value("volume_multiple")
        return windows.map { window in
            var set = TickerSet(capacity: tickers)
            for (ticker, bars) in window.enumerated() {
                guard let bars, (newest + 1 - lookback...newest).contains(where: trigger(bars)) else { continue }
                if confirms {
                    let mean = IndicatorOracle.meanBefore(bars.volume, period)[newest]!
                    guard bars.volume[newest] > mean * multiple else { continue }
                }
                set.insert(ticker)
            }
            return set
        }
    }

    struct SignalBars {
        let high: [Double], low: [Double], close: [Double], volume: [Double]
        init(_ universe: Universe, _ ticker: Int, _ window: Int) {
            func bars(_ field: [Double]) -> [Double] {
                (window..<window + universe.windowBars - 1).map { field[$0 * universe.symbols.count + ticker] }
            }
            high = bars(universe.high)
            low = bars(universe.low)
            close = bars(universe.close)
            volume = bars(universe.volume)
        }
        var areDefined: Bool { [high, low, close, volume].allSatisfy { $0.allSatisfy { abs($0) <= 1e150 } } }
    }

    /// Whether the trigger holds at signal bar t; undefined values (and bars before the first) trigger nothing.
    static func trigger(_ variation: Variation) -> (SignalBars) -> (_ t: Int) -> Bool {
        typealias I = IndicatorOracle
        // Read once: looking a name up costs more than an indicator.
        let numbers = variation.algorithm.parameters.map { (name: $0.name, value: variation.value($0.name)) }
        func number(_ name: String) -> Double { numbers.first { $0.name == name }!.value }
        func integer(_ name: String) -> Int { Int(number(name)) }
        func at(_ series: I.Series, _ t: Int) -> Double? { series.indices.contains(t) ? series[t] : nil }
        func crossing(_ isCross: Bool, _ above: @escaping (Int) -> Bool?) -> (Int) -> Bool {
            { t in above(t) == true && (!isCross || above(t - 1) == false) }
        }

        switch variation.algorithm {
        case .macd:
            let (fast, slow, signal) = (integer("fast"), integer("slow"), integer("signal"))
            let isCross = integer("mode") == 1
            return { bars in
                let macd = I.macd(bars.close, fast, slow, signal)
                return crossing(isCross) { t in
                    guard let line = at(macd.line, t), let signal = at(macd.signal, t) else { return nil }
                    return line > signal
                }
            }

        case .ema, .sma:
            let (fast, slow, isCross) = (integer("fast"), integer("slow"), integer("mode") == 1)
            let factor = 1 + number("gap_pct") / 100
            let average = variation.algorithm == .ema ? I.ema(_:_:) : I.sma
            return { bars in
                let (fasts, slows) = (average(bars.close, fast), average(bars.close, slow))
                return crossing(isCross) { t in
                    guard let fast = at(fasts, t), let slow = at(slows, t) else { return nil }
                    return fast > slow * factor
                }
            }

        case .rsi:
            let (period, level, mode) = (integer("period"), number("level"), integer("mode"))
            return { bars in
                let rsi = I.rsi(bars.close, period)
                return { t in
                    guard let now = at(rsi, t) else { return false }
                    switch mode {
                    case 0: return now < level
                    case 1: return now > level
                    default: return at(rsi, t - 1).map { $0 < level && level <= now } ?? false
                    }
                }
            }

        case .breakout:
            let (period, isHigh) = (integer("period"), integer("source") == 0)
            let factor = 1 + number("buffer_pct") / 100
            return { bars in
                let top = I.highestBefore(isHigh ? bars.high : bars.close, period)
                return { t in at(top, t).map { bars.close[t] > $0 * factor } ?? false }
            }

        case .adx:
            let (period, threshold, isAny) = (integer("period"), number("threshold"), integer("direction") == 0)
            return { bars in
                let movement = I.directional(bars.high, bars.low, bars.close, period)
                return { t in
                    guard let adx = at(movement.adx, t), adx >= threshold else { return false }
                    return isAny || movement.plusDI[t]! > movement.minusDI[t]!
                }
            }

        case .volatility:
            let period = integer("period")
            let (low, high) = (number("natr_low"), number("natr_low") + number("natr_width"))
            let factor = 1 + number("trend_pct") / 100
            return { bars in
                let natr = I.natr(bars.high, bars.low, bars.close, period)
                return { t in
                    guard let natr = at(natr, t) else { return false }
                    return low <= natr && natr <= high && bars.close[t] >= bars.close[t - period] * factor
                }
            }

        case .bollinger:
            let (period, k, mode) = (integer("period"), number("k"), integer("mode"))
            return { bars in
                let bands = I.bands(bars.close, period)
                return { t in
                    guard let middle = at(bands.middle, t), let sigma = bands.sigma[t], sigma > 0 else { return false }
                    let close = bars.close[t]
                    switch mode {
                    case 0: return close < middle - sigma * k
                    case 1: return close > middle + sigma * k
                    default:
                        guard let before = at(bands.middle, t - 1), let sigmaBefore = bands.sigma[t - 1] else {
                            return false
                        }
                        return bars.close[t - 1] < before - sigmaBefore * k && close >= middle - sigma * k
                    }
                }
            }

        case .emaMACD:
            let (period, fast, slow, signal) = (integer("ema"), integer("fast"), integer("slow"), integer("signal"))
            return { bars in
                let ema = I.ema(bars.close, period)
                let macd = I.macd(bars.close, fast, slow, signal)
                return { t in
                    guard let ema = at(ema, t), let line = at(macd.line, t), let signal = at(macd.signal, t) else {
                        return false
                    }
                    return bars.close[t] > ema && line > signal
                }
            }

        case .rsiBollinger:
            let (rsiPeriod, bandPeriod) = (integer("rsi_period"), integer("bb_period"))
            let (level, k) = (number("level"), number("k"))
            return { bars in
                let rsi = I.rsi(bars.close, rsiPeriod)
                let bands = I.bands(bars.close, bandPeriod)
                return { t in
                    guard let rsi = at(rsi, t), let middle = at(bands.middle, t), let sigma = at(bands.sigma, t) else {
                        return false
                    }
                    return rsi < level && sigma > 0 && bars.close[t] < middle + sigma * k
                }
            }
        }
    }
}
