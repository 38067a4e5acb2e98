import Foundation

/// A made-up market that every emulated provider tells of in its own words. What it knows of calendars and New York's
/// clock comes from the system's time zones, not from the code under test.
package struct EmulatedMarket: Sendable {
    /// One day of one symbol, adjusted for splits. Prices in hundredths, volume in shares, a multiple of 200.
    package struct Day: Sendable, Equatable {
        package var open: Int, high: Int, low: Int, close: Int, volume: Int
    }
    package var symbols: Set<String>
    /// Days since 1970 on which a symbol became two for one; symbols without are absent.
    package var splits: [String: Int] = [:]
    /// Days since 1970 of the first bar; symbols without have always been there.
    package var listed: [String: Int] = [:]
    /// Bars that were corrected after the fact: what is added to the close. Shows as another value on a later call.
    package var corrections: [String: [Int: Int]] = [:]
    package init(symbols: Set<String>) { self.symbols = symbols }

    package static let newYork = TimeZone(identifier: "America/New_York")!

    /// Seconds that New York's clock is ahead of UTC at 6 o'clock UTC of a day, which is after any change of that night.
    package static func offsetSeconds(day: Int) -> Int {
        newYork.secondsFromGMT(for: Date(timeIntervalSince1970: Double(day) * 86_400 + 8 * 3600))
    }
    /// Milliseconds since 1970 at which New York's clock shows `minutes` past midnight. At midnight of the days on which
    /// clocks change the offset is still the night's before.
    package static func instant(day: Int, minutes: Int) -> Int64 {
        let guess = Double(day) * 86_400 + Double(minutes) * 60
        let offset = newYork.secondsFromGMT(for: Date(timeIntervalSince1970: guess + 5 * 3600))
        return Int64(guess * 1000) - Int64(offset) * 1000
    }
    /// Days since 1970 of `2024-03-11`; nil for no date.
    package static func day(_ text: some StringProtocol) -> Int? {
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]), (1...31).contains(parts[2]) else { return nil }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0)!
        let date = calendar.date(from: DateComponents(year: parts[0], month: parts[1], day: parts[2]))
        return date.map { Int(($0.timeIntervalSince1970 / 86_400).rounded(.down)) }
    }
    package static func text(day: Int) -> String {
        // Days turn into dates by counting, years at a time: the emulators do this a million times.
        var (year, left) = (1970, day)
        func length(_ year: Int) -> Int { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365 }
        while left >= length(year) {
            left -= length(year)
            year += 1
        }
        let months = [31, length(year) == 366 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var month = 0
        while left >= months[month] {
            left -= months[month]
            month += 1
        }
        return "\(year)-\(two(month + 1))-\(two(left + 1))"
    }
    static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    /// Hundredths as a decimal.
    static func price(_ hundredths: Int) -> String { "\(hundredths / 100).\(two(hundredths % 100))" }

    /// Monday to Friday but for New Year, the fourth of July and Christmas.
    package static func isSession(day: Int) -> Bool {
        // 1970-01-01 was a Thursday.
        if [2, 3].contains(day % 7) { return false }
        let date = text(day: day).dropFirst(5)
        return date != "01-01" && date != "07-04" && date != "12-25"
    }

    /// Nil without trades: no session, not yet listed, or halted that day.
    package func bar(_ symbol: String, day: Int) -> Day? {
        guard symbols.contains(symbol), day >= listed[symbol] ?? 0, Self.isSession(day: day) else { return nil }
        let chance = Self.mix(Self.number(symbol) &+ UInt64(day) &* 0x9E37_79B9_7F4A_7C15)
        if chance % 97 == 0 { return nil }
        func draw(_ shift: UInt64, _ count: UInt64) -> Int { Int((chance >> shift) % count) }
        // Even, so that half of it is whole.
        let open = 2 * (1000 + Int(Self.number(symbol) % 2000) + draw(8, 150))
        let close = 2 * (open / 2 + draw(16, 101) - 50) + (corrections[symbol]?[day] ?? 0)
        return Day(
            open: open, high: max(open, close) + 2 * draw(24, 40), low: min(open, close) - 2 * draw(32, 40),
            close: close, volume: 200 * (1000 + draw(40, 9000)))
    }
    /// As it was traded: before a split for two prices are double and volumes half.
    package func rawBar(_ symbol: String, day: Int) -> Day? {
        guard let bar = bar(symbol, day: day) else { return nil }
        guard let split = splits[symbol], day < split else { return bar }
        return Day(
            open: 2 * bar.open, high: 2 * bar.high, low: 2 * bar.low, close: 2 * bar.close, volume: bar.volume / 2)
    }
    /// Days with a bar, ascending.
    package func days(_ symbol: String, _ range: ClosedRange<Int>) -> [Int] {
        range.filter { bar(symbol, day: $0) != nil }
    }

    static func number(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
