import Foundation
import Jobs
import Messages
import Synchronization
import TestSupport
import Testing
import ZeroMQ

/// Peers whose key is listed, and who lie, repeat, forge, flood and never finish; and strangers who do worse. The
/// coordinator is a real process: it must live on, stay small, and serve others.
@Suite(.serialized)
struct HostileTests {
    /// With a worker's and a client's folder of keys.
    private struct Site {
        let cluster: KeyedCluster
        var address: String { cluster.address }
        init() throws {
            cluster = try KeyedCluster()
            for (role, name) in [("worker", "w1"), ("worker", "w2"), ("client", "c1")] {
                #expect(try cluster.keys("add-\(role)", name, "--out", "\(cluster.folder.path)/\(name)").code == 0)
            }
        }
        func peer(_ name: String) throws -> HostilePeer {
            try HostilePeer(address, "\(cluster.folder.path)/\(name)", name.hasPrefix("w") ? "worker" : "client")
        }
        /// Resident bytes of the coordinator. `env` became the program: its process is the coordinator's.
        var residentBytes: Int {
            let process = cluster.coordinator.process.processIdentifier
            let text = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
            return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
                * sysconf(Int32(_SC_PAGESIZE))
        }
        /// It lives, and answers a new client.
        func expectServing() throws {
            #expect(cluster.coordinator.process.isRunning, "\(cluster.coordinator.errors.suffix(2000))")
            guard case .status? = try peer("c1").ask(.status) else {
                Issue.record("the coordinator does not answer")
                return
            }
        }
        func lines(_ event: String) -> Int { cluster.log.components(separatedBy: "\"event\":\"\(event)\"").count - 1 }
    }
    private func hello(
        _ worker: WorkerID, slots: UInt32 = 2, _ hardware: HardwareReport = HardwareReport(), seen: UInt64 = 0
    ) -> Inbound {
        .hello(
            Inbound.Hello(
                worker: worker, name: "w", codeVersion: codeVersion, slots: slots, hardware: hardware, seen: seen,
                held: []
            ))
    }
    private func submission(_ count: UInt32) -> Submission {
        Submission(token: .random(in: 1...(.max)), kind: Noop.name, spec: Noop.Spec(count: count).wireBytes)
    }
    private func end(_ run: ClaimRun) -> TaskOutcome {
        TaskOutcome(run: run, end: .done(Noop.Result().wireBytes), busyMicroseconds: 1)
    }

