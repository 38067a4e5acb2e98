import Foundation
import Testing
import ZeroMQ

// What libzmq really does, pinned: the traps of bounds, each against our own configuration.

struct TransportBoundTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `more frames than agreed are drained, dropped and reported`() throws {
        var generous = SocketOptions()
        generous.maximumFrames = 10_000
        let router = try Socket(.router)
        let dealer = try Socket(.dealer, options: generous)
        try router.bind(folder.ipc)
        try dealer.connect(folder.ipc)
        try dealer.sendSoon(Array(repeating: [1], count: 4))
        let whole = try router.next()
        #expect(whole.frames.count == 4)
        for count in [5, 6, 5000] {
            try dealer.sendSoon(Array(repeating: [1], count: count))
            try dealer.sendSoon([[2]])
            let refusal = try eventually("refusal") { try router.receive() }
            #expect(refusal == .refused(Refusal(reason: .tooManyFrames, peer: whole.peer)))
            #expect(try router.next().frames == [[2]])
        }
    }

    @Test func `more bytes than agreed are dropped and reported, and no frame is sent that would be cut`() throws {
        var small = SocketOptions()
        small.maximumFrameBytes = 1000
        small.maximumMessageBytes = 2000
        let router = try Socket(.router, options: small)
        var wordy = small
        wordy.maximumMessageBytes = 3000
        let dealer = try Socket(.dealer, options: wordy)
        try router.bind(folder.ipc)
        try dealer.connect(folder.ipc)
        let frame = [UInt8](repeating: 1, count: 1000)
        try dealer.sendSoon([frame, frame])
        #expect(try router.next().frames == [frame, frame])
        try dealer.sendSoon([frame, frame, [1]])
        guard case .refused(let refusal) = try eventually("refusal", { try router.receive() }) else {
            throw Late(what: "refusal")
        }
        #expect(refusal.reason == .tooManyBytes)
        #expect(throws: ZeroMQError("a frame of 1001 bytes; a connection carries at most 1000")) {
            try dealer.send([frame + [1]])
        }
        for frames in [[frame, frame, frame, [1]], Array(repeating: [1], count: 5)] {
            #expect(throws: ZeroMQError.self) { try dealer.send(frames) }
        }
    }

    @Test func `a peer that sends a bigger frame than agreed loses its connection`() throws {
        var small = SocketOptions()
        small.maximumFrameBytes = 1000
        let router = try Socket(.router, options: small)
        try router.bind(folder.ipc)
        let monitor = try Monitor(router)
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)
        try dealer.sendSoon([[UInt8](repeating: 1, count: 2000)])
        _ = try eventually("cut") { monitor.counts.disconnected > 0 ? true : nil }
        #expect(try router.receive() == nil)
    }

    @Test func `attack 5, a stranger's giant handshake frame, is cut at once and fills no memory`() throws {
        let router = try curveServer(KeyPair())
        for flags in [4, 0, 1] as [UInt8] {
            let connection = try RawConnection(router.lastEndpoint)
            #expect(connection.greet("CURVE"))
            // 64 MiB announced; without a bound libzmq would keep all of it.
            #expect(connection.write(header(flags, 64 << 20)) == 9)
            #expect(connection.isClosed())
        }
        // What is within the bound is waited for: it was the size that ended the others.
        let patient = try RawConnection(router.lastEndpoint)
        #expect(patient.greet("CURVE"))
        #expect(patient.write(header(4, SocketOptions().maximumFrameBytes) + [1, 2, 3]) == 12)
        #expect(!patient.isClosed())
        #expect(try router.receive() == nil)
    }

    @Test func `a stranger who speaks no CURVE is cut`() throws {
        let router = try curveServer(KeyPair())
        let connection = try RawConnection(router.lastEndpoint)
        #expect(!connection.greet("NULL"))
        #expect(connection.isClosed())
        let noise = try RawConnection(router.lastEndpoint)
        noise.write(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8) + [UInt8](repeating: 0xFF, count: 200))
        #expect(noise.isClosed())
        #expect(try router.receive() == nil)
    }

    @Test func `attack 4, endless frames without a last one: a stranger's fill no memory`() async {
        // In a process of its own, whose memory nobody else uses.
        await #expect(processExitsWith: .success) {
            let router = try curveServer(KeyPair())
            let before = try residentBytes()
            for _ in 0..<4 {
                let connection = try RawConnection(router.lastEndpoint)
                guard connection.greet("CURVE") else { exit(2) }
                let frame = header(1, 4096) + [UInt8](repeating: 0x41, count: 4096)
                for _ in 0..<4096 { if connection.write(frame) <= 0 { break } }  // 16 MiB of MORE frames
                guard connection.isClosed() else { exit(3) }
            }
            guard try residentBytes() - before < 8 << 20 else { exit(4) }
        }
    }

    @Test func `a member's outsized message is refused with its name, so that its key can be revoked`() async {
        // libzmq hands over whole messages only: what a member has not finished sending is bounded by revoking it.
        await #expect(processExitsWith: .success) {
            let (keys, member) = (try KeyPair(), try KeyPair())
            let authenticator = try Authenticator(allowing: [member.publicKey: .init(name: "m", role: .worker)])
            let router = try curveServer(keys)
            let monitor = try Monitor(router)
            var options = SocketOptions()
            options.security = .client(member, server: keys.publicKey)
            options.maximumFrames = .max
            options.maximumMessageBytes = .max
            options.lingerMilliseconds = 0
            let dealer = try Socket(.dealer, options: options)
            try dealer.connect(router.lastEndpoint)
            try dealer.sendSoon([[1]])
            let first = try router.next()
            // One message of 512 frames: whole, it would be 8 MiB, twice what is allowed.
            try dealer.sendSoon(Array(repeating: [UInt8](repeating: 1, count: 16 << 10), count: 512))
            let refusal = try eventually("refusal") { try router.receive() }
            let expected = Refusal(
                reason: .tooManyFrames, peer: first.peer, peerKey: member.publicKey, connection: first.connection)
            guard refusal == .refused(expected) else { exit(2) }
            authenticator.replace([:])
            Connections.cut(first.connection!)
            _ = try eventually(within: 1, "cut") { monitor.counts.disconnected > 0 ? true : nil }
            _ = try eventually("denial") { authenticator.denialCount > 0 ? true : nil }
            guard try dealer.send([[1]]) == .wouldBlock else { exit(3) }
        }
    }

    @Test func `attack 7, a thousand idle strangers, keep no member out, for the monitor is drained`() async {
        await #expect(processExitsWith: .success) {
            Context.raiseFileLimit()
            let keys = try KeyPair()
            let member = try KeyPair()
            let authenticator = try Authenticator(allowing: [member.publicKey: .init(name: "m", role: .worker)])
            let router = try curveServer(keys)
            let monitor = try Monitor(router)
            let before = try residentBytes()
            var strangers: [RawConnection] = []
            for _ in 0..<1000 { strangers.append(try RawConnection(router.lastEndpoint)) }
            var options = SocketOptions()
            options.security = .client(member, server: keys.publicKey)
            let dealer = try Socket(.dealer, options: options)
            try dealer.connect(router.lastEndpoint)
            try dealer.sendSoon([[1]])
            guard try router.next().peerKey == member.publicKey else { exit(2) }
            _ = try eventually("count of all connections") { monitor.counts.accepted >= 1001 ? true : nil }
            guard monitor.connections.count >= 2, try residentBytes() - before < 64 << 20 else { exit(3) }
            strangers = []
            _ = try eventually("end of the strangers") { monitor.counts.disconnected >= 1000 ? true : nil }
            guard monitor.connections.count == 1 else { exit(4) }
            authenticator.stop()
        }
    }
}
