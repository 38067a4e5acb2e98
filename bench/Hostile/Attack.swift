import Foundation
import Glibc
import Jobs
import Messages
import TestSupport
import ZeroMQ

/// What an attacker does until it is stopped.
enum Attack: String, CaseIterable {
    // Strangers: no key.
    case idleConnections = "5,000 idle connections"
    case slowHandshakes = "slow handshakes"
    case strangersWithKeys = "strangers with keys"
    case giantHandshakes = "giant handshakes"
    // Members: a listed key.
    case malformedFrames = "malformed frames"
    case endlessFrames = "endless frames"
    case oversizedFrames = "oversized frames"
    case questions = "a flood of questions"
    case replayedResults = "replayed results"
    case forgedResults = "forged results"
    case lyingHardware = "lies about hardware"
    case manyTasks = "ten million tasks, again and again"
    // Measured by how soon its tasks are done elsewhere.
    case takesAndIsSilent = "takes tasks and falls silent"
    case takesAndBeats = "takes tasks and only beats"

    /// Of these the tasks of others are not safe: it is no matter of waiting a little longer.
    var takesTasks: Bool { self == .takesAndIsSilent || self == .takesAndBeats }

    /// - Parameter gigabits: in a second, of the line by which members reach the coordinator; 0: without one.
    func run(_ endpoint: String, _ keys: String, line gigabits: Double) throws {
        Context.raiseFileLimit()
        let parent = getppid()
        // An attacker whose bench was killed attacks nobody.
        Thread {
            while getppid() == parent { sleep(1) }
            exit(0)
        }.start()
        guard let port = endpoint.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw BenchFailure("\(endpoint) has no port")
        }
        switch self {
        case .idleConnections, .slowHandshakes, .strangersWithKeys, .giantHandshakes:
            try Stranger(endpoint: endpoint, keys: keys, port: port).run(self)
        default:
            let line = gigabits > 0 ? try Line(to: port, gigabits: gigabits) : nil
            try Member(endpoint: line?.endpoint ?? endpoint, keys: keys, gigabits: gigabits).run(self)
        }
    }
}

/// Without a listed key.
private struct Stranger {
    let endpoint: String
    let keys: String
    let port: UInt16

