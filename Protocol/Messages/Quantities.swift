/// Durations and sizes as people write them, in cluster.yaml and on the command line.
package enum Quantities {
    /// `24h`, `90s`, `500ms`, `1h30m`: whole numbers, each with its unit (d, h, m, s, ms), larger units first.
    /// - Returns: milliseconds, at most 365,000 days.
    package static func milliseconds(_ text: String) throws(QuantityError) -> Int {
        var total = 0
        var lastUnit = Int.max
        for (number, unit) in try parts(text, what: .duration) {
            guard let size = durationUnits.first(where: { $0.name == unit })?.size else {
                throw unit.isEmpty ? .noUnit(text, .duration) : .unknownUnit(text, unit, .duration)
            }
            guard size < lastUnit else { throw .notAQuantity(text, .duration) }
            lastUnit = size
            let (product, overflow) = number.multipliedReportingOverflow(by: size)
            guard !overflow, product <= maximumMilliseconds - total else { throw .tooLarge(text, .duration) }
            total += product
        }
        return total
    }

    /// `512M`, `2G`, `100B`: a whole number with its unit (B, K, M, G, T), each 1024 of the one before.
    package static func bytes(_ text: String) throws(QuantityError) -> Int {
        let parts = try parts(text, what: .size)
        guard parts.count == 1, let (number, unit) = parts.first else { throw .notAQuantity(text, .size) }
        guard let size = sizeUnits.first(where: { $0.name == unit })?.size else {
            throw unit.isEmpty ? .noUnit(text, .size) : .unknownUnit(text, unit, .size)
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: size)
        guard !overflow else { throw .tooLarge(text, .size) }
        return product
    }

    /// `1h30m`; what `milliseconds` reads back as the same number.
    package static func text(milliseconds: Int) -> String {
        precondition(milliseconds >= 0, "a duration is not negative")
        var rest = milliseconds
        var text = ""
        for unit in durationUnits where rest >= unit.size {
            text += "\(rest / unit.size)\(unit.name)"
            rest %= unit.size
        }
        return text.isEmpty ? "0s" : text
    }

    /// `512M`, in the largest unit that is exact; what `bytes` reads back as the same number.
    package static func text(bytes: Int) -> String {
        precondition(bytes >= 0, "a size is not negative")
        let unit = sizeUnits.last { bytes % $0.size == 0 && bytes >= $0.size } ?? sizeUnits[0]
        return "\(bytes / unit.size)\(unit.name)"
    }

    private static let maximumMilliseconds = 365_000 * 86_400_000
    private static let durationUnits: [(name: String, size: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    private static let sizeUnits: [(name: String, size: Int)] = [
        ("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40),
    ]

    /// Digits and the letters after them, again and again.
    private static func parts(_ text: String, what: QuantityError.What) throws(QuantityError) -> [(Int, String)] {
        var rest = text.utf8[...]
        var parts: [(Int, String)] = []
        while !rest.isEmpty {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty else { throw .notAQuantity(text, what) }
            guard digits.count <= 18, let number = Int(String(digits)!) else { throw .tooLarge(text, what) }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { (UInt8(ascii: "A")...UInt8(ascii: "z")).contains($0) }
            rest = rest.dropFirst(unit.count)
            guard let unit = String(unit) else { throw .notAQuantity(text, what) }
            parts.append((number, unit))
        }
        guard !parts.isEmpty else { throw .notAQuantity(text, what) }
        return parts
    }
}

/// Why a text is no duration or size, and what would be one.
package enum QuantityError: Error, Equatable, CustomStringConvertible {
    package enum What: Sendable, Equatable { case duration, size }
    case notAQuantity(String, What)
    case noUnit(String, What)
    case unknownUnit(String, String, What)
    case tooLarge(String, What)

    package var description: String {
        switch self {
        case .notAQuantity(let text, let what): "`\(text)` is no \(what); \(what.advice)"
        case .noUnit(let text, let what): "`\(text)` has no unit; \(what.advice)"
        case .unknownUnit(let text, let unit, let what): "`\(text)` has the unit \(unit), which is none; \(what.advice)"
        case .tooLarge(let text, let what): "`\(text)` is too large a \(what); \(what.advice)"
        }
    }
    /// The second half of `description`.
    package var advice: String {
        switch self {
        case .notAQuantity(_, let what), .noUnit(_, let what), .unknownUnit(_, _, let what), .tooLarge(_, let what):
            what.advice
        }
    }
}

extension QuantityError.What {
    fileprivate var advice: String {
        switch self {
        case .duration: "give a duration such as 24h, 90s or 500ms"
        case .size: "give a size such as 512M or 2G"
        }
    }
}
