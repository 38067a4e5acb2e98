import ZeroMQ

/// What each TCP connection has brought that nobody was shown, and what was sent to it that it did not take.
///
/// libzmq shows a message when its last frame is there and keeps all frames until then, without bound; it keeps whole
/// messages that come faster than they are read; and it keeps answers for a peer that asks and never reads. The kernel
/// counts the bytes that went through each connection, the coordinator those it was shown and those it sent.
struct Flow {
    /// Of a connection all of whose whole messages were read: four of the longest, and what the kernel holds.
    static let maximumPartBytes: Int64 = 80 << 20
    /// More than an honest worker sends before it waits (`Outbox`), or asks for before it reads.
    static let maximumBytes: Int64 = 320 << 20
    /// Bytes of heartbeats in a second, which nobody is shown.
    private static let heartbeatBytes: Int64 = 64
    /// What CURVE and ZMTP add to a part: 9 bytes of header, a command's name, a nonce, a signature, a flag.
    private static let overheadBytes = 9 + 8 + 8 + 16 + 1

    struct Excess {
        var descriptor: Int32
        var number: Int
        var why: String
    }
    /// Bytes in one direction since there was last nothing under way.
    private struct Way {
        var origin: Int64
        var counted: Int64 = 0
        var began: ContinuousClock.Instant
    }
    private struct Connection {
        var number: Int
        var incoming, outgoing: Way
    }
    private var connections: [Int32: Connection] = [:]

    /// A message that came was shown.
    mutating func shown(_ message: Message) {
        guard let descriptor = message.connection else { return }
        let bytes = message.frames.reduce(0) { $0 + $1.count + SocketOptions.parts(of: $1.count) * Self.overheadBytes }
        connections[descriptor]?.incoming.counted += Int64(bytes)
    }
    /// A frame was handed to libzmq for this connection.
    mutating func sent(_ bytes: Int, to descriptor: Int32) {
        connections[descriptor]?.outgoing.counted += Int64(bytes)
    }

    /// Connections with more under way than anybody honest has.
    /// - Parameters:
    ///   - carried: what the kernel said of all that have spoken; what came since is not in it.
    ///   - isDrained: every whole message that came was shown.
    mutating func excesses(in carried: [Door.Carried], isDrained: Bool) -> [Excess] {
        let now = ContinuousClock.now
        var excesses: [Excess] = []
        for look in carried {
            let (descriptor, came, went) = (look.descriptor, look.came, look.went)
            guard var connection = connections[descriptor], connection.number == look.number else {
                connections[descriptor] = Connection(
                    number: look.number, incoming: Way(origin: came, began: now),
                    outgoing: Way(origin: went, began: now))
                continue
            }
            let unread = came - connection.incoming.origin - connection.incoming.counted
            let unsent = connection.outgoing.counted - (went - connection.outgoing.origin)
            let heartbeats = Int64((now - connection.incoming.began) / .seconds(1)) * Self.heartbeatBytes
            if unread - heartbeats > (isDrained ? Self.maximumPartBytes : Self.maximumBytes) {
                excesses.append(
                    Excess(
                        descriptor: descriptor, number: look.number,
                        why: "\(unread) bytes came that are no whole message"))
                connection.number = 0
            } else if unsent > Self.maximumBytes {
                excesses.append(
                    Excess(descriptor: descriptor, number: look.number, why: "\(unsent) bytes wait that it asked for"))
                connection.number = 0
            }
            // Never ahead: a credit would let somebody have as much unseen later.
            if unread <= heartbeats { connection.incoming = Way(origin: came, began: now) }
            if unsent <= 0 { connection.outgoing = Way(origin: went, began: now) }
            connections[descriptor] = connection
        }
        if connections.count > carried.count {
            let up = Set(carried.map(\.descriptor))
            connections = connections.filter { up.contains($0.key) }
        }
        return excesses
    }
}
