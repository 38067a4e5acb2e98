/// The bars of one symbol in one timeframe, all of regular sessions and every one valid: prices finite and above 0,
/// low ≤ open, close ≤ high, volume ≥ 0, starts strictly ascending. A bar in which nothing traded is absent.
package struct BarSeries: Sendable, Equatable {
    package var symbol: String
    package var timeframe: Timeframe
    /// One element a bar. When it starts: milliseconds since 1970 UTC.
    package var starts: [Int64] = []
    /// Prices in the file's unit, volume in shares.
    package var open: [Double] = [], high: [Double] = [], low: [Double] = [], close: [Double] = [],
        volume: [Double] = []
    package var count: Int { starts.count }

    package init(symbol: String, timeframe: Timeframe) {
        self.symbol = symbol
        self.timeframe = timeframe
    }

    package mutating func append(
        start: Int64, open: Double, high: Double, low: Double, close: Double, volume: Double
    ) {
        starts.append(start)
        self.open.append(open)
        self.high.append(high)
        self.low.append(low)
        self.close.append(close)
        self.volume.append(volume)
    }
    package mutating func reserveCapacity(_ count: Int) {
        starts.reserveCapacity(count)
        open.reserveCapacity(count)
        high.reserveCapacity(count)
        low.reserveCapacity(count)
        close.reserveCapacity(count)
        volume.reserveCapacity(count)
    }
    package mutating func removeLast() {
        starts.removeLast()
        open.removeLast()
        high.removeLast()
        low.removeLast()
        close.removeLast()
        volume.removeLast()
    }

    /// New York's date of a bar, as yyyymmdd.
    package func date(of bar: Int) -> Int32 { MarketDate.date(dayNumber: NewYorkTime.dayNumber(of: starts[bar])) }

    /// When a bar is over and may be known: the end of its time, or of its session when that comes first.
    package func end(of bar: Int) -> Int64 {
        let end = starts[bar] + timeframe.milliseconds
        guard let session = TradingSession(dayNumber: NewYorkTime.dayNumber(of: starts[bar])) else { return end }
        return min(end, session.closes)
    }

    /// The position of the first bar that starts at or after an instant; `count` when there is none.
    package func firstBar(startingAtOrAfter instant: Int64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < instant { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The position of the newest bar that is over at an instant; nil when there is none.
    package func newestBar(overBy instant: Int64) -> Int? {
        // Bars end in the order they start, so only the newest that has started may still be going on.
        let started = firstBar(startingAtOrAfter: instant) - 1
        guard started >= 0 else { return nil }
        if end(of: started) <= instant { return started }
        return started > 0 ? started - 1 : nil
    }
}

extension DailyBars {
    /// The bars of the symbol at a position, as a series of whole sessions.
    /// - Returns: also how many of its bars lie on days without a session, which the series leaves out.
    package func series(of symbol: Int) -> (series: BarSeries, outsideSessions: Int) {
        var series = BarSeries(symbol: symbols[symbol], timeframe: .day1)
        var outside = 0
        series.reserveCapacity(starts[symbol + 1] - starts[symbol])
        for bar in starts[symbol]..<starts[symbol + 1] {
            guard let session = TradingSession(date: dates[bar]) else {
                outside += 1
                continue
            }
            series.append(
                start: session.opens, open: open[bar], high: high[bar], low: low[bar], close: close[bar],
                volume: volume[bar])
        }
        return (series, outside)
    }
}
