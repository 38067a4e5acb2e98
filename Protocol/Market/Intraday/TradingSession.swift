/// One day's regular session of the New York exchanges.
package struct TradingSession: Sendable, Equatable {
    /// New York's date as yyyymmdd.
    package var date: Int32
    /// Milliseconds since 1970 UTC: a bar belongs to the session when opens ≤ start < closes.
    package var opens: Int64, closes: Int64

    package static let openMinutes = 9 * 60 + 30
    package static let closeMinutes = 16 * 60
    package static let earlyCloseMinutes = 13 * 60

    /// - Returns: nil on weekends, holidays and days on which the exchanges stayed closed.
    /// - Parameter dayNumber: days since 1970-01-01. Years from 1990 on are known.
    package init?(dayNumber: Int) {
        guard ExchangeHolidays.isTradingDay(dayNumber) else { return nil }
        date = MarketDate.date(dayNumber: dayNumber)
        let close = ExchangeHolidays.closesEarly(dayNumber) ? Self.earlyCloseMinutes : Self.closeMinutes
        opens = NewYorkTime.instant(dayNumber: dayNumber, minutes: Self.openMinutes)
        closes = NewYorkTime.instant(dayNumber: dayNumber, minutes: close)
    }
    package init?(date: Int32) { self.init(dayNumber: MarketDate.dayNumber(date)) }

    package var dayNumber: Int { MarketDate.dayNumber(date) }

    /// The session that is `count` sessions later; never far to look, for there is one in every week.
    package func later(by count: Int) -> TradingSession {
        var session = self
        var day = dayNumber
        var left = count
        while left > 0 {
            day += 1
            guard let next = TradingSession(dayNumber: day) else { continue }
            session = next
            left -= 1
        }
        return session
    }
}

/// On which days New York's exchanges are closed or close at 13:00. Source: NYSE Rule 7.2 (holidays and hours), and the
/// exchange's notices for the days that no rule foresaw.
enum ExchangeHolidays {
    /// Days of mourning, storms and attacks, as yyyymmdd.
    private static let unforeseen: Set<Int32> = [
        1994_04_27, 2001_09_11, 2001_09_12, 2001_09_13, 2001_09_14, 2004_06_11, 2007_01_02, 2012_10_29, 2012_10_30,
        2018_12_05, 2025_01_09,
    ]
    /// Early closes that no rule foresaw.
    private static let unforeseenEarly: Set<Int32> = [1996_07_05, 1997_12_26, 1999_12_31, 2002_07_05, 2003_12_26]

    static func isTradingDay(_ day: Int) -> Bool {
        let weekday = NewYorkTime.weekday(dayNumber: day)
        if weekday == 0 || weekday == 6 { return false }
        let date = MarketDate.date(dayNumber: day)
        return !holidays(of: date / 10000).contains(day) && !unforeseen.contains(date)
    }

    static func closesEarly(_ day: Int) -> Bool {
        let date = MarketDate.date(dayNumber: day)
        let year = date / 10000
        if unforeseenEarly.contains(date) { return true }
        let weekday = NewYorkTime.weekday(dayNumber: day)
        if day == thanksgiving(year) + 1 { return year >= 1992 }
        // The eve of a holiday: Monday to Thursday, for on a Friday the holiday itself is observed. Before 2013 the eve
        // of 4 July was short only when it was no Wednesday.
        if date == year * 10000 + 703 { return year >= 1995 && weekday < 5 && (year >= 2013 || weekday != 3) }
        if date == year * 10000 + 1224 { return year >= 1993 && weekday < 5 }
        return false
    }

    /// Day numbers, as they are observed.
    private static func holidays(of year: Int32) -> [Int] {
        let start = year * 10000
        func monday(_ date: Int32) -> Int { NewYorkTime.day(1, onOrAfter: start + date) }
        var days = [
            monday(215), goodFriday(year), monday(525), observed(start + 704), monday(901), thanksgiving(year),
            observed(start + 1225),
        ]
        // A New Year on a Saturday is not kept on the Friday before it: that is another year's last day.
        let newYear = MarketDate.dayNumber(start + 101)
        days.append(NewYorkTime.weekday(dayNumber: newYear) == 6 ? newYear : observed(start + 101))
        if year >= 1998 { days.append(monday(115)) }
        if year >= 2022 { days.append(observed(start + 619)) }
        return days
    }
    /// A Saturday's holiday is kept on Friday, a Sunday's on Monday.
    private static func observed(_ date: Int32) -> Int {
        let day = MarketDate.dayNumber(date)
        switch NewYorkTime.weekday(dayNumber: day) {
        case 6: return day - 1
        case 0: return day + 1
        default: return day
        }
    }
    private static func thanksgiving(_ year: Int32) -> Int { NewYorkTime.day(4, onOrAfter: year * 10000 + 1122) }

    /// Two days before Easter Sunday. Source: Meeus (1991), *Astronomical Algorithms*, chapter 8.
    private static func goodFriday(_ year: Int32) -> Int {
        let (a, b, c) = (year % 19, year / 100, year % 100)
        let (d, e, f) = (b / 4, b % 4, (b + 8) / 25)
        let g = (b - f + 1) / 3
        let h = (19 * a + b - d - g + 15) % 30
        let (i, k) = (c / 4, c % 4)
        let l = (32 + 2 * e + 2 * i - h - k) % 7
        let m = (a + 11 * h + 22 * l) / 451
        let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1)
        return MarketDate.dayNumber(year * 10000 + month * 100 + day) - 2
    }
}
