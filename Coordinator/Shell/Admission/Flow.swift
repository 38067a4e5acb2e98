import CLinux
import ZeroMQ

/// What each TCP connection has brought and nobody has read: libzmq shows a message when its last frame is there, and
/// keeps all frames until then, without bound; and keeps whole messages that come faster than they are read. The kernel
/// counts the bytes that came, the coordinator those it was shown.
struct Flow {
    /// Four of the longest messages, and what the kernel itself holds.
    static let maximumUnreadBytes: Int64 = 80 << 20
    /// How often it is looked.
    static let period: Duration = .milliseconds(100)
    /// Bytes of heartbeats in a second, which nobody is shown.
    private static let heartbeatBytes: Int64 = 64
    /// What CURVE and ZMTP add to a frame: 9 bytes of header, a command's name, a nonce, a signature, a flag.
    private static let overheadBytes = 9 + 8 + 8 + 16 + 1

    struct Excess {
        var descriptor: Int32
        var bytes: Int64
    }
    private struct Connection {
        var number: Int
        /// Bytes that the kernel counted when there was last nothing unread.
        var origin: Int64
        var delivered: Int64 = 0
        var began: ContinuousClock.Instant
    }
    private var connections: [Int32: Connection] = [:]
    private var looked = ContinuousClock.now

    mutating func delivered(_ message: Message) {
        guard let descriptor = message.connection else { return }
        let bytes = message.frames.reduce(0) { $0 + $1.count + Self.overheadBytes }
        connections[descriptor]?.delivered += Int64(bytes)
    }

    /// Connections with more unread than anybody honest has, at most every `period`.
    mutating func excesses(of monitor: Monitor) -> [Excess] {
        let now = ContinuousClock.now
        guard now - looked >= Self.period else { return [] }
        looked = now
        var excesses: [Excess] = []
        let live = monitor.numberedConnections
        for (descriptor, number) in live {
            let came = apex_bytes_received(descriptor)
            guard came >= 0 else { continue }
            guard var connection = connections[descriptor], connection.number == number else {
                connections[descriptor] = Connection(number: number, origin: came, began: now)
                continue
            }
            let heartbeats = Int64((now - connection.began) / .seconds(1)) * Self.heartbeatBytes
            let unread = came - connection.origin - connection.delivered - heartbeats
            if unread <= 0 {
                // Never ahead: a credit would let somebody send as much unseen later.
                connection = Connection(number: number, origin: came, began: now)
                connections[descriptor] = connection
            } else if unread > Self.maximumUnreadBytes {
                excesses.append(Excess(descriptor: descriptor, bytes: unread))
                connections[descriptor] = nil
            }
        }
        if connections.count > live.count {
            let up = Set(live.map(\.descriptor))
            connections = connections.filter { up.contains($0.key) }
        }
        return excesses
    }
}
