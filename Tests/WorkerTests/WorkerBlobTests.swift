import Blobs
import Foundation
import Hardware
import Jobs
import Market
import Messages
import Runners
import TestSupport
import Testing
import ZeroMQ

/// A made-up universe of `count` symbols; more than one chunk from 200 symbols on.
private func universe(_ count: Int, seed: UInt64) -> Universe {
    var generator = SplitMix(seed: seed)
    func prices() -> [Double] {
        (0..<count * Universe.days).map { _ in Double(Int.random(in: 1000...9000, using: &generator)) / 100 }
    }
    let (open, close) = (prices(), prices())
    return Universe(
        symbols: (0..<count).map { "S\($0 + 10_000)" }, dates: (0..<Int32(Universe.days)).map { 20_260_101 + $0 },
        open: open, high: zip(open, close).map { max($0, $1) + 1 }, low: zip(open, close).map { min($0, $1) - 1 },
        close: close,
        volume: (0..<count * Universe.days).map { _ in Double(Int.random(in: 1...9, using: &generator)) * 1e6 }
    )
}

private struct Blobs: BlobSource {
    var bytes: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { bytes }
}

/// A task that reads the universe, and the result it must have.
private func task(_ bytes: [UInt8]) throws -> (assignment: Assignment, result: [UInt8]) {
    var variations: [Variation] = []
    for level in UInt8(0)..<20 {
        variations.append(Variation(.rsi, [5, level * 3, 0, 2, 0, 0, 0]))
    }
    let task = Variations.Task(universe: BlobID(of: bytes), cycle: 0, variations: variations)
    let result = try VariationsRunner.run(task, index: 0, context: RunContext(blobs: Blobs(bytes: bytes)))
    let run = ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)
    return (Assignment(run: run, kind: "variations", payload: task.wireBytes), result.wireBytes)
}

@Suite(.serialized) struct WorkerBlobTests {
    @Test func `a worker elsewhere fetches what it needs once, and refuses a damaged chunk`() throws {
        let coordinator = try FakeCoordinator()
        let bytes = universe(1000, seed: 4).wireBytes
        let (assignment, result) = try task(bytes)
        coordinator.blobs[BlobID(of: bytes)] = bytes
        var isDamaged = false
        coordinator.onChunk = { offset, chunk in
            if offset == 256 << 10, !isDamaged {
                chunk[100] ^= 0x40
                isDamaged = true
            }
        }
        try WorkerProcess(coordinator, slots: 1).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([assignment])
            #expect(try coordinator.ends(1) == [0: .done(result)])
            #expect(isDamaged)
            let chunks = (bytes.count + (256 << 10) - 1) / (256 << 10)
            #expect(coordinator.chunks == 2 * chunks)
            var again = assignment
            again.run.epoch = 2
            try coordinator.assign([again])
            #expect(try coordinator.ends(1) == [0: .done(result)])
            #expect(coordinator.chunks == 2 * chunks)
        }
        // A new worker with the same state folder finds it there.
        try WorkerProcess(coordinator, slots: 1).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([assignment])
            #expect(try coordinator.ends(1) == [0: .done(result)])
        }
    }

    @Test func `a worker on the coordinator's host reads its folder`() throws {
        let coordinator = try FakeCoordinator()
        let bytes = universe(50, seed: 5).wireBytes
        let (assignment, result) = try task(bytes)
        coordinator.hostID = hostIdentity()
        coordinator.blobFolder = coordinator.folder + "/blobs"
        let store = try BlobStore(coordinator.blobFolder)
        try store.put(bytes)
        try WorkerProcess(coordinator, slots: 2).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([assignment])
            #expect(try coordinator.ends(1) == [0: .done(result)])
            #expect(coordinator.chunks == 0)
        }
    }

    @Test func `a leaving worker ends a budgeted search at once and hands in its cursor`() throws {
        let coordinator = try FakeCoordinator()
        // Far more than two minutes of searching, debug or release.
        let pool = randomPool(seed: 1, symbols: 500, counts: [Int](repeating: 60, count: 10))
        let bytes = pool.wireBytes
        coordinator.blobs[BlobID(of: bytes)] = bytes
        let task = Weekend.Task.groups(
            Groups.Task(
                pool: BlobID(of: bytes), sizes: [3, 4], keep: 1000,
                work: .search(Groups.Piece(start: Groups.Cursor(), end: nil)), thresholds: [-.infinity, -.infinity]))
        let worker = try WorkerProcess(coordinator, slots: 1)
        _ = try coordinator.greeted()
        let run = ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)
        try coordinator.assign([
            Assignment(run: run, kind: "weekend", payload: task.wireBytes, sliceMilliseconds: 120_000)
        ])
        // Once the pool is there, the search is under way.
        let total = (bytes.count + (256 << 10) - 1) / (256 << 10)
        _ = try coordinator.until { _ in coordinator.chunks == total ? true : nil }
        _ = try coordinator.until(0.5) { _ -> Bool? in nil }
        let stopped = ContinuousClock.now
        worker.signal(SIGTERM)
        guard case .done(let result)? = try coordinator.ends(1)[0] else {
            Issue.record("the slice was lost")
            return
        }
        #expect(ContinuousClock.now - stopped < .seconds(3))
        guard case .groups(let found) = try Weekend.Result(wireBytes: result) else {
            Issue.record("not groups")
            return
        }
        let rest = try #require(found.rest)
        #expect(rest.start > Groups.Cursor())
        #expect(try worker.exitCode(coordinator) == 0)
    }

    @Test func `a task whose input nobody has fails in words`() throws {
        let coordinator = try FakeCoordinator()
        let (assignment, _) = try task(universe(2, seed: 6).wireBytes)
        try WorkerProcess(coordinator, slots: 2).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([assignment])
            guard case .failed(let reason)? = try coordinator.ends(1)[0] else {
                Issue.record("it ran")
                return
            }
            #expect(reason.contains("not at the coordinator"))
        }
    }

    @Test func `over tcp a worker proves its key, and without one it does not start`() throws {
        let (server, worker) = (try KeyPair(), try KeyPair())
        let authenticator = try Authenticator(allowing: [worker.publicKey: .init(name: "w", role: .worker)])
        defer { authenticator.stop() }
        let coordinator = try FakeCoordinator(keys: server)
        let keys = coordinator.folder + "/keys"
        try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true)
        try worker.write(to: keys + "/worker")
        try server.write(to: keys + "/coordinator")
        try WorkerProcess(coordinator, slots: 1, ["--keys", keys]).alive(coordinator) {
            _ = try coordinator.greeted()
            let run = ClaimRun(job: JobID(1), first: 0, count: 100, epoch: 1)
            try coordinator.assign([Assignment(run: run, kind: "noop", payload: Noop.Spec(count: 100).wireBytes)])
            #expect(try coordinator.ends(100).count == 100)
        }
        let keyless = try WorkerProcess(coordinator, slots: 1)
        #expect(try keyless.exitCode(coordinator) == 1)
    }
}
