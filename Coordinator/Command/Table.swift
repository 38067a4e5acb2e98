/// Rows under a heading, aligned, no wider than the terminal.
struct Table {
    enum Alignment { case left, right }
    struct Column {
        var title: String
        var alignment: Alignment
        /// Left out where the terminal is too narrow, the first such column first.
        var isOptional: Bool
        init(_ title: String, _ alignment: Alignment = .left, isOptional: Bool = false) {
            self.title = title
            self.alignment = alignment
            self.isOptional = isOptional
        }
    }
    private let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// Control characters and line breaks of a name somebody chose become spaces: they must not redraw the terminal.
    mutating func add(_ row: [String]) {
        precondition(row.count == columns.count, "a row has one cell per column")
        rows.append(row.map(printable))
    }

    /// Heading and rows. When they do not fit, optional columns go as long as the others could not have 12 characters
    /// each; then the widest column gives way first, down to 6 characters; then the right edge is cut.
    func lines(width: Int) -> [String] {
        var widths = columns.indices.map { at in
            max(columns[at].title.count, rows.map { $0[at].count }.max() ?? 0)
        }
        if widths.reduce(0, { $0 + min($1, 12) }) + 2 * (widths.count - 1) > width,
            let spare = columns.firstIndex(where: \.isOptional)
        {
            return without(column: spare).lines(width: width)
        }
        while widths.reduce(0, +) + 2 * (widths.count - 1) > width,
            let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 6
        {
            widths[widest] -= 1
        }
        return ([columns.map(\.title)] + rows).map { row in
            var line = ""
            for at in columns.indices {
                let cell = clipped(row[at], to: widths[at])
                let padding = String(repeating: " ", count: widths[at] - cell.count)
                line += (at > 0 ? "  " : "") + (columns[at].alignment == .right ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            return clipped(line, to: width)
        }
    }
}

extension Table {
    private func without(column: Int) -> Table {
        func cut<Element>(_ all: [Element]) -> [Element] { Array(all[..<column] + all[(column + 1)...]) }
        var table = Table(cut(columns))
        table.rows = rows.map(cut)
        return table
    }
}

/// At most `width` characters; the last is … when something is missing.
func clipped(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    return width > 0 ? text.prefix(width - 1) + "…" : ""
}

/// The text without control characters.
func printable(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { scalar in
                scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? " " : scalar
            }))
}
