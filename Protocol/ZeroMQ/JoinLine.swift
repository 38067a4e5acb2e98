import Foundation

/// Everything a machine needs to join a coordinator, in one word that survives being copied into a shell:
/// `apex://HOST:PORT/KEY/TOKEN`, key and token of 43 characters A–Z, a–z, 0–9, - and _ each.
///
/// The token is a secret key made for one joining. The coordinator keeps only its public half, so what it stores opens
/// nothing; CURVE proves who holds the token before a word is said; and the joining machine trades it for a key that it
/// made itself and never shows. A line without a token only tells machines that have joined a new address or key.
package struct JoinLine: Sendable, Equatable {
    /// `tcp://HOST:PORT`.
    package var address: String
    package var coordinator: PublicKey
    package var token: KeyPair?

    package init(address: String, coordinator: PublicKey, token: KeyPair?) {
        self.address = address
        self.coordinator = coordinator
        self.token = token
    }

    /// - Throws: in words that never repeat the line: it is a secret.
    package init(_ text: some StringProtocol) throws(ZeroMQError) {
        let wrong = ZeroMQError(
            "this is no join line; it is one word, apex://HOST:PORT/KEY/TOKEN, as `apex keys add-worker NAME` prints it"
        )
        let parts = String(text).split(separator: "/" as Character, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 || parts.count == 5, parts[0] == "apex:", parts[1].isEmpty else { throw wrong }
        let place = parts[2].split(separator: ":" as Character, omittingEmptySubsequences: false)
        guard place.count == 2, !place[0].isEmpty, let port = UInt16(place[1]), port > 0 else { throw wrong }
        let keys = parts[3...].map { Self.bytes($0) }
        guard let first = keys[0], let coordinator = PublicKey(bytes: first), keys.allSatisfy({ $0?.count == 32 })
        else { throw ZeroMQError("the join line was not copied whole; its key and its token have 43 characters each") }
        address = "tcp://\(place[0]):\(port)"
        self.coordinator = coordinator
        token = try keys.count == 2 ? KeyPair(secret: Z85.encode(keys[1]!)) : nil
    }

    /// The line itself, to be shown once to whoever asked for it.
    package var text: String {
        let token = token.map { "/" + Self.text($0.secretKey.bytes) } ?? ""
        return "apex://\(address.dropFirst("tcp://".count))/\(Self.text(coordinator.bytes))\(token)"
    }

    private static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
    private static func bytes(_ text: String) -> [UInt8]? {
        guard text.utf8.count == 43, !text.contains("+") else { return nil }
        let standard = text.replacing("-", with: "+").replacing("_", with: "/") + "="
        return Data(base64Encoded: standard).map { [UInt8]($0) }
    }
}
