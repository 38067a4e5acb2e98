/// Reads fields of the form that nearly every row has, eight bytes at a time, in one pass with the search for their ends.
/// Whatever looks different in any way is refused, for the careful way to judge: both give the same values.
///
/// Source of the eight digits at once: Lemire and Muła, as in Lemire (2021), *Number parsing at a gigabyte per second*.
enum UsualField {
    /// What of the bytes can be loaded as one word.
    static let wordBytes = 8

    /// A word of the bytes at a position, the first byte lowest.
    @inline(__always)
    static func word(_ bytes: borrowing RawSpan, _ at: Int) -> UInt64 {
        // Bounds-checked. Unsafe in type only: any eight bytes are an integer.
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    @inline(__always)
    static func byte(_ bytes: borrowing RawSpan, _ at: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
    }

    /// How many of a word's bytes are digits before the first that is none, 0…8.
    @inline(__always)
    static func digitCount(_ word: UInt64) -> Int {
        let values = word ^ 0x3030_3030_3030_3030
        // The high bit of each byte that is above 9, without a carry into the next byte.
        let others = (((values & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
        return others.trailingZeroBitCount >> 3
    }
    /// The number that the first `count` bytes of a word spell, 1…8, all of them digits.
    @inline(__always)
    static func digits(_ word: UInt64, count: Int) -> UInt64 {
        // The missing digits become leading zeros; then pairs, fours and eights are put together.
        var value = (word &<< UInt64(64 - 8 * count)) & 0x0F0F_0F0F_0F0F_0F0F
        value = (value &* 2561) &>> 8
        value = ((value & 0x00FF_00FF_00FF_00FF) &* 6_553_601) &>> 16
        return ((value & 0x0000_FFFF_0000_FFFF) &* 42_949_672_960_001) &>> 32
    }

    /// `digits` or `digits.digits`, at most eight each.
    /// - Parameters: at: moves behind the number. powers: of ten, from 10⁰ to at least 10⁸.
    /// - Returns: nil for anything that needs a second look.
    @inline(__always)
    static func number(_ bytes: borrowing RawSpan, _ at: inout Int, _ powers: borrowing InlineArray<9, Double>)
        -> Double?
    {
        guard at + 2 * wordBytes + 1 <= bytes.byteCount else { return nil }
        let first = word(bytes, at)
        let wholeCount = digitCount(first)
        guard wholeCount > 0 else { return nil }
        let whole = digits(first, count: wholeCount)
        at += wholeCount
        guard byte(bytes, at) == UInt8(ascii: ".") else { return Double(whole) }
        let second = word(bytes, at + 1)
        let fractionCount = digitCount(second)
        guard fractionCount > 0 else { return nil }
        at += 1 + fractionCount
        // Below 10¹⁶: the product and sum are exact as integers, and as a double up to 2⁵³. One division rounds once.
        let mantissa = whole &* UInt64(powers[fractionCount]) &+ digits(second, count: fractionCount)
        guard mantissa <= 1 << 53 else { return nil }
        return Double(mantissa) / powers[fractionCount]
    }

    /// `2017-03-31`, as 20170331.
    /// - Parameter at: moves behind the date.
    @inline(__always)
    static func date(_ bytes: borrowing RawSpan, _ at: inout Int) -> Int32? {
        guard at + 2 * wordBytes <= bytes.byteCount else { return nil }
        let first = word(bytes, at)  // 2017-03-
        let second = word(bytes, at + 2)  // 17-03-31
        // Dashes in their places, and digits in all others.
        guard first & 0xFF00_00FF_0000_0000 == 0x2D00_002D_0000_0000,
            digitCount((first & 0x00FF_FF00_FFFF_FFFF) | 0x3000_0030_0000_0000) == 8,
            digitCount((second &>> 48) | 0x3030_3030_3030_0000) == 8
        else { return nil }
        let year = Int32(truncatingIfNeeded: digits(first, count: 4))
        let month = Int32(truncatingIfNeeded: digits(first &>> 40, count: 2))
        let day = Int32(truncatingIfNeeded: digits(second &>> 48, count: 2))
        guard MarketDate.isDay(year: year, month: month, day: day) else { return nil }
        at += 10
        return year * 10000 + month * 100 + day
    }

    /// The bytes before the next comma, at most seven, as a word.
    /// - Parameter at: moves to the comma.
    /// - Returns: nil when the field is empty, longer or holds a byte below the comma (a blank, a quote).
    @inline(__always)
    static func shortText(_ bytes: borrowing RawSpan, _ at: inout Int) -> UInt64? {
        guard at + wordBytes <= bytes.byteCount else { return nil }
        let word = word(bytes, at)
        // The high bit of each byte up to and with the first that is a comma or below; above that it may be wrong.
        let ends = (word &- 0x2D2D_2D2D_2D2D_2D2D) & ~word & 0x8080_8080_8080_8080
        let count = ends.trailingZeroBitCount >> 3
        guard count > 0, count < wordBytes else { return nil }
        at += count
        return word & ((1 &<< UInt64(8 * count)) &- 1)
    }
}
