extension BarSeries {
    /// Coarser bars from these: open of the first, highest high, lowest low, close of the last, sum of the volumes.
    /// They start where the session's open plus a whole number of their lengths is. Time without a bar gives no bar.
    ///
    /// - Parameter timeframe: this series' or a coarser one that its bars fit into whole.
    package func resampled(to timeframe: Timeframe) -> BarSeries {
        precondition(
            timeframe >= self.timeframe && timeframe.rawValue % self.timeframe.rawValue == 0,
            "bars are put together, never taken apart")
        if timeframe == self.timeframe { return self }
        var coarse = BarSeries(symbol: symbol, timeframe: timeframe)
        coarse.reserveCapacity(count / Int(timeframe.rawValue / self.timeframe.rawValue) + 16)
        var session: TradingSession?
        // Of the coarse bar that is being put together: no bar of another one starts in it.
        var ends = Int64.min
        for bar in 0..<count {
            let start = starts[bar]
            if start < ends {
                let last = coarse.count - 1
                coarse.high[last] = max(coarse.high[last], high[bar])
                coarse.low[last] = min(coarse.low[last], low[bar])
                coarse.close[last] = close[bar]
                coarse.volume[last] += volume[bar]
                continue
            }
            if session.map({ start >= $0.closes }) ?? true {
                session = TradingSession(dayNumber: NewYorkTime.dayNumber(of: start))
            }
            guard let session else { preconditionFailure("a series holds bars of sessions only") }
            let length = timeframe.milliseconds
            let begins = session.opens + (start - session.opens) / length * length
            ends = min(begins + length, session.closes)
            coarse.append(
                start: begins, open: open[bar], high: high[bar], low: low[bar], close: close[bar],
                volume: volume[bar])
        }
        return coarse
    }
}
