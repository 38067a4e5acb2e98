import CZeroMQ
import Glibc

/// One socket. It lives and dies on the thread that made it: it cannot be copied, and because it holds a raw pointer it
/// is not Sendable, so using it in another thread's closure does not compile. (libzmq aborts the process when two
/// threads use one ROUTER.)
@safe package struct Socket: ~Copyable {
    package enum Kind: Sendable, CaseIterable {
        case router, dealer, pair, push, pull, rep

        var code: Int32 {
            switch self {
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            case .pair: ZMQ_PAIR
            case .push: ZMQ_PUSH
            case .pull: ZMQ_PULL
            case .rep: ZMQ_REP
            }
        }
    }

    package let kind: Kind
    package let options: SocketOptions
    private let context: Context  // outlives the socket, as zmq_ctx_term requires
    let pointer: UnsafeMutableRawPointer
    private let owner = pthread_self()
    /// The frame being received; libzmq wants it to stay in one place.
    private let scratch: UnsafeMutablePointer<zmq_msg_t>

    package init(_ kind: Kind, in context: Context = .shared, options: SocketOptions = SocketOptions())
        throws(ZeroMQError)
    {
        unsafe pointer = try Self.open(kind, in: context, options: options)
        self.kind = kind
        self.options = options
        self.context = context
        unsafe scratch = .allocate(capacity: 1)
        unsafe zmq_msg_init(scratch)
    }

    private static func open(_ kind: Kind, in context: Context, options: SocketOptions) throws(ZeroMQError)
        -> UnsafeMutableRawPointer
    {
        let pointer = unsafe try context.open(kind)
        do throws(ZeroMQError) { unsafe try options.apply(to: pointer, of: kind) } catch {
            unsafe zmq_close(pointer)
            throw error
        }
        return unsafe pointer
    }

    deinit {
        unsafe zmq_msg_close(scratch)
        unsafe scratch.deallocate()
        unsafe zmq_close(pointer)
    }

    // MARK: - Sending

    /// Sends one message, or none of it, and never waits.
    /// - Parameter peer: whom to; exactly when the socket is a ROUTER.
    /// - Throws: when the message is larger than any peer would take, or the context is ending.
    package func send(_ frames: [[UInt8]], to peer: Peer? = nil) throws(ZeroMQError) -> SendOutcome {
        checkOwner()
        precondition((peer != nil) == (kind == .router), "a router sends to a peer, and nothing else does")
        precondition(!frames.isEmpty, "a message has at least one frame")
        try options.check(frames)
        if let peer {
            // Five bytes, all written before they are sent.
            let outcome = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 5) { buffer in
                unsafe buffer[0] = 0
                for at in 0..<4 { unsafe buffer[at + 1] = UInt8(truncatingIfNeeded: peer.number >> (24 - 8 * at)) }
                return unsafe sendFrame(UnsafeRawBufferPointer(buffer), more: true)
            }
            guard outcome == 0 else { return try refused(outcome) }
        }
        var failure: Int32 = 0
        for (at, frame) in frames.enumerated() {
            let isLast = at == frames.count - 1
            let outcome = unsafe frame.withUnsafeBytes { bytes in
                unsafe sendInParts(bytes, isFirst: at == 0 && peer == nil, more: !isLast)
            }
            if outcome.code != 0 { failure = outcome.code }
            if outcome.ends { break }
        }
        return failure == 0 ? .sent : try refused(failure)
    }

    /// - Parameter isFirst: nothing of the message was given to libzmq yet.
    /// - Returns: libzmq's error code or 0, and whether the rest of the message is not to be sent.
    private func sendInParts(_ frame: UnsafeRawBufferPointer, isFirst: Bool, more: Bool) -> (code: Int32, ends: Bool) {
        let partBytes = options.partBytes ?? max(frame.count, 1)
        var failure: Int32 = 0
        var start = 0
        repeat {
            let end = min(start + partBytes, frame.count)
            let part = unsafe UnsafeRawBufferPointer(rebasing: frame[start..<end])
            let code = unsafe sendFrame(part, more: more || end < frame.count)
            if code != 0 {
                failure = code
                // A DEALER or PUSH that loses its connection in mid-message swallows the rest up to the last frame, so
                // the rest must still be given to it. When the first frame fails, and in a PAIR, nothing is swallowed.
                if isFirst && start == 0 || kind == .pair { return (code, true) }
            }
            start = end
        } while start < frame.count
        return (failure, false)
    }

    /// - Returns: 0 or libzmq's error code.
    private func sendFrame(_ bytes: UnsafeRawBufferPointer, more: Bool) -> Int32 {
        let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
        while true {
            // libzmq copies the bytes before it returns.
            if unsafe zmq_send(pointer, bytes.baseAddress, bytes.count, flags) >= 0 { return 0 }
            let code = zmq_errno()
            if code != EINTR { return code }
        }
    }

    private func refused(_ code: Int32) throws(ZeroMQError) -> SendOutcome {
        switch code {
        case EAGAIN: return .wouldBlock
        case EHOSTUNREACH: return .unreachable
        default: throw ZeroMQError(code: code, while: "sending on a \(kind) socket")
        }
    }

    // MARK: - Receiving

    /// Takes one whole message off the socket.
    /// - Parameter waiting: wait until there is one; else nil when there is none.
    package func receive(waiting: Bool = false) throws(ZeroMQError) -> Receipt? {
        checkOwner()
        var message = Message(frames: [])
        var reason: Refusal.Reason?
        var totalBytes = 0
        guard var more = try receiveFrame(waiting: waiting) else { return nil }
        if kind == .router {
            message.peer = peerInFrame()
            if message.peer == nil { reason = .foreignRoutingID }
            guard more, let next = try receiveFrame(waiting: false) else {
                return .refused(refusal(.truncated, message))
            }
            more = next
        }
        while true {
            let count = unsafe zmq_msg_size(scratch)
            totalBytes += count
            if let partBytes = options.partBytes {
                // A part that is not full is the last one: nobody makes a message of a million scraps.
                if more, count != partBytes { reason = reason ?? .tooManyFrames }
            } else if message.frames.count == options.maximumFrames {
                reason = reason ?? .tooManyFrames
            }
            if totalBytes > options.maximumMessageBytes { reason = reason ?? .tooManyBytes }
            if reason != nil {
                message.frames = []
            } else if options.partBytes == nil || message.frames.isEmpty {
                message.frames.append(frameBytes(count))
            } else {
                unsafe message.frames[0].append(
                    contentsOf: UnsafeRawBufferPointer(start: zmq_msg_data(scratch), count: count))
            }
            guard more else { break }
            guard let next = try receiveFrame(waiting: false) else { return .refused(refusal(.truncated, message)) }
            more = next
        }
        if options.isCurveServer {
            // From a payload frame: on the routing id libzmq 4.3.4 forgets who sent it after a poll.
            message.peerKey = peerKeyInFrame()
            let descriptor = unsafe zmq_msg_get(scratch, ZMQ_SRCFD)
            message.connection = descriptor >= 0 ? descriptor : nil
        }
        return if let reason { .refused(refusal(reason, message)) } else { .message(message) }
    }

    private func refusal(_ reason: Refusal.Reason, _ message: Message) -> Refusal {
        Refusal(reason: reason, peer: message.peer, peerKey: message.peerKey, connection: message.connection)
    }

    /// - Returns: whether more frames of the message follow; nil when there is nothing to receive.
    private func receiveFrame(waiting: Bool) throws(ZeroMQError) -> Bool? {
        while true {
            if unsafe zmq_msg_recv(scratch, pointer, waiting ? 0 : ZMQ_DONTWAIT) >= 0 {
                return unsafe zmq_msg_more(scratch) != 0
            }
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return nil
            case let code: throw ZeroMQError(code: code, while: "receiving on a \(kind) socket")
            }
        }
    }

    private func frameBytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        // The frame holds exactly `count` bytes until the next receive.
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            unsafe memcpy(buffer.baseAddress!, zmq_msg_data(scratch), count)
            filled = count
        }
    }

    /// The number in a routing id that libzmq drew itself: a zero byte, then 32 bits, big-endian.
    private func peerInFrame() -> Peer? {
        guard unsafe zmq_msg_size(scratch) == 5 else { return nil }
        // The frame's five bytes, alive until the next receive.
        let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(scratch), count: 5)
        guard unsafe bytes[0] == 0 else { return nil }
        return Peer(UInt32(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    }

    private func peerKeyInFrame() -> PublicKey? {
        // NUL-terminated and alive as long as the frame.
        guard let text = unsafe zmq_msg_gets(scratch, "User-Id") else { return nil }
        return PublicKey(unsafe String(cString: text))
    }

    // MARK: - Endpoints

    /// - Throws: when the address is taken or wrong, when tcp is asked for without keys, or when the folder of an ipc
    ///   endpoint is open to other users.
    package func bind(_ endpoint: String) throws(ZeroMQError) {
        checkOwner()
        try check(endpoint)
        if let path = endpoint.ipcPath { try checkIsPrivate(folderOf: path) }
        guard unsafe zmq_bind(pointer, endpoint) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "listening on \(endpoint)")
        }
    }

    /// Returns at once; the connection is made, and made again after it is lost, in the background.
    package func connect(_ endpoint: String) throws(ZeroMQError) {
        checkOwner()
        try check(endpoint)
        guard unsafe zmq_connect(pointer, endpoint) == 0 else {
            throw ZeroMQError(code: zmq_errno(), while: "connecting to \(endpoint)")
        }
    }

    /// The endpoint of the last `bind`, with the port that a `:*` was given.
    package var lastEndpoint: String {
        get throws(ZeroMQError) {
            checkOwner()
            var length = 1024
            var text = [CChar](repeating: 0, count: length)
            guard unsafe zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &length) == 0, length > 0 else {
                throw ZeroMQError(code: zmq_errno(), while: "reading a socket's endpoint")
            }
            return String(decoding: text[..<(length - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    func checkOwner() {
        assert(pthread_equal(owner, pthread_self()) != 0, "this thread did not make the socket")
    }

    private func check(_ endpoint: String) throws(ZeroMQError) {
        let scheme = endpoint.prefix { $0 != ":" }
        switch scheme {
        case "inproc", "ipc": break
        case "tcp":
            guard options.isCurve else { throw ZeroMQError("\(endpoint): tcp needs keys; use ipc on one machine") }
        default: throw ZeroMQError("\(endpoint): the address begins with neither tcp://, ipc:// nor inproc://")
        }
        if let path = endpoint.ipcPath, path.hasPrefix("@") || path.hasPrefix("*") {
            throw ZeroMQError("\(endpoint): an ipc address is a file in a folder of mode 0700")
        }
    }

    private func checkIsPrivate(folderOf path: String) throws(ZeroMQError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        var status = stat()
        guard unsafe stat(folder.isEmpty ? "/" : folder, &status) == 0 else {
            throw ZeroMQError(code: errno, while: "listening on ipc://\(path)")
        }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
            throw ZeroMQError("\(folder) is open to other users; make it yours with mode 0700 to listen in it")
        }
    }
}

extension String {
    /// The file of an ipc endpoint.
    fileprivate var ipcPath: String? { hasPrefix("ipc://") ? String(dropFirst(6)) : nil }
}
