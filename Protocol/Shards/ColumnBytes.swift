/// Columns as the bytes that a shard holds.
package enum ColumnBytes {
    package static func integers<I: FixedWidthInteger & BitwiseCopyable>(_ values: [I]) -> [UInt8] {
        // Any integer array is bytes; little-endian order is that of every machine this runs on.
        unsafe values.map(\.littleEndian).withUnsafeBytes { unsafe Array($0) }
    }
    package static func doubles(_ values: [Double]) -> [UInt8] { integers(values.map(\.bitPattern)) }
    package static func floats(_ values: [Float]) -> [UInt8] { integers(values.map(\.bitPattern)) }

    /// Each text in `width` bytes, padded with NULs.
    /// - Throws: for a text that does not fit or is not ASCII: it would come back as another.
    package static func ascii(_ values: [String], width: Int, column: String) throws(ShardError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * width)
        for value in values {
            let text = Array(value.utf8)
            guard text.count <= width, text.allSatisfy({ $0 > 0 && $0 < 128 }) else {
                throw ShardError(
                    .wrongUse, "the column \(column) holds at most \(width) ASCII characters, and \(value) is not that."
                )
            }
            bytes += text
            bytes.append(contentsOf: repeatElement(0, count: width - text.count))
        }
        return bytes
    }
}