    func run(_ attack: Attack) throws {
        switch attack {
        case .idleConnections: hold(5000, say: [])
        // A byte at a time, so that no timer of silence fires.
        case .slowHandshakes: hold(500, say: [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + Array("CURVE".utf8))
        case .giantHandshakes:
            // The whole greeting, and then a command of 15 MiB that nobody waits for.
            let greeting: [UInt8] =
                [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + Array("CURVE".utf8) + [UInt8](repeating: 0, count: 47)
            let head: [UInt8] = [6] + (0..<8).map { UInt8(truncatingIfNeeded: (15 << 20) >> (56 - 8 * $0)) }
            let body = [UInt8](repeating: 7, count: 1 << 20)
            while true {
                let open = (0..<50).map { _ in connected() }
                for descriptor in open { tell(descriptor, greeting + head) }
                for _ in 0..<14 { for descriptor in open { tell(descriptor, body) } }
                usleep(500_000)
                for descriptor in open { close(descriptor) }
            }
        default:
            let server = try PublicKey(readingFrom: keys + "/coordinator.pub")
            while true {
                let peers = try (0..<20).map { _ in try HostilePeer(endpoint, keys: try KeyPair(), server: server) }
                usleep(100_000)
                withExtendedLifetime(peers) {}
            }
        }
    }

    /// Keeps so many connections open, each in the place of one that was cut, and says these bytes on each, one every
    /// 300 ms.
    private func hold(_ count: Int, say bytes: [UInt8]) {
        var open = (0..<count).map { _ in (descriptor: connected(), said: 0) }
        while true {
            for at in open.indices {
                var scratch: UInt64 = 0
                // Eight bytes of a local.
                let got = unsafe recv(open[at].descriptor, &scratch, 8, Int32(MSG_DONTWAIT))
                if got == 0 || got < 0 && errno != EAGAIN {
                    close(open[at].descriptor)
                    open[at] = (connected(), 0)
                } else if open[at].said < bytes.count {
                    tell(open[at].descriptor, [bytes[open[at].said]])
                    open[at].said += 1
                }
            }
            usleep(300_000)
        }
    }

    private func tell(_ descriptor: Int32, _ bytes: [UInt8]) {
        // No SIGPIPE, no waiting: whoever cut us cut us.
        _ = unsafe send(descriptor, bytes, bytes.count, 0x4000 | Int32(MSG_DONTWAIT))
    }

    /// Or -1, of which every call says that it is none.
    private func connected() -> Int32 { Loopback.connect(to: port) ?? -1 }
}

/// With a listed key.
private struct Member {
    let endpoint: String
    let keys: String
    let gigabits: Double

    private func peer(_ role: String) throws -> HostilePeer { try HostilePeer(endpoint, keys, role) }

    func run(_ attack: Attack) throws {
        switch attack {
        case .malformedFrames:
            // Damaged frames of every kind, with a key for which none of them is a worker's greeting.
            var fuzz = FrameFuzz(seed: UInt64(getpid()))
            try again("client") { peer in for _ in 0..<50 { try peer.send(frames: [fuzz.next()]) } }
        case .endlessFrames:
            // The longest frames that are let through, and more of them in a message than are. One connection after the
            // other, made again by libzmq: 4.3.4 aborts where a socket closes while its message is half sent.
            let part = [UInt8](repeating: 1, count: SocketOptions.usualPartBytes)
            let message = Array(repeating: part, count: 2048)
            let peer = try peer("worker")
            while true {
                try peer.send(frames: message)
                rest(2048 * part.count)
            }
        case .oversizedFrames:
            // Refused by its head; the line would be busy with it all the same.
            let long = [UInt8](repeating: 1, count: 20 << 20)
            try again("worker") { peer in
                try peer.send(frames: [long])
                rest(long.count)
            }
        case .questions:
            try again("client") { peer in
                for at in 0..<2000 { try peer.send(.request(number: UInt64(at), .status)) }
            }
        case .replayedResults: try replay(forged: false)
        case .forgedResults: try replay(forged: true)
        case .lyingHardware:
            var worker: UInt64 = 1000
            try again("worker") { peer in
                for _ in 0..<50 {
                    worker += 1
                    // All it could say, but the memory that would bring it the tasks of others.
                    try peer.send(hello(WorkerID(worker), .max, lies(memory: 1 << 20)))
                }
            }
        case .manyTasks:
            let peer = try peer("client")
            while true {
                // More cores than any worker has: they stay.
                let submission = Submission(
                    token: .random(in: 1...(.max)), kind: Noop.name, spec: Noop.Spec(count: 10_000_000).wireBytes,
                    needs: TaskNeeds(cores: 4096))
                _ = try peer.ask(.submit(submission))
                usleep(20_000)
            }
        case .takesAndIsSilent, .takesAndBeats:
            var worker: UInt64 = 1000
            while true {
                worker += 1
                let peer = try peer("worker")
                try peer.send(hello(WorkerID(worker), 1, lies(memory: .max)))
                for _ in 0..<10 {
                    if attack == .takesAndBeats {
                        try peer.send(.heartbeat(worker: WorkerID(worker), seen: .max, held: []))
                    }
                    usleep(500_000)
                    try peer.drain()
                }
            }
        default: throw BenchFailure("\(attack.rawValue) needs no key")
        }
    }

    /// As long as the line is busy with so many bytes; where there is none, as long as one of 10 Gbit/s, lest they pile up.
    private func rest(_ bytes: Int) { usleep(UInt32(Double(bytes) * 8 / ((gigabits > 0 ? gigabits : 10) * 1e3))) }

    /// On ever new connections, twenty times on each.
    private func again(_ role: String, _ say: (HostilePeer) throws -> Void) throws {
        while true {
            let peer = try peer(role)
            for _ in 0..<20 {
                try say(peer)
                try peer.drain()
                usleep(2000)
            }
        }
    }

    /// A worker that was welcomed hands in what was handed in before, or what it never had, in its own name or another's.
    private func replay(forged: Bool) throws {
        var worker: UInt64 = 1000
        var number: UInt64 = 0
        while true {
            worker += 1
            let peer = try peer("worker")
            var small = HardwareReport()
            small.availableMemoryBytes = 1 << 20
            try peer.send(hello(WorkerID(worker), 1, small))
            for _ in 0..<200 {
                for at in 0..<100 as Range<UInt32> {
                    number += 1
                    let run =
                        forged
                        ? ClaimRun(job: JobID(.random(in: 1...5000)), first: at, count: 3, epoch: at + 1)
                        : ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)
                    let end = TaskOutcome(run: run, end: .done([]), busyMicroseconds: .max)
                    let name = WorkerID(forged && at.isMultiple(of: 2) ? UInt64(at) : worker)
                    try peer.send(.outcomes(worker: name, number: number, [end]))
                }
                try peer.drain()
                usleep(2000)
            }
        }
    }

    private func lies(memory: UInt64) -> HardwareReport {
        var hardware = HardwareReport()
        hardware.hostname = String(repeating: "x", count: 100_000)
        hardware.logicalCores = .max
        hardware.usableMillicores = .max
        hardware.memoryBytes = .max
        hardware.availableMemoryBytes = memory
        hardware.dgemmMegaflops = .max
        return hardware
    }

    private func hello(_ worker: WorkerID, _ slots: UInt32, _ hardware: HardwareReport) -> Inbound {
        .hello(
            Inbound.Hello(
                worker: worker, name: "hostile", codeVersion: codeVersion, slots: slots, hardware: hardware, seen: 0,
                held: []))
    }
}
