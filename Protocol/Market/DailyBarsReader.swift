/// Reads daily bars from CSV: a header naming the columns in any order, then rows in any order.
extension DailyBars {
    /// Reads a file, plain or gzip.
    /// - Throws: when the file cannot be read or lacks a column. A wrong row is counted, not thrown.
    package static func read(path: String) throws(MarketError) -> DailyBars {
        try DailyBars(csv: try InputFile.bytes(path: path), name: path)
    }

    /// - Parameters: csv: comma-separated lines ending in LF or CR LF; fields may stand in double quotes. name: what
    ///   errors call the input.
    package init(csv: [UInt8], name: String) throws(MarketError) {
        var reader = DailyBarsReader()
        try reader.read(csv, name: name)
        self.init(reader.rows)
    }
}

private struct DailyBarsReader {
    var rows = DailyBars.Rows()
    private var columns = Columns()
    private var symbols = SymbolTable()
    /// The fields of the current line.
    private var fields: [Range<Int>] = []

    /// Where each needed field stands in a row.
    private struct Columns {
        var symbol = 0, date = 0, open = 0, high = 0, low = 0, close = 0, volume = 0
        var count = 0
    }
    private static let names = ["symbol", "date", "open", "high", "low", "close", "volume"]

    mutating func read(_ csv: [UInt8], name: String) throws(MarketError) {
        let bytes = csv.span
        // A byte order mark, as spreadsheets write.
        var at = csv.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var line = 1
        at = split(bytes, from: at)
        columns = try header(bytes, name: name)
        reserve((csv.count - at) / 40)
        while at < bytes.count {
            line += 1
            at = split(bytes, from: at)
            // A line without any character is not a row.
            if fields.count == 1 && fields[0].isEmpty { continue }
            rows.rowCount += 1
            if let reason = take(bytes, line: line) { rows.rejected.add(reason, line: line) }
        }
        rows.symbols = symbols.names
        guard !rows.dates.isEmpty else {
            let why = rows.rejected.list.map { "\($0.count) × \($0.reason.words)" }.joined(separator: ", ")
            throw MarketError(
                .noBars,
                "\(name): no valid bar among \(rows.rowCount) rows\(why.isEmpty ? "" : " (\(why))"); "
                    + "give rows like AAPL,2017-03-31,143.72,144.27,143.01,143.66,19661700.")
        }
    }

    private mutating func reserve(_ count: Int) {
        rows.symbol.reserveCapacity(count)
        rows.dates.reserveCapacity(count)
        rows.open.reserveCapacity(count)
        rows.high.reserveCapacity(count)
        rows.low.reserveCapacity(count)
        rows.close.reserveCapacity(count)
        rows.volume.reserveCapacity(count)
        rows.lines.reserveCapacity(count)
    }

    private func header(_ bytes: borrowing Span<UInt8>, name: String) throws(MarketError) -> Columns {
        var found: [String] = []
        for field in fields { found.append(text(bytes, trimmed(bytes, field)).lowercased()) }
        var positions: [Int] = []
        for wanted in Self.names {
            guard let position = found.firstIndex(of: wanted) else {
                let shown = found.prefix(20).map { String($0.prefix(30)) }.joined(separator: ",")
                throw MarketError(
                    .missingColumn,
                    "\(name):1: no column `\(wanted)` in the header `\(shown)`; "
                        + "name the columns \(Self.names.joined(separator: ",")), in any order.")
            }
            guard found.lastIndex(of: wanted) == position else {
                throw MarketError(
                    .repeatedColumn, "\(name):1: two columns are named `\(wanted)`; keep the one that is meant.")
            }
            positions.append(position)
        }
        return Columns(
            symbol: positions[0], date: positions[1], open: positions[2], high: positions[3], low: positions[4],
            close: positions[5], volume: positions[6], count: found.count)
    }

