import Jobs

/// A variation's parameters as a sentence for people.
extension Variation {
    var words: String {
        let lookback = integer("lookback")
        var words = trigger + (lookback == 1 ? "" : ", at least once in the last \(lookback) days")
        if confirmsVolume {
            words += ", on a volume above \(number("volume_multiple")) × its \(integer("volume_period"))-day mean"
        }
        return words
    }

    private var trigger: String {
        let macd = { "MACD \(self.integer("fast"))/\(self.integer("slow"))/\(self.integer("signal"))" }
        switch algorithm {
        case .macd: return macd() + (integer("mode") == 0 ? " above its signal" : " crosses above its signal")
        case .ema, .sma: return crossing(algorithm == .ema ? "EMA" : "SMA")
        case .rsi:
            let verb = ["below", "above", "climbs back to"][integer("mode")]
            return "RSI of \(integer("period")) days \(verb) \(integer("level"))"
        case .breakout:
            let source = ["high", "close"][integer("source")]
            return "close above the highest \(source) of the \(integer("period")) days before\(shift("buffer_pct"))"
        case .adx:
            let direction = integer("direction") == 1 ? ", pointing up" : ""
            return "ADX of \(integer("period")) days at least \(integer("threshold"))\(direction)"
        case .volatility:
            let low = value("natr_low")
            let high = ((low + value("natr_width")) * 10).rounded() / 10
            return "daily range (NATR) of \(integer("period")) days from \(low) to \(high) %, "
                + "close at least that of \(integer("period")) days before\(shift("trend_pct"))"
        case .bollinger:
            let verb = ["below the lower", "above the upper", "back above the lower"][integer("mode")]
            return "close \(verb) Bollinger band of \(integer("period")) days, \(number("k")) σ"
        case .emaMACD: return "close above its EMA of \(integer("ema")) days and \(macd()) above its signal"
        case .rsiBollinger:
            let k = value("k")
            let band = k == 0 ? "" : " \(k < 0 ? "less" : "plus") \(abs(k)) σ"
            return "RSI of \(integer("rsi_period")) days below \(integer("level")) "
                + "and close below the mean of \(integer("bb_period")) days\(band)"
        }
    }

    private func crossing(_ average: String) -> String {
        let verb = integer("mode") == 0 ? "above" : "rises above"
        return "\(average) of \(integer("fast")) days \(verb) that of \(integer("slow"))\(shift("gap_pct"))"
    }
    private func number(_ name: String) -> String { "\(value(name))" }
    /// ` plus 0.5 %`, or nothing at 0.
    private func shift(_ name: String) -> String {
        let percent = value(name)
        return percent == 0 ? "" : " \(percent < 0 ? "less" : "plus") \(abs(percent)) %"
    }
}

extension Algorithm {
    /// As people write it.
    var title: String {
        switch self {
        case .macd: "MACD"
        case .ema: "EMA"
        case .rsi: "RSI"
        case .breakout: "Breakout"
        case .adx: "ADX"
        case .volatility: "Volatility"
        case .sma: "SMA"
        case .bollinger: "Bollinger"
        case .emaMACD: "EMA + MACD"
        case .rsiBollinger: "RSI + Bollinger"
        }
    }
}
