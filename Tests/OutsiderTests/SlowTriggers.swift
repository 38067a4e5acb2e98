/// DESIGN §5.2, one variation on one window. Nil: the two sides of a comparison are equal but for the last digits, so
/// that either answer is right.
struct SlowTrigger {
    let algorithm: String
    let variation: RunFile.Variation
    let window: RunFile.Window
    private let close: [Double]

    init(_ algorithm: String, _ variation: RunFile.Variation, _ window: RunFile.Window) {
        self.algorithm = algorithm
        self.variation = variation
        self.window = window
        close = Array(window.close[..<30])
    }

    var buys: Bool? {
        guard Set(close).count > 1 else { return false }
        let at = trigger()
        let lookback = variation.integer("lookback")
        return and(any((30 - lookback..<30).map(at)), confirmed)
    }

    private var confirmed: Bool? {
        guard variation.word("volume") == "confirm" else { return true }
        let period = variation.integer("volume_period")
        let usual = SlowIndicators.mean(window.volume[(29 - period)..<29])
        return greater(window.volume[29], variation.number("volume_multiple") * usual)
    }

    private func trigger() -> (Int) -> Bool? {
        let mode = variation.word("mode")
        switch algorithm {
        case "macd": return cross(mode, macd())
        case "ema", "sma":
            let series = algorithm == "ema" ? SlowIndicators.ema : SlowIndicators.sma
            let fast = series(close, variation.integer("fast"))
            let slow = series(close, variation.integer("slow"))
            let gap = 1 + variation.number("gap_pct") / 100
            return cross(mode) { t in fast[t].flatMap { a in slow[t].map { (a, $0 * gap) } } }
        case "rsi":
            let rsi = SlowIndicators.rsi(close, variation.integer("period"))
            let level = variation.number("level")
            return { t in
                guard let now = rsi[t] else { return false }
                if mode == "below" { return greater(level, now) }
                if mode == "above" { return greater(now, level) }
                guard t > 0, let before = rsi[t - 1] else { return false }
                return and(greater(level, before), not(greater(level, now)))
            }
        case "breakout":
            let source = variation.word("source") == "high" ? window.high : window.close
            let (period, buffer) = (variation.integer("period"), 1 + variation.number("buffer_pct") / 100)
            return { t in t < period ? false : greater(close[t], source[(t - period)..<t].max()! * buffer) }
        case "adx":
            let (adx, plus, minus) = SlowIndicators.adx(window, variation.integer("period"))
            return { t in
                guard let strength = adx[t], let up = plus[t], let down = minus[t] else { return false }
                let strong = not(greater(variation.number("threshold"), strength))
                return variation.word("direction") == "up" ? and(strong, greater(up, down)) : strong
            }
        case "volatility":
            let period = variation.integer("period")
            let natr = SlowIndicators.natr(window, period)
            let low = variation.number("natr_low")
            let high = low + variation.number("natr_width")
            let trend = 1 + variation.number("trend_pct") / 100
            return { t in
                guard t >= period, let now = natr[t] else { return false }
                let inside = and(not(greater(low, now)), not(greater(now, high)))
                return and(inside, not(greater(close[t - period] * trend, close[t])))
            }
        case "bollinger":
            let bands = SlowIndicators.bollinger(close, variation.integer("period"))
            let k = variation.number("k")
            return { t in
                guard let now = bands[t] else { return false }
                let wide = greater(now.deviation, 0)
                let lower = now.middle - k * now.deviation
                if mode == "below" { return and(wide, greater(lower, close[t])) }
                if mode == "above" { return and(wide, greater(close[t], now.middle + k * now.deviation)) }
                guard t > 0, let before = bands[t - 1] else { return false }
                let wasBelow = greater(before.middle - k * before.deviation, close[t - 1])
                return and(wide, and(wasBelow, not(greater(lower, close[t]))))
            }
        case "ema_macd":
            let ema = SlowIndicators.ema(close, variation.integer("ema"))
            let above = cross("above", macd())
            return { t in ema[t].map { and(greater(close[t], $0), above(t)) } ?? false }
        default:
            let rsi = SlowIndicators.rsi(close, variation.integer("rsi_period"))
            let bands = SlowIndicators.bollinger(close, variation.integer("bb_period"))
            return { t in
                guard let now = rsi[t], let band = bands[t] else { return false }
                let low = greater(variation.number("level"), now)
                let under = greater(band.middle + variation.number("k") * band.deviation, close[t])
                return and(and(low, under), greater(band.deviation, 0))
            }
        }
    }

    /// Line and signal at a bar, where both are defined.
    private func macd() -> (Int) -> (Double, Double)? {
        let (line, signal) = SlowIndicators.macd(
            close, variation.integer("fast"), variation.integer("slow"), variation.integer("signal"))
        return { t in line[t].flatMap { a in signal[t].map { (a, $0) } } }
    }

    /// above: first > second; cross: and not so at the bar before, where it must be defined too.
    private func cross(_ mode: String, _ pair: @escaping (Int) -> (Double, Double)?) -> (Int) -> Bool? {
        { t in
            guard let now = pair(t) else { return false }
            let above = greater(now.0, now.1, scale: close[t])
            guard mode == "cross" else { return above }
            guard t > 0, let before = pair(t - 1) else { return false }
            return and(above, not(greater(before.0, before.1, scale: close[t])))
        }
    }
}

/// a > b; nil when they agree to 1e-9 of their size (or of `scale`, for differences of prices).
private func greater(_ a: Double, _ b: Double, scale: Double = 0) -> Bool? {
    abs(a - b) <= 1e-9 * max(abs(a), abs(b), scale, 1e-3) ? nil : a > b
}
private func not(_ a: Bool?) -> Bool? { a.map { !$0 } }
private func and(_ a: Bool?, _ b: Bool?) -> Bool? {
    if a == false || b == false { return false }
    return a == nil || b == nil ? nil : true
}
private func any(_ values: [Bool?]) -> Bool? {
    if values.contains(true) { return true }
    return values.contains(nil) ? nil : false
}
