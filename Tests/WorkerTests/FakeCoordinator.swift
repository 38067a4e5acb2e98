import Foundation
import Messages
import Testing
import ZeroMQ

/// A coordinator of a few lines, in the test's own thread: it says what the test says, to a worker that is a real process.
final class FakeCoordinator {
    let folder: String
    private(set) var address: String
    private let security: SocketOptions.Security
    /// What `welcome` says.
    var incarnation: UInt64 = 7
    var heartbeatMilliseconds: UInt32 = 50
    var hostID = "elsewhere"
    var blobFolder = ""
    /// The connection that said hello last.
    private(set) var peer: Peer?
    private(set) var hellos: [Inbound.Hello] = []
    private(set) var assigned: UInt64 = 0
    /// Answers `outcomes` with `accepted`; off to see them repeated.
    var accepts = true
    private var socket: Socket?

    /// Bytes served for `wantBlob`, in place of those of the name; `blobMissing` for others.
    var blobs: [BlobID: [UInt8]] = [:]
    /// Called before each chunk leaves; may change it.
    var onChunk: (_ offset: Int, _ bytes: inout [UInt8]) -> Void = { _, _ in }
    private(set) var chunks = 0

    /// - Parameter keys: listen on tcp, with these, instead of ipc.
    init(keys: KeyPair? = nil) throws {
        security = keys.map { .server($0) } ?? .none
        folder = NSTemporaryDirectory() + "apex-worker-test-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        address = keys == nil ? "ipc://\(folder)/socket" : "tcp://127.0.0.1:*"
        try open()
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func open() throws {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        options.lingerMilliseconds = 0
        options.security = security
        let socket = try Socket(.router, options: options)
        try socket.bind(address)
        address = try socket.lastEndpoint
        self.socket = consume socket
        peer = nil
    }
    /// As a coordinator that dies: connections end without a word.
    func close() { socket = nil }

    func send(_ message: Outbound, to peer: Peer? = nil) throws { try send(bytes: Frame.encode(message), to: peer) }
    func send(bytes: [UInt8], to peer: Peer? = nil) throws {
        let target = try #require(peer ?? self.peer, "no worker said hello")
        _ = try socket!.send([bytes], to: target)
    }

    func assign(_ assignments: [Assignment]) throws {
        assigned += 1
        try send(.assign(number: assigned, assignments))
    }

    /// Handles what workers say until `found` answers, for at most `seconds`; nil when it never did. Hello is answered
    /// with `welcome`, strangers are told to introduce themselves, heartbeats are answered.
    func until<Found>(_ seconds: Double = 10, _ found: (Inbound) throws -> Found?) throws -> Found? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var poller = Poller()
        _ = poller.add(socket!)
        while ContinuousClock.now < deadline {
            try poller.wait(milliseconds: 20)
            while let receipt = try socket!.receive() {
                guard case .message(let message) = receipt, let from = message.peer else { continue }
                let inbound = try Frame.decode(Inbound.self, message.frames[0])
                try answer(inbound, from)
                if let answer = try found(inbound) { return answer }
            }
        }
        return nil
    }

    private func answer(_ inbound: Inbound, _ from: Peer) throws {
        if case .hello(let hello) = inbound {
            hellos.append(hello)
            peer = from
            try send(
                .welcome(
                    coordinator: incarnation, heartbeatMilliseconds: heartbeatMilliseconds, hostID: hostID,
                    blobFolder: blobFolder))
            return
        }
        guard from == peer else { return try send(.introduceYourself, to: from) }
        switch inbound {
        case .heartbeat: try send(.accepted([]))
        case .outcomes(_, let number, _): if accepts { try send(.accepted([number])) }
        case .wantBlob(let blob, let offset, let count):
            guard let bytes = blobs[blob] else { return try send(.blobMissing(blob)) }
            var chunk = Array(bytes[Int(offset)..<min(Int(offset) + Int(count), bytes.count)])
            onChunk(Int(offset), &chunk)
            chunks += 1
            try send(.blobChunk(blob, offset: offset, total: UInt64(bytes.count), chunk))
        default: break
        }
    }

    /// Waits for the worker to say hello.
    func greeted() throws -> Inbound.Hello {
        try #require(
            try until { inbound in if case .hello(let hello) = inbound { hello } else { nil } }, "no hello came")
    }

    /// Every task's end, by index, until `count` tasks have ended.
    func ends(_ count: Int, seconds: Double = 20) throws -> [UInt32: TaskOutcome.End] {
        var ends: [UInt32: TaskOutcome.End] = [:]
        _ = try until(seconds) { inbound -> Bool? in
            guard case .outcomes(_, _, let outcomes) = inbound else { return nil }
            for outcome in outcomes { for index in outcome.run.indices { ends[index] = outcome.end } }
            return ends.count >= count ? true : nil
        }
        #expect(ends.count == count)
        return ends
    }
}

/// A real `apex-worker`, ended with the test.
final class WorkerProcess {
    let process = Process()
    private let log = Pipe()

    init(_ coordinator: FakeCoordinator, slots: Int = 2, _ more: [String] = []) throws {
        process.executableURL = try Self.executable()
        process.arguments =
            ["--coordinator", coordinator.address, "--slots", "\(slots)", "--state", coordinator.folder + "/worker"]
            + more
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }
    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func signal(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The exit code, waited for while the coordinator goes on answering.
    func exitCode(_ coordinator: FakeCoordinator, seconds: Double = 10) throws -> Int32? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while process.isRunning, ContinuousClock.now < deadline {
            _ = try coordinator.until(0.05) { _ -> Bool? in nil }
        }
        return process.isRunning ? nil : process.terminationStatus
    }

    /// Built beside the test program; `APEX_WORKER` names another, such as a release build.
    static func executable() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["APEX_WORKER"] { return URL(fileURLWithPath: path) }
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let candidates = [tests, Bundle.main.bundleURL.deletingLastPathComponent(), Bundle.main.bundleURL]
            .map { $0.appendingPathComponent("apex-worker") }
        return try #require(
            candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
            "apex-worker is not beside the tests: \(candidates.map(\.path))")
    }
}
