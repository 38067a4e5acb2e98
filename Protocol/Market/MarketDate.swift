/// Days of the Gregorian calendar as yyyymmdd.
package enum MarketDate {
    /// Reads `2017-03-31`; nil for anything else and for days that do not exist.
    static func parse(_ bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Int32? {
        guard field.count == 10 else { return nil }
        let start = field.lowerBound
        guard bytes[start + 4] == UInt8(ascii: "-"), bytes[start + 7] == UInt8(ascii: "-") else { return nil }
        var isDigits = true
        func digit(_ offset: Int, _ bytes: borrowing Span<UInt8>) -> Int32 {
            let digit = bytes[start + offset] &- UInt8(ascii: "0")
            if digit > 9 { isDigits = false }
            return Int32(digit)
        }
        let year =
            1000 * digit(0, bytes) + 100 * digit(1, bytes) + 10 * digit(2, bytes) + digit(3, bytes)
        let month = 10 * digit(5, bytes) + digit(6, bytes)
        let day = 10 * digit(8, bytes) + digit(9, bytes)
        guard isDigits, isDay(year: year, month: month, day: day) else { return nil }
        return year * 10000 + month * 100 + day
    }
    /// Reads `2017-03-31`; nil for anything else and for days that do not exist.
    package static func parse(_ text: String) -> Int32? {
        let bytes = Array(text.utf8)
        return parse(bytes.span, 0..<bytes.count)
    }
    package static func isDay(_ date: Int32) -> Bool {
        isDay(year: date / 10000, month: date / 100 % 100, day: date % 100)
    }
    @inline(__always)
    static func isDay(year: Int32, month: Int32, day: Int32) -> Bool {
        guard month >= 1, month <= 12, year >= 1, day >= 1 else { return false }
        if day <= 28 { return true }
        if month == 2 { return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        return day <= (month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31)
    }
    /// `2017-03-31`
    package static func text(_ date: Int32) -> String {
        func padded(_ value: Int32, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(date / 10000, 4))-\(padded(date / 100 % 100, 2))-\(padded(date % 100, 2))"
    }

    /// Days since 1970-01-01. Source: Hinnant (2013), *chrono-Compatible Low-Level Date Algorithms*.
    package static func dayNumber(_ date: Int32) -> Int {
        let (month, day) = (Int(date / 100 % 100), Int(date % 100))
        // Years begin in March, so that the leap day is a year's last.
        let year = Int(date / 10000) - (month <= 2 ? 1 : 0)
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
    /// The day that is `dayNumber` days after 1970-01-01, as yyyymmdd; for days after the year 0.
    package static func date(dayNumber: Int) -> Int32 {
        let days = dayNumber + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted + (shifted < 10 ? 3 : -9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return Int32(year * 10000 + month * 100 + dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
