import Market

/// A body as JSON: read in one pass, without a library's objects in between, and bounded in depth, because a hostile
/// body must cost no more than its bytes.
package indirect enum JSONBody: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONBody])
    /// In the body's order; of a repeated name the first counts.
    case object([Member])

    package struct Member: Sendable, Equatable {
        package var name: String
        package var value: JSONBody
    }

    /// - Returns: nil for what is no JSON, is cut short, has something after it or is nested deeper than 64.
    package init?(_ bytes: [UInt8]) {
        var reader = JSONReader(at: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        let span = bytes.span
        guard let value = reader.value(span, depth: 0) else { return nil }
        reader.skipSpace(span)
        guard reader.at == span.count else { return nil }
        self = value
    }

    package subscript(name: String) -> JSONBody? {
        guard case .object(let members) = self else { return nil }
        for member in members where member.name == name { return member.value }
        return nil
    }
    package var text: String? { if case .string(let text) = self { text } else { nil } }
    package var elements: [JSONBody]? { if case .array(let elements) = self { elements } else { nil } }
    package var members: [Member]? { if case .object(let members) = self { members } else { nil } }
    package var isTrue: Bool { self == .bool(true) }
    package var isNull: Bool { self == .null }

    /// A number, or a text that is one: two of the providers quote theirs. Never a NaN or an infinity.
    package var decimal: Double? {
        switch self {
        case .number(let number): return number
        case .string(let text):
            let bytes = Array(text.utf8)
            return DecimalNumber.parse(bytes.span, 0..<bytes.count)
        default: return nil
        }
    }
    /// A whole number that a double holds exactly.
    package var integer: Int64? {
        guard let decimal, decimal.rounded() == decimal, abs(decimal) <= 0x1p53 else { return nil }
        return Int64(decimal)
    }
}

/// Where the reading stands. Source of the grammar: RFC 8259.
private struct JSONReader {
    private static let maximumDepth = 64
    var at: Int

    mutating func skipSpace(_ bytes: borrowing Span<UInt8>) {
        while at < bytes.count, bytes[at] == 32 || bytes[at] == 10 || bytes[at] == 13 || bytes[at] == 9 { at += 1 }
    }

    mutating func value(_ bytes: borrowing Span<UInt8>, depth: Int) -> JSONBody? {
        skipSpace(bytes)
        guard at < bytes.count, depth < Self.maximumDepth else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "{"): return object(bytes, depth)
        case UInt8(ascii: "["): return array(bytes, depth)
        case UInt8(ascii: "\""): return string(bytes).map { .string($0) }
        case UInt8(ascii: "t"): return word("true", bytes) ? .bool(true) : nil
        case UInt8(ascii: "f"): return word("false", bytes) ? .bool(false) : nil
        case UInt8(ascii: "n"): return word("null", bytes) ? .null : nil
        default: return number(bytes)
        }
    }

    private mutating func word(_ word: StaticString, _ bytes: borrowing Span<UInt8>) -> Bool {
        let letters = Array("\(word)".utf8)
        guard at + letters.count <= bytes.count else { return false }
        for (offset, letter) in letters.enumerated() where bytes[at + offset] != letter { return false }
        at += letters.count
        return true
    }

    private mutating func number(_ bytes: borrowing Span<UInt8>) -> JSONBody? {
        let start = at
        while at < bytes.count, isNumeric(bytes[at]) { at += 1 }
        // "+1" and ".5" are numbers to the reader below, and none in JSON.
        guard at > start, bytes[start] != UInt8(ascii: "+"), bytes[start] != UInt8(ascii: ".") else { return nil }
        return DecimalNumber.parse(bytes, start..<at).map { .number($0) }
    }
    private func isNumeric(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    private mutating func array(_ bytes: borrowing Span<UInt8>, _ depth: Int) -> JSONBody? {
        at += 1
        var elements: [JSONBody] = []
        skipSpace(bytes)
        if take(UInt8(ascii: "]"), bytes) { return .array(elements) }
        while true {
            guard let element = value(bytes, depth: depth + 1) else { return nil }
            elements.append(element)
            skipSpace(bytes)
            if take(UInt8(ascii: "]"), bytes) { return .array(elements) }
            guard take(UInt8(ascii: ","), bytes) else { return nil }
        }
    }

    private mutating func object(_ bytes: borrowing Span<UInt8>, _ depth: Int) -> JSONBody? {
        at += 1
        var members: [JSONBody.Member] = []
        skipSpace(bytes)
        if take(UInt8(ascii: "}"), bytes) { return .object(members) }
        while true {
            skipSpace(bytes)
            guard let name = string(bytes) else { return nil }
            skipSpace(bytes)
            guard take(UInt8(ascii: ":"), bytes), let value = value(bytes, depth: depth + 1) else { return nil }
            members.append(JSONBody.Member(name: name, value: value))
            skipSpace(bytes)
            if take(UInt8(ascii: "}"), bytes) { return .object(members) }
            guard take(UInt8(ascii: ","), bytes) else { return nil }
        }
    }

    private mutating func take(_ byte: UInt8, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func string(_ bytes: borrowing Span<UInt8>) -> String? {
        guard take(UInt8(ascii: "\""), bytes) else { return nil }
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 32 {
            at += 1
        }
        guard at < bytes.count, bytes[at] >= 32 else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(at - start)
        for index in start..<at { text.append(bytes[index]) }
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return String(validating: text, as: UTF8.self) }
            if byte < 32 { return nil }
            if byte != UInt8(ascii: "\\") {
                text.append(byte)
            } else if !escape(bytes, &text) {
                return nil
            }
        }
        return nil
    }

    private mutating func escape(_ bytes: borrowing Span<UInt8>, _ text: inout [UInt8]) -> Bool {
        guard at < bytes.count else { return false }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            guard var code = hex(bytes) else { return false }
            if code & 0xFC00 == 0xD800 {
                // A pair of surrogates is one character.
                guard take(UInt8(ascii: "\\"), bytes), take(UInt8(ascii: "u"), bytes), let low = hex(bytes),
                    low & 0xFC00 == 0xDC00
                else { return false }
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            text.append(contentsOf: Character(scalar).utf8)
        default: return false
        }
        return true
    }
    private mutating func hex(_ bytes: borrowing Span<UInt8>) -> UInt32? {
        guard at + 4 <= bytes.count else { return nil }
        var code: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[at]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }
}
