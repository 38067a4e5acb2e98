import Market

/// A universe's bars in blocks of 64 tickers: one block is one word of a `TickerSet`, and its days lie together.
/// Days are as many as the universe has: 35 when windows have 31 bars.
///
/// Each field has shape [blocks][days][64]; the last block is padded with bars that never trigger.
struct BlockedBars {
    static let blockTickers = 64
    /// Prices and volumes beyond this have no defined indicators: squares and sums of smaller ones stay finite.
    static let largest = 1e150

    let tickers: Int
    let blocks: Int
    /// Doubles of one field of one block.
    let blockStride: Int
    /// Bars of a window that the signal sees, 30…119; the bar after them is the outcome.
    let signalBars: Int
    /// Position in the window of the bar that an `IndicatorSeries` begins with; the newest signal bar is `signalBars` − 1.
    var firstPosition: Int { signalBars - IndicatorSeries.positions }
    let high: [Double], low: [Double], close: [Double], volume: [Double]
    /// Tickers that may trigger, shape [blocks][5]: their signal closes are not all equal, and each of their signal
    /// bars is a number of at most `largest`.
    let eligible: [UInt64]

    init(_ universe: Universe) {
        let n = universe.symbols.count
        let blocks = (n + Self.blockTickers - 1) / Self.blockTickers
        let (signalBars, blockStride) = (universe.windowBars - 1, universe.dates.count * Self.blockTickers)
        func blocked(_ field: [Double]) -> [Double] {
            var values = [Double](repeating: 1, count: blocks * blockStride)
            for day in universe.dates.indices {
                for ticker in 0..<n {
                    let block = ticker / Self.blockTickers
                    values[block * blockStride + day * Self.blockTickers + ticker % Self.blockTickers] =
                        field[day * n + ticker]
                }
            }
            return values
        }
        tickers = n
        (self.signalBars, self.blockStride) = (signalBars, blockStride)
        self.blocks = blocks
        let (high, low) = (blocked(universe.high), blocked(universe.low))
        let (close, volume) = (blocked(universe.close), blocked(universe.volume))

        var eligible = [UInt64](repeating: 0, count: blocks * Universe.windows)
        for block in 0..<blocks {
            let inUse = min(n - block * Self.blockTickers, Self.blockTickers)
            for window in 0..<Universe.windows {
                let bar0 = block * blockStride + window * Self.blockTickers
                eligible[block * Universe.windows + window] =
                    word {
                        Self.mayTrigger(high, low, close, volume, bar0 + $0 * Lanes.scalarCount, signalBars)
                    }
                    & (UInt64.max >> UInt64(Self.blockTickers - inUse))
            }
        }
        (self.high, self.low, self.close, self.volume, self.eligible) = (high, low, close, volume, eligible)
    }

    /// Whether the `count` bars from element `bar0` on are defined and their closes not all equal.
    private static func mayTrigger(
        _ high: [Double], _ low: [Double], _ close: [Double], _ volume: [Double], _ bar0: Int,
        _ count: Int
    ) -> SIMDMask<SIMD8<Int64>> {
        let first = close.lanes(bar0)
        var isDefined = SIMDMask<SIMD8<Int64>>(repeating: true)
        var varies = SIMDMask<SIMD8<Int64>>(repeating: false)
        for t in 0..<count {
            let at = bar0 + t * blockTickers
            for value in [high.lanes(at), low.lanes(at), close.lanes(at), volume.lanes(at)] {
                // Written so that what is not a number fails.
                isDefined .&= (value .<= largest) .& (value .>= -largest)
            }
            varies .|= close.lanes(at) .!= first
        }
        return isDefined .& varies
    }

    /// Bytes of the arrays above.
    var bytes: Int { 8 * (4 * close.count + eligible.count) }
}
