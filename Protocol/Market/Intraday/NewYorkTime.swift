/// The clock of New York, from the rules in force since 1987; no time zone file and no library is asked, so that every
/// machine agrees. Source: United States Code, title 15, §260a, as of 1986 and of 2005.
package enum NewYorkTime {
    package static let millisecondsPerDay: Int64 = 86_400_000

    /// What to add to UTC on a day, from 3 o'clock of its morning on: −4 h in summer, −5 h in winter.
    /// - Parameter dayNumber: days since 1970-01-01, of New York's calendar.
    package static func offsetMilliseconds(dayNumber: Int) -> Int64 {
        let year = MarketDate.date(dayNumber: dayNumber) / 10000
        let (start, end) =
            year >= 2007
            ? (sunday(onOrAfter: year * 10000 + 308), sunday(onOrAfter: year * 10000 + 1101))
            : (sunday(onOrAfter: year * 10000 + 401), sunday(onOrAfter: year * 10000 + 1025))
        return (dayNumber >= start && dayNumber < end ? -4 : -5) * 3_600_000
    }

    /// The instant at which New York's clock shows `minutes` past midnight of a day, 3 o'clock or later.
    /// - Returns: milliseconds since 1970 UTC.
    package static func instant(dayNumber: Int, minutes: Int) -> Int64 {
        Int64(dayNumber) * millisecondsPerDay + Int64(minutes) * 60_000 - offsetMilliseconds(dayNumber: dayNumber)
    }

    /// New York's day at an instant. Between midnight and 3 o'clock of the two days on which clocks change the hour may
    /// be one off, which moves no bar of any session; the day is right all the same.
    package static func dayNumber(of instant: Int64) -> Int {
        // Whichever offset holds, this is the day or the one after it.
        let guess = Int(floorDivide(instant - 4 * 3_600_000, by: millisecondsPerDay))
        let midnight =
            Int64(guess) * millisecondsPerDay
            + (offsetMilliseconds(dayNumber: guess - 1) == -5 * 3_600_000
                ? 5 : 4) * 3_600_000
        return instant < midnight ? guess - 1 : guess
    }

    /// 0 Sunday … 6 Saturday. Day 0 was a Thursday.
    package static func weekday(dayNumber: Int) -> Int { ((dayNumber + 4) % 7 + 7) % 7 }

    static func sunday(onOrAfter date: Int32) -> Int { day(0, onOrAfter: date) }
    /// The first such weekday, 0 Sunday … 6 Saturday, on or after a date.
    static func day(_ wanted: Int, onOrAfter date: Int32) -> Int {
        let day = MarketDate.dayNumber(date)
        return day + (wanted - weekday(dayNumber: day) + 7) % 7
    }
    private static func floorDivide(_ value: Int64, by divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
}
