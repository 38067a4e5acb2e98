/// A key. It prints as nothing, in messages, dumps and mirrors alike; whoever needs it has to say so.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String
    /// - Returns: nil for a text that cannot stand in a header.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        self.text = text
    }
    package var revealed: String { text }
    package var description: String { "(a key)" }
    package var debugDescription: String { "(a key)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension HTTPRequest {
    /// What goes over the line, keys and all: made just before it is sent, never kept.
    /// - Parameter keys: in the order of the provider's `keyNames`.
    /// - Returns: path with query, and header fields; nil when a key is missing.
    package func sealed(_ keys: [Secret]) -> (target: String, headers: [Field])? {
        var target = target
        var headers = headers
        for credential in credentials {
            guard keys.indices.contains(credential.key) else { return nil }
            let key = keys[credential.key].revealed
            switch credential.place {
            case .header(let name, let prefix): headers.append(Field(name, prefix + key))
            case .query(let name):
                target += (target.contains("?") ? "&" : "?") + "\(percentEncoded(name))=\(percentEncoded(key))"
            }
        }
        return (target, headers)
    }
}
