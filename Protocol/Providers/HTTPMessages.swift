/// One GET as a provider's adapter builds it. It holds no key, only which key belongs where: so nothing that prints,
/// stores or sends a request can give a key away.
package struct HTTPRequest: Sendable, Equatable {
    /// Which of the provider's hosts; see `ProviderTraits.hosts`.
    package var host: Int
    /// From the first `/` on, percent-encoded.
    package var path: String
    /// Names and values as they are meant; encoded when sent.
    package var query: [Field]
    package var headers: [Field]
    package var credentials: [Credential]

    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
    /// A key's place.
    package struct Credential: Sendable, Equatable {
        package enum Place: Sendable, Equatable {
            /// The text stands before the key, as `Bearer `.
            case header(String, prefix: String)
            /// For services that know no better: such an address is never printed.
            case query(String)
        }
        package var place: Place
        /// Position in the provider's `ProviderTraits.keyNames`.
        package var key: Int
        package init(header: String, prefix: String = "", key: Int = 0) {
            place = .header(header, prefix: prefix)
            self.key = key
        }
        package init(query name: String, key: Int = 0) {
            place = .query(name)
            self.key = key
        }
    }

    package init(
        host: Int = 0, path: String, query: [Field] = [], headers: [Field] = [], credentials: [Credential] = []
    ) {
        self.host = host
        self.path = path
        self.query = query
        self.headers = headers
        self.credentials = credentials
    }

    /// Path and query as they are sent, but for a key.
    package var target: String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    }
}

/// An answer, whatever its status.
package struct HTTPResponse: Sendable, Equatable {
    package var status: Int
    /// Names in lower case.
    package var headers: [HTTPRequest.Field]
    /// Decompressed.
    package var body: [UInt8]
    package init(status: Int, headers: [HTTPRequest.Field] = [], body: [UInt8]) {
        self.status = status
        self.headers = headers.map { HTTPRequest.Field($0.name.lowercased(), $0.value) }
        self.body = body
    }
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The same without the keys that were sent: some providers repeat them in what they complain of, and parts of an
    /// answer are told to people and kept.
    package func hiding(_ keys: [Secret]) -> HTTPResponse {
        var hidden = self
        for key in keys {
            let key = Array(key.revealed.utf8)
            // A shorter one is no secret, and may stand in a number.
            guard key.count >= 8 else { continue }
            var at = 0
            while let begin = hidden.body[at...].firstIndex(of: key[0]), begin + key.count <= hidden.body.count {
                at = begin + 1
                guard hidden.body[begin..<begin + key.count].elementsEqual(key) else { continue }
                for position in begin..<begin + key.count { hidden.body[position] = UInt8(ascii: "x") }
            }
        }
        return hidden
    }
}

/// No answer, or one that cannot be used.
package enum HTTPFailure: Error, Sendable, Equatable {
    /// Nothing was sent: the name does not resolve, nobody listens.
    case unreachable(String)
    /// The other side is not who it should be; trying again does not help, and no key was sent.
    case untrusted(String)
    /// Sent, perhaps, and no whole answer came.
    case cut(String)
    case timeout
    /// The body is larger than is taken, as sent or once decompressed.
    case tooLarge(limitBytes: Int)
    /// Nobody waits for the answer any more.
    case abandoned

    package var words: String {
        switch self {
        case .unreachable(let why): "cannot be reached: \(why)"
        case .untrusted(let why): "its certificate is refused: \(why)"
        case .cut(let why): "the answer was cut: \(why)"
        case .timeout: "no answer in time"
        case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .abandoned: "given up"
        }
    }
}

/// Letters, digits and `-._~` as they are, all else as %XX of its UTF-8. Source: RFC 3986, §2.3.
package func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let hex = String(byte, radix: 16, uppercase: true)
            encoded += hex.count == 1 ? "%0\(hex)" : "%\(hex)"
        }
    }
    return encoded
}
