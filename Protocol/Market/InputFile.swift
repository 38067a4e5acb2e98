import CDeflate
import Glibc

/// Reads a whole file, plain or gzip, into memory.
package enum InputFile {
    /// The most a file may hold once decompressed, so that a small hostile gzip cannot take all memory: room for some
    /// 80 million bars.
    package static let maximumBytes = 4 << 30

    /// - Returns: the file's bytes, decompressed when they are gzip, whatever the name says.
    package static func bytes(path: String, maximumBytes: Int = maximumBytes) throws(MarketError) -> [UInt8] {
        let raw = try rawBytes(path: path, maximumBytes: maximumBytes)
        if raw.starts(with: [0x1F, 0x8B]) {
            return try decompressed(raw, name: path, maximumBytes: maximumBytes)
        }
        guard !path.hasSuffix(".gz") else {
            throw MarketError(
                .notGzip, "\(path): named .gz but it is not gzip; compress it with gzip, or name it .csv.")
        }
        return raw
    }

    private static func rawBytes(path: String, maximumBytes: Int) throws(MarketError) -> [UInt8] {
        func failure(_ what: String) -> MarketError {
            // Copied before any other call can change it.
            let reason = unsafe String(cString: strerror(errno))
            return MarketError(.unreadable, "\(path): \(what): \(reason); check the name and its permissions.")
        }
        // `path` is copied to a C string that outlives the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw MarketError(.unreadable, "\(path): is a folder; name one CSV file of bars.")
        }
        var bytes = [UInt8]()
        bytes.reserveCapacity(min(Int(status.st_size), maximumBytes) + 1)
        // A pipe has no size: whatever the file is, read until it ends.
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            // The call writes at most `count` bytes into the array of that size.
            let count = unsafe read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot be read") }
            if count == 0 { return bytes }
            guard bytes.count + count <= maximumBytes else { throw tooBig(path, maximumBytes) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func tooBig(_ name: String, _ maximumBytes: Int) -> MarketError {
        MarketError(.tooBig, "\(name): holds more than \(maximumBytes) bytes; cut it to the weeks you need.")
    }

    /// Gzip of any number of members, as `gzip`, `pigz`, `bgzip` and `cat a.gz b.gz` make.
    /// - Parameter name: for the error.
    package static func decompressed(
        _ gzip: [UInt8], name: String, maximumBytes: Int = maximumBytes
    ) throws(MarketError) -> [UInt8] {
        guard let decompressor = unsafe libdeflate_alloc_decompressor() else {
            throw MarketError(.tooBig, "\(name): no memory to decompress it; stop other programs.")
        }
        defer { unsafe libdeflate_free_decompressor(decompressor) }
        // A member says its size in its last four bytes, which are wrong for a hostile file and for several members: a
        // hint, kept below what deflate can reach (1,032 times the input).
        let hint = gzip.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        var output = [UInt8](repeating: 0, count: min(max(hint, 4096), 1032 * gzip.count + 64, maximumBytes))
        var consumed = 0
        var made = 0
        while consumed < gzip.count {
            // Some writers pad the end with zeros.
            if consumed > 0, gzip[consumed...].allSatisfy({ $0 == 0 }) { break }
            var memberBytes = 0
            var outputBytes = 0
            let room = output.count - made
            let result = unsafe gzip.withUnsafeBytes { source in
                unsafe output.withUnsafeMutableBytes { target in
                    // Both start inside their arrays and are as long as what is left of them; neither array is empty.
                    unsafe libdeflate_gzip_decompress_ex(
                        decompressor, source.baseAddress! + consumed, source.count - consumed,
                        target.baseAddress! + made, room, &memberBytes, &outputBytes)
                }
            }
            switch result {
            case LIBDEFLATE_SUCCESS:
                consumed += memberBytes
                made += outputBytes
            case LIBDEFLATE_INSUFFICIENT_SPACE:
                guard output.count < maximumBytes else { throw tooBig(name, maximumBytes) }
                let more = min(output.count, maximumBytes - output.count)
                output.append(contentsOf: repeatElement(0, count: more))
            default:
                throw MarketError(
                    .damagedGzip,
                    "\(name): the gzip data is damaged or cut short at byte \(consumed) or after; copy the file again.")
            }
        }
        output.removeLast(output.count - made)
        return output
    }
}
