import Foundation
import Testing
import ZeroMQ

// What libzmq really does, pinned: the traps of routing, bounds and shutdown, each against our own configuration.

/// A plain stream connection to `tcp://127.0.0.1:PORT` or `ipc://PATH`, with a second's patience for each call.
private final class RawConnection {
    private let descriptor: Int32
    init(_ endpoint: String) throws {
        let isLocal = endpoint.hasPrefix("ipc://")
        descriptor = socket(isLocal ? AF_UNIX : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        var (local, remote) = (sockaddr_un(), sockaddr_in())
        local.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &local.sun_path) { unsafe $0.copyBytes(from: endpoint.dropFirst(6).utf8) }
        remote.sin_family = sa_family_t(AF_INET)
        remote.sin_port = isLocal ? 0 : UInt16(endpoint.split(separator: ":").last!)!.bigEndian
        remote.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let failed = isLocal ? Self.connect(descriptor, &local) : Self.connect(descriptor, &remote)
        guard failed == 0 else { throw POSIXError(.ECONNREFUSED) }
    }
    deinit { close(descriptor) }
    private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// - Returns: how many bytes the system took; less than 1 when the connection is closed.
    @discardableResult func write(_ bytes: [UInt8]) -> Int {
        unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
    /// Reads so many bytes, or what comes before the other side closes.
    @discardableResult func read(_ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            var bytes = [UInt8](repeating: 0, count: count - all.count)
            let got = unsafe recv(descriptor, &bytes, bytes.count, 0)
            if got <= 0 { break }
            all += bytes[..<got]
        }
        return all
    }
    /// Reads until the other side closes or is silent for a second.
    /// - Returns: whether it closed.
    func isClosed() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
            if count > 0 { continue }
            return count == 0 || errno == ECONNRESET || errno == EPIPE
        }
    }
    /// Exchanges the 64 bytes with which ZMTP 3.0 begins.
    /// - Returns: whether the other side speaks the same mechanism.
    func greet(_ mechanism: String) -> Bool {
        let name = Array(mechanism.utf8)
        write([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + name + [UInt8](repeating: 0, count: 52 - name.count))
        let answer = read(64)
        return answer.count == 64 && Array(answer[12..<12 + name.count]) == name
    }
}

/// A frame's header that announces `bytes`; flags: 1 more, 2 long, 4 command.
private func header(_ flags: UInt8, _ bytes: Int) -> [UInt8] {
    [flags | 2] + (0..<8).map { UInt8(truncatingIfNeeded: bytes >> (56 - 8 * $0)) }
}

private func curveServer(_ keys: KeyPair) throws -> Socket {
    var options = SocketOptions()
    options.security = .server(keys)
    let router = try Socket(.router, options: options)
    try router.bind("tcp://127.0.0.1:*")
    return router
}

