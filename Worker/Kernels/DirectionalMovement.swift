import Market

/// ADX of all tickers, and at its bars whether +DI > −DI.
struct DirectionalMovement {
    /// 0…100, by window. First at position 2·period − 1.
    let adx: IndicatorSeries
    /// +DI > −DI, shape [blocks][45]: a bit a ticker, in the rows of `adx`.
    let isUp: [UInt64]

    /// Wilder's sums as TA-Lib keeps them: the first period − 1 movements and ranges undivided, then S − S/p + x. DX
    /// that are undefined add nothing to the seed and afterwards leave ADX as it was.
    init(_ bars: BlockedBars, period: Int) {
        let day = Indicators.day
        let p = Double(period)
        let rowCount = IndicatorSeries.rows(IndicatorSeries.positions)
        var values = [Double](repeating: 0, count: bars.blocks * rowCount * day)
        var isUp = [UInt64](repeating: 0, count: bars.blocks * rowCount)
        for block in 0..<bars.blocks {
            for window in 0..<Universe.windows {
                let row0 = block * rowCount + window * IndicatorSeries.positions
                for lane in stride(from: 0, to: day, by: Lanes.scalarCount) {
                    let bar0 = block * bars.blockStride + window * day + lane
                    var (plus, minus, range, adx) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
                    for t in 1..<bars.signalBars {
                        let at = bar0 + t * day
                        let rise = bars.high.lanes(at) - bars.high.lanes(at - day)
                        let fall = bars.low.lanes(at - day) - bars.low.lanes(at)
                        let up = Lanes.zero.replacing(with: rise, where: (rise .> 0) .& (rise .> fall))
                        let down = Lanes.zero.replacing(with: fall, where: (fall .> 0) .& (fall .> rise))
                        if t >= period {
                            plus -= plus / p
                            minus -= minus / p
                            range -= range / p
                        }
                        plus += up
                        minus += down
                        range += Indicators.trueRange(bars, at)
                        guard t >= period else { continue }

                        let isRange = range .>= Indicators.zero
                        let plusDI = Lanes.zero.replacing(with: 100 * (plus / range), where: isRange)
                        let minusDI = Lanes.zero.replacing(with: 100 * (minus / range), where: isRange)
                        let sum = plusDI + minusDI
                        let dx = 100 * (Indicators.magnitude(minusDI - plusDI) / sum)
                        let isDefined = sum .>= Indicators.zero
                        if t < 2 * period {
                            adx += Lanes.zero.replacing(with: dx, where: isDefined)
                            if t == 2 * period - 1 { adx /= p }
                        } else {
                            adx.replace(with: (adx * (p - 1) + dx) / p, where: isDefined)
                        }
                        guard t >= bars.firstPosition else { continue }
                        let row = row0 + t - bars.firstPosition
                        values.store(adx, row * day + lane)
                        isUp[row] |= eightBits(plusDI .> minusDI) << UInt64(lane)
                    }
                }
            }
        }
        adx = IndicatorSeries(values: values, windowStride: IndicatorSeries.positions)
        self.isUp = isUp
    }
}
