import Foundation
import Glibc
import Jobs
import Messages
import TestSupport
import ZeroMQ

/// `bench hostile [--quick]`: what an honest client over CURVE waits, alone and while somebody attacks, in alternating
/// rounds; the coordinator's memory; and the lines its log got.
///
/// The attacker is a process of lowest priority on the same machine: what it does to the coordinator counts, not what it
/// takes from the processor that both share here.
package enum HostileBench {
    package static func run(arguments: [String]) {
        do {
            if let at = arguments.firstIndex(of: "--attack") {
                try Attack.run(arguments[at + 1], arguments[at + 2], arguments[at + 3])
                return
            }
            let isQuick = arguments.contains("--quick")
            for name in Attack.names where !isQuick || name == "malformed frames" {
                try measure(name, rounds: isQuick ? 1 : 3, samples: isQuick ? 50 : 150)
            }
        } catch {
            print("hostile: \(error)")
            exit(1)
        }
    }

    private static func measure(_ name: String, rounds: Int, samples: Int) throws {
        let cluster = try LocalCluster(workers: 0, encrypted: true)
        defer { cluster.stop() }
        var latency = try Latency(cluster)
        _ = try latency.measure(10)
        var (quiet, attacked) = (Samples(), Samples())
        let before = ProcessFacts.residentBytes(cluster.coordinator)
        let lines = logLines(cluster)
        for _ in 0..<rounds {
            let calm = try latency.measure(samples)
            quiet.add((calm.submits, calm.questions))
            let attacker = try start(name, cluster)
            usleep(300_000)
            let busy = try latency.measure(samples)
            attacked.add((busy.submits, busy.questions))
            attacker.terminate()
            attacker.waitUntilExit()
        }
        let peak = ProcessFacts.peakBytes(cluster.coordinator)
        try latency.leave()
        func words(_ pair: (quiet: [Double], attacked: [Double])) -> String {
            let (a, b) = (quantile(pair.quiet, 0.99), quantile(pair.attacked, 0.99))
            return "p99 \(digits(a, 2)) → \(digits(b, 2)) ms (\(digits(b / a, 2)), medians "
                + "\(digits(median(pair.attacked) / median(pair.quiet), 2)))"
        }
        print(
            "\(name): submit to start \(words((quiet.submits, attacked.submits))); question "
                + "\(words((quiet.questions, attacked.questions))); at most "
                + "\(digits((peak - before) / 1_048_576, 0)) MiB more; \(logLines(cluster) - lines) log lines")
    }

    private struct Samples {
        var submits: [Double] = []
        var questions: [Double] = []
        mutating func add(_ more: (submits: [Double], questions: [Double])) {
            submits += more.submits
            questions += more.questions
        }
    }

    private static func logLines(_ cluster: LocalCluster) -> Int {
        let text = (try? String(contentsOfFile: cluster.state + "/log.jsonl", encoding: .utf8)) ?? ""
        let events = ["peer_denied", "message_refused", "connection_cut"].map { "\"event\":\"\($0)\"" }
        return text.split(separator: "\n").count { line in events.contains { line.contains($0) } }
    }

    private static func start(_ name: String, _ cluster: LocalCluster) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/nice")
        process.arguments = [
            "-n", "19", CommandLine.arguments[0], "hostile", "--attack", name, cluster.endpoint, cluster.keys,
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }
}

/// What an attacker does until it is stopped.
private enum Attack {
    static let names = [
        "idle connections", "slow handshakes", "strangers with keys", "malformed frames", "endless frames",
        "oversized frames", "a flood of questions", "forged results", "ten million tasks",
    ]

    static func run(_ name: String, _ endpoint: String, _ keys: String) throws {
        Context.raiseFileLimit()
        let parent = getppid()
        // An attacker whose bench was killed attacks nobody.
        Thread {
            while getppid() == parent { sleep(1) }
            exit(0)
        }.start()
        let port = UInt16(endpoint.split(separator: ":").last!)!
        switch name {
        case "idle connections":
            let open = (0..<5000).map { _ in connected(port) }
            while !open.isEmpty { sleep(1) }
        case "slow handshakes":
            while true {
                let open = (0..<500).map { _ in connected(port) }
                for byte in [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] as [UInt8] {
                    for descriptor in open { _ = unsafe send(descriptor, [byte], 1, 0x4000) }
                    usleep(300_000)
                }
                for descriptor in open { close(descriptor) }
            }
        case "strangers with keys":
            let server = try PublicKey(readingFrom: keys + "/coordinator.pub")
            while true {
                let sockets = try (0..<20).map { _ in try Peer(endpoint, try KeyPair(), server) }
                usleep(100_000)
                withExtendedLifetime(sockets) {}
            }
        case "ten million tasks":
            let peer = try Peer(endpoint, keys, "client")
            try peer.send(.request(number: 1, .submit(submission(10_000_000))))
            while true { sleep(1) }
        default: try members(name, endpoint, keys)
        }
    }

    /// Those that have a listed key.
    private static func members(_ name: String, _ endpoint: String, _ keys: String) throws {
        var fuzz = FrameFuzz(seed: UInt64(getpid()))
        let long = [UInt8](repeating: 1, count: 1 << 20)
        while true {
            let peer = try Peer(endpoint, keys, name == "a flood of questions" ? "client" : "worker")
            for round in 0..<20 {
                switch name {
                case "malformed frames": for _ in 0..<50 { peer.send([fuzz.next()]) }
                case "endless frames": peer.send(Array(repeating: long, count: 64))
                case "oversized frames": peer.send([[UInt8](repeating: 1, count: 20 << 20)])
                case "a flood of questions":
                    for at in 0..<2000 { try peer.send(.request(number: UInt64(at), .status)) }
                default:
                    let worker = WorkerID(UInt64(round + 1))
                    for number in 0..<100 as Range<UInt64> {
                        let run = ClaimRun(job: JobID(1), first: UInt32(number), count: 3, epoch: 1)
                        let end = TaskOutcome(run: run, end: .done([]), busyMicroseconds: .max)
                        try peer.send(.outcomes(worker: worker, number: number, [end]))
                    }
                }
                peer.drain()
                usleep(2000)
            }
        }
    }

    private static func submission(_ count: UInt32) -> Submission {
        // More cores than any worker has: they stay.
        Submission(
            token: .random(in: 1...(.max)), kind: Noop.name, spec: Noop.Spec(count: count).wireBytes,
            needs: TaskNeeds(cores: 4096))
    }

    private static func connected(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // The address is a local of the size that is told.
        _ = unsafe withUnsafePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }

    /// A connection without bounds on what it sends.
    private final class Peer {
        private let socket: Socket
        init(_ endpoint: String, _ keys: KeyPair, _ server: PublicKey) throws {
            var options = SocketOptions()
            options.maximumFrameBytes = 1 << 30
            options.maximumMessageBytes = .max
            options.maximumFrames = .max
            options.queuesBeforeConnected = true
            options.lingerMilliseconds = 0
            options.security = .client(keys, server: server)
            socket = try Socket(.dealer, options: options)
            try socket.connect(endpoint)
        }
        convenience init(_ endpoint: String, _ keys: String, _ file: String) throws {
            try self.init(
                endpoint, try KeyPair(readingFrom: "\(keys)/\(file)"),
                try PublicKey(readingFrom: keys + "/coordinator.pub"))
        }
        func send(_ message: Inbound) throws { send([Frame.encode(message)]) }
        func send(_ frames: [[UInt8]]) { _ = try? socket.send(frames) }
        func drain() { while (try? socket.receive()) != nil {} }
    }
}
