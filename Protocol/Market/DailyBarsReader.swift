/// Reads daily bars from CSV: a header naming the columns in any order, then rows in any order.
extension DailyBars {
    /// Reads a file, plain or gzip.
    /// - Throws: when the file cannot be read or lacks a column. A wrong row is counted, not thrown.
    package static func read(path: String) throws(MarketError) -> DailyBars {
        try DailyBars(csv: try InputFile.bytes(path: path), name: path)
    }

    /// - Parameters: csv: comma-separated lines ending in LF or CR LF; fields may stand in double quotes. name: what
    ///   errors call the input.
    ///   isCareful: read every row the way that unusual ones are read: slower, the same bars.
    package init(csv: [UInt8], name: String, isCareful: Bool = false) throws(MarketError) {
        var reader = DailyBarsReader(isCareful: isCareful)
        try reader.read(csv, name: name)
        self.init(reader.rows)
    }
}

private struct DailyBarsReader {
    var rows = DailyBars.Rows()
    private var symbols = SymbolTable()
    private let isCareful: Bool

    init(isCareful: Bool) { self.isCareful = isCareful }

    private static let names = ["symbol", "date", "open", "high", "low", "close", "volume"]
    /// The needed fields of one line, in the order of `names`.
    private typealias Fields = InlineArray<8, Range<Int>>
    /// By column of the file: the position in `names`; the last place of `Fields` takes what nobody needs.
    private var roles: [Int] = []
    private static let unneeded = 7

    mutating func read(_ csv: [UInt8], name: String) throws(MarketError) {
        let bytes = csv.span
        // A byte order mark, as spreadsheets write.
        var at = csv.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var line = 1
        roles = try header(bytes, from: &at, name: name)
        rows.bars.reserveCapacity((csv.count - at) / 40)
        var fields = Fields(repeating: 0..<0)
        while at < bytes.count {
            line += 1
            if !isCareful, takeUsualRow(bytes, from: &at, line: line) { continue }
            let start = at
            let count = split(bytes, from: &at, into: &fields)
            // A line without any character is not a row.
            if count == 1, bytes[start] == UInt8(ascii: "\n") || bytes[start] == UInt8(ascii: "\r") && at - start <= 2 {
                continue
            }
            rows.rowCount += 1
            if let reason = take(bytes, fields, count: count, line: line) { rows.rejected.add(reason, line: line) }
        }
        rows.symbols = symbols.names
        guard !rows.bars.isEmpty else {
            let why = rows.rejected.list.map { "\($0.count) × \($0.reason.words)" }.joined(separator: ", ")
            throw MarketError(
                .noBars,
                "\(name): no valid bar among \(rows.rowCount) rows\(why.isEmpty ? "" : " (\(why))"); "
                    + "give rows like AAPL,2017-03-31,143.72,144.27,143.01,143.66,19661700.")
        }
    }

