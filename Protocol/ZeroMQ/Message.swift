/// A connection as a ROUTER names it: libzmq draws the number when the peer connects and never uses it twice. It is no
/// identity (that is the key and the incarnation): a peer that reconnects is another `Peer`.
package struct Peer: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
    package static func < (a: Peer, b: Peer) -> Bool { a.number < b.number }
    package var description: String { "p" + String(number, radix: 16) }
}

/// One whole multipart message.
package struct Message: Sendable, Equatable {
    /// Who sent it; nil unless the socket is a ROUTER.
    package var peer: Peer?
    /// The CURVE key that the authenticator admitted the sender with; nil on sockets without CURVE.
    package var peerKey: PublicKey?
    /// The file descriptor of the connection it came by, for `Connections.cut`; nil on sockets without CURVE.
    package var connection: Int32?
    /// The payload, without routing id.
    package var frames: [[UInt8]]

    package init(
        peer: Peer? = nil, peerKey: PublicKey? = nil, connection: Int32? = nil, frames: [[UInt8]]
    ) {
        self.peer = peer
        self.peerKey = peerKey
        self.connection = connection
        self.frames = frames
    }
}

/// What `receive` found.
package enum Receipt: Sendable, Equatable {
    case message(Message)
    /// A whole message was taken off the socket and thrown away.
    case refused(Refusal)
}

/// A message that was thrown away, and who sent it.
package struct Refusal: Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        case tooManyFrames
        case tooManyBytes
        /// The peer chose its own routing id, which nothing of ours does.
        case foreignRoutingID
        /// It ended before its last frame.
        case truncated
    }
    package var reason: Reason
    package var peer: Peer?
    package var peerKey: PublicKey?
    package var connection: Int32?

    package init(reason: Reason, peer: Peer? = nil, peerKey: PublicKey? = nil, connection: Int32? = nil) {
        self.reason = reason
        self.peer = peer
        self.peerKey = peerKey
        self.connection = connection
    }
}

/// What became of a message handed to `send`. None of them is proof of delivery: only the peer's answer is.
package enum SendOutcome: Sendable, Equatable {
    /// Queued; from here on libzmq's.
    case sent
    /// No connection takes it now (none is up, or all are full): keep it and try again when the socket is writable.
    case wouldBlock
    /// ROUTER only: there is no such peer (any more).
    case unreachable
}
