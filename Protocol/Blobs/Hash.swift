import CSodium
import Messages

extension BlobID {
    /// The name of these bytes: their BLAKE2b-256 hash.
    package init(of bytes: [UInt8]) {
        var hash = [UInt8](repeating: 0, count: 32)
        // Sizes are those of the two arrays; no key.
        let failed = unsafe crypto_generichash_blake2b(&hash, 32, bytes, UInt64(bytes.count), nil, 0)
        precondition(failed == 0, "BLAKE2b of \(bytes.count) bytes failed")
        self.init(hash: hash)!
    }
}
