import CSodium
import Messages

extension BlobID {
    /// The name of these bytes: their BLAKE2b-256 hash.
    package init(of bytes: [UInt8]) {
        // The pointer is used within the closure only.
        self = unsafe bytes.withUnsafeBytes { unsafe BlobID(of: $0) }
    }

    init(of bytes: UnsafeRawBufferPointer) {
        var hasher = BlobHasher()
        unsafe hasher.update(bytes)
        self = hasher.finish()
    }
}

/// Names bytes that come in pieces.
@safe package struct BlobHasher: ~Copyable {
    /// Aligned as libsodium demands, which is more than a Swift variable can be.
    private let state: UnsafeMutableRawPointer

    package init() {
        unsafe state = .allocate(byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        // 32 bytes of hash, no key.
        let failed = unsafe crypto_generichash_blake2b_init(OpaquePointer(state), nil, 0, 32)
        precondition(failed == 0, "BLAKE2b cannot begin")
    }
    deinit { unsafe state.deallocate() }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }
    /// The name of no bytes at all.
    package static var ofNothing: BlobID { BlobID(of: []) }

    package mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe update(UnsafeRawBufferPointer($0)) }
    }
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // Any bytes are a valid array of UInt8; the pointer is used within the call only.
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let failed = unsafe crypto_generichash_blake2b_update(OpaquePointer(state), start, UInt64(bytes.count))
        precondition(failed == 0, "BLAKE2b of \(bytes.count) bytes failed")
    }
    /// The name of everything given so far. The hasher is spent then.
    package mutating func finish() -> BlobID {
        var hash = [UInt8](repeating: 0, count: 32)
        let failed = unsafe crypto_generichash_blake2b_final(OpaquePointer(state), &hash, 32)
        precondition(failed == 0, "BLAKE2b cannot end twice")
        return BlobID(hash: hash)!
    }
}
