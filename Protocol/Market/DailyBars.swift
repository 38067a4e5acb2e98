/// Daily bars of many symbols, every one of them valid: prices above 0, low ≤ open, close ≤ high, volume ≥ 0, and no
/// symbol twice on one day. What the file held besides is counted in `rejected`.
package struct DailyBars: Sendable {
    /// Sorted by their UTF-8 bytes, unique. Count n.
    package private(set) var symbols: [String]
    /// The bars of symbol s are `starts[s] ..< starts[s + 1]`, ascending in date. Count n + 1.
    package private(set) var starts: [Int]
    /// One element a bar: days as yyyymmdd, prices in the file's unit, volumes in shares.
    package private(set) var dates: [Int32]
    package private(set) var open: [Double], high: [Double], low: [Double], close: [Double], volume: [Double]
    /// Rows of the file, the header and blank lines not counted.
    package private(set) var rowCount: Int
    package private(set) var rejected: RejectedRows
    package var count: Int { dates.count }

    /// Rows as a reader collects them, in file order.
    struct Rows {
        var symbols: [String] = []
        var bars: [Row] = []
        var rowCount = 0
        var rejected = RejectedRows()
    }
    /// One element instead of eight appended: twice as fast to read.
    struct Row {
        var open: Double, high: Double, low: Double, close: Double, volume: Double
        var date: Int32
        /// Index into `symbols`.
        var symbol: Int32
        /// In the file, from 1.
        var line: UInt32
    }

    /// Bars that are valid, sorted and settled already, in columns as above.
    package init(
        symbols: [String], starts: [Int], dates: [Int32], open: [Double], high: [Double], low: [Double],
        close: [Double], volume: [Double]
    ) {
        precondition(
            starts.count == symbols.count + 1 && starts.last == dates.count, "a start for each symbol, and an end")
        self.symbols = symbols
        self.starts = starts
        self.dates = dates
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        rowCount = dates.count
        rejected = RejectedRows()
    }

    /// Sorts by symbol and date and settles repeated bars: the result does not depend on the order of the rows.
    init(_ rows: consuming Rows) {
        let bySymbol = rows.symbols.indices.sorted {
            rows.symbols[$0].utf8.lexicographicallyPrecedes(rows.symbols[$1].utf8)
        }
        symbols = bySymbol.map { rows.symbols[$0] }
        if !bySymbol.elementsEqual(rows.symbols.indices) {
            var rank = [Int32](repeating: 0, count: symbols.count)
            for (position, symbol) in bySymbol.enumerated() { rank[symbol] = Int32(position) }
            for at in rows.bars.indices { rows.bars[at].symbol = rank[Int(rows.bars[at].symbol)] }
        }

        rowCount = rows.rowCount
        rejected = rows.rejected
        let bars: [Row]
        if let order = Self.order(rows.bars, symbolCount: symbols.count) {
            bars = Self.settle(rows.bars, order: order, &rejected)
        } else {
            bars = rows.bars
        }
        starts = [Int](repeating: 0, count: symbols.count + 1)
        for bar in bars { starts[Int(bar.symbol) + 1] += 1 }
        for at in symbols.indices { starts[at + 1] += starts[at] }
        dates = []
        (open, high, low, close, volume) = ([], [], [], [], [])
        takeColumns(of: bars)
    }

    private mutating func takeColumns(of bars: [Row]) {
        dates.reserveCapacity(bars.count)
        open.reserveCapacity(bars.count)
        high.reserveCapacity(bars.count)
        low.reserveCapacity(bars.count)
        close.reserveCapacity(bars.count)
        volume.reserveCapacity(bars.count)
        // So many rows at a time stay in the nearest caches while they are read six times.
        for start in stride(from: 0, to: bars.count, by: 512) {
            let some = bars[start..<min(start + 512, bars.count)]
            dates.append(contentsOf: some.lazy.map(\.date))
            open.append(contentsOf: some.lazy.map(\.open))
            high.append(contentsOf: some.lazy.map(\.high))
            low.append(contentsOf: some.lazy.map(\.low))
            close.append(contentsOf: some.lazy.map(\.close))
            volume.append(contentsOf: some.lazy.map(\.volume))
        }
    }

    /// The rows by symbol, date and line; nil when they are so already, without a repetition.
    private static func order(_ rows: [Row], symbolCount: Int) -> [UInt32]? {
        func key(_ row: Row) -> UInt64 { UInt64(row.symbol) << 32 | UInt64(row.date) }
        var isAscending = true
        for row in rows.indices.dropFirst() where key(rows[row - 1]) >= key(rows[row]) {
            isAscending = false
            break
        }
        if isAscending { return nil }
        // Rows of one symbol are gathered in file order, then sorted by date.
        var next = [Int](repeating: 0, count: symbolCount + 1)
        for row in rows { next[Int(row.symbol) + 1] += 1 }
        for at in 0..<symbolCount { next[at + 1] += next[at] }
        let starts = next
        var order = [UInt32](repeating: 0, count: rows.count)
        for row in rows.indices {
            let symbol = Int(rows[row].symbol)
            order[next[symbol]] = UInt32(row)
            next[symbol] += 1
        }
        for symbol in 0..<symbolCount {
            order[starts[symbol]..<starts[symbol + 1]].sort {
                (rows[Int($0)].date, $0) < (rows[Int($1)].date, $1)
            }
        }
        return order
    }

    /// The rows that stay, in order.
    private static func settle(_ rows: [Row], order: [UInt32], _ rejected: inout RejectedRows) -> [Row] {
        var kept: [Row] = []
        kept.reserveCapacity(order.count)
        var start = 0
        while start < order.count {
            let first = rows[Int(order[start])]
            var end = start + 1
            var agree = true
            while end < order.count, case let other = rows[Int(order[end])], other.symbol == first.symbol,
                other.date == first.date
            {
                agree =
                    agree && other.open == first.open && other.high == first.high && other.low == first.low
                    && other.close == first.close && other.volume == first.volume
                end += 1
            }
            if agree { kept.append(first) }
            if end - start > 1 {
                // Within one symbol and day the order is that of the file, so the first line is at the start.
                if agree {
                    let line = Int(rows[Int(order[start + 1])].line)
                    rejected.add(.repeated, line: line, count: end - start - 1)
                } else {
                    rejected.add(.conflicting, line: Int(first.line), count: end - start)
                }
            }
            start = end
        }
        return kept
    }
}
