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
        /// Index into `symbols`, one a row.
        var symbol: [Int32] = []
        var dates: [Int32] = []
        var open: [Double] = [], high: [Double] = [], low: [Double] = [], close: [Double] = [], volume: [Double] = []
        /// Line in the file, from 1, one a row.
        var lines: [UInt32] = []
        var rowCount = 0
        var rejected = RejectedRows()
    }

    /// Sorts by symbol and date and settles repeated bars: the result does not depend on the order of the rows.
    init(_ rows: consuming Rows) {
        let bySymbol = rows.symbols.indices.sorted {
            rows.symbols[$0].utf8.lexicographicallyPrecedes(rows.symbols[$1].utf8)
        }
        symbols = bySymbol.map { rows.symbols[$0] }
        var rank = [Int32](repeating: 0, count: symbols.count)
        for (position, symbol) in bySymbol.enumerated() { rank[symbol] = Int32(position) }
        for at in rows.symbol.indices { rows.symbol[at] = rank[Int(rows.symbol[at])] }

        let (kept, rejected) = Self.settle(rows, order: Self.order(rows))
        rowCount = rows.rowCount
        self.rejected = rejected
        starts = [Int](repeating: 0, count: symbols.count + 1)
        guard let kept else {
            for symbol in rows.symbol { starts[Int(symbol) + 1] += 1 }
            for at in symbols.indices { starts[at + 1] += starts[at] }
            dates = rows.dates
            open = rows.open
            high = rows.high
            low = rows.low
            close = rows.close
            volume = rows.volume
            return
        }
        for row in kept { starts[Int(rows.symbol[Int(row)]) + 1] += 1 }
        for at in symbols.indices { starts[at + 1] += starts[at] }
        dates = kept.map { rows.dates[Int($0)] }
        open = kept.map { rows.open[Int($0)] }
        high = kept.map { rows.high[Int($0)] }
        low = kept.map { rows.low[Int($0)] }
        close = kept.map { rows.close[Int($0)] }
        volume = kept.map { rows.volume[Int($0)] }
    }

    /// The rows by symbol, date and line; nil when they are so already, without a repetition.
    private static func order(_ rows: borrowing Rows) -> [UInt32]? {
        func key(_ row: Int) -> UInt64 { UInt64(rows.symbol[row]) << 32 | UInt64(rows.dates[row]) }
        var isAscending = true
        for row in rows.dates.indices.dropFirst() where key(row - 1) >= key(row) {
            isAscending = false
            break
        }
        if isAscending { return nil }
        // Rows of one symbol are gathered in file order, then sorted by date.
        var next = [Int](repeating: 0, count: rows.symbols.count + 1)
        for symbol in rows.symbol { next[Int(symbol) + 1] += 1 }
        for at in rows.symbols.indices { next[at + 1] += next[at] }
        let starts = next
        var order = [UInt32](repeating: 0, count: rows.dates.count)
        for row in rows.dates.indices {
            let symbol = Int(rows.symbol[row])
            order[next[symbol]] = UInt32(row)
            next[symbol] += 1
        }
        for symbol in rows.symbols.indices {
            order[starts[symbol]..<starts[symbol + 1]].sort {
                (rows.dates[Int($0)], $0) < (rows.dates[Int($1)], $1)
            }
        }
        return order
    }

    /// Which rows stay, in order; nil when all stay in the order they are in.
    private static func settle(_ rows: borrowing Rows, order: [UInt32]?) -> (kept: [UInt32]?, RejectedRows) {
        var rejected = rows.rejected
        guard let order else { return (nil, rejected) }
        var kept: [UInt32] = []
        kept.reserveCapacity(order.count)
        var start = 0
        while start < order.count {
            let first = Int(order[start])
            var end = start + 1
            var agree = true
            while end < order.count, case let other = Int(order[end]), rows.symbol[other] == rows.symbol[first],
                rows.dates[other] == rows.dates[first]
            {
                agree =
                    agree && rows.open[other] == rows.open[first] && rows.high[other] == rows.high[first]
                    && rows.low[other] == rows.low[first] && rows.close[other] == rows.close[first]
                    && rows.volume[other] == rows.volume[first]
                end += 1
            }
            if end - start == 1 || agree { kept.append(order[start]) }
            if end - start > 1 {
                // Within one symbol and day the order is that of the file, so the first line is at the start.
                if agree {
                    let line = Int(rows.lines[Int(order[start + 1])])
                    rejected.add(.repeated, line: line, count: end - start - 1)
                } else {
                    rejected.add(.conflicting, line: Int(rows.lines[first]), count: end - start)
                }
            }
            start = end
        }
        return (kept, rejected)
    }
}
