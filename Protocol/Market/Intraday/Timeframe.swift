/// How long one bar is. Bars start at the session's open: of `1h` the last has half an hour, of `1d` there is one.
package enum Timeframe: UInt16, CaseIterable, Comparable, Sendable {
    /// The raw value is the length in minutes; a day's is that of a calendar day and longer than any session.
    case minute1 = 1
    case minute5 = 5
    case minute15 = 15
    case hour1 = 60
    case day1 = 1440

    package var name: String {
        switch self {
        case .minute1: "1m"
        case .minute5: "5m"
        case .minute15: "15m"
        case .hour1: "1h"
        case .day1: "1d"
        }
    }
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
    package var milliseconds: Int64 { Int64(rawValue) * 60_000 }
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
