import Jobs
import Kernels
import Messages
import Planners
import TestSupport
import Testing

@testable import Blobs

private struct OneBlob: BlobSource {
    var stored: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard blob == BlobID(of: stored) else { throw JobError("no such blob") }
        return stored
    }
}

private let sizes: [UInt8] = [3, 4]
private func makePool(_ seed: UInt64) -> VariationPool { randomPool(seed: seed, counts: [6, 7, 5, 6, 4]) }

/// Runs a planner's tasks in random order, in slices of random length, several slots at a time.
private struct Cluster {
    let kernel: GroupKernel
    let blobs: OneBlob
    let spec: Groups.Spec
    var planner: GroupsPlanner
    var tasks: [Groups.Task] = []
    var open: [Int] = []
    var results: [(index: Int, result: Groups.Result)] = []
    var end: Step<Groups.Task>.End?
    var random: SplitMix
    var slots = 3

    init(pool: VariationPool, keep: UInt32, seed: UInt64) throws {
        blobs = OneBlob(stored: pool.wireBytes)
        spec = Groups.Spec(pool: BlobID(of: blobs.stored), sizes: sizes, keep: keep)
        kernel = try GroupKernel(pool: pool, sizes: sizes, keep: Int(keep))
        planner = try GroupsPlanner(spec, blobs: blobs)
        planner.fewestNodesPerPiece = 500
        random = SplitMix(seed: seed)
        plan(try planner.start())
    }

    mutating func plan(_ step: Step<Groups.Task>) {
        open += step.tasks.indices.map { tasks.count + $0 }
        tasks += step.tasks
        end = step.end ?? end
    }

    /// - Parameter looks: how long a slice may be, at most; nil: to the end.
    mutating func run(_ task: Groups.Task, looks: Int?) throws -> Groups.Result {
        guard case .search(let piece) = task.work else {
            return Groups.Result(
                top: [[], []], accounting: GroupAccounting(), rest: nil, restBound: -.infinity,
                starters: kernel.survey())
        }
        var left = looks.map { Int.random(in: 1...$0, using: &random) } ?? .max
        return try kernel.search(piece, thresholds: task.thresholds, workPerLook: 100) {
            left -= 1
            return left <= 0
        }
    }

    mutating func finishOne(looks: Int?) throws {
        let index = open.remove(at: Int.random(in: open.indices, using: &random))
        let result = try Groups.Result(
            wireBytes: run(Groups.Task(wireBytes: tasks[index].wireBytes), looks: looks).wireBytes)
        results.append((index, result))
        let idle = Int.random(in: 0...slots, using: &random)
        plan(try planner.finished(index, with: result, load: Load(slots: slots, idleSlots: idle, queuedTasks: 0)))
    }

    mutating func runToEnd(looks: Int?) throws -> [UInt8] {
        while end == nil { try finishOne(looks: looks) }
        guard case .answer(let bytes)? = end else { throw JobError("the search did not end with an answer") }
        return bytes
    }
}

