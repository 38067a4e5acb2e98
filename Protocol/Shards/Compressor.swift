import CDeflate

/// Makes zlib streams, as HDF5's deflate filter reads them. One per thread.
@safe package struct Compressor: ~Copyable {
    private let handle: OpaquePointer
    private var shuffled: [UInt8] = []

    /// - Parameter level: 1…12, libdeflate's.
    package init(level: Int32 = 6) {
        guard let handle = unsafe libdeflate_alloc_compressor(level) else { preconditionFailure("level \(level)") }
        unsafe self.handle = handle
    }
    deinit { unsafe libdeflate_free_compressor(handle) }

    /// - Returns: `bytes` as a zlib stream, in a buffer of its own.
    package mutating func zlib(_ bytes: Span<UInt8>) -> [UInt8] {
        let bound = unsafe libdeflate_zlib_compress_bound(handle, bytes.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            // Reads `bytes.count` bytes and writes at most `bound`.
            unsafe bytes.withUnsafeBufferPointer { input in
                count = unsafe libdeflate_zlib_compress(
                    handle, input.baseAddress, input.count, output.baseAddress, output.count)
            }
            precondition(count > 0, "a zlib stream longer than its bound")
        }
    }

    /// As HDF5's shuffle filter and then its deflate filter.
    /// - Parameter elementBytes: of one element; the bytes are whole elements.
    package mutating func shuffledZlib(_ bytes: Span<UInt8>, elementBytes: Int) -> [UInt8] {
        guard elementBytes > 1 else { return zlib(bytes) }
        let elements = bytes.count / elementBytes
        precondition(elements * elementBytes == bytes.count, "a part of an element")
        var shuffled = self.shuffled
        self.shuffled = []
        if shuffled.count != bytes.count { shuffled = [UInt8](repeating: 0, count: bytes.count) }
        for byte in 0..<elementBytes {
            for at in 0..<elements { shuffled[byte * elements + at] = bytes[at * elementBytes + byte] }
        }
        let stream = zlib(shuffled.span)
        self.shuffled = shuffled
        return stream
    }
}
