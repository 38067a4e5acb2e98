import Messages
import ZeroMQ

/// One connection to the coordinator. After silence it is thrown away for a fresh one: a DEALER cannot be told to forget
/// what it queued.
struct Link: ~Copyable {
    private let socket: Socket
    /// Over TCP: tells when the other side refuses our key.
    private let events: ZeroMQ.Monitor?
    private var poller: Poller
    private var version: UInt16
    /// What is said is said in this version of the protocol: an older coordinator's, once it was heard.
    func spoken() -> UInt16 { version }

    /// What a coordinator says, or what it cannot be understood by.
    enum Heard {
        case message(Outbound)
        /// It speaks only a version that this worker does not.
        case otherVersion(UInt16)
    }

    /// - Parameter version: of the protocol, to begin with.
    init(_ address: String, version: UInt16, security: SocketOptions.Security, descriptors: [Int32])
        throws(ZeroMQError)
    {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        // For the goodbye; what else is unsent is kept and sent again anyway.
        options.lingerMilliseconds = 500
        options.security = security
        // Everything is made before it is stored: a value that cannot be copied cannot be half there.
        let socket = try Socket(.dealer, options: options)
        let events = try address.hasPrefix("tcp://") ? ZeroMQ.Monitor(socket) : nil
        try socket.connect(address)
        var poller = Poller()
        _ = poller.add(socket)
        for descriptor in descriptors { _ = poller.add(descriptor: descriptor) }
        self.socket = socket
        self.events = events
        self.poller = poller
        self.version = version
    }

    /// How often the coordinator has refused our key on this connection. Being away, or unable to tell whom it knows, is
    /// no refusal.
    func refusals() -> Int { events?.counts.refusals ?? 0 }

    /// Waits for a message or one of the descriptors.
    mutating func wait(milliseconds: Int64) throws(ZeroMQError) {
        try poller.wait(milliseconds: Int(clamping: max(0, milliseconds)))
    }

    /// - Returns: whether the transport took it: false when no connection is up.
    func send(_ message: Inbound) throws(ZeroMQError) -> Bool {
        try socket.send([Frame.encode(message, version: version)]) == .sent
    }

    /// The next message; nil when none waits. Frames that are none of ours are dropped with a warning: whoever sent
    /// them gets no answer.
    mutating func receive() throws(ZeroMQError) -> Heard? {
        while let receipt = try socket.receive() {
            guard case .message(let message) = receipt, let frame = message.frames.first, message.frames.count == 1
            else {
                Log.warning("message_refused", ["reason": "more frames or bytes than a message has"])
                continue
            }
            if let spoken = Frame.version(of: frame), spoken != version {
                guard spoken == Frame.answerVersion(to: spoken) else { return .otherVersion(spoken) }
                version = min(version, spoken)
            }
            do { return .message(try Frame.decode(Outbound.self, frame)) } catch {
                Log.warning("message_refused", ["bytes": frame.count, "reason": error.description])
            }
        }
        return nil
    }
}
