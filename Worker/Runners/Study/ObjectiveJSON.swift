/// JSON as objectives write it: RFC 8259, and the bare NaN, Infinity and -Infinity that Python's `json` writes.
indirect enum ObjectiveJSON {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([ObjectiveJSON])
    case object([(key: String, value: ObjectiveJSON)])

    struct Fault: Error { var reason: String }

    /// One value and nothing else.
    init(_ bytes: ArraySlice<UInt8>) throws(Fault) {
        var parser = Parser(bytes: bytes)
        self = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.bytes.isEmpty else { throw Fault(reason: "something follows its end") }
    }

    /// The last of that name, as most readers have it.
    subscript(key: String) -> ObjectiveJSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// A number, or its name in a string: JSON itself has no word for NaN.
    var double: Double? {
        switch self {
        case .number(let number): number
        case .string(let text): Double(text)
        default: nil
        }
    }

    /// Back as text, in one line. Numbers that JSON cannot say are strings.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let number): Self.text(number)
        case .string(let text): Self.quoted(text)
        case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.key)): \($0.value.text)" }.joined(separator: ", ") + "}"
        }
    }

    static func text(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        if let integer = Int64(exactly: number), integer.magnitude < 1 << 53, number.sign == .plus || integer != 0 {
            return "\(integer)"
        }
        return "\(number)"
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 32 || scalar.value == 127:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private struct Parser {
        /// Deeper is somebody's attack or accident, not a result.
        private static let maximumDepth = 64
        var bytes: ArraySlice<UInt8>

        mutating func skipSpace() { bytes = bytes.drop { [32, 9, 10, 13].contains($0) } }

        private mutating func take(_ word: String) -> Bool {
            guard bytes.starts(with: word.utf8) else { return false }
            bytes = bytes.dropFirst(word.utf8.count)
            return true
        }

        mutating func value(depth: Int) throws(Fault) -> ObjectiveJSON {
            guard depth < Self.maximumDepth else { throw Fault(reason: "it is nested too deep") }
            skipSpace()
            switch bytes.first {
            case UInt8(ascii: "{"): return try object(depth)
            case UInt8(ascii: "["): return try array(depth)
            case UInt8(ascii: "\""): return .string(try string())
            case nil: throw Fault(reason: "it ends too soon")
            default: break
            }
            if take("null") { return .null }
            if take("true") { return .bool(true) }
            if take("false") { return .bool(false) }
            if take("NaN") { return .number(.nan) }
            if take("Infinity") { return .number(.infinity) }
            if take("-Infinity") { return .number(-.infinity) }
            let digits = bytes.prefix { (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }
            guard !digits.isEmpty, let number = Double(String(decoding: digits, as: UTF8.self)) else {
                throw Fault(reason: "there is no value where one was wanted")
            }
            bytes = bytes[digits.endIndex...]
            return .number(number)
        }

        private mutating func array(_ depth: Int) throws(Fault) -> ObjectiveJSON {
            bytes = bytes.dropFirst()
            var values: [ObjectiveJSON] = []
            skipSpace()
            if take("]") { return .array([]) }
            while true {
                values.append(try value(depth: depth + 1))
                skipSpace()
                if take("]") { return .array(values) }
                guard take(",") else { throw Fault(reason: "a list lacks its ]") }
            }
        }

        private mutating func object(_ depth: Int) throws(Fault) -> ObjectiveJSON {
            bytes = bytes.dropFirst()
            var members: [(key: String, value: ObjectiveJSON)] = []
            skipSpace()
            if take("}") { return .object([]) }
            while true {
                skipSpace()
                guard let first = bytes.first else { throw Fault(reason: "it ends too soon") }
                guard first == UInt8(ascii: "\"") else { throw Fault(reason: "a name is not in quotes") }
                let key = try string()
                skipSpace()
                guard take(":") else { throw Fault(reason: "no : follows the name \(key)") }
                members.append((key, try value(depth: depth + 1)))
                skipSpace()
                if take("}") { return .object(members) }
                guard take(",") else { throw Fault(reason: "an object lacks its }") }
            }
        }

        private mutating func string() throws(Fault) -> String {
            bytes = bytes.dropFirst()
            var text: [UInt8] = []
            while let byte = bytes.popFirst() {
                switch byte {
                case UInt8(ascii: "\""):
                    guard let text = String(validating: text, as: UTF8.self) else {
                        throw Fault(reason: "a text is not UTF-8")
                    }
                    return text
                case UInt8(ascii: "\\"): text += String(try escape()).utf8
                case 0..<32: throw Fault(reason: "a text holds a control character")
                default: text.append(byte)
                }
            }
            throw Fault(reason: "a text lacks its closing quote")
        }

        private mutating func escape() throws(Fault) -> Unicode.Scalar {
            switch bytes.popFirst() {
            case UInt8(ascii: "\""): return "\""
            case UInt8(ascii: "\\"): return "\\"
            case UInt8(ascii: "/"): return "/"
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{c}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "u"):
                var code = try hexadecimal()
                if (0xD800...0xDBFF).contains(code) {
                    guard take("\\u") else { throw Fault(reason: "half a character") }
                    let low = try hexadecimal()
                    guard (0xDC00...0xDFFF).contains(low) else { throw Fault(reason: "half a character") }
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(code) else { throw Fault(reason: "half a character") }
                return scalar
            default: throw Fault(reason: "an unknown \\ escape")
            }
        }

        private mutating func hexadecimal() throws(Fault) -> UInt32 {
            let digits = bytes.prefix(4)
            guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw Fault(reason: "an unknown \\u escape") }
            bytes = bytes.dropFirst(4)
            return code
        }
    }
}
