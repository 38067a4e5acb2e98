import Market

/// Which series of bars: never are two adjustments or two feeds mixed in one, for the same day has other prices and
/// volumes in each.
package struct SeriesKey: Hashable, Comparable, Sendable {
    /// How prices were changed after the fact. Raw values are what the store and the command line say.
    package enum Adjustment: String, CaseIterable, Sendable {
        case raw, split, dividend, all
    }

    package var symbol: String
    /// Length of a bar; 1,440 is a day.
    package var minutes: Int
    package var adjustment: Adjustment
    /// Whose trades: `sip` for the consolidated tape, `iex`, … Lower case.
    package var feed: String

    package static let dayMinutes = 1440
    package static let consolidated = "sip"

    package init(
        symbol: String, minutes: Int = dayMinutes, adjustment: Adjustment = .split, feed: String = consolidated
    ) {
        self.symbol = symbol
        self.minutes = minutes
        self.adjustment = adjustment
        self.feed = feed
    }

    /// By length, adjustment, feed, then symbol in the order of its UTF-8 bytes: the order of every listing.
    package static func < (a: Self, b: Self) -> Bool {
        if a.minutes != b.minutes { return a.minutes < b.minutes }
        if a.adjustment != b.adjustment { return a.adjustment.rawValue < b.adjustment.rawValue }
        if a.feed != b.feed { return a.feed.utf8.lexicographicallyPrecedes(b.feed.utf8) }
        return a.symbol.utf8.lexicographicallyPrecedes(b.symbol.utf8)
    }

    package var timeframe: String {
        switch minutes {
        case Self.dayMinutes: "1d"
        case let minutes where minutes % 60 == 0: "\(minutes / 60)h"
        default: "\(minutes)m"
        }
    }
    /// Reads `1d`, `1h`, `5m`.
    package static func minutes(timeframe: String) -> Int? {
        guard let unit = timeframe.last, let count = Int(timeframe.dropLast()), count > 0, count <= 1440 else {
            return nil
        }
        switch unit {
        case "m": return count
        case "h": return count <= 24 ? count * 60 : nil
        case "d": return count == 1 ? dayMinutes : nil
        default: return nil
        }
    }
}

/// When a stored bar starts, on one axis of milliseconds for every length of bar: an intraday bar's instant since 1970
/// UTC; a daily bar's New York date as that date's midnight UTC, a label and no instant, so that no clock is needed to
/// tell one day from the next.
package enum BarTime {
    package static let day: Int64 = 86_400_000
    /// - Parameter date: New York's, as yyyymmdd.
    package static func of(date: Int32) -> Int64 { Int64(MarketDate.dayNumber(date)) * day }
    package static func date(of daily: Int64) -> Int32 {
        MarketDate.date(dayNumber: Int((daily - (daily % day + day) % day) / day))
    }
}

/// One bar as a provider gave it.
package struct Bar: Equatable, Sendable {
    /// See `BarTime`.
    package var start: Int64
    /// Prices in the currency of the exchange, volume in shares.
    package var open: Double, high: Double, low: Double, close: Double, volume: Double
    package init(start: Int64, open: Double, high: Double, low: Double, close: Double, volume: Double) {
        self.start = start
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
    }

    func hasValues(of other: Bar) -> Bool {
        open == other.open && high == other.high && low == other.low && close == other.close && volume == other.volume
    }
}
