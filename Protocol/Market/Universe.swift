import Messages

/// The bars every variation is tested on: n symbols × `windowBars` + 4 trading days, cut by DESIGN §5.1.
package struct Universe: Sendable, Equatable {
    /// Trading days held when nobody asks for other windows: five of 31 bars, each one day newer than the last.
    package static let days = 35
    /// Windows (d = 1…5), oldest first; window w covers bars w ..< w + `windowBars`.
    package static let windows = 5
    /// Bars in one window when nobody says otherwise: 30 that the signal sees, and the outcome.
    package static let windowBars = 31
    /// Lengths of windows that a universe may have. Shorter ones would leave the longest periods undefined.
    package static let windowBarsAllowed = 31...120
    /// Trading days that windows of so many bars take.
    package static func days(windowBars: Int) -> Int { windowBars + windows - 1 }

    /// Sorted, unique. Count n.
    package var symbols: [String]
    /// Days as yyyymmdd, oldest first. Count `windowBars` + 4: the days say how long the windows are.
    package var dates: [Int32]
    /// Prices and volumes, shape [days][n] flattened day by day (`day * n + symbol`), so that neighbours are tickers:
    /// the lanes of a kernel. Prices in the file's unit, volumes in shares.
    package var open: [Double], high: [Double], low: [Double], close: [Double], volume: [Double]

    package init(
        symbols: [String], dates: [Int32], open: [Double], high: [Double], low: [Double], close: [Double],
        volume: [Double]
    ) {
        precondition(
            Self.windowBarsAllowed.contains(dates.count - Self.windows + 1), "a universe holds 35 to 124 days")
        precondition(
            [open, high, low, close, volume].allSatisfy { $0.count == symbols.count * dates.count },
            "each field holds a value a symbol and day")
        self.symbols = symbols
        self.dates = dates
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
    }

    /// Bars in one window: those that the signal sees, and the outcome. 31…120.
    package var windowBars: Int { dates.count - Self.windows + 1 }

    /// Per window the tickers whose outcome bar closed above its open. Shape [5].
    package var hits: [TickerSet] {
        (0..<Self.windows).map { window in
            let row = (window + windowBars - 1) * symbols.count
            var set = TickerSet(capacity: symbols.count)
            for ticker in symbols.indices where close[row + ticker] > open[row + ticker] { set.insert(ticker) }
            return set
        }
    }
}

extension Universe: Wire {
    package func write(to writer: inout WireWriter) {
        writer.array(symbols)
        writer.integers(dates)
        for field in [open, high, low, close, volume] { writer.doubles(field) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let symbols = try reader.array(of: String.self)
        let dates = try reader.integers(of: Int32.self)
        var fields: [[Double]] = []
        for _ in 0..<5 { fields.append(try reader.doubles()) }
        guard Self.windowBarsAllowed.contains(dates.count - Self.windows + 1),
            fields.allSatisfy({ $0.count == symbols.count * dates.count })
        else {
            throw WireError("a universe of \(symbols.count) symbols × \(dates.count) days whose fields do not fit")
        }
        self.init(
            symbols: symbols, dates: dates, open: fields[0], high: fields[1], low: fields[2], close: fields[3],
            volume: fields[4])
    }
}

/// A set of tickers of one universe as a bitset: bit i is `symbols[i]`.
package struct TickerSet: Hashable, Sendable {
    /// Little-endian bit order: ticker i is bit i % 64 of word i / 64. Bits at or past the capacity are 0.
    package var words: [UInt64]
    package init(capacity: Int) { words = Array(repeating: 0, count: (capacity + 63) / 64) }
    package init(words: [UInt64]) { self.words = words }
    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    package mutating func insert(_ ticker: Int) { words[ticker >> 6] |= 1 << UInt64(ticker & 63) }
    package func contains(_ ticker: Int) -> Bool { words[ticker >> 6] >> UInt64(ticker & 63) & 1 == 1 }
    package func intersection(_ other: TickerSet) -> TickerSet {
        TickerSet(words: zip(words, other.words).map { $0 & $1 })
    }
    package func union(_ other: TickerSet) -> TickerSet { TickerSet(words: zip(words, other.words).map { $0 | $1 }) }
    /// Ascending ticker indices.
    package var tickers: [Int] {
        words.indices.flatMap { at in (0..<64).filter { words[at] >> UInt64($0) & 1 == 1 }.map { at * 64 + $0 } }
    }
}

extension TickerSet: Wire {
    package func write(to writer: inout WireWriter) { writer.integers(words) }
    package init(from reader: inout WireReader) throws(WireError) { self.init(words: try reader.integers()) }
}