    /// Exact as doubles.
    private let powers: InlineArray<9, Double> = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]

    /// Adds the bar of the line that begins at `at` when every field of it has the usual form and the bar is valid.
    /// - Parameter at: moves to the next line, and stays when the line is not taken.
    @inline(__always)
    private mutating func takeUsualRow(_ csv: borrowing Span<UInt8>, from at: inout Int, line: Int) -> Bool {
        let bytes = unsafe csv.bytes
        var here = at
        var values = InlineArray<5, Double>(repeating: 0)
        var date: Int32 = 0
        var symbol: (word: UInt64, at: Range<Int>) = (0, 0..<0)
        let last = roles.count - 1
        for column in 0...last {
            switch roles[column] {
            case 0:
                let start = here
                guard let word = UsualField.shortText(bytes, &here) else { return false }
                symbol = (word, start..<here)
            case 1:
                guard let day = UsualField.date(bytes, &here) else { return false }
                date = day
            case Self.unneeded: return false
            case let role:
                guard let value = UsualField.number(bytes, &here, powers) else { return false }
                values[role - 2] = value
            }
            guard here + 1 < bytes.byteCount else { return false }
            var end = UsualField.byte(bytes, here)
            if column == last, end == UInt8(ascii: "\r") {
                here += 1
                end = UsualField.byte(bytes, here)
            }
            guard end == (column == last ? UInt8(ascii: "\n") : UInt8(ascii: ",")) else { return false }
            here += 1
        }
        let (open, high, low, close) = (values[0], values[1], values[2], values[3])
        guard open > 0, high > 0, low > 0, close > 0, low <= min(open, close), high >= max(open, close) else {
            return false
        }
        rows.rowCount += 1
        rows.bars.append(
            DailyBars.Row(
                open: open, high: high, low: low, close: close, volume: values[4], date: date,
                symbol: symbols.number(word: symbol.word, of: csv, symbol.at), line: UInt32(truncatingIfNeeded: line)))
        at = here
        return true
    }

    /// - Parameter at: moves behind the header.
    private func header(
        _ bytes: borrowing Span<UInt8>, from at: inout Int, name: String
    ) throws(MarketError) -> [Int] {
        var found: [String] = []
        var start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") {
            if bytes[at] == UInt8(ascii: ",") {
                found.append(text(bytes, trimmed(bytes, start..<at)).lowercased())
                start = at + 1
            }
            at += 1
        }
        let end = at > start && bytes[at - 1] == UInt8(ascii: "\r") ? at - 1 : at
        found.append(text(bytes, trimmed(bytes, start..<end)).lowercased())
        at = min(at + 1, bytes.count)
        var roles = [Int](repeating: Self.unneeded, count: found.count)
        for (role, wanted) in Self.names.enumerated() {
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
            roles[position] = role
        }
        return roles
    }

    /// Finds the fields of the line that begins at `at`, which moves to the next line.
    /// - Returns: how many fields the line has.
    @inline(__always)
    private func split(_ bytes: borrowing Span<UInt8>, from at: inout Int, into fields: inout Fields) -> Int {
        var column = 0
        var fieldStart = at
        var isQuoted = false
        let count = bytes.count
        while at < count {
            let byte = bytes[at]
            // What ends or quotes a field sorts below letters, digits, the point and the minus.
            if byte <= UInt8(ascii: ",") {
                if byte == UInt8(ascii: ",") {
                    if !isQuoted {
                        if column < roles.count { fields[roles[column]] = fieldStart..<at }
                        column += 1
                        fieldStart = at + 1
                    }
                } else if byte == UInt8(ascii: "\n") {
                    break
                } else if byte == UInt8(ascii: "\"") {
                    // A quote opens at the start of a field; a lost one ends with its line.
                    isQuoted = isQuoted ? false : at == fieldStart
                }
            }
            at += 1
        }
        let end = at > fieldStart && bytes[at - 1] == UInt8(ascii: "\r") ? at - 1 : at
        if column < roles.count { fields[roles[column]] = fieldStart..<end }
        at = min(at + 1, count)
        return column + 1
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

    /// Adds a line's bar.
    /// - Parameter count: of the line's fields.
    /// - Returns: why it is no bar.
    @inline(__always)
    private mutating func take(
        _ bytes: borrowing Span<UInt8>, _ fields: borrowing Fields, count: Int, line: Int
    ) -> RowRejectionReason? {
        guard count >= roles.count else { return .missingField }
        guard count == roles.count else { return .extraField }
        let symbol = trimmed(bytes, fields[0])
        let date = trimmed(bytes, fields[1])
        let open = trimmed(bytes, fields[2])
        let high = trimmed(bytes, fields[3])
        let low = trimmed(bytes, fields[4])
        let close = trimmed(bytes, fields[5])
        let volume = trimmed(bytes, fields[6])
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
        // −0 would be equal to 0 and yet another double: which of two repeated bars stays must not matter.
        let row = DailyBars.Row(
            open: o, high: h, low: l, close: c, volume: v + 0, date: day,
            symbol: symbols.number(of: bytes, symbol), line: UInt32(truncatingIfNeeded: line))
        rows.bars.append(row)
        return nil
    }
}

/// Numbers symbols from 0 in order of appearance.
private struct SymbolTable {
    private(set) var names: [String] = []
    private var numbers: [String: Int32] = [:]
    /// Up to seven bytes and a 1 before them as one integer, of the newest symbol: files are mostly sorted by symbol.
    private var newest: (key: UInt64, number: Int32)?

    /// As below, of up to seven bytes without a zero among them, given as a word too.
    @inline(__always)
    mutating func number(word: UInt64, of bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Int32 {
        if word == newestWord.word { return newestWord.number }
        newestWord = (word, words[word] ?? add(word, of: bytes, field))
        return newestWord.number
    }
    @inline(never)
    private mutating func add(_ word: UInt64, of bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Int32 {
        let number = number(of: bytes, long: field)
        words[word] = number
        return number
    }
    /// 0 is no symbol's word.
    private var newestWord: (word: UInt64, number: Int32) = (0, 0)
    private var words: [UInt64: Int32] = [:]

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
