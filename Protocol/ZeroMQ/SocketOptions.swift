import CZeroMQ

/// How a socket behaves. Given when it is made, because libzmq ignores most of these once a socket is bound or connected.
package struct SocketOptions: Sendable {
    /// The biggest frame accepted or sent. libzmq closes the connection of a peer that announces a bigger one, during
    /// the CURVE handshake too: without this bound strangers could fill memory.
    package var maximumFrameBytes = 1 << 20
    /// Payload frames in one message; what has more is dropped and reported.
    package var maximumFrames = 4
    /// All payload frames of one message together.
    package var maximumMessageBytes = 4 << 20
    /// A message is one frame, and travels in parts of so many bytes, put together again on the other side, which has the
    /// same option; nil: frames travel as they are. See `messages(upTo:)`.
    private(set) var partBytes: Int?
    /// How long a closed socket, and with it the end of the process, waits for what is still unsent. Never forever; for
    /// messages in parts at least 100 ms.
    package var lingerMilliseconds: Int32 = 1000
    /// Queue messages for connections that are not up yet. Off, so that a worker whose coordinator is away is told
    /// `wouldBlock` instead of filling memory (there is no high-water mark).
    package var queuesBeforeConnected = false
    package var security = Security.none
    /// Which of the context's I/O threads may serve this socket's connections, one bit each; 0: all. See
    /// `Context.useThreads`.
    package var threads: UInt64 = 0

    package enum Security: Sendable {
        /// inproc and ipc only: `bind` and `connect` refuse tcp.
        case none
        /// Admits the keys that the `Authenticator` admits, and none while there is no authenticator.
        case server(KeyPair)
        /// Speaks only with the server that holds the secret key to `server`.
        case client(KeyPair, server: PublicKey)
    }
    package init() {}

    /// For messages of one frame each. They travel in parts of 64 KiB, so that libzmq, whose bound is on what travels,
    /// keeps no more than that for a stranger, and its I/O thread decrypts no more than that before it looks at somebody
    /// else's connection.
    package static func messages(upTo bytes: Int) -> SocketOptions {
        var options = SocketOptions()
        options.partBytes = usualPartBytes
        // What CURVE adds: a command's name, a nonce, a signature, flags.
        options.maximumFrameBytes = usualPartBytes + 64
        options.maximumFrames = 1
        options.maximumMessageBytes = bytes
        return options
    }
    package static let usualPartBytes = 64 << 10
    /// How many parts a message of so many bytes has.
    package static func parts(of bytes: Int) -> Int { max(1, (bytes + usualPartBytes - 1) / usualPartBytes) }

    /// The ZAP domain of every CURVE server: any text will do, but an empty one lets everybody in.
    static let domain = "apex"
    /// A connection that has not finished its handshake by then is closed.
    static let handshakeMilliseconds: Int32 = 5000
    /// A lost connection is tried again after 100 ms, doubling up to this: a thousand workers do not storm a
    /// coordinator that comes back.
    static let reconnectMilliseconds: ClosedRange<Int32> = 100...1600
    /// ZMTP heartbeats are on, to close connections whose other end vanished without a word (a pulled cable): their
    /// queue would grow without bound. They prove the host alive, not the program: workers send their own besides.
    static let heartbeatMilliseconds: Int32 = 2000
    static let heartbeatTimeoutMilliseconds: Int32 = 10_000

    var isCurve: Bool { if case .none = security { false } else { true } }
    var isCurveServer: Bool { if case .server = security { true } else { false } }

    /// Refuses what the other side, with the same bounds, would drop or cut the connection for.
    func check(_ frames: [[UInt8]]) throws(ZeroMQError) {
        var totalBytes = 0
        for frame in frames {
            totalBytes += frame.count
            let bound = partBytes == nil ? maximumFrameBytes : maximumMessageBytes
            guard frame.count <= bound else {
                throw ZeroMQError("a frame of \(frame.count) bytes; a connection carries at most \(bound)")
            }
        }
        guard frames.count <= maximumFrames, totalBytes <= maximumMessageBytes else {
            throw ZeroMQError(
                "a message of \(frames.count) frames and \(totalBytes) bytes; a connection carries at most "
                    + "\(maximumFrames) and \(maximumMessageBytes)")
        }
    }

    /// Every number to set on a socket of this kind, with the name to blame.
    func numbers(for kind: Socket.Kind) -> [(option: Int32, value: Int32, name: String)] {
        var list: [(Int32, Int32, String)] = [
            // No high-water mark: a ROUTER drops silently at one. Credits above this layer bound what is in flight.
            (ZMQ_SNDHWM, 0, "SNDHWM"), (ZMQ_RCVHWM, 0, "RCVHWM"),
            // libzmq 4.3.4 can abort (session_base.cpp:260) where a socket gives up a message of several parts half sent
            // and the connection ends at the same moment: 5 of 800 times in a program made for it, 2 of 4,400 with 100 ms.
            (ZMQ_LINGER, max(lingerMilliseconds, partBytes == nil ? 0 : 100), "LINGER"),
            (ZMQ_HANDSHAKE_IVL, Self.handshakeMilliseconds, "HANDSHAKE_IVL"),
            (ZMQ_RECONNECT_IVL, Self.reconnectMilliseconds.lowerBound, "RECONNECT_IVL"),
            (ZMQ_RECONNECT_IVL_MAX, Self.reconnectMilliseconds.upperBound, "RECONNECT_IVL_MAX"),
            (ZMQ_HEARTBEAT_IVL, Self.heartbeatMilliseconds, "HEARTBEAT_IVL"),
            (ZMQ_HEARTBEAT_TIMEOUT, Self.heartbeatTimeoutMilliseconds, "HEARTBEAT_TIMEOUT"),
            (ZMQ_HEARTBEAT_TTL, Self.heartbeatTimeoutMilliseconds, "HEARTBEAT_TTL"),
            (ZMQ_BACKLOG, 1024, "BACKLOG"),
            (ZMQ_IPV6, 0, "IPV6"),
            (ZMQ_TCP_KEEPALIVE, 1, "TCP_KEEPALIVE"), (ZMQ_TCP_KEEPALIVE_IDLE, 30, "TCP_KEEPALIVE_IDLE"),
            (ZMQ_TCP_KEEPALIVE_INTVL, 10, "TCP_KEEPALIVE_INTVL"), (ZMQ_TCP_KEEPALIVE_CNT, 3, "TCP_KEEPALIVE_CNT"),
        ]
        switch kind {
        case .router:
            // ROUTER_HANDOVER stays off: with it, one peer could take another's routing id and its messages.
            list += [(ZMQ_ROUTER_MANDATORY, 1, "ROUTER_MANDATORY")]
        case .dealer, .push: list += [(ZMQ_IMMEDIATE, queuesBeforeConnected ? 0 : 1, "IMMEDIATE")]
        case .pair, .pull, .rep: break
        }
        return list
    }

    /// Sets everything on a socket that is neither bound nor connected.
    func apply(to socket: UnsafeMutableRawPointer, of kind: Socket.Kind) throws(ZeroMQError) {
        for (option, value, name) in numbers(for: kind) { unsafe try set(socket, option, value, name) }
        unsafe try set(socket, ZMQ_MAXMSGSIZE, Int64(maximumFrameBytes), "MAXMSGSIZE")
        unsafe try set(socket, ZMQ_AFFINITY, threads, "AFFINITY")
        switch security {
        case .none: break
        case .server(let keys):
            unsafe try set(socket, ZMQ_CURVE_SERVER, Int32(1), "CURVE_SERVER")
            unsafe try set(socket, ZMQ_CURVE_SECRETKEY, keys.secretKey.bytes, "CURVE_SECRETKEY")
            unsafe try set(socket, ZMQ_ZAP_DOMAIN, Array(Self.domain.utf8), "ZAP_DOMAIN")
            unsafe try set(socket, ZMQ_ZAP_ENFORCE_DOMAIN, Int32(1), "ZAP_ENFORCE_DOMAIN")
        case .client(let keys, let server):
            unsafe try set(socket, ZMQ_CURVE_SERVERKEY, server.bytes, "CURVE_SERVERKEY")
            unsafe try set(socket, ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes, "CURVE_PUBLICKEY")
            unsafe try set(socket, ZMQ_CURVE_SECRETKEY, keys.secretKey.bytes, "CURVE_SECRETKEY")
        }
    }

    private func set<Number: FixedWidthInteger>(
        _ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: Number, _ name: String
    ) throws(ZeroMQError) {
        var value = value
        guard unsafe zmq_setsockopt(socket, option, &value, Number.bitWidth / 8) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "setting \(name) to \(value)")
        }
    }

    private func set(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: [UInt8], _ name: String)
        throws(ZeroMQError)
    {
        guard unsafe zmq_setsockopt(socket, option, value, value.count) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "setting \(name)")
        }
    }
}
