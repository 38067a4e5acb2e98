import Foundation
import Testing
import ZeroMQ

/// There is one ZAP handler in a process, so these tests take turns.
@Suite(.serialized) struct SecurityTests {
    let server: KeyPair
    let folder: Folder
    init() throws {
        server = try KeyPair()
        folder = try Folder()
    }

    func router() throws -> Socket {
        var options = SocketOptions()
        options.security = .server(server)
        return try Socket(.router, options: options)
    }
    func dealer(_ keys: KeyPair) throws -> Socket {
        var options = SocketOptions()
        options.security = .client(keys, server: server.publicKey)
        options.lingerMilliseconds = 0
        return try Socket(.dealer, options: options)
    }

    @Test func `attack 3, a key lost on the routing id: a listed key gets in, and every message names it after a poll`()
        throws
    {
        let (alice, bob) = (try KeyPair(), try KeyPair())
        let authenticator = try Authenticator(allowing: [
            alice.publicKey: .init(name: "alice", role: .worker), bob.publicKey: .init(name: "bob", role: .client),
        ])
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let a = try dealer(alice)
        let b = try dealer(bob)
        try a.connect(router.lastEndpoint)
        try b.connect(router.lastEndpoint)
        for (name, keys) in [("a", alice), ("b", bob)] {
            for round in 0..<50 as Range<UInt8> {
                if name == "a" { try a.sendSoon([[round], [7]]) } else { try b.sendSoon([[round], [7]]) }
                let message = try router.next()  // polls first, which is what loses the key on the routing id
                #expect(message.frames == [[round], [7]])
                #expect(message.peerKey == keys.publicKey)
                #expect(authenticator.admitted(message.peerKey!)?.name == (name == "a" ? "alice" : "bob"))
                #expect(message.connection != nil)
            }
        }
    }

    @Test func `nobody gets in who is not listed`() throws {
        let log = Log()
        let authenticator = try Authenticator { log.add($0) }
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let monitor = try Monitor(router)
        let stranger = try KeyPair()
        let dealer = try dealer(stranger)
        try dealer.connect(router.lastEndpoint)
        _ = try eventually("denial") { authenticator.denialCount > 0 ? true : nil }
        _ = try eventually("failed handshake") { monitor.counts.handshakesFailed > 0 ? true : nil }
        #expect(try dealer.send([[1]]) == .wouldBlock)
        #expect(try router.receive() == nil)
        #expect(log.denials.first?.key == stranger.publicKey)
        #expect(log.denials.first?.address == "127.0.0.1")
    }

    @Test func `attack 6, CURVE without an authenticator, lets nobody in at all`() throws {
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let monitor = try Monitor(router)
        let dealer = try dealer(try KeyPair())
        try dealer.connect(router.lastEndpoint)
        _ = try eventually("failed handshake") { monitor.counts.handshakesFailed > 0 ? true : nil }
        #expect(try dealer.send([[1]]) == .wouldBlock)
        #expect(try router.receive() == nil)
    }

    @Test func `the wrong server key connects to nothing`() throws {
        let alice = try KeyPair()
        let authenticator = try Authenticator(allowing: [alice.publicKey: .init(name: "alice", role: .worker)])
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let monitor = try Monitor(router)
        var options = SocketOptions()
        options.security = .client(alice, server: try KeyPair().publicKey)
        options.lingerMilliseconds = 0
        let dealer = try Socket(.dealer, options: options)
        try dealer.connect(router.lastEndpoint)
        _ = try eventually("failed handshake") { monitor.counts.handshakesFailed > 0 ? true : nil }
        #expect(try dealer.send([[1]]) == .wouldBlock)
        #expect(authenticator.denialCount == 0)  // it never came so far
    }

    @Test func `a revoked key's live connection is cut within a second, and others come back`() throws {
        let (alice, bob) = (try KeyPair(), try KeyPair())
        let listed: Authenticator.AllowList = [
            alice.publicKey: .init(name: "alice", role: .worker), bob.publicKey: .init(name: "bob", role: .worker),
        ]
        let authenticator = try Authenticator(allowing: listed)
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let monitor = try Monitor(router)
        let a = try dealer(alice)
        let b = try dealer(bob)
        try a.connect(router.lastEndpoint)
        try b.connect(router.lastEndpoint)
        try a.sendSoon([[1]])
        let fromAlice = try router.next()
        try b.sendSoon([[2]])
        let fromBob = try router.next()
        #expect(monitor.connections == [fromAlice.connection!, fromBob.connection!].sorted())

        authenticator.replace([bob.publicKey: listed[bob.publicKey]!])
        Connections.cut(fromAlice.connection!)
        _ = try eventually(within: 1, "cut") {
            try router.send([[9]], to: fromAlice.peer!) == .unreachable ? true : nil
        }
        _ = try eventually("refusal") { authenticator.denialCount > 0 ? true : nil }
        #expect(try a.send([[1]]) == .wouldBlock)
        #expect(try router.send([[9]], to: fromBob.peer!) == .sent)  // Bob never noticed

        // When nobody knows which connection it is, all are cut: those still listed come back by themselves.
        for connection in monitor.connections { Connections.cut(connection) }
        _ = try eventually("cut") { try router.send([[9]], to: fromBob.peer!) == .unreachable ? true : nil }
        try b.sendSoon([[3]])
        let again = try router.next()
        #expect(again.peerKey == bob.publicKey)
        #expect(again.peer != fromBob.peer)
    }

