import Market

/// Where a MACD line of all tickers lies above its signals: the one thing that triggers ask of a MACD.
///
/// All seven signal periods of a pair of averages at once, since a search that asks for one soon asks for others and
/// the line is the larger part of the work.
struct MACDSeries {
    static let signals = 3...9
    /// line > signal, shape [signals][blocks][45]: a bit a ticker, nine rows a window as in `IndicatorSeries`. Defined
    /// from position slow + signal − 2.
    private let isAbove: [UInt64]
    private let signalStride: Int

    @inline(__always) func isAbove(signal: Int, _ wordRow: Int) -> UInt64 {
        isAbove[(signal &- Self.signals.lowerBound) &* signalStride &+ wordRow]
    }
    var bytes: Int { 8 * isAbove.count }

    private typealias Four = SIMD4<Double>
    private typealias Signals = InlineArray<7, Four>

    /// TA-Lib's MACD: both averages start at position slow − 1, each seeded with the mean of as many closes as its
    /// period up to there; a signal is seeded with the mean of the first lines, as many as its period.
    init(_ bars: BlockedBars, fast: Int, slow: Int) {
        let day = Indicators.day
        let rowCount = IndicatorSeries.rows(IndicatorSeries.positions)
        let signalStride = bars.blocks * rowCount
        var isAbove = [UInt64](repeating: 0, count: Self.signals.count * signalStride)
        let (fastK, slowK) = (2 / Double(fast + 1), 2 / Double(slow + 1))
        var signalK = InlineArray<7, Double>(repeating: 0)
        for at in 0..<7 { signalK[at] = 2 / Double(Self.signals.lowerBound + at + 1) }

        for block in 0..<bars.blocks {
            for window in 0..<Universe.windows {
                // Per position and signal the bits of each lane's tickers; disjoint, so their sum is their union.
                var found = InlineArray<9, InlineArray<7, SIMD4<UInt64>>>(repeating: .init(repeating: .zero))
                var bit = SIMD4<UInt64>(1, 2, 4, 8)
                for lane in stride(from: 0, to: day, by: Four.scalarCount) {
                    let bar0 = block * bars.blockStride + window * day + lane
                    var fastMean = Self.mean(bars.close, bar0 + (slow - 1) * day, fast)
                    var slowMean = Self.mean(bars.close, bar0 + (slow - 1) * day, slow)
                    var lines = fastMean - slowMean
                    var signals = Signals(repeating: .zero)

                    for t in slow..<bars.signalBars {
                        let close = bars.close.fourLanes(bar0 + t * day)
                        fastMean += (close - fastMean) * fastK
                        slowMean += (close - slowMean) * slowK
                        let line = fastMean - slowMean
                        // At t there are t − slow + 2 lines: enough to seed one signal, and those of shorter periods run.
                        let running = t - slow + 2 - Self.signals.lowerBound
                        if running < 7 {
                            for at in 0..<max(running, 0) { signals[at] += (line - signals[at]) * signalK[at] }
                            lines += line
                            if running >= 0 { signals[running] = lines / Double(t - slow + 2) }
                        } else {
                            for at in 0..<7 { signals[at] += (line - signals[at]) * signalK[at] }
                        }
                        guard t >= bars.firstPosition else { continue }
                        let offset = t - bars.firstPosition
                        for at in 0..<7 {
                            found[offset][at] |= SIMD4<UInt64>.zero.replacing(with: bit, where: line .> signals[at])
                        }
                    }
                    bit &<<= 4
                }
                let row0 = block * rowCount + window * IndicatorSeries.positions
                for offset in 0..<IndicatorSeries.positions {
                    for at in 0..<7 { isAbove[at * signalStride + row0 + offset] = found[offset][at].wrappedSum() }
                }
            }
        }
        self.isAbove = isAbove
        self.signalStride = signalStride
    }

    /// `Indicators.mean`, four tickers at a time.
    @inline(__always) private static func mean(_ values: [Double], _ at: Int, _ count: Int) -> Four {
        let newest = values.fourLanes(at)
        var sum = Four.zero
        for age in 1..<max(count, 1) { sum += values.fourLanes(at &- age &* Indicators.day) - newest }
        return newest + sum / Double(count)
    }
}
