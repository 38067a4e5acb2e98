import Market

/// A universe's bars in blocks of 64 tickers: one block is one word of a `TickerSet`, and its 35 days lie together.
///
/// Each field has shape [blocks][35][64]; the last block is padded with bars that never trigger.
struct BlockedBars {
    static let blockTickers = 64
    /// Doubles of one field of one block.
    static let blockStride = Universe.days * blockTickers
    /// Bars of a window that the signal sees; the bar after them is the outcome.
    static let signalBars = Universe.windowBars - 1
    /// Prices and volumes beyond this have no defined indicators: squares and sums of smaller ones stay finite.
    static let largest = 1e150

    let tickers: Int
    let blocks: Int
    let high: [Double], low: [Double], close: [Double], volume: [Double]
    /// Tickers that may trigger, shape [blocks][5]: their 30 signal closes are not all equal, and each of their signal
    /// bars is a number of at most `largest`.
    let eligible: [UInt64]

    init(_ universe: Universe) {
        let n = universe.symbols.count
        let blocks = (n + Self.blockTickers - 1) / Self.blockTickers
        func blocked(_ field: [Double]) -> [Double] {
            var values = [Double](repeating: 1, count: blocks * Self.blockStride)
            for day in 0..<Universe.days {
                for ticker in 0..<n {
                    let block = ticker / Self.blockTickers
                    values[block * Self.blockStride + day * Self.blockTickers + ticker % Self.blockTickers] =
                        field[day * n + ticker]
                }
            }
            return values
        }
        tickers = n
        self.blocks = blocks
        high = blocked(universe.high)
        low = blocked(universe.low)
        close = blocked(universe.close)
        volume = blocked(universe.volume)

        var eligible = [UInt64](repeating: 0, count: blocks * Universe.windows)
        for window in 0..<Universe.windows {
            for ticker in 0..<n {
                let bars = (window..<window + Self.signalBars).map { $0 * n + ticker }
                // Written so that a bar which is not a number fails.
                let defined = bars.allSatisfy { bar in
                    [universe.high, universe.low, universe.close, universe.volume].allSatisfy {
                        abs($0[bar]) <= Self.largest
                    }
                }
                guard defined, bars.contains(where: { universe.close[$0] != universe.close[bars[0]] }) else { continue }
                eligible[ticker / Self.blockTickers * Universe.windows + window] |=
                    1 << UInt64(ticker % Self.blockTickers)
            }
        }
        self.eligible = eligible
    }

    /// Bytes of the arrays above.
    var bytes: Int { 8 * (4 * close.count + eligible.count) }
}
