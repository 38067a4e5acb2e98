import CZeroMQ
import Glibc
import Synchronization

/// Counts what happens to a socket's connections, and knows which are up. libzmq's I/O thread waits for whoever
/// listens to these events, so they are few and a thread of their own takes them as long as the socket lives.
package final class Monitor: Sendable {
    package struct Counts: Sendable, Equatable {
        package var accepted = 0
        package var disconnected = 0
        /// Strangers, wrong keys, broken handshakes, and those that took too long.
        package var handshakesFailed = 0
        /// Keys refused: ours by the other side, or theirs by our authenticator.
        package var refusals = 0
        /// Connections that ended without a whole message, refused keys apart.
        package var wordless = 0
    }
    /// One that is up.
    package struct Connection: Sendable {
        package var descriptor: Int32
        /// Among all that were accepted, from 1: descriptors are used again.
        package var number: Int
        /// It has brought a whole message: it is no stranger.
        package var hasSpoken: Bool
    }
    private struct State: Sendable {
        var counts = Counts()
        var connections: [Int32: Connection] = [:]
        var isOver = false
    }
    private let state: Shared<State>

    /// Call on the socket's thread. The monitor ends with the socket.
    package init(_ socket: borrowing Socket, in context: Context = .shared) throws(ZeroMQError) {
        socket.checkOwner()
        let endpoint = "inproc://monitor-\(Self.count.add(1, ordering: .relaxed).newValue)"
        let events =
            ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_MONITOR_STOPPED
        guard unsafe zmq_socket_monitor(socket.pointer, endpoint, events) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "monitoring a socket")
        }
        let state = Shared(State())
        self.state = state
        // Nobody joins it: it ends when the socket is closed, which is the only time at which nobody waits for it.
        _ = try BackgroundThread("monitor") { ready in
            do throws(ZeroMQError) {
                // Receiving without a high-water mark: the I/O thread never waits for this one.
                let events = try Socket(.pair, in: context)
                try events.connect(endpoint)
                ready(nil)
                try Self.drain(events, into: state)
            } catch { ready(error) }
            state.value.withLock { $0.isOver = true }
        }
    }
    private static let count = Atomic(0)

    package var counts: Counts { state.value.withLock { $0.counts } }
    /// The file descriptors of the connections that are up, ascending.
    package var connections: [Int32] { state.value.withLock { $0.connections.keys.sorted() } }
    /// Which connection a descriptor stands for now: its number among all that were accepted; nil for none that is up.
    package func connection(at descriptor: Int32) -> Int? {
        state.value.withLock { $0.connections[descriptor]?.number }
    }
    /// Those that are up, in no order.
    package var live: [Connection] { state.value.withLock { Array($0.connections.values) } }
    /// A whole message came by this connection.
    package func hasSpoken(_ descriptor: Int32, _ number: Int) {
        state.value.withLock { state in
            if state.connections[descriptor]?.number == number { state.connections[descriptor]?.hasSpoken = true }
        }
    }
    /// The socket is closed and every event counted.
    package var isOver: Bool { state.value.withLock { $0.isOver } }

    private static func drain(_ events: borrowing Socket, into state: Shared<State>) throws(ZeroMQError) {
        while let receipt = try events.receive(waiting: true) {
            // 16 bits of event, 32 bits of value, in the machine's own order.
            guard case .message(let message) = receipt, let frame = message.frames.first, frame.count == 6 else {
                continue
            }
            let (event, value) = unsafe frame.withUnsafeBytes {
                unsafe (
                    Int32($0.loadUnaligned(as: UInt16.self)), $0.loadUnaligned(fromByteOffset: 2, as: Int32.self)
                )
            }
            let isStopped = state.value.withLock { state in
                switch event {
                case ZMQ_EVENT_ACCEPTED:
                    state.counts.accepted += 1
                    state.connections[value] = Connection(
                        descriptor: value, number: state.counts.accepted, hasSpoken: false)
                case ZMQ_EVENT_DISCONNECTED:
                    state.counts.disconnected += 1
                    let gone = state.connections.removeValue(forKey: value)
                    if gone?.hasSpoken == false { state.counts.wordless += 1 }
                case ZMQ_EVENT_MONITOR_STOPPED: return true
                case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
                    state.counts.handshakesFailed += 1
                    state.counts.refusals += 1
                    state.counts.wordless -= 1  // its end comes next
                default: state.counts.handshakesFailed += 1
                }
                return false
            }
            if isStopped { return }
        }
    }
}

/// Live connections, by the file descriptors that `Message.connection` and `Monitor.connections` name.
package enum Connections {
    /// Ends a connection, as when its key was revoked. The peer will try again and must pass the authenticator anew.
    ///
    /// The number may be out of date: the connection gone and another in its place. That one is then cut in vain, and
    /// comes back by itself; anything but a connection refuses.
    package static func cut(_ descriptor: Int32) {
        // Unlike shutdown this throws away what came and was not read, which may be megabytes of small messages.
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        // The address is a local of the size that is told.
        if unsafe connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) != 0 {
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }
}
