import CoordinatorCore
import Foundation
import Messages
import Store
import TestSupport
import Testing

@testable import CoordinatorShell

@Test func `a task whose result is known never goes out, and its planner hears of it`() {
    var bench = Bench()
    _ = bench.join(1, slots: 4)
    let submission = Submission(token: 1, kind: SimulatedStore.reusable, spec: [])
    bench.send(.submitted(submission, by: bench.client))
    var plan = Plan()
    plan.tasks = (1...3).map { PlannedTask(payload: [$0]) }
    let computed = assigned(bench.send(.planned(JobID(1), plan)))
    #expect(computed.map(\.first) == [0, 1, 2])
    for run in computed { _ = bench.answer(run, .done([7]), by: 1, number: UInt64(run.first) + 1) }

    var again = Submission(token: 2, kind: SimulatedStore.reusable, spec: [])
    again.priority = 1
    bench.send(.submitted(again, by: bench.client))
    plan.tasks = (1...4).map { PlannedTask(payload: [$0]) }
    for at in 0..<3 { plan.tasks[at].known = [7] }
    let effects = bench.send(.planned(JobID(2), plan))
    #expect(assigned(effects) == [ClaimRun(job: JobID(2), first: 3, count: 1, epoch: 1)])
    let told = effects.compactMap { effect -> UInt32? in
        if case .plan(JobID(2), .finished(let index, [7], _)) = effect { index } else { nil }
    }
    #expect(told == [0, 1, 2])
    let status = bench.core.status(of: JobID(2), at: bench.now)
    #expect(status?.done == 3 && status?.reused == 3 && status?.running == 1)
    bench.restart()
    #expect(bench.core.status(of: JobID(2), at: bench.now)?.reused == 3)
}

struct ReuseStoreTests {
    private let path: String
    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reuse-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appendingPathComponent("reuse.sqlite").path
    }
    private func forgetFolder() {
        try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
    }
    private func key(_ number: UInt32) throws -> BlobID {
        try #require(ReuseStore.key(kind: "variations", task: [UInt8(number & 255), UInt8(number >> 8)]))
    }

    @Test func `results are found again after a restart, and those not asked for are dropped first`() throws {
        defer { forgetFolder() }
        do {
            var store = try ReuseStore(path: path, maximumResults: 64, maximumBytes: 1 << 20)
            for number in 0..<64 as Range<UInt32> { try store.keep([UInt8(number)], of: try key(number)) }
            try store.flush()
        }
        var store = try ReuseStore(path: path, maximumResults: 64, maximumBytes: 1 << 20)
        #expect(try store.result(of: try key(3)) == [3])
        try store.keep([64], of: try key(64))
        try store.flush()
        #expect(try store.result(of: try key(3)) == [3], "it was used")
        #expect(try store.result(of: try key(64)) == [64])
        #expect(try store.result(of: try key(0)) == nil && store.result(of: try key(1)) == nil)
        let database = try Database(path: path, mode: .readOnly)
        let rows = try database.prepare("SELECT count(*) FROM results")
        #expect(try rows.step())
        #expect(rows.integer(0) == 56)
    }

    @Test func `bytes are bounded too, and a result that is too long is not kept`() throws {
        defer { forgetFolder() }
        var store = try ReuseStore(path: path, maximumResults: 1000, maximumBytes: 10_000)
        for number in 0..<100 as Range<UInt32> {
            try store.keep([UInt8](repeating: 1, count: 1000), of: try key(number))
        }
        try store.keep([UInt8](repeating: 1, count: 6000), of: try key(200))
        try store.flush()
        let database = try Database(path: path, mode: .readOnly)
        let rows = try database.prepare("SELECT sum(length(result)) FROM results")
        #expect(try rows.step())
        #expect(rows.integer(0) <= 10_000 && rows.integer(0) >= 8000)
        #expect(try store.result(of: try key(99)) != nil && store.result(of: try key(200)) == nil)
    }

    @Test func `a key is of the kind, its code and the task; programs and measurements have none`() throws {
        for kind in ["command", "noop", "study", "no such kind"] {
            #expect(ReuseStore.key(kind: kind, task: [1]) == nil)
        }
        let keys = try ["variations", "groups", "weekend"].map { try #require(ReuseStore.key(kind: $0, task: [1])) }
        #expect(Set(keys).count == 3)
        #expect(
            ReuseKey.bytes(kind: "k", codeVersion: 1, task: [1]) != ReuseKey.bytes(kind: "k", codeVersion: 2, task: [1])
        )
    }
}
