import Blobs
import Jobs
import Market
import Messages
import TestSupport
import Testing

@testable import Planners

/// Plans as a group search does — a survey, then pieces, budgeted — and answers with what it was told.
private struct FakeSearch: Planner {
    typealias Kind = Groups
    private let spec: Groups.Spec
    private let members: Int
    private var visited: [Int: UInt64] = [:]

    init(_ spec: Groups.Spec, blobs: any BlobSource) throws(JobError) {
        self.spec = spec
        let bytes = try blobs.bytes(of: spec.pool)
        guard BlobID(of: bytes) == spec.pool, let pool = try? VariationPool(wireBytes: bytes) else {
            throw JobError("the pool handed over is not the pool named")
        }
        members = pool.members.count
    }
    private func task(_ work: Groups.Task.Work) -> Groups.Task {
        Groups.Task(pool: spec.pool, sizes: spec.sizes, keep: spec.keep, work: work, thresholds: [])
    }
    mutating func start() -> Step<Groups.Task> {
        var step = Step(tasks: [task(.survey)])
        step.isBudgeted = true
        return step
    }
    mutating func finished(_ index: Int, with result: Groups.Result, load: Load) -> Step<Groups.Task> {
        visited[index] = result.accounting.visited
        var step = Step<Groups.Task>()
        if index == 0 {
            step.tasks = (0..<min(members, 5)).map {
                task(.search(.init(start: .init([UInt16($0)]), end: .init([UInt16($0 + 1)]))))
            }
            step.isBudgeted = true
        }
        if visited.count == 1 + min(members, 5) { step.end = .answer(answer(isProved: true)) }
        return step
    }
    mutating func budgetEnded() -> Step<Groups.Task> {
        var step = Step<Groups.Task>()
        step.end = .unfinished(answer(isProved: false))
        return step
    }
    private func answer(isProved: Bool) -> [UInt8] {
        var accounting = GroupAccounting()
        accounting.visited = visited.keys.sorted().reduce(0) { $0 &+ (visited[$1] ?? 0) &* UInt64($1 + 1) }
        return GroupsAnswer(
            sizes: spec.sizes, top: spec.sizes.map { _ in [] }, chosen: spec.sizes.map { _ in nil },
            accounting: accounting, space: UInt64(members), proved: isProved, bound: 0, rest: []
        ).wireBytes
    }
}

private let symbols = 70
private let universe: [UInt8] = {
    let values = (0..<symbols * 35).map { 20 + Double($0 * 37 % 101) / 10 }
    return Universe(
        symbols: (0..<symbols).map { "S\($0)" }, dates: (0..<35).map { 20_240_101 + $0 }, open: values.reversed(),
        high: values, low: values, close: values, volume: values
    ).wireBytes
}()

private func weekend(_ seed: UInt64, algorithms: [Algorithm] = [.macd, .ema, .rsi, .adx], cycles: UInt32 = 3)
    -> () throws -> WeekendStages<FakeSearch>
{
    {
        try WeekendStages<FakeSearch>(
            .init(
                variations: .init(
                    universe: BlobID(of: universe), seed: seed, cycles: cycles, batch: 4, algorithms: algorithms)),
            blobs: HandedBlobs(bytes: universe))
    }
}

private func compute(_ task: Weekend.Task) -> Weekend.Result {
    switch task {
    case .variations(let task): return .variations(fakeResult(task, symbols: symbols))
    case .groups(let task):
        var accounting = GroupAccounting()
        if case .search(let piece) = task.work { accounting.visited = UInt64(piece.start.path[0]) * 10 + 3 }
        return .groups(.init(top: [[], []], accounting: accounting, rest: nil, restBound: -.infinity))
    }
}

