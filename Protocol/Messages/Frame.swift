/// One message is one frame: 4 bytes `APX1`, the protocol version (16 bits), then the message.
package enum Frame {
    private static let mark: [UInt8] = Array("APX1".utf8)
    /// Raised with every change of a message's form. Peers of another version are told so, not guessed at.
    /// 2: what running programs print (`TaskOutput`), and refusals for the version's sake.
    package static let protocolVersion: UInt16 = 2
    /// The oldest that this side speaks too, with a peer that began in it: every message of it has its old form.
    package static let oldestVersion: UInt16 = 1
    /// No frame is longer: room for one blob chunk or one batch of results, little enough to buffer for every peer.
    package static let maximumBytes = 16 << 20

    /// - Parameter version: that the peer speaks.
    package static func encode(_ message: some Wire, version: UInt16 = protocolVersion) -> [UInt8] {
        var writer = WireWriter(reserving: 128)
        for byte in mark { writer.integer(byte) }
        writer.integer(version)
        message.write(to: &writer)
        return writer.bytes
    }

    /// - Throws: for a frame of another protocol or version (`version(of:)` tells which), or one that is damaged.
    package static func decode<Message: Wire>(_ type: Message.Type = Message.self, _ frame: [UInt8]) throws(WireError)
        -> Message
    {
        guard frame.count <= maximumBytes else { throw WireError("a frame of \(frame.count) bytes") }
        guard let version = version(of: frame) else { throw WireError("not a frame of this protocol") }
        guard (oldestVersion...protocolVersion).contains(version) else {
            throw WireError("protocol version \(version); this side speaks \(oldestVersion) to \(protocolVersion)")
        }
        var reader = WireReader(frame, from: 6)
        let message = try Message(from: &reader)
        try reader.finish()
        return message
    }

    /// What to answer a peer in that spoke a version: its own, or the nearest that this side has.
    package static func answerVersion(to version: UInt16) -> UInt16 {
        min(max(version, oldestVersion), protocolVersion)
    }

    /// The version a frame was written in; nil when it is no frame of this protocol.
    package static func version(of frame: [UInt8]) -> UInt16? {
        guard frame.count >= 6, Array(frame[0..<4]) == mark else { return nil }
        return UInt16(frame[4]) | UInt16(frame[5]) << 8
    }
}
