/// Reads decimal numbers as the nearest double, ties to even, as C's `strtod` does, without looking at the locale.
package enum DecimalNumber {
    /// Powers of ten that a double holds exactly.
    private static let exactPowers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// - Parameter field: `[+-]digits[.digits][e[+-]digits]` with at least one digit before the exponent; nothing else, no
    ///   spaces, `nan`, `inf` or hexadecimal.
    /// - Returns: nil when it is not that, or too large for a double.
    @inline(__always)
    package static func parse(_ bytes: borrowing Span<UInt8>, _ field: Range<Int>) -> Double? {
        var at = field.lowerBound
        let end = field.upperBound
        guard at < end else { return nil }
        let isNegative = bytes[at] == UInt8(ascii: "-")
        if isNegative || bytes[at] == UInt8(ascii: "+") { at += 1 }

        // All digits as one integer, and where the point stood. Past 18 digits the integer could overflow.
        var mantissa: UInt64 = 0
        let wholeStart = at
        while at < end, case let digit = bytes[at] &- UInt8(ascii: "0"), digit < 10 {
            mantissa = mantissa &* 10 &+ UInt64(digit)
            at += 1
        }
        var digits = at - wholeStart
        var fraction = 0
        if at < end, bytes[at] == UInt8(ascii: ".") {
            at += 1
            let fractionStart = at
            while at < end, case let digit = bytes[at] &- UInt8(ascii: "0"), digit < 10 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                at += 1
            }
            fraction = at - fractionStart
            digits += fraction
        }
        guard digits > 0 else { return nil }
        // An integer up to 2⁵³ and a power of ten up to 10²² are exact doubles, so one division rounds once: correctly.
        // Source: Clinger (1990), *How to read floating point numbers accurately*.
        if at == end, digits <= 18, mantissa <= 1 << 53, fraction <= 22 {
            let magnitude = Double(mantissa) / exactPowers[fraction]
            return isNegative ? -magnitude : magnitude
        }
        return parseSlowly(bytes, field, exponentAt: at)
    }

    /// Long mantissas and exponents: the standard library's reader, after a check that only the forms above reach it.
    @inline(never)
    private static func parseSlowly(_ bytes: borrowing Span<UInt8>, _ field: Range<Int>, exponentAt: Int) -> Double? {
        var at = exponentAt
        if at < field.upperBound {
            guard bytes[at] | 0x20 == UInt8(ascii: "e") else { return nil }
            at += 1
            if at < field.upperBound, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
            guard at < field.upperBound else { return nil }
            while at < field.upperBound {
                guard bytes[at] &- UInt8(ascii: "0") < 10 else { return nil }
                at += 1
            }
        }
        var text = ""
        for index in field { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
        guard let value = Double(text), value.isFinite else {
            return nil
        }
        return value
    }
}
