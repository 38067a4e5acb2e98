import Messages

/// A setting's value as written, and the ways to understand it. Each refuses with file, line, key, value and advice.
struct Value {
    var key: String
    var yaml: YAML
    var line: Int
    var file: String

    func integer(_ range: ClosedRange<Int>, or alternative: String? = nil) throws(ConfigurationError) -> Int {
        guard let number = Int(scalar ?? ""), range.contains(number) else {
            let advice =
                range.upperBound == .max ? "a whole number from \(range.lowerBound)" : "a whole number \(range.words)"
            throw error("give \(advice)\(alternative.map { ", or \($0)" } ?? "")")
        }
        return number
    }

    func text(_ what: String) throws(ConfigurationError) -> String {
        guard let scalar, !scalar.isEmpty, !scalar.utf8.contains(0) else { throw error("give \(what)") }
        return scalar
    }

    func `is`(_ word: String) -> Bool { scalar == word }

    func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) throws(ConfigurationError) -> Choice
    where Choice.RawValue == String {
        guard let choice = scalar.flatMap({ Choice(rawValue: $0) }) else {
            throw error("give \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// - Returns: milliseconds, at least one second.
    func duration() throws(ConfigurationError) -> Int {
        let milliseconds: Int
        do throws(QuantityError) { milliseconds = try Quantities.milliseconds(scalar ?? "") } catch {
            throw self.error(error.advice)
        }
        guard milliseconds >= 1000 else { throw error("give at least 1s") }
        return milliseconds
    }

    /// `off`, `5s` or `p95`.
    func hedge() throws(ConfigurationError) -> Configuration.Ingest.Hedge {
        let text = scalar ?? ""
        if text == "off" { return .off }
        if text.hasPrefix("p"), let percent = Int(text.dropFirst()), (50...99).contains(percent) {
            return .percentile(percent)
        }
        guard let milliseconds = try? Quantities.milliseconds(text), (100...60_000).contains(milliseconds) else {
            throw error("give off, a time from 100ms to 60s, or a percentile from p50 to p99 such as p95")
        }
        return .after(milliseconds: milliseconds)
    }

    /// `low..high`, both inside `bounds`.
    func range(_ bounds: ClosedRange<Int>, example: String) throws(ConfigurationError) -> ClosedRange<Int> {
        guard let range = scalar.flatMap(Self.range), bounds.contains(range.lowerBound),
            bounds.contains(range.upperBound)
        else { throw error("give two numbers \(bounds.words), such as \(example)") }
        return range
    }

    /// `[3, 4]` or `2..6`.
    func sizes() throws(ConfigurationError) -> [Int] {
        let bounds = 2...10
        let sizes: [Int]
        if case .sequence(let items, _) = yaml {
            sizes = items.compactMap { if case .scalar(let text, _, _) = $0 { Int(text) } else { nil } }
            guard sizes.count == items.count else { throw error("give sizes \(bounds.words), such as [3, 4] or 2..6") }
        } else {
            sizes = scalar.flatMap(Self.range).map { $0.count <= bounds.count ? Array($0) : [] } ?? []
        }
        guard !sizes.isEmpty, sizes.allSatisfy(bounds.contains), zip(sizes, sizes.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw error("give sizes \(bounds.words), ascending, such as [3, 4] or 2..6") }
        return sizes
    }

    /// A list of `tcp://HOST:PORT`.
    func addresses() throws(ConfigurationError) -> [String] {
        guard case .sequence(let items, _) = yaml, items.count <= 16 else {
            throw error("give a list of at most 16 addresses, such as [\"tcp://127.0.0.1:7117\"]")
        }
        var addresses: [String] = []
        for item in items {
            guard case .scalar(let text, _, _) = item, Self.isAddress(text), !addresses.contains(text) else {
                throw ConfigurationError(
                    "\(file):\(item.line): \(key) names \(item.words); give each address once, as tcp://HOST:PORT.")
            }
            addresses.append(text)
        }
        return addresses
    }

    /// A list of names such as environment variables have.
    func names(_ example: String) throws(ConfigurationError) -> [String] {
        guard case .sequence(let items, _) = yaml, items.count <= 256 else {
            throw error("give a list of at most 256 names, such as \(example)")
        }
        var names: [String] = []
        for item in items {
            guard case .scalar(let text, _, _) = item, let first = text.utf8.first, !(48...57).contains(first),
                text.utf8.allSatisfy({ $0 == 95 || (48...57).contains($0) || (97...122).contains($0 | 32) })
            else {
                throw ConfigurationError(
                    "\(file):\(item.line): \(key) names \(item.words); give names of letters, digits and _, such as "
                        + "\(example).")
            }
            names.append(text)
        }
        return names
    }

    private static func isAddress(_ text: String) -> Bool {
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else { return false }
        let host = text[text.index(text.startIndex, offsetBy: 6)...].prefix { $0 != ":" }
        let letters = host.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
        let port = text[text.index(after: colon)...]
        guard !host.isEmpty, letters || host == "*", host.endIndex == colon, let number = UInt16(port) else {
            return false
        }
        return number > 0 && port.utf8.first != UInt8(ascii: "+")
    }

    /// Reads `2..6`.
    private static func range(_ text: String) -> ClosedRange<Int>? {
        let parts = text.split(separator: "..", omittingEmptySubsequences: false)
        guard parts.count == 2, let low = Int(parts[0]), let high = Int(parts[1]), low <= high else { return nil }
        return low...high
    }

    private var scalar: String? { if case .scalar(let text, _, _) = yaml { text } else { nil } }

    private func error(_ advice: String) -> ConfigurationError {
        if yaml.isEmpty {
            return ConfigurationError("\(file):\(line): \(key) has no value; \(advice), or remove the line.")
        }
        return ConfigurationError("\(file):\(line): \(key) is \(yaml.words); \(advice).")
    }

    /// What a message quotes of a text that may be long or strange.
    static func shortened(_ text: String) -> String {
        let clean = text.unicodeScalars.prefix(40).map { $0.value < 32 || $0.value == 127 ? "?" : String($0) }.joined()
        return text.unicodeScalars.count > 40 ? clean + "…" : clean
    }
}

extension YAML {
    /// As a message calls it.
    var words: String {
        switch self {
        case .scalar(let text, _, _): Value.shortened(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
    var isEmpty: Bool {
        if case .scalar(let text, _, _) = self { text.isEmpty || text == "~" || text == "null" } else { false }
    }
}

extension ClosedRange<Int> {
    /// `above 0` reads better than `from 1 to 86400`.
    fileprivate var words: String {
        lowerBound == 1 ? "above 0, at most \(upperBound)" : "from \(lowerBound) to \(upperBound)"
    }
}
