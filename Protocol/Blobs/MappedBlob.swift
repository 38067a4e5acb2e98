import Foundation
import Messages

/// A blob's bytes in memory, read-only, for as long as this object lives. The store does not evict it meanwhile.
@safe package final class MappedBlob: @unchecked Sendable {
    package let id: BlobID
    /// The mapping is private to this object and nobody writes to it, so every thread may read it.
    private let buffer: UnsafeRawBufferPointer
    private let release: @Sendable () -> Void

    init(_ id: BlobID, _ file: borrowing File, release: @escaping @Sendable () -> Void) throws(BlobError) {
        let size = try file.size()
        guard size > 0 else {
            self.id = id
            unsafe buffer = UnsafeRawBufferPointer(start: nil, count: 0)
            self.release = release
            return
        }
        guard let start = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, file.descriptor, 0),
            unsafe start != MAP_FAILED
        else { throw .system("mapping", file.path) }
        self.id = id
        unsafe buffer = UnsafeRawBufferPointer(start: start, count: size)
        self.release = release
    }
    deinit {
        if let start = unsafe buffer.baseAddress {
            unsafe munmap(UnsafeMutableRawPointer(mutating: start), buffer.count)
        }
        release()
    }

    package var count: Int { unsafe buffer.count }
    package var array: [UInt8] { unsafe [UInt8](buffer) }
    /// Reads the bytes where they are.
    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try body(unsafe buffer.bytes)
    }
    /// At most `count` bytes from `offset` on, as many as there are; none past the end.
    package func chunk(at offset: Int, count: Int) -> [UInt8] {
        let start = min(max(offset, 0), self.count)
        return unsafe [UInt8](buffer[start..<min(start + max(count, 0), self.count)])
    }

    var hasItsName: Bool { unsafe BlobID(of: buffer) == id }
}