@Test(arguments: seeds(3))
func `a weekend's answer does not depend on the order of results`(seed: UInt64) throws {
    let first = try runToEnd(weekend(seed), seed: 1, inFlight: 1, answer: compute)
    let answer = try Weekend.Answer(wireBytes: first.answer)
    #expect(first.isProved && answer.groups.proved)
    #expect(
        answer.evaluations.map(\.count)
            == [12, 12, 12, 0, 12, 0, 0, 0, 0, 0].indices.map {
                [Algorithm.macd, .ema, .rsi, .adx].contains(Algorithm.allCases[$0]) ? 12 : 0
            })
    #expect(first.blobs.map { BlobID(of: $0) } == [answer.pool])
    let pool = try VariationPool(wireBytes: first.blobs[0])
    #expect(pool.members.map(\.number) == answer.pruned.flatMap { $0 })
    #expect(pool.hits == (try Universe(wireBytes: universe)).hits)
    for inFlight in [2, 7] {
        let other = try runToEnd(weekend(seed), seed: seed &+ 50, inFlight: inFlight, answer: compute)
        #expect(other.answer == first.answer)
    }
}

@Test(arguments: seeds(2))
func `a weekend restored in any stage gives the same answer`(seed: UInt64) throws {
    let whole = try runToEnd(weekend(seed), seed: seed, inFlight: 3, answer: compute)
    for cut in 1..<whole.tasks.count + 1 {
        let restored = try runToEnd(weekend(seed), seed: seed, inFlight: 3, stop: { $0 == cut }, answer: compute)
        #expect(restored.answer == whole.answer, "cut after result \(cut)")
        #expect(restored.tasks.count == whole.tasks.count)
    }
    let always = try runToEnd(weekend(seed), seed: seed, inFlight: 3, stop: { _ in true }, answer: compute)
    #expect(always.answer == whole.answer)
}

@Test func `variation tasks run until done, group tasks on the budget, and the stages are named`() throws {
    var planner = try weekend(5)()
    var step = try planner.start()
    #expect(!step.isBudgeted && step.status?.stages.map(\.name) == ["variations"])
    // A budget may end here already: then nothing is claimed of any group, and the planner can go on.
    guard case .unfinished(let early)? = try planner.budgetEnded().end else {
        Issue.record("the budget ended without an answer")
        return
    }
    let begun = try Weekend.Answer(wireBytes: early)
    #expect(begun.stoppedIn == "variations" && begun.pruned.isEmpty && begun.groups == .notBegun(sizes: [3, 4]))
    var waiting = Array(step.tasks.enumerated())
    var next = step.tasks.count
    while let (index, task) = waiting.first, case .variations = task {
        waiting.removeFirst()
        step = try planner.finished(index, with: compute(task), load: noLoad)
        for task in step.tasks {
            waiting.append((next, task))
            next += 1
        }
    }
    #expect(step.isBudgeted && step.tasks.count == 1 && step.blobs.count == 1)
    #expect(step.status?.stages.map(\.name) == ["variations", "prune"])
    let ended = try planner.budgetEnded()
    guard case .unfinished(let bytes)? = ended.end else {
        Issue.record("the budget ended without an answer")
        return
    }
    #expect(try Weekend.Answer(wireBytes: bytes).stoppedIn == "groups")
    #expect(ended.status?.stages.map(\.name) == ["variations", "prune", "groups", "select"])
}

@Test func `too few algorithms for a group end the weekend proved and empty`() throws {
    for algorithms in [[Algorithm.macd], [.macd, .ema]] {
        let run = try runToEnd(weekend(2, algorithms: algorithms), seed: 1, inFlight: 2, answer: compute)
        let answer = try Weekend.Answer(wireBytes: run.answer)
        #expect(run.isProved && answer.groups.proved && answer.groups.top == [[], []])
        #expect(answer.groups.chosen == [nil, nil])
        #expect(run.blobs.map { BlobID(of: $0) } == [answer.pool])
    }
}

@Test func `results of the wrong stage and of another universe are refused`() throws {
    var planner = try weekend(1)()
    let task = try planner.start().tasks[0]
    let groups = Groups.Result(top: [], accounting: .init(), rest: nil, restBound: 0)
    #expect(throws: JobError.self) { try planner.finished(0, with: .groups(groups), load: noLoad) }
    guard case .variations(let inner) = task else {
        Issue.record("a weekend begins with variations")
        return
    }
    #expect(throws: JobError.self) {
        try planner.finished(0, with: .variations(fakeResult(inner, symbols: 200)), load: noLoad)
    }
}
