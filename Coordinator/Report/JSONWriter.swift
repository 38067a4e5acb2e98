import Market

/// Builds one line of JSON with the keys in the order given. A double is written as the shortest decimal that reads back
/// as the same double.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    /// True where the next element needs a comma before it.
    private var needsComma = false

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }
    mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }
    private mutating func nest(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += Array((byte < 16 ? "\\u000" : "\\u00").utf8) + Array(String(byte, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
    mutating func integer(_ value: some BinaryInteger) { raw("\(value)") }
    /// JSON has no word for what is not finite: null.
    mutating func double(_ value: Double) { raw(value.isFinite ? "\(value)" : "null") }
    mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
    mutating func null() { raw("null") }

    /// Something that is JSON already.
    mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
    }

    /// An array of the tickers in a set, ascending.
    mutating func tickers(_ set: TickerSet, quoted: QuotedTickers) {
        separate()
        bytes.append(UInt8(ascii: "["))
        let first = bytes.count
        for (at, word) in set.words.enumerated() {
            var rest = word
            while rest != 0 {
                let ticker = at * 64 + rest.trailingZeroBitCount
                for place in quoted.starts[ticker]..<quoted.starts[ticker + 1] { bytes.append(quoted.bytes[place]) }
                rest &= rest - 1
            }
        }
        // Each ticker brings a comma behind it.
        if bytes.count > first { bytes.removeLast() }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }
}

/// Every ticker of a universe as JSON with a comma behind it, end to end.
struct QuotedTickers {
    /// Ticker i is `bytes[starts[i] ..< starts[i + 1]]`.
    private(set) var bytes: [UInt8] = []
    private(set) var starts: [Int] = [0]
    init(_ universe: Universe) {
        for symbol in universe.symbols {
            var json = JSONWriter()
            json.string(symbol)
            bytes += json.bytes + [UInt8(ascii: ",")]
            starts.append(bytes.count)
        }
    }
}
