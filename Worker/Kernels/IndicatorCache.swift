import Market

/// The indicator series of one universe, each computed when a variation first asks for it.
///
/// Bound: the parameters of DESIGN §5.2 allow 24 exponential and 24 simple averages, 13 RSI, 13 NATR, 10 ADX, 17 band
/// deviations, 38 highs, 16 volume means and 924 MACDs (of 132 lines). All of them take 37 kB a ticker, hence 37 MB for
/// 1,000 tickers, in each thread that tests variations. A universe too large for `limitBytes` with all of them starts
/// again from nothing whenever it gets there.
final class IndicatorCache {
    private enum Key: Hashable {
        case sma(Int)
        case ema(Int)
        case rsi(Int)
        case natr(Int)
        case deviation(Int)
        case volume(Int)
        case highest(Int, ofHighs: Bool)
    }

    let bars: BlockedBars
    private let limitBytes: Int
    private var series: [Key: IndicatorSeries] = [:]
    private var movements: [Int: DirectionalMovement] = [:]
    /// By 32 · fast + slow.
    private var macds: [Int: MACDSeries] = [:]
    /// Bytes of the series held.
    private(set) var bytes = 0

    /// - Parameter limitBytes: held series beyond this are dropped before the next task.
    init(_ bars: BlockedBars, limitBytes: Int) {
        self.bars = bars
        self.limitBytes = limitBytes
    }

    func dropIfOverLimit() {
        guard bytes > limitBytes else { return }
        series = [:]
        movements = [:]
        macds = [:]
        bytes = 0
    }

    func sma(_ period: Int) -> IndicatorSeries { held(.sma(period)) { Indicators.sma(bars, period: period) } }
    func ema(_ period: Int) -> IndicatorSeries { held(.ema(period)) { Indicators.ema(bars, period: period) } }
    func rsi(_ period: Int) -> IndicatorSeries { held(.rsi(period)) { Indicators.rsi(bars, period: period) } }
    func natr(_ period: Int) -> IndicatorSeries { held(.natr(period)) { Indicators.natr(bars, period: period) } }
    func deviation(_ period: Int) -> IndicatorSeries {
        held(.deviation(period)) { Indicators.deviation(bars, period: period) }
    }
    func highest(_ period: Int, ofHighs: Bool) -> IndicatorSeries {
        held(.highest(period, ofHighs: ofHighs)) { Indicators.highest(bars, period: period, ofHighs: ofHighs) }
    }
    func volumeMean(_ period: Int) -> IndicatorSeries {
        held(.volume(period)) { Indicators.volumeMean(bars, period: period) }
    }

    func movement(_ period: Int) -> DirectionalMovement {
        if let found = movements[period] { return found }
        let made = DirectionalMovement(bars, period: period)
        bytes += 8 * (made.adx.values.count + made.isUp.count)
        movements[period] = made
        return made
    }

    func macd(fast: Int, slow: Int) -> MACDSeries {
        let key = 32 * fast + slow
        if let found = macds[key] { return found }
        let made = MACDSeries(bars, fast: fast, slow: slow)
        bytes += made.bytes
        macds[key] = made
        return made
    }

    private func held(_ key: Key, make: () -> IndicatorSeries) -> IndicatorSeries {
        if let found = series[key] { return found }
        let made = make()
        bytes += 8 * made.values.count
        series[key] = made
        return made
    }
}
