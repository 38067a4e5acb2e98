import Foundation
import Jobs
import Market

/// DESIGN §5.2 read aloud: one variation, one ticker, one window at a time.
struct VariationOracle {
    let universe: Universe

    /// What `variation` buys, per window. Shape [5].
    func buys(_ variation: Variation) -> [TickerSet] {
        (0..<Universe.windows).map { window in
            var set = TickerSet(capacity: universe.symbols.count)
            for ticker in universe.symbols.indices where buys(variation, ticker, window) { set.insert(ticker) }
            return set
        }
    }

    func buys(_ variation: Variation, _ ticker: Int, _ window: Int) -> Bool {
        let bars = SignalBars(universe, ticker, window)
        let fields = [bars.high, bars.low, bars.close, bars.volume]
        guard fields.allSatisfy({ $0.allSatisfy { abs($0) <= 1e150 } }) else { return false }
        guard bars.close.contains(where: { $0 != bars.close[0] }) else { return false }

        let trigger = Self.trigger(variation, bars)
        guard (30 - variation.integer("lookback")...29).contains(where: trigger) else { return false }

        guard variation.confirmsVolume else { return true }
        let mean = IndicatorOracle.meanBefore(bars.volume, variation.integer("volume_period"))[29]!
        return bars.volume[29] > mean * variation.value("volume_multiple")
    }

    struct SignalBars {
        let high: [Double], low: [Double], close: [Double], volume: [Double]
        init(_ universe: Universe, _ ticker: Int, _ window: Int) {
            func bars(_ field: [Double]) -> [Double] {
                (window..<window + 30).map { field[$0 * universe.symbols.count + ticker] }
            }
            high = bars(universe.high)
            low = bars(universe.low)
            close = bars(universe.close)
            volume = bars(universe.volume)
        }
    }

    /// Whether the trigger holds at bar t = 0…29; undefined values (and bars before the first) trigger nothing.
    static func trigger(_ variation: Variation, _ bars: SignalBars) -> (_ t: Int) -> Bool {
        typealias I = IndicatorOracle
        let close = bars.close
        func integer(_ name: String) -> Int { variation.integer(name) }
        func number(_ name: String) -> Double { variation.value(name) }
        func crossing(_ isCross: Bool, _ above: @escaping (Int) -> Bool?) -> (Int) -> Bool {
            { t in
                guard above(t) == true else { return false }
                return isCross ? above(t - 1) == false : true
            }
        }
        func at(_ series: I.Series, _ t: Int) -> Double? { series.indices.contains(t) ? series[t] : nil }

        switch variation.algorithm {
        case .macd:
            let macd = I.macd(close, integer("fast"), integer("slow"), integer("signal"))
            return crossing(integer("mode") == 1) { t in
                guard let line = at(macd.line, t), let signal = at(macd.signal, t) else { return nil }
                return line > signal
            }

        case .ema, .sma:
            let average = variation.algorithm == .ema ? I.ema(_:_:) : I.sma
            let (fast, slow) = (average(close, integer("fast")), average(close, integer("slow")))
            let factor = 1 + number("gap_pct") / 100
            return crossing(integer("mode") == 1) { t in
                guard let fast = at(fast, t), let slow = at(slow, t) else { return nil }
                return fast > slow * factor
            }

        case .rsi:
            let rsi = I.rsi(close, integer("period"))
            let level = number("level")
            return { t in
                guard let now = at(rsi, t) else { return false }
                switch integer("mode") {
                case 0: return now < level
                case 1: return now > level
                default: return at(rsi, t - 1).map { $0 < level && level <= now } ?? false
                }
            }

        case .breakout:
            let top = I.highestBefore(integer("source") == 0 ? bars.high : close, integer("period"))
            let factor = 1 + number("buffer_pct") / 100
            return { t in at(top, t).map { close[t] > $0 * factor } ?? false }

        case .adx:
            let movement = I.directional(bars.high, bars.low, close, integer("period"))
            return { t in
                guard let adx = at(movement.adx, t), adx >= number("threshold") else { return false }
                return integer("direction") == 0 || movement.plusDI[t]! > movement.minusDI[t]!
            }

        case .volatility:
            let period = integer("period")
            let natr = I.natr(bars.high, bars.low, close, period)
            let (low, high) = (number("natr_low"), number("natr_low") + number("natr_width"))
            let factor = 1 + number("trend_pct") / 100
            return { t in
                guard let natr = at(natr, t) else { return false }
                return low <= natr && natr <= high && close[t] >= close[t - period] * factor
            }

        case .bollinger:
            let bands = I.bands(close, integer("period"))
            let k = number("k")
            return { t in
                guard let middle = at(bands.middle, t), let sigma = at(bands.sigma, t), sigma > 0 else { return false }
                switch integer("mode") {
                case 0: return close[t] < middle - sigma * k
                case 1: return close[t] > middle + sigma * k
                default:
                    guard let before = at(bands.middle, t - 1) else { return false }
                    return close[t - 1] < before - bands.sigma[t - 1]! * k && close[t] >= middle - sigma * k
                }
            }

        case .emaMACD:
            let ema = I.ema(close, integer("ema"))
            let macd = I.macd(close, integer("fast"), integer("slow"), integer("signal"))
            return { t in
                guard let ema = at(ema, t), let line = at(macd.line, t), let signal = at(macd.signal, t) else {
                    return false
                }
                return close[t] > ema && line > signal
            }

        case .rsiBollinger:
            let rsi = I.rsi(close, integer("rsi_period"))
            let bands = I.bands(close, integer("bb_period"))
            return { t in
                guard let rsi = at(rsi, t), let middle = at(bands.middle, t), let sigma = at(bands.sigma, t) else {
                    return false
                }
                return rsi < number("level") && sigma > 0 && close[t] < middle + sigma * number("k")
            }
        }
    }
}