struct TransportTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    // MARK: - Routing

    @Test func `every connection is a peer of its own, so none silences another`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        var peers: Set<Peer> = []
        var last: Peer?
        for round in 0..<20 as Range<UInt8> {
            let dealer = try Socket(.dealer)
            try dealer.connect(folder.ipc)
            try dealer.sendSoon([[round]])
            let message = try router.next()
            #expect(message.frames == [[round]])
            last = message.peer
            peers.insert(message.peer!)
            #expect(try router.send([[round]], to: message.peer!) == .sent)
            #expect(try dealer.next().frames == [[round]])
        }
        #expect(peers.count == 20)
        // Nobody takes over the name of a peer that is gone: handover is off and names are never used twice.
        _ = try eventually("end of the last peer") { try router.send([[0]], to: last!) == .unreachable ? true : nil }
    }

    @Test func `a peer that names itself is refused, and whose name it takes is not disturbed`() async throws {
        let address = folder.ipc
        let router = try Socket(.router)
        try router.bind(address)
        let honest = try Socket(.dealer)
        try honest.connect(address)
        try honest.sendSoon([[1]])
        let peer = try router.next().peer!
        // Two clients of another make, both called "w1": the first is refused by us, the second never heard by libzmq.
        let twins = [try ForeignDealer([119, 49], address), try ForeignDealer([119, 49], address)]
        defer { withExtendedLifetime(twins) {} }  // else Swift ends them after their last use
        for twin in twins { twin.send([2]) }
        let refusal = try eventually("refusal") { try router.receive() }
        #expect(refusal == .refused(Refusal(reason: .foreignRoutingID)))
        // One that asks for the very name of the honest peer: libzmq ignores it, for handover is off.
        let thief = try ForeignDealer(
            [0] + (0..<4).map { UInt8(truncatingIfNeeded: peer.number >> (24 - 8 * $0)) }, address)
        defer { withExtendedLifetime(thief) {} }
        thief.send([3])
        for round in 0..<30 as Range<UInt8> {
            #expect(try router.send([[round]], to: peer) == .sent)
            #expect(try honest.next().frames == [[round]])
            try honest.sendSoon([[round]])
            let message = try router.next()
            #expect(message.peer == peer && message.frames == [[round]])
        }
    }

    @Test func `an unknown peer is said to be unreachable`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        #expect(try router.send([[1], [2], [3]], to: Peer(12345)) == .unreachable)
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)
        try dealer.sendSoon([[1]])
        let peer = try router.next().peer!
        #expect(try router.send([[1], [2]], to: Peer(peer.number &+ 1)) == .unreachable)
        #expect(try router.send([[7], [8]], to: peer) == .sent)
        #expect(try dealer.next().frames == [[7], [8]])  // no frame of a refused message is left behind
    }

    @Test func `without a connection a dealer would block, and says so at once`() throws {
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)  // nobody listens
        let start = ContinuousClock.now
        for _ in 0..<1000 { #expect(try dealer.send([[1], [2]]) == .wouldBlock) }
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(try dealer.receive() == nil)
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        try dealer.sendSoon([[3], [4]])
        #expect(try router.next().frames == [[3], [4]])
    }

    @Test func `a hundred thousand messages go there and back without one dropped`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)
        func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        try dealer.sendSoon([bytes(0)])
        let peer = try router.next().peer!
        let count = 100_000
        // All of them before the first is read: far more than the thousand that libzmq would keep by default.
        for number in 0..<count { guard try dealer.send([bytes(number)]) == .sent else { throw Late(what: "way out") } }
        for number in 0..<count {
            let message = try router.next()
            guard message.frames == [bytes(number)] else { throw Late(what: "message \(number)") }
            guard try router.send(message.frames, to: peer) == .sent else { throw Late(what: "way back") }
        }
        for number in 0..<count {
            guard try dealer.next().frames == [bytes(number)] else { throw Late(what: "answer \(number)") }
        }
        #expect(try dealer.receive() == nil && router.receive() == nil)
    }

    // MARK: - Bounds

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

    @Test func `a stranger's giant handshake frame is cut at once and fills no memory`() throws {
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

    @Test func `a stranger's endless frames fill no memory`() async {
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

    @Test func `a thousand idle strangers do not keep a member out, for the monitor is drained`() async {
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

    // MARK: - Ends

    @Test func `the context ends promptly, whatever is unsent and whoever waits`() async {
        await #expect(processExitsWith: .success) {
            let folder = try Folder()
            let authenticator = try Authenticator()
            let waiting = DispatchSemaphore(value: 0)
            let ended = DispatchSemaphore(value: 0)
            Thread {
                do throws(ZeroMQError) {
                    let pull = try Socket(.pull)
                    try pull.bind("inproc://nothing")
                    waiting.signal()
                    _ = try pull.receive(waiting: true)
                } catch { if error.isTermination { ended.signal() } }
            }.start()
            waiting.wait()
            do {
                var patient = SocketOptions()
                patient.queuesBeforeConnected = true
                patient.lingerMilliseconds = 300
                let dealer = try Socket(.dealer, options: patient)
                try dealer.connect(folder.ipc)  // nobody listens
                for _ in 0..<1000 { guard try dealer.send([[1]]) == .sent else { exit(2) } }
                let router = try Socket(.router)
                try router.bind("\(folder.ipc)2")
                _ = try Monitor(router)
            }
            let start = ContinuousClock.now
            Context.shared.terminate()
            guard ContinuousClock.now - start < .seconds(5) else { exit(3) }
            guard ended.wait(timeout: .now() + 5) == .success else { exit(4) }
            authenticator.stop()
            do throws(ZeroMQError) {
                _ = try Socket(.pull)
                exit(5)
            } catch { guard error.isTermination else { exit(6) } }
        }
    }

    @Test func `what was sent before the end still arrives`() async {
        await #expect(processExitsWith: .success) {
            let folder = try Folder()
            let ready = DispatchSemaphore(value: 0)
            let counted = DispatchSemaphore(value: 0)
            let address = folder.ipc
            Thread {
                do throws(ZeroMQError) {
                    let pull = try Socket(.pull)
                    try pull.bind(address)
                    ready.signal()
                    for _ in 0..<10_000 { _ = try pull.receive(waiting: true) }
                    counted.signal()
                } catch { exit(2) }
            }.start()
            ready.wait()
            do {
                let push = try Socket(.push)
                try push.connect(address)
                for _ in 0..<10_000 { try push.sendSoon([[1]]) }
            }
            guard counted.wait(timeout: .now() + 5) == .success else { exit(3) }
            Context.shared.terminate()
        }
    }

    #if DEBUG
        @Test func `a socket used on another thread stops the program`() async {
            await #expect(processExitsWith: .failure) {
                struct Smuggled: @unchecked Sendable { var use: () -> Void }
                let socket = try Socket(.pair)
                try socket.bind("inproc://mine")
                let box = Box(socket)
                let use = Smuggled { _ = try? box.socket.receive() }
                let done = DispatchSemaphore(value: 0)
                Thread {
                    use.use()
                    done.signal()
                }.start()
                done.wait()
            }
        }
    #endif

    // MARK: - Waiting

    @Test func `a poller sees sockets and wakeups, and its patience ends`() throws {
        let push = try Socket(.push)
        let pull = try Socket(.pull)
        try pull.bind("inproc://poller")
        let wakeup = try Wakeup()
        var poller = Poller()
        let messages = poller.add(pull)
        let wakeups = poller.add(descriptor: wakeup.descriptor)
        let start = ContinuousClock.now
        #expect(try poller.wait(milliseconds: 30) == 0)
        #expect(ContinuousClock.now - start >= .milliseconds(29))
        Thread { for _ in 0..<3 { wakeup.wake() } }.start()
        #expect(try poller.wait(milliseconds: 10_000) == 1)
        #expect(poller.isReadable(wakeups) && !poller.isReadable(messages))
        while poller.isReadable(wakeups) {  // the other two calls may come a little later
            wakeup.clear()
            try poller.wait(milliseconds: 50)
        }
        try push.connect("inproc://poller")
        try push.sendSoon([[1]])
        #expect(try poller.wait(milliseconds: 10_000) == 1)
        #expect(poller.isReadable(messages) && !poller.isReadable(wakeups))
    }

    @Test func `signals interrupt neither waiting nor receiving`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGALRM) { _ in }
            var every = itimerval(
                it_interval: timeval(tv_sec: 0, tv_usec: 2000), it_value: timeval(tv_sec: 0, tv_usec: 2000))
            unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &every, nil)
            let pull = try Socket(.pull)
            try pull.bind("inproc://signals")
            var poller = Poller()
            let messages = poller.add(pull)
            let start = ContinuousClock.now
            guard try poller.wait(milliseconds: 200) == 0 else { exit(2) }
            let waited = ContinuousClock.now - start
            guard waited >= .milliseconds(199), waited < .seconds(5) else { exit(3) }
            Thread {
                Signals.blockOnThisThread()
                var blocked = sigset_t()
                unsafe pthread_sigmask(SIG_BLOCK, nil, &blocked)
                guard unsafe sigismember(&blocked, SIGALRM) == 1, unsafe sigismember(&blocked, SIGSEGV) == 0 else {
                    exit(4)
                }
                usleep(50_000)  // so that the receiver below is waiting, and interrupted, first
                do throws(ZeroMQError) {
                    let push = try Socket(.push)
                    try push.connect("inproc://signals")
                    for _ in 0..<100 { guard try push.send([[1]]) == .sent else { exit(5) } }
                } catch { exit(6) }
            }.start()
            for _ in 0..<100 { guard case .message = try pull.receive(waiting: true) else { exit(7) } }
            guard try poller.wait(milliseconds: 0) == 0, !poller.isReadable(messages) else { exit(8) }
        }
    }

    @Test func `a poller waits for room only when asked to`() throws {
        let push = try Socket(.push)
        let pull = try Socket(.pull)
        try pull.bind("inproc://room")
        try push.connect("inproc://room")
        var poller = Poller()
        let room = poller.add(push)
        #expect(try poller.wait(milliseconds: 0) == 0)
        poller.setWritable(room, true)
        #expect(try poller.wait(milliseconds: 10_000) == 1 && poller.isWritable(room))
        poller.setWritable(room, false)
        #expect(try poller.wait(milliseconds: 0) == 0)
    }
}

private final class Box {
    let socket: Socket
    init(_ socket: consuming Socket) { self.socket = socket }
}

/// A ZMTP client of another make over ipc, without security, that gives itself a routing id.
private final class ForeignDealer {
    private let connection: RawConnection
    init(_ routingID: [UInt8], _ endpoint: String) throws {
        connection = try RawConnection(endpoint)
        guard connection.greet("NULL") else { throw Late(what: "greeting") }
        func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
            [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.count)] + value
        }
        let ready =
            [5] + Array("READY".utf8) + property("Socket-Type", Array("DEALER".utf8)) + property("Identity", routingID)
        connection.write([4, UInt8(ready.count)] + ready)
        connection.read(2)  // the router is ready too
    }
    func send(_ frame: [UInt8]) { connection.write([0, UInt8(frame.count)] + frame) }
}
