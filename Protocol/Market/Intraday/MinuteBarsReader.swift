/// The one-minute bars of one file, and what of it could not be used.
package struct MinuteBars: Sendable {
    package var series: BarSeries
    /// Rows of the file, the header and blank lines not counted.
    package var rowCount: Int
    package var rejected: RejectedBars

    /// Reads `SYMBOL.csv` or `SYMBOL.csv.gz`.
    /// - Throws: when the file cannot be read, its name is no symbol, a column is missing or no bar is left. A wrong row is
    ///   counted, not thrown.
    package static func read(path: String) throws(MarketError) -> MinuteBars {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        var name = Substring(file)
        for ending in [".gz", ".csv"] where name.hasSuffix(ending) { name = name.dropLast(ending.count) }
        let symbol = String(name)
        if let fault = SymbolName.fault(in: symbol) {
            throw MarketError(.wrongSymbol, "\(path): \(fault); name the file after its symbol, as TDG.csv.gz.")
        }
        return try MinuteBars(csv: try InputFile.bytes(path: path), symbol: symbol, name: path)
    }

    /// - Parameters: csv: a header naming `timestamp_ms,open,high,low,close,volume` in any order, then lines ending in
    ///   LF or CR LF, ascending in time. name: what errors call the input.
    package init(csv: [UInt8], symbol: String, name: String) throws(MarketError) {
        var reader = MinuteBarsReader(series: BarSeries(symbol: symbol, timeframe: .minute1))
        try reader.read(csv, name: name)
        series = reader.series
        rowCount = reader.rowCount
        rejected = reader.rejected
    }
}

private struct MinuteBarsReader {
    var series: BarSeries
    var rowCount = 0
    var rejected = RejectedBars()

    private static let names = ["timestamp_ms", "open", "high", "low", "close", "volume"]
    private static let unneeded = 6
    private typealias Fields = InlineArray<7, Range<Int>>
    /// By column of the file: the position in `names`.
    private var roles: [Int] = []

    private struct Row {
        var start: Int64
        var open: Double, high: Double, low: Double, close: Double, volume: Double
    }
    /// A price this many times another is a mistake of the feed: no share moved so far in the life of a file.
    private static let jump = 1e6

    init(series: BarSeries) { self.series = series }

    mutating func read(_ csv: [UInt8], name: String) throws(MarketError) {
        let bytes = csv.span
        var at = csv.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        try readHeader(bytes, from: &at, name: name)
        var rows: [Row] = []
        rows.reserveCapacity((csv.count - at) / 44 + 1)
        var fields = Fields(repeating: 0..<0)
        while at < bytes.count {
            let start = at
            let columns = split(bytes, from: &at, into: &fields)
            if columns == 1, fields[0].isEmpty || at - start <= 1 { continue }
            rowCount += 1
            guard columns == roles.count else {
                rejected.add(columns < roles.count ? .missingField : .extraField)
                continue
            }
            switch parse(bytes, fields) {
            case .success(let row): rows.append(row)
            case .failure(let fault): rejected.add(fault.reason)
            }
        }
        keep(rows)
        guard series.count > 0 else {
            let why = rejected.list.map { "\($0.count) × \($0.reason.words)" }.joined(separator: ", ")
            throw MarketError(
                .noBars,
                "\(name): no bar of a regular session among \(rowCount) rows\(why.isEmpty ? "" : " (\(why))"); "
                    + "give rows like 1704205800000,464.12,464.32,457.58,464.32,2464.")
        }
    }