    /// Finds the fields of the line that begins at `start`.
    /// - Returns: where the next line begins.
    private mutating func split(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        fields.removeAll(keepingCapacity: true)
        var at = start
        var fieldStart = start
        var isQuoted = false
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") {
            if bytes[at] == UInt8(ascii: ","), !isQuoted {
                fields.append(fieldStart..<at)
                fieldStart = at + 1
            } else if bytes[at] == UInt8(ascii: "\"") {
                // A quote opens at the start of a field; a lost one ends with its line.
                isQuoted = isQuoted ? false : at == fieldStart
            }
            at += 1
        }
        let end = at > fieldStart && bytes[at - 1] == UInt8(ascii: "\r") ? at - 1 : at
        fields.append(fieldStart..<end)
        return min(at + 1, bytes.count)
    }

    /// Without spaces, tabs and one pair of quotes around it.
    @inline(__always)
    private func trimmed(_ bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Range<Int> {
        var (start, end) = (field.lowerBound, field.upperBound)
        // Everything that may be trimmed sorts below the characters of symbols, dates and numbers.
        if start < end, bytes[start] > UInt8(ascii: "\""), bytes[end - 1] > UInt8(ascii: "\"") { return field }
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        while start < end, isBlank(bytes[start]) { start += 1 }
        while start < end, isBlank(bytes[end - 1]) { end -= 1 }
        if end - start >= 2, bytes[start] == UInt8(ascii: "\""), bytes[end - 1] == UInt8(ascii: "\"") {
            start += 1
            end -= 1
        }
        return start..<end
    }

    private func text(_ bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> String {
        var copy: [UInt8] = []
        for at in field { copy.append(bytes[at]) }
        return String(decoding: copy, as: UTF8.self)
    }

    /// Adds the current line's bar.
    /// - Returns: why it is no bar.
    private mutating func take(_ bytes: borrowing Span<UInt8>, line: Int) -> RowRejectionReason? {
        guard fields.count >= columns.count else { return .missingField }
        guard fields.count == columns.count else { return .extraField }
        let symbol = trimmed(bytes, fields[columns.symbol])
        let date = trimmed(bytes, fields[columns.date])
        let open = trimmed(bytes, fields[columns.open])
        let high = trimmed(bytes, fields[columns.high])
        let low = trimmed(bytes, fields[columns.low])
        let close = trimmed(bytes, fields[columns.close])
        let volume = trimmed(bytes, fields[columns.volume])
        if symbol.isEmpty || date.isEmpty || open.isEmpty || high.isEmpty || low.isEmpty || close.isEmpty
            || volume.isEmpty
        {
            return .missingField
        }
        guard let day = MarketDate.parse(bytes, date) else { return .badDate }
        guard let o = DecimalNumber.parse(bytes, open), let h = DecimalNumber.parse(bytes, high),
            let l = DecimalNumber.parse(bytes, low), let c = DecimalNumber.parse(bytes, close),
            let v = DecimalNumber.parse(bytes, volume)
        else { return .unparsableNumber }
        guard o > 0, h > 0, l > 0, c > 0 else { return .priceNotPositive }
        guard l <= min(o, c), h >= max(o, c) else { return .highLowCrossed }
        guard v >= 0 else { return .negativeVolume }
        rows.symbol.append(symbols.number(of: bytes, symbol))
        rows.dates.append(day)
        rows.open.append(o)
        rows.high.append(h)
        rows.low.append(l)
        rows.close.append(c)
        // −0 would be equal to 0 and yet another double: which of two repeated bars stays must not matter.
        rows.volume.append(v + 0)
        rows.lines.append(UInt32(truncatingIfNeeded: line))
        return nil
    }
}

/// Numbers symbols from 0 in order of appearance.
private struct SymbolTable {
    private(set) var names: [String] = []
    private var numbers: [String: Int32] = [:]
    /// Up to seven bytes and a 1 before them as one integer, of the newest symbol: files are mostly sorted by symbol.
    private var newest: (key: UInt64, number: Int32)?

    mutating func number(of bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Int32 {
        guard field.count <= 7 else { return number(of: bytes, long: field) }
        var key: UInt64 = 1
        for at in field { key = key << 8 | UInt64(bytes[at]) }
        if let newest, newest.key == key { return newest.number }
        let number = number(of: bytes, long: field)
        newest = (key, number)
        return number
    }
    private mutating func number(of bytes: borrowing Span<UInt8>, long field: Range<Int>) -> Int32 {
        var copy: [UInt8] = []
        for at in field { copy.append(bytes[at]) }
        let name = String(decoding: copy, as: UTF8.self)
        if let number = numbers[name] { return number }
        let number = Int32(names.count)
        names.append(name)
        numbers[name] = number
        return number
    }
}
