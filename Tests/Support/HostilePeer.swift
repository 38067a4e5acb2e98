import Messages
import ZeroMQ

/// A peer in the coordinator's own protocol that says what it likes, without bounds on what it sends.
package final class HostilePeer {
    package let socket: Socket
    private var poller = Poller()

    package init(_ address: String, keys: KeyPair, server: PublicKey) throws {
        var options = SocketOptions()
        options.maximumFrameBytes = 1 << 30
        options.maximumMessageBytes = .max
        options.maximumFrames = .max
        options.queuesBeforeConnected = true
        options.lingerMilliseconds = 100  // its messages have parts: see SocketOptions
        options.security = .client(keys, server: server)
        socket = try Socket(.dealer, options: options)
        try socket.connect(address)
        _ = poller.add(socket)
    }
    /// With a folder of keys as `apex keys add-… --out` makes it.
    package convenience init(_ address: String, _ folder: String, _ file: String) throws {
        try self.init(
            address, keys: try KeyPair(readingFrom: "\(folder)/\(file)"),
            server: try PublicKey(readingFrom: folder + "/coordinator.pub"))
    }

    /// In parts, as an honest peer would.
    package func send(_ message: Inbound) throws {
        let frame = Frame.encode(message)
        let partBytes = SocketOptions.usualPartBytes
        try send(
            frames: stride(from: 0, to: frame.count, by: partBytes).map {
                Array(frame[$0..<min($0 + partBytes, frame.count)])
            })
    }
    package func send(frames: [[UInt8]]) throws { _ = try socket.send(frames) }

    /// The next message; nil when none comes in time.
    package func answer(within seconds: Double = 10) throws -> Outbound? {
        let end = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
        while ContinuousClock.now < end {
            try poller.wait(milliseconds: 20)
            if case .message(let message)? = try socket.receive() {
                return try Frame.decode(Outbound.self, Array(message.frames.joined()))
            }
        }
        return nil
    }
    /// The next message that fits.
    package func answer<Answer>(_ read: (Outbound) -> Answer?) throws -> Answer? {
        while let message = try answer() { if let answer = read(message) { return answer } }
        return nil
    }
    package func ask(_ request: Request) throws -> Reply? {
        try send(.request(number: 1, request))
        return try answer { if case .reply(_, let reply) = $0 { reply } else { nil } }
    }
    /// Takes whatever came, and looks at none of it.
    package func drain() throws { while try socket.receive() != nil {} }
}
