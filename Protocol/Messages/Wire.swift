/// A value with one binary form: little-endian, length-checked, the same on every machine.
package protocol Wire: Sendable {
    func write(to writer: inout WireWriter)
    init(from reader: inout WireReader) throws(WireError)
}

/// Why bytes were refused. Refusing is normal: whatever a peer sends, decoding never traps.
package struct WireError: Error, Equatable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// Appends values to a buffer.
package struct WireWriter {
    package private(set) var bytes: [UInt8] = []
    package init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Of at most 64 bits. Inlined into other modules: a generic that is not costs ten times as much.
    @inlinable package mutating func integer<I: FixedWidthInteger>(_ value: I) {
        append(UInt64(truncatingIfNeeded: value), byteCount: I.bitWidth / 8)
    }
    @usableFromInline package mutating func append(_ bits: UInt64, byteCount: Int) {
        for byte in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    /// A count or length: 32 bits, which bounds every collection on the wire.
    package mutating func count(_ value: Int) { integer(UInt32(value)) }
    package mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func double(_ value: Double) { integer(value.bitPattern) }
    package mutating func string(_ value: String) { blob(Array(value.utf8)) }
    package mutating func blob(_ value: [UInt8]) {
        count(value.count)
        bytes.append(contentsOf: value)
    }
    /// Without its length: whoever reads knows it.
    package mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }
    package mutating func value(_ value: some Wire) { value.write(to: &self) }
    package mutating func array<Element: Wire>(_ values: [Element]) {
        count(values.count)
        for value in values { value.write(to: &self) }
    }
    package mutating func optional<Value: Wire>(_ value: Value?) {
        bool(value != nil)
        if let value { value.write(to: &self) }
    }
    package mutating func integers<I: FixedWidthInteger>(_ values: [I]) {
        count(values.count)
        #if _endian(little)
            // Any integer array is its own little-endian byte form on a little-endian machine.
            unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        #else
            for value in values { integer(value) }
        #endif
    }
    package mutating func doubles(_ values: [Double]) { integers(values.map(\.bitPattern)) }
    /// Numbers or nothing: nothing travels as one NaN that no arithmetic makes.
    package mutating func optionals(_ values: [Double?]) {
        integers(values.map { $0?.bitPattern ?? WireReader.nothing })
    }
}

/// Takes values from a buffer, refusing whatever does not fit in what is left of it.
package struct WireReader {
    private let bytes: [UInt8]
    package private(set) var offset: Int

    package init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = min(offset, bytes.count)
    }
    package var remainingBytes: Int { bytes.count - offset }

    /// Of at most 64 bits. Inlined into other modules: a generic that is not costs ten times as much.
    @inlinable package mutating func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) throws(WireError) -> I {
        I(truncatingIfNeeded: try bits(byteCount: I.bitWidth / 8))
    }
    @usableFromInline package mutating func bits(byteCount: Int) throws(WireError) -> UInt64 {
        guard remainingBytes >= byteCount else {
            throw WireError("\(byteCount) bytes wanted, \(remainingBytes) left")
        }
        var value: UInt64 = 0
        for at in 0..<byteCount { value |= UInt64(bytes[offset + at]) << UInt64(8 * at) }
        offset += byteCount
        return value
    }
    /// A count of elements that each take at least `elementBytes`: a count that cannot fit is refused before any
    /// memory is reserved for it.
    package mutating func count(elementBytes: Int = 1) throws(WireError) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count * max(elementBytes, 1) <= remainingBytes else {
            throw WireError("\(count) elements announced, \(remainingBytes) bytes left")
        }
        return count
    }
    package mutating func bool() throws(WireError) -> Bool {
        switch try integer(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw WireError("\(other) where 0 or 1 was wanted")
        }
    }
    package mutating func double() throws(WireError) -> Double { Double(bitPattern: try integer()) }
    package mutating func string() throws(WireError) -> String {
        guard let text = String(validating: try blob(), as: UTF8.self) else { throw WireError("a string is not UTF-8") }
        return text
    }
    package mutating func blob() throws(WireError) -> [UInt8] {
        let count = try count()
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }
    package mutating func raw(_ count: Int) throws(WireError) -> [UInt8] {
        guard count <= remainingBytes else { throw WireError("\(count) bytes wanted, \(remainingBytes) left") }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }
    package mutating func value<Value: Wire>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }
    package mutating func array<Element: Wire>(of type: Element.Type = Element.self) throws(WireError) -> [Element] {
        let count = try count()
        var values: [Element] = []
        // Reserved by what the bytes could hold at one byte an element; a hostile count was refused above.
        values.reserveCapacity(min(count, 4096))
        for _ in 0..<count { values.append(try Element(from: &self)) }
        return values
    }
    package mutating func optional<Value: Wire>(of type: Value.Type = Value.self) throws(WireError) -> Value? {
        try bool() ? try Value(from: &self) : nil
    }
    package mutating func integers<I: FixedWidthInteger & BitwiseCopyable>(of type: I.Type = I.self) throws(WireError)
        -> [I]
    {
        let size = I.bitWidth / 8
        let count = try count(elementBytes: size)
        defer { offset += count * size }
        let start = offset
        return unsafe bytes.withUnsafeBytes { source in
            // `count` was checked to lie inside `bytes` above; every bit pattern is a valid integer.
            (0..<count).map {
                I(littleEndian: unsafe source.loadUnaligned(fromByteOffset: start + $0 * size, as: I.self))
            }
        }
    }
    package mutating func doubles() throws(WireError) -> [Double] {
        try integers(of: UInt64.self).map { Double(bitPattern: $0) }
    }
    fileprivate static let nothing: UInt64 = 0x7FF8_6E6F_7468_6E67
    package mutating func optionals() throws(WireError) -> [Double?] {
        try integers(of: UInt64.self).map { $0 == Self.nothing ? nil : Double(bitPattern: $0) }
    }
    /// Call last: bytes that nobody asked for mean the peer speaks another protocol.
    package func finish() throws(WireError) {
        guard remainingBytes == 0 else { throw WireError("\(remainingBytes) bytes left over") }
    }
}

extension Wire {
    package var wireBytes: [UInt8] {
        var writer = WireWriter()
        write(to: &writer)
        return writer.bytes
    }
    /// Decodes exactly `bytes`: no more, no fewer.
    package init(wireBytes: [UInt8]) throws(WireError) {
        var reader = WireReader(wireBytes)
        self = try Self(from: &reader)
        try reader.finish()
    }
}

// The identifiers and scalars that travel inside other values.
extension JobID: Wire {
    package func write(to writer: inout WireWriter) { writer.integer(number) }
    package init(from reader: inout WireReader) throws(WireError) { self.init(try reader.integer()) }
}
extension TaskID: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(job)
        writer.integer(index)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(try reader.value(), try reader.integer())
    }
}
extension WorkerID: Wire {
    package func write(to writer: inout WireWriter) { writer.integer(incarnation) }
    package init(from reader: inout WireReader) throws(WireError) { self.init(try reader.integer()) }
}
extension BlobID: Wire {
    package func write(to writer: inout WireWriter) { writer.raw(bytes) }
    package init(from reader: inout WireReader) throws(WireError) {
        guard let id = BlobID(hash: try reader.raw(32)) else { throw WireError("a blob name is not 32 bytes") }
        self = id
    }
}
extension String: Wire {
    package func write(to writer: inout WireWriter) { writer.string(self) }
    package init(from reader: inout WireReader) throws(WireError) { self = try reader.string() }
}
