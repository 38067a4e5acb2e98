import Market

/// Building blocks of report.html, which is also well-formed XML.
enum HTML {
    /// Text as it may stand between tags and in attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // XML has no place for other control characters.
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F || (0xFFFE...0xFFFF).contains(scalar.value):
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// - Parameter content: markup; text goes through `escaped` first. Nil for a tag without content.
    static func tag(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String?) -> String {
        let written = attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
        return content.map { "<\(name)\(written)>\($0)</\(name)>" } ?? "<\(name)\(written)/>"
    }
    static func tag(_ name: String, _ content: String) -> String { tag(name, [:], content) }
    static func text(_ name: String, _ attributes: KeyValuePairs<String, String>, _ text: String) -> String {
        tag(name, attributes, escaped(text))
    }
    static func text(_ name: String, _ text: String) -> String { tag(name, escaped(text)) }
}

/// Numbers for people.
enum Figure {
    /// `12,345`
    static func count(_ value: some BinaryInteger) -> String {
        let digits = Array(String(value))
        var result = ""
        for (at, digit) in digits.enumerated() {
            if at > 0, (digits.count - at) % 3 == 0, digits[at - 1] != "-" { result.append(",") }
            result.append(digit)
        }
        return result
    }
    /// `34.2 billion` from a million on.
    static func large(_ value: UInt64) -> String {
        for (unit, word) in [(1_000_000_000_000, "trillion"), (1_000_000_000, "billion"), (1_000_000, "million")]
        where value >= UInt64(unit) {
            return "\(fixed(Double(value) / Double(unit), 1)) \(word)"
        }
        return count(value)
    }
    /// With so many digits after the point, and a real minus sign.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return value.isNaN ? "–" : value < 0 ? "−∞" : "∞" }
        let scale = (0..<digits).reduce(1.0) { product, _ in product * 10 }
        let scaled = Int((abs(value) * scale).rounded())
        let whole = count(scaled / Int(scale))
        let rest = String(scaled % Int(scale))
        let sign = value < 0 && scaled > 0 ? "−" : ""
        return sign + whole + (digits == 0 ? "" : "." + String(repeating: "0", count: digits - rest.count) + rest)
    }
    static func percent(_ value: Double, _ digits: Int = 1) -> String { fixed(value, digits) + " %" }
    /// `850 ms`, `41.3 s`, `12 min 5 s`, `3 h 20 min`
    static func duration(_ seconds: Double) -> String {
        if seconds == 0 { return "0 s" }
        if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 100 { return "\(fixed(seconds, 1)) s" }
        let whole = Int(seconds.rounded())
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
    /// `Fri 20 Mar`, or `Fri 20`
    static func day(_ date: Int32, withMonth: Bool = true) -> String {
        // Day 0, 1970-01-01, was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(MarketDate.dayNumber(date) % 7 + 7) % 7]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(weekday) \(date % 100)" + (withMonth ? " \(months[Int(date / 100 % 100) - 1])" : "")
    }
}
