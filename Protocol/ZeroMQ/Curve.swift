import CZeroMQ
import Glibc

/// 32 bytes that name a peer for good. Written in Z85, 40 characters.
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Parameter bytes: exactly 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }
    /// Reads 40 characters of Z85; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Z85.decode(text) else { return nil }
        self.bytes = bytes
    }
    package var description: String { Z85.encode(bytes) }
}

/// The other half of a `PublicKey`. It never prints itself.
package struct SecretKey: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    let bytes: [UInt8]

    package init?(_ text: some StringProtocol) {
        guard let bytes = Z85.decode(text) else { return nil }
        self.bytes = bytes
    }
    package var description: String { "(secret key)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
    var text: String { Z85.encode(bytes) }
}

/// Who a process is on the network.
package struct KeyPair: Equatable, Sendable {
    package let publicKey: PublicKey
    package let secretKey: SecretKey

    /// A new one, from the system's random source.
    package init() throws(ZeroMQError) {
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = publicText
        // Both hold the 40 characters and the NUL that libzmq writes.
        guard unsafe zmq_curve_keypair(&publicText, &secretText) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "making a key pair")
        }
        try self.init(secret: String(decoding: secretText[..<40].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The pair that a secret key belongs to.
    package init(secret text: String) throws(ZeroMQError) {
        guard let secretKey = SecretKey(text) else { throw ZeroMQError("a secret key is 40 characters of Z85") }
        var publicText = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_curve_public(&publicText, secretKey.text) == 0,
            let publicKey = PublicKey(
                String(decoding: publicText[..<40].map { UInt8(bitPattern: $0) }, as: UTF8.self))
        else { throw ZeroMQError(code: zmq_errno(), while: "deriving a public key") }
        self.publicKey = publicKey
        self.secretKey = secretKey
    }
}

/// 4 bytes as 5 printable characters. Source: ZeroMQ RFC 32.
enum Z85 {
    private static let alphabet = Array(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)
    /// Character → digit; 255 for what is none.
    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: 255, count: 256)
        for (digit, character) in alphabet.enumerated() { digits[Int(character)] = UInt8(digit) }
        return digits
    }()

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 4) {
            var value = bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            var group = [UInt8](repeating: 0, count: 5)
            for at in (0..<5).reversed() {
                group[at] = alphabet[Int(value % 85)]
                value /= 85
            }
            text += group
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A key's 40 characters as 32 bytes.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == 40 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for start in stride(from: 0, to: 40, by: 5) {
            var value: UInt64 = 0
            for character in characters[start..<start + 5] {
                let digit = digits[Int(character)]
                guard digit != 255 else { return nil }
                value = value * 85 + UInt64(digit)
            }
            guard value <= UInt64(UInt32.max) else { return nil }
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
        }
        return bytes
    }
}
