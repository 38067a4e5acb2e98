/// Why a row of a file of minute bars is not used. A row counts once, under the first of these that applies.
package enum BarRejection: Int, CaseIterable, Sendable {
    case missingField, extraField, badTime, notANumber, priceNotPositive, highLowCrossed, negativeVolume
    /// A price a million times the file's median or the bar before, or a millionth of it.
    case jump
    case timeGoingBack
    /// The same minute again with the same values: one row stays.
    case repeated
    /// The same minute again with other values: nobody can say which is right, so none stays.
    case conflicting
    /// Before the open, after the close or on a day without a session: valid, but not of a regular session.
    case outsideSession

    package var words: String {
        switch self {
        case .missingField: "a field is missing or empty"
        case .extraField: "more fields than the header has"
        case .badTime: "the time is no whole minute in milliseconds since 1970"
        case .notANumber: "a price or volume is not a finite number"
        case .priceNotPositive: "a price is zero or negative"
        case .highLowCrossed: "the high is below, or the low above, the open or close"
        case .negativeVolume: "the volume is negative"
        case .jump: "a price jumps a millionfold"
        case .timeGoingBack: "the time goes back"
        case .repeated: "the same bar again"
        case .conflicting: "two different bars of one minute"
        case .outsideSession: "outside the regular session"
        }
    }
}

/// Counts of rejected bars by reason.
package struct RejectedBars: Sendable, Equatable {
    /// Indexed by the reason's raw value.
    private var counts = [Int](repeating: 0, count: BarRejection.allCases.count)
    package init() {}

    package mutating func add(_ reason: BarRejection, count: Int = 1) { counts[reason.rawValue] += count }
    package mutating func add(_ other: RejectedBars) {
        for reason in counts.indices { counts[reason] += other.counts[reason] }
    }
    package subscript(_ reason: BarRejection) -> Int { counts[reason.rawValue] }
    package var total: Int { counts.reduce(0, +) }
    /// The reasons that occurred, in the order they are tried.
    package var list: [(reason: BarRejection, count: Int)] {
        BarRejection.allCases.compactMap { self[$0] == 0 ? nil : ($0, self[$0]) }
    }
}

/// What a symbol may be called, so that it can be a folder, a file name and a column of fixed width.
package enum SymbolName {
    package static let mostBytes = 16

    /// - Returns: what is wrong with it; nil when it will do: 1 to 16 letters, digits or `. - ^ _`, the first no point.
    package static func fault(in symbol: String) -> String? {
        let bytes = Array(symbol.utf8)
        if bytes.isEmpty { return "the symbol is empty" }
        if bytes.count > mostBytes { return "the symbol has \(bytes.count) bytes; \(mostBytes) are the most" }
        func isFit(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "^"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if bytes[0] == UInt8(ascii: ".") { return "the symbol begins with a point" }
        return bytes.allSatisfy(isFit) ? nil : "the symbol has characters other than letters, digits and . - ^ _"
    }
}