    @Test func `replayed and forged results change nothing`() throws {
        let site = try Site()
        let client = try site.peer("c1")
        let owner = try site.peer("w1")
        let (me, other) = (WorkerID(11), WorkerID(22))
        try owner.send(hello(me))
        guard case .submitted(let job)? = try client.ask(.submit(submission(4))) else {
            Issue.record("not submitted")
            return
        }
        let runs = try #require(
            try owner.answer { if case .assign(_, let all) = $0 { all.map(\.run) } else { nil } })
        let thief = try site.peer("w2")
        try thief.send(hello(other))
        _ = try thief.answer { if case .welcome = $0 { true } else { nil } }
        func done() throws -> UInt32 {
            guard case .job(let status)? = try client.ask(.job(job)) else { return .max }
            return status.done
        }
        // In another's name, through one's own connection; as oneself, for another's claims; as another with one's key.
        try thief.send(.outcomes(worker: me, number: 1, runs.map(end)))
        try thief.send(.outcomes(worker: other, number: 1, runs.map(end)))
        try thief.send(hello(me))
        let refusal = try thief.answer { if case .refused(let words) = $0 { words } else { nil } }
        #expect(refusal?.contains("another key") == true)
        #expect(try done() == 0)
        // Of an epoch that never was, and beyond the job.
        var later = runs
        for at in later.indices { later[at].epoch += 1 }
        try owner.send(.outcomes(worker: me, number: 1, later.map(end)))
        try owner.send(
            .outcomes(worker: me, number: 2, [end(ClaimRun(job: job, first: 4_000_000, count: 100, epoch: 1))]))
        try owner.send(.outcomes(worker: me, number: 3, [end(ClaimRun(job: JobID(99), first: 0, count: 1, epoch: 1))]))
        #expect(try done() == 0)
        for number in 4...8 as ClosedRange<UInt64> {
            try owner.send(.outcomes(worker: me, number: number, runs.map(end)))
        }
        #expect(Programs.eventually { (try? done()) ?? 0 >= UInt32(runs.reduce(0) { $0 + $1.count }) })
        #expect(try done() == UInt32(runs.reduce(0) { $0 + $1.count }))
        #expect(try StateFile.accepted(site.cluster.state).count == Int(try done()))
        try site.expectServing()
    }

    @Test func `a worker that lies about its hardware gets what the largest honest one would, and crashes nothing`()
        throws
    {
        let site = try Site()
        let liar = try site.peer("w1")
        var hardware = HardwareReport()
        hardware.hostname = String(repeating: "x\n\u{1B}[2J", count: 100_000)
        hardware.cpuModel = hardware.hostname
        hardware.gpus = Array(repeating: hardware.hostname, count: 10)
        hardware.logicalCores = .max
        hardware.usableMillicores = .max
        hardware.memoryBytes = .max
        hardware.availableMemoryBytes = .max
        hardware.freeDiskBytes = .max
        hardware.dgemmMegaflops = .max
        hardware.memoryMegabytesPerSecond = .max
        // Of all messages that there can be it has seen the last.
        try liar.send(hello(WorkerID(5), slots: .max, hardware, seen: .max))
        let client = try site.peer("c1")
        let nowhere = Request.putBlob(BlobID(of: [1, 2, 3]), total: 3, offset: .max, [1])
        guard case .refused? = try client.ask(nowhere) else {
            Issue.record("bytes beyond the end of a blob were taken")
            return
        }
        guard case .submitted(let job)? = try client.ask(.submit(submission(2000))) else {
            Issue.record("not submitted")
            return
        }
        _ = try liar.answer { if case .assign = $0 { true } else { nil } }
        // A heartbeat that claims to hold what was never given out, and then nothing more is heard of it.
        let all = (0..<5000).map { ClaimRun(job: job, first: UInt32($0), count: 1, epoch: 7) }
        try liar.send(.heartbeat(worker: WorkerID(5), seen: .max, held: all))
        let status = try site.cluster.apex("status", "--json")
        #expect(status.code == 0 && status.output.utf8.count < 20_000)
        let workers = try site.cluster.apex("workers", "--json").output
        #expect(!workers.contains("\u{1B}") && workers.contains("\"slots\":4096"), "\(workers.prefix(2000))")
        #expect(!site.cluster.log.contains("\u{1B}"))
        // An honest worker does it all, once the liar has been silent for long enough.
        let honest = try site.cluster.worker(
            "w2", ["--coordinator", site.address, "--keys", site.cluster.folder.path + "/w2", "--slots", "2"])
        let isDone = Programs.eventually(within: 40) {
            guard case .job(let status)? = try? client.ask(.job(job)) else { return false }
            return status.done == 2000
        }
        if !isDone {
            let why = try site.cluster.apex("why", "\(job).1999").output
            Issue.record("\(why) \(site.cluster.log.suffix(1500)) \(honest.errors)")
        }
        try site.expectServing()
    }

    @Test func `endless frames of a listed peer are cut, and memory stays bounded`() throws {
        let site = try Site()
        try site.expectServing()
        let before = site.residentBytes
        let peer = try site.peer("w1")
        try peer.send(hello(WorkerID(5)))
        _ = try peer.answer { if case .welcome = $0 { true } else { nil } }
        // One message of a gigabyte, in frames each of which is small enough.
        let frame = [UInt8](repeating: 7, count: SocketOptions.usualPartBytes)
        try peer.send(frames: Array(repeating: frame, count: 16 << 10))
        var most = 0
        #expect(
            Programs.eventually(within: 30) {
                most = max(most, site.residentBytes)
                return site.lines("connection_cut") > 0
            })
        print("endless_frames resident_added_mebibytes=\((most - before) >> 20)")
        #expect(most - before < 512 << 20)
        try site.expectServing()
        #expect(Programs.eventually { site.residentBytes - before < 256 << 20 })
    }

    @Test func `a peer that asks and never reads is cut, and memory stays bounded`() throws {
        let site = try Site()
        // Can stop taking what comes back.
        let isStopped = Flag()
        let relay = try Relay(to: try #require(UInt16(site.address.split(separator: ":").last!))) { way, bytes in
            while way == .back, bytes == 0, isStopped.value.load(ordering: .acquiring) { usleep(10_000) }
        }
        let client = try HostilePeer("tcp://127.0.0.1:\(relay.port)", site.cluster.folder.path + "/c1", "client")
        let bytes = [UInt8](repeating: 9, count: 250_000)
        let blob = BlobID(of: bytes)
        guard case .blobReceived? = try client.ask(.putBlob(blob, total: UInt64(bytes.count), offset: 0, bytes)) else {
            Issue.record("no blob")
            return
        }
        let before = site.residentBytes
        var most = 0
        isStopped.value.store(true, ordering: .releasing)
        // Never more than its share at once: it is not the number of questions that ends it.
        for _ in 0..<800 where site.lines("connection_cut") == 0 {
            for _ in 0..<4 { try client.send(.wantBlob(blob, offset: 0, count: 250_000)) }
            usleep(20_000)
            most = max(most, site.residentBytes)
        }
        #expect(Programs.eventually { site.lines("connection_cut") > 0 })
        print("never_reads resident_added_mebibytes=\((most - before) >> 20)")
        #expect(most - before < 600 << 20)
        try site.expectServing()
    }

    @Test func `a flood of questions is answered with no, then cut, and told in few lines`() throws {
        let site = try Site()
        let flood = try site.peer("c1")
        let began = ContinuousClock.now
        for at in 0..<50_000 { try flood.send(.request(number: UInt64(at), .status)) }
        try site.expectServing()
        #expect(Programs.eventually { site.lines("message_refused") > 0 })
        let seconds = Int((ContinuousClock.now - began) / .seconds(1)) + 2
        #expect(site.lines("message_refused") <= 5 * seconds)
    }

    @Test func `ten thousand hostile frames reach a live coordinator, and it serves on`() throws {
        let site = try Site()
        // Over ipc, where nobody is cut and every kind of message is let through to the core.
        let socket = try Socket(.dealer)
        try socket.connect("ipc://\(site.cluster.state)/ipc/coordinator")
        var fuzz = FrameFuzz(seed: 8)
        for message in FrameFuzz.inbound {  // so that jobs and workers are there to be hit
            for _ in 0..<1000 where try socket.send([Frame.encode(message)]) != .sent { usleep(1000) }
        }
        for at in 0..<10_000 {
            _ = try socket.send([fuzz.next()])
            while try socket.receive() != nil {}
            if at.isMultiple(of: 500) { usleep(1000) }
        }
        try site.expectServing()
        // And over TCP, with a listed key, on ever new connections.
        for _ in 0..<200 {
            let peer = try site.peer("w1")
            for _ in 0..<10 { try peer.send(frames: [fuzz.next()]) }
            _ = try peer.answer(within: 0.05)
        }
        try site.expectServing()
        #expect(site.lines("message_refused") < 400)
    }

    @Test func `frames beyond the longest cost their sender the connection, and nobody else anything`() throws {
        let site = try Site()
        let before = site.residentBytes
        for name in ["w1", "c1"] {
            let peer = try site.peer(name)
            let monitor = try Monitor(peer.socket)
            try peer.send(frames: [[UInt8](repeating: 1, count: 64 << 20)])
            #expect(Programs.eventually { monitor.counts.disconnected > 0 })
        }
        try site.expectServing()
        #expect(site.residentBytes - before < 128 << 20)
    }

    @Test func `handshakes that never end are ended, and members come in meanwhile`() throws {
        let site = try Site()
        let port = try #require(UInt16(site.address.split(separator: ":").last!))
        var slow: [Int32] = []
        defer { for descriptor in slow { close(descriptor) } }
        let began = ContinuousClock.now
        for _ in 0..<300 { slow.append(try #require(Loopback.connect(to: port))) }
        let greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + Array("CURVE".utf8)
        var sent = 0
        var isServed = false
        // A byte at a time, so that no timer of silence fires.
        while ContinuousClock.now - began < .seconds(12) {
            if sent < greeting.count {
                for descriptor in slow { _ = unsafe send(descriptor, [greeting[sent]], 1, 0x4000) }
            }
            sent += 1
            if !isServed {
                try site.expectServing()
                isServed = true
            }
            let open = slow.count { isOpen($0) }
            if open == 0 { break }
            usleep(200_000)
        }
        print("slow_handshakes closed_after_seconds=\(fixed((ContinuousClock.now - began) / .seconds(1)))")
        #expect(!slow.contains { isOpen($0) })
        try site.expectServing()
    }

    @Test func `5,000 idle connections delay nobody, and are told in a few lines`() throws {
        Context.raiseFileLimit()
        let site = try Site()
        let client = try site.peer("c1")
        func median() throws -> Duration {
            let times = try (0..<101).map { _ in
                let began = ContinuousClock.now
                _ = try client.ask(.status)
                return ContinuousClock.now - began
            }
            return times.sorted()[50]
        }
        let alone = try median()
        let port = try #require(UInt16(site.address.split(separator: ":").last!))
        let before = site.residentBytes
        let idle = try (0..<5000).map { _ in try #require(Loopback.connect(to: port)) }
        defer { for descriptor in idle { close(descriptor) } }
        let beside = try median()
        print("idle_connections median_ratio=\(fixed(beside / alone))")
        try site.expectServing()
        #expect(site.residentBytes - before < 64 << 20)
        #expect(Programs.eventually(within: 20) { site.lines("strangers_ended") > 0 })
        #expect(Programs.eventually(within: 20) { idle.count { isOpen($0) } == 0 })
        #expect(site.lines("strangers_ended") < 10)
    }

    @Test func `one connection speaks for one worker`() throws {
        let site = try Site()
        let peer = try site.peer("w1")
        try peer.send(hello(WorkerID(5)))
        _ = try peer.answer { if case .welcome = $0 { true } else { nil } }
        try peer.send(hello(WorkerID(6)))
        let words = try peer.answer { if case .refused(let words) = $0 { words } else { nil } }
        #expect(words?.contains("speaks for another worker") == true)
        // One that left makes room for the next.
        try peer.send(.goodbye(worker: WorkerID(5)))
        #expect(Programs.eventually { site.lines("worker_lost") > 0 })
        try peer.send(hello(WorkerID(6)))
        #expect(try peer.answer { if case .welcome = $0 { true } else { nil } } == true)
    }

    /// Reads what is there without waiting.
    private func isOpen(_ descriptor: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 || count < 0 && errno == EAGAIN
    }

    @Test func `ten million tasks of one client leave the coordinator small and quick`() throws {
        let site = try Site()
        let client = try site.peer("c1")
        let before = site.residentBytes
        guard case .submitted(let job)? = try client.ask(.submit(submission(10_000_000))) else {
            Issue.record("not submitted")
            return
        }
        #expect(
            Programs.eventually {
                guard case .job(let status)? = try? client.ask(.job(job)) else { return false }
                return status.queued == 10_000_000
            })
        print("ten_million_tasks resident_added_mebibytes=\((site.residentBytes - before) >> 20)")
        #expect(site.residentBytes - before < 512 << 20)
        let began = ContinuousClock.now
        for _ in 0..<100 { _ = try client.ask(.status) }
        #expect(ContinuousClock.now - began < .seconds(5))
        // More than a job may have, and a spec that no claim could carry.
        guard case .submitted(let huge)? = try client.ask(.submit(submission(.max))) else {
            Issue.record("not submitted")
            return
        }
        #expect(
            Programs.eventually {
                guard case .job(let status)? = try? client.ask(.job(huge)) else { return false }
                return status.state == .failed && status.reason.contains("at most")
            })
        var long = submission(1)
        long.spec = [UInt8](repeating: 1, count: 9 << 20)
        guard case .refused(let words)? = try client.ask(.submit(long)) else {
            Issue.record("a long spec was taken")
            return
        }
        #expect(words.contains("spec"))
    }
}

private final class Flag: Sendable { let value = Atomic(false) }