@Test(arguments: seeds(5))
func `a group search answers the same bytes whatever the order, the slices and the splits`(seed: UInt64) throws {
    let pool = makePool(seed)
    var straight = try Cluster(pool: pool, keep: 25, seed: 1)
    let expected = try straight.runToEnd(looks: nil)
    let answer = try GroupsAnswer(wireBytes: expected)
    #expect(answer.proved && answer.rest.isEmpty && answer.bound == -.infinity)
    #expect(answer.accounting.visited + answer.accounting.cutByRail + answer.accounting.cutByBound == answer.space)
    let direct = try straight.kernel.search(
        Groups.Piece(start: Groups.Cursor(), end: nil), thresholds: [-.infinity, -.infinity], shouldStop: { false })
    #expect(answer.top == direct.top)
    for looks in [2, 5, 30] {
        var shuffled = try Cluster(pool: pool, keep: 25, seed: seed * 100 + UInt64(looks))
        #expect(try shuffled.runToEnd(looks: looks) == expected)
        if looks == 2 { #expect(shuffled.tasks.count > straight.tasks.count) }
    }
}

@Test(arguments: seeds(5))
func `a coordinator restarted at any moment loses and repeats nothing`(seed: UInt64) throws {
    let pool = makePool(seed)
    var straight = try Cluster(pool: pool, keep: 25, seed: 1)
    let expected = try straight.runToEnd(looks: nil)
    var cluster = try Cluster(pool: pool, keep: 25, seed: seed)
    while cluster.end == nil {
        try cluster.finishOne(looks: 3)
        guard cluster.end == nil, Int.random(in: 0..<4, using: &cluster.random) == 0 else { continue }
        // The last tasks planned may not have reached the disk when the coordinator died.
        let lost = Int.random(in: 0...2, using: &cluster.random)
        let newest = cluster.results.map(\.index).max() ?? 0
        cluster.tasks.removeLast(min(lost, cluster.tasks.count - newest - 1))
        cluster.open.removeAll { $0 >= cluster.tasks.count }
        cluster.planner = try GroupsPlanner(cluster.spec, blobs: cluster.blobs)
        cluster.planner.fewestNodesPerPiece = 500
        cluster.plan(try cluster.planner.restore(tasks: cluster.tasks, results: cluster.results))
    }
    #expect(try cluster.runToEnd(looks: 3) == expected)
}

@Test(arguments: seeds(5))
func `when the budget ends the answer says what is left, and more budget finishes it`(seed: UInt64) throws {
    let pool = makePool(seed)
    var straight = try Cluster(pool: pool, keep: 25, seed: 1)
    let expected = try straight.runToEnd(looks: nil)
    let best = try GroupsAnswer(wireBytes: expected)
    var cluster = try Cluster(pool: pool, keep: 25, seed: seed)
    var share = 0.0
    for finished in 0..<40 where cluster.end == nil {
        guard case .unfinished(let bytes)? = try cluster.planner.budgetEnded().end else {
            Issue.record("a search with tasks left is not unfinished")
            return
        }
        let answer = try GroupsAnswer(wireBytes: bytes)
        #expect(!answer.proved && !answer.rest.isEmpty)
        let left = answer.rest.reduce(0) { $0 + cluster.kernel.space.nodeCount(of: $1) }
        let done = answer.accounting.visited + answer.accounting.cutByRail + answer.accounting.cutByBound
        #expect(done + left == answer.space)
        #expect(Double(done) / Double(answer.space) >= share)
        share = Double(done) / Double(answer.space)
        if finished == 0 { #expect(answer.bound == .infinity) }
        for candidate in best.top.joined() where candidate.score > answer.bound {
            #expect(answer.top.joined().contains(candidate))
        }
        try cluster.finishOne(looks: 3)
    }
    #expect(try cluster.runToEnd(looks: 3) == expected)
}

@Test func `a pool without members, and a spec that cannot be run`() throws {
    var empty = try Cluster(
        pool: VariationPool(symbolCount: 0, hits: randomPool(seed: 1, symbols: 0, counts: []).hits, members: []),
        keep: 5, seed: 1)
    let answer = try GroupsAnswer(wireBytes: empty.runToEnd(looks: nil))
    #expect(answer.proved && answer.space == 0 && answer.chosen == [nil, nil])
    let pool = makePool(1)
    let blobs = OneBlob(stored: pool.wireBytes)
    for (sizes, keep): ([UInt8], UInt32) in [([], 5), ([4, 3], 5), ([1, 2], 5), ([3, 11], 5), ([3], 0)] {
        #expect(throws: JobError.self) {
            try GroupsPlanner(Groups.Spec(pool: BlobID(of: blobs.stored), sizes: sizes, keep: keep), blobs: blobs)
        }
    }
}
