/// Why a row of a bar file is not used. A row counts once, under the first of these that applies.
package enum RowRejectionReason: Int, CaseIterable, Sendable {
    case missingField, extraField, badDate, unparsableNumber, priceNotPositive, highLowCrossed, negativeVolume
    /// The same symbol and date again with the same values: one row stays.
    case repeated
    /// The same symbol and date with other values: nobody can say which is right, so none stays. (Keeping the first
    /// would make the answer depend on the order of the rows.)
    case conflicting

    package var words: String {
        switch self {
        case .missingField: "a field is missing or empty"
        case .extraField: "more fields than the header has"
        case .badDate: "the date is not a day written YYYY-MM-DD"
        case .unparsableNumber: "a price or volume is not a number"
        case .priceNotPositive: "a price is zero or negative"
        case .highLowCrossed: "the high is below, or the low above, the open or close"
        case .negativeVolume: "the volume is negative"
        case .repeated: "the same bar again"
        case .conflicting: "two different bars of one symbol on one day"
        }
    }
}

/// Rows rejected for one reason.
package struct RowRejection: Sendable, Equatable {
    package var reason: RowRejectionReason
    package var count: Int
    /// Of the first such row in the file, from 1; the header has line 1.
    package var firstLine: Int
    package init(reason: RowRejectionReason, count: Int, firstLine: Int) {
        self.reason = reason
        self.count = count
        self.firstLine = firstLine
    }
}

/// Counts of rejected rows by reason.
package struct RejectedRows: Sendable, Equatable {
    /// Indexed by the reason's raw value.
    private var counts = [Int](repeating: 0, count: RowRejectionReason.allCases.count)
    private var firstLines = [Int](repeating: .max, count: RowRejectionReason.allCases.count)
    package init() {}

    package mutating func add(_ reason: RowRejectionReason, line: Int, count: Int = 1) {
        counts[reason.rawValue] += count
        firstLines[reason.rawValue] = min(firstLines[reason.rawValue], line)
    }
    /// The reasons that occurred, in the order they are tried.
    package var list: [RowRejection] {
        RowRejectionReason.allCases.compactMap { reason in
            counts[reason.rawValue] == 0
                ? nil
                : RowRejection(
                    reason: reason, count: counts[reason.rawValue], firstLine: firstLines[reason.rawValue])
        }
    }
    package var total: Int { counts.reduce(0, +) }
    package subscript(_ reason: RowRejectionReason) -> Int { counts[reason.rawValue] }
}
