import Market

extension BarSeries {
    /// In the order of time, each bar once: pages overlap, and some sources begin with the newest. Bars of one time that
    /// differ all stay, for whoever stores them to judge.
    package func ascending() -> BarSeries {
        let order = starts.indices.sorted { (starts[$0], $0) < (starts[$1], $1) }
        var sorted = BarSeries(symbol: symbol, timeframe: timeframe)
        sorted.reserveCapacity(count)
        var kept = 0  // of the newest time, from here on
        for at in order {
            if sorted.starts.last != starts[at] { kept = sorted.count }
            let isRepeated = (kept..<sorted.count).contains {
                sorted.open[$0] == open[at] && sorted.high[$0] == high[at] && sorted.low[$0] == low[at]
                    && sorted.close[$0] == close[at] && sorted.volume[$0] == volume[at]
            }
            if !isRepeated { sorted.append(self, at) }
        }
        return sorted
    }
    package mutating func append(_ other: BarSeries, _ at: Int) {
        append(
            start: other.starts[at], open: other.open[at], high: other.high[at], low: other.low[at],
            close: other.close[at], volume: other.volume[at])
    }
}
