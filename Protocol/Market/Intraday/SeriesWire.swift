import Messages

extension BarSeries: Wire {
    package func write(to writer: inout WireWriter) {
        writer.string(symbol)
        writer.integer(timeframe.rawValue)
        writer.integers(starts)
        for column in [open, high, low, close, volume] { writer.doubles(column) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let symbol = try reader.string()
        let code: UInt16 = try reader.integer()
        guard let timeframe = Timeframe(rawValue: code) else { throw WireError("no timeframe has \(code) minutes") }
        self.init(symbol: symbol, timeframe: timeframe)
        starts = try reader.integers()
        open = try reader.doubles()
        high = try reader.doubles()
        low = try reader.doubles()
        close = try reader.doubles()
        volume = try reader.doubles()
        guard [open, high, low, close, volume].allSatisfy({ $0.count == starts.count }) else {
            throw WireError("columns of unlike length in the bars of \(symbol)")
        }
        for at in starts.indices.dropFirst() where starts[at] <= starts[at - 1] {
            throw WireError("the bars of \(symbol) do not ascend in time")
        }
        for at in starts.indices where TradingSession(dayNumber: NewYorkTime.dayNumber(of: starts[at])) == nil {
            throw WireError("a bar of \(symbol) lies on a day without a session")
        }
    }
}

/// The bars of some symbols, as one blob: what a worker is handed.
package struct SeriesSet: Wire, Equatable {
    package var series: [BarSeries]
    package init(_ series: [BarSeries]) { self.series = series }
    package func write(to writer: inout WireWriter) { writer.array(series) }
    package init(from reader: inout WireReader) throws(WireError) { series = try reader.array() }
}