    @Test func `a flood of strangers is counted whole and logged a little`() throws {
        let log = Log()
        let authenticator = try Authenticator { log.add($0) }
        let router = try router()
        try router.bind("tcp://127.0.0.1:*")
        let start = ContinuousClock.now
        for _ in 0..<40 {
            let dealer = try dealer(try KeyPair())
            let before = authenticator.denialCount
            try dealer.connect(router.lastEndpoint)
            _ = try eventually("denial") { authenticator.denialCount > before ? true : nil }
        }
        let periods = Int((ContinuousClock.now - start) / LineBudget.period) + 1
        #expect(authenticator.denialCount >= 40)
        #expect(log.denials.count <= LineBudget.atOnce + periods)
    }

    @Test func `there is one authenticator at a time`() throws {
        let first = try Authenticator()
        #expect(throws: ZeroMQError.self) { try Authenticator() }
        first.stop()
        _ = try Authenticator()
    }

    @Test func `tcp without keys is refused`() throws {
        let socket = try Socket(.router)
        #expect(throws: ZeroMQError.self) { try socket.bind("tcp://127.0.0.1:*") }
        let dealer = try Socket(.dealer)
        #expect(throws: ZeroMQError.self) { try dealer.connect("tcp://127.0.0.1:5555") }
    }

    @Test func `an ipc address in a folder that others can enter is refused`() throws {
        let socket = try Socket(.router)
        _ = unsafe chmod(folder.path, 0o750)
        #expect(
            throws: ZeroMQError("\(folder.path) is open to other users; make it yours with mode 0700 to listen in it")
        ) { try socket.bind(folder.ipc) }
        #expect(throws: ZeroMQError.self) { try socket.bind("ipc://@abstract") }
        _ = unsafe chmod(folder.path, 0o700)
        try socket.bind(folder.ipc)
    }

    // MARK: - Keys

    @Test func `keys come back from their files as they were written`() throws {
        let path = folder.file("worker")
        try server.write(to: path)
        #expect(try KeyPair(readingFrom: path) == server)
        #expect(try PublicKey(readingFrom: path + ".pub") == server.publicKey)
        #expect(try KeyPair(inFile: path) == server)
        #expect(throws: ZeroMQError.self) { try server.write(to: path) }  // never overwritten
        let fresh = try KeyPair(inFile: folder.file("fresh"))
        #expect(try KeyPair(inFile: folder.file("fresh")) == fresh)
        #expect("\(server.secretKey)" == "(secret key)" && "\(server)".contains("(secret key)"))
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o660]) func `a secret key that others may read is refused`(mode: mode_t)
        throws
    {
        let path = folder.file("worker")
        try server.write(to: path)
        _ = unsafe chmod(path, mode)
        let error = #expect(throws: ZeroMQError.self) { try KeyPair(readingFrom: path) }
        #expect(error?.description.contains("too open; chmod 600") == true)
    }

    @Test func `a public key that others may write, and a file that holds no key, are refused`() throws {
        let path = folder.file("worker")
        try server.write(to: path)
        _ = unsafe chmod(path + ".pub", 0o666)
        #expect(throws: ZeroMQError.self) { try PublicKey(readingFrom: path + ".pub") }
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: folder.file("bad")))
        _ = unsafe chmod(folder.file("bad"), 0o600)
        #expect(throws: ZeroMQError.self) { try KeyPair(readingFrom: folder.file("bad")) }
        _ = unsafe symlink(path, folder.file("link"))
        #expect(throws: ZeroMQError.self) { try KeyPair(readingFrom: folder.file("link")) }
    }

    @Test func `a folder of public keys is an allow-list`() throws {
        #expect(try Authenticator.allowList(readingFrom: folder.path) == [:])
        let (alice, bob) = (try KeyPair(), try KeyPair())
        for place in ["workers", "clients"] { _ = unsafe mkdir(folder.file(place), 0o700) }
        try alice.write(to: folder.file("workers/alice"))
        try bob.write(to: folder.file("clients/bob"))
        #expect(
            try Authenticator.allowList(readingFrom: folder.path) == [
                alice.publicKey: .init(name: "alice", role: .worker), bob.publicKey: .init(name: "bob", role: .client),
            ])
        try bob.write(to: folder.file("workers/bob"))
        #expect(throws: ZeroMQError.self) { try Authenticator.allowList(readingFrom: folder.path) }
    }

    @Test func `Z85 is ZeroMQ's`() throws {
        // The example of ZeroMQ RFC 32, four times over.
        let bytes: [UInt8] = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]
        let key = PublicKey(bytes: bytes + bytes + bytes + bytes)!
        #expect(key.description == String(repeating: "HelloWorld", count: 4))
        #expect(PublicKey(key.description) == key)
        #expect(PublicKey(String(repeating: "#", count: 40)) == nil)  // more than 32 bits a group
        #expect(PublicKey("short") == nil)
        #expect(PublicKey(String(repeating: "~", count: 40)) == nil)
    }
}

final class Log: Sendable {
    private let list = Locked<[Authenticator.Denial]>([])
    func add(_ denial: Authenticator.Denial) { list.withLock { $0.append(denial) } }
    var denials: [Authenticator.Denial] { list.withLock { $0 } }
}