    private mutating func readHeader(
        _ bytes: borrowing Span<UInt8>, from at: inout Int, name: String
    ) throws(MarketError) {
        var text: [UInt8] = []
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") {
            if bytes[at] > UInt8(ascii: " "), text.count < 4096 { text.append(bytes[at]) }
            at += 1
        }
        at = min(at + 1, bytes.count)
        let columns = String(decoding: text, as: UTF8.self).lowercased().split(
            separator: ",", omittingEmptySubsequences: false)
        roles = [Int](repeating: Self.unneeded, count: columns.count)
        for (role, wanted) in Self.names.enumerated() {
            let found = columns.indices.filter { columns[$0] == wanted }
            guard let column = found.first else {
                throw MarketError(
                    .missingColumn,
                    "\(name):1: no column `\(wanted)` in the header `\(columns.joined(separator: ",").prefix(200))`; "
                        + "name the columns \(Self.names.joined(separator: ",")), in any order.")
            }
            guard found.count == 1 else {
                throw MarketError(
                    .repeatedColumn, "\(name):1: two columns are named `\(wanted)`; keep the one that is meant.")
            }
            roles[column] = role
        }
    }

    /// Finds the fields of the line that begins at `at`, which moves to the next line.
    @inline(__always)
    private func split(_ bytes: borrowing Span<UInt8>, from at: inout Int, into fields: inout Fields) -> Int {
        var column = 0
        var start = at
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: ",") {
                if column < roles.count { fields[roles[column]] = start..<at }
                column += 1
                start = at + 1
            } else if byte == UInt8(ascii: "\n") {
                break
            }
            at += 1
        }
        let end = at > start && bytes[at - 1] == UInt8(ascii: "\r") ? at - 1 : at
        if column < roles.count { fields[roles[column]] = start..<end }
        at = min(at + 1, bytes.count)
        return column + 1
    }

    private struct Fault: Error { var reason: BarRejection }

    @inline(__always)
    private func parse(_ bytes: borrowing Span<UInt8>, _ fields: borrowing Fields) -> Result<Row, Fault> {
        for role in 0..<Self.unneeded where fields[role].isEmpty { return .failure(Fault(reason: .missingField)) }
        guard let time = DecimalNumber.parse(bytes, fields[0]), let start = Int64(exactly: time),
            start % 60_000 == 0, Self.times.contains(start)
        else { return .failure(Fault(reason: .badTime)) }
        guard let open = DecimalNumber.parse(bytes, fields[1]), let high = DecimalNumber.parse(bytes, fields[2]),
            let low = DecimalNumber.parse(bytes, fields[3]), let close = DecimalNumber.parse(bytes, fields[4]),
            let volume = DecimalNumber.parse(bytes, fields[5])
        else { return .failure(Fault(reason: .notANumber)) }
        guard open > 0, high > 0, low > 0, close > 0 else { return .failure(Fault(reason: .priceNotPositive)) }
        guard low <= min(open, close), high >= max(open, close) else {
            return .failure(Fault(reason: .highLowCrossed))
        }
        guard volume >= 0 else { return .failure(Fault(reason: .negativeVolume)) }
        // −0 equals 0 and has other bits.
        return .success(Row(start: start, open: open, high: high, low: low, close: close, volume: volume + 0))
    }
    /// 1990 to 2100: what the calendar of sessions knows.
    private static let times: Range<Int64> = 631_152_000_000..<4_102_444_800_000

    // MARK: What stays

    private mutating func keep(_ rows: [Row]) {
        guard !rows.isEmpty else { return }
        // Half of the rows would have to be wrong to move the median where a wrong price passes.
        let median = rows.map(\.close).sorted()[rows.count / 2]
        series.reserveCapacity(rows.count)
        var calendar = SessionFinder()
        // The newest minute, and whether its rows contradicted each other.
        var newest: Row?
        var isContradicted = false
        for row in rows {
            if row.high >= median * Self.jump || row.low <= median / Self.jump || row.high >= row.low * Self.jump
                || newest.map({ row.close >= $0.close * Self.jump || row.close <= $0.close / Self.jump }) ?? false
            {
                rejected.add(.jump)
                continue
            }
            if let last = newest, row.start <= last.start {
                if row.start < last.start {
                    rejected.add(.timeGoingBack)
                } else if isContradicted {
                    rejected.add(.conflicting)
                } else if row.open == last.open && row.high == last.high && row.low == last.low
                    && row.close == last.close && row.volume == last.volume
                {
                    rejected.add(.repeated)
                } else {
                    isContradicted = true
                    rejected.add(.conflicting, count: calendar.isInSession(row.start) ? 2 : 1)
                    if series.starts.last == row.start { series.removeLast() }
                }
                continue
            }
            newest = row
            isContradicted = false
            guard calendar.isInSession(row.start) else {
                rejected.add(.outsideSession)
                continue
            }
            series.append(
                start: row.start, open: row.open, high: row.high, low: row.low, close: row.close, volume: row.volume)
        }
    }
}

/// Says whether instants lie in sessions; fast for instants that mostly follow each other.
struct SessionFinder {
    private var session: TradingSession?
    /// The day that was asked for last, as instants: `session` is its session.
    private var day: Range<Int64> = 0..<0

    mutating func isInSession(_ instant: Int64) -> Bool {
        if !day.contains(instant) {
            let number = NewYorkTime.dayNumber(of: instant)
            session = TradingSession(dayNumber: number)
            // Noon to noon would do as well: all that matters is that the whole session lies in it.
            day = session.map { $0.opens..<$0.closes } ?? instant..<instant + 1
        }
        return session.map { $0.opens <= instant && instant < $0.closes } ?? false
    }
}
