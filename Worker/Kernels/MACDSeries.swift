import Market

/// Where the MACD line of all tickers lies above its signal: the one thing that triggers ask of a MACD.
struct MACDSeries {
    /// line > signal, shape [blocks][45]: a bit a ticker, nine rows a window as in `IndicatorSeries`. Defined from
    /// position slow + signal − 2.
    let isAbove: [UInt64]

    /// TA-Lib's MACD: both averages start at position slow − 1, each seeded with the mean of as many closes as its
    /// period up to there; the signal is seeded with the mean of the first `signal` lines.
    init(_ bars: BlockedBars, _ periods: VariationRule.MACDPeriods) {
        let day = Indicators.day
        let rowCount = IndicatorSeries.rows(IndicatorSeries.positions)
        let fastK = 2 / Double(periods.fast + 1)
        let slowK = 2 / Double(periods.slow + 1)
        let signalK = 2 / Double(periods.signal + 1)
        let seeded = periods.slow - 1
        let first = seeded + periods.signal - 1
        var isAbove = [UInt64](repeating: 0, count: bars.blocks * rowCount)
        for block in 0..<bars.blocks {
            for window in 0..<Universe.windows {
                let row0 = block * rowCount + window * IndicatorSeries.positions
                for lane in stride(from: 0, to: day, by: Lanes.scalarCount) {
                    let bar0 = block * BlockedBars.blockStride + window * day + lane
                    var fast = Indicators.mean(bars.close, bar0 + seeded * day, periods.fast)
                    var slow = Indicators.mean(bars.close, bar0 + seeded * day, periods.slow)
                    var signal = fast - slow
                    for t in seeded + 1..<BlockedBars.signalBars {
                        let close = bars.close.lanes(bar0 + t * day)
                        fast += (close - fast) * fastK
                        slow += (close - slow) * slowK
                        let line = fast - slow
                        if t <= first {
                            signal += line
                            guard t == first else { continue }
                            signal /= Double(periods.signal)
                        } else {
                            signal += (line - signal) * signalK
                        }
                        guard t >= IndicatorSeries.firstPosition else { continue }
                        isAbove[row0 + t - IndicatorSeries.firstPosition] |=
                            eightBits(line .> signal) << UInt64(lane)
                    }
                }
            }
        }
        self.isAbove = isAbove
    }
}
