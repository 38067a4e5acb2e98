import Jobs
import Messages
import Planners
import TestSupport
import Testing

@testable import Planners

/// 30 trials, then 12 of which 6 were promoted, then 3.
private func template(floor: Double = 0) throws -> ThreeStages {
    func window(_ text: String) throws -> ThreeStages.Window { try #require(ThreeStages.Window(text)) }
    return try ThreeStages(
        coarse: .init(symbols: ["AAA"], window: window("2023-01-02..2023-01-31"), trials: 30),
        refine: .init(
            symbols: ["AAA", "BBB"], window: window("2023-02-01..2023-03-31"), trials: 12, promoted: 6),
        forward: .init(
            symbols: ["AAA", "BBB", "CCC"], window: window("2023-04-03..2023-09-29"), trials: 3, promoted: 3),
        floor: floor)
}

private func study(floor: Double = 0, parallel: UInt32 = 4) throws -> Study.Spec {
    var spec = Study.Spec.example(parallel: parallel)
    spec.objective = .command(.init(words: ["trade"]))
    spec.directions = [.maximize]
    spec.isReproducible = true
    spec.stages = try template(floor: floor)
    return spec
}

private func run(_ spec: Study.Spec, seed: UInt64, crashes: Bool = false) throws -> StudyBench {
    var bench = try StudyBench(spec, seed: seed)
    bench.say(.run(token: 1, trials: 45))
    repeat {
        if crashes, bench.random.next(below: 8) == 0 { try bench.crash() }
    } while bench.step()
    return bench
}

@Test(arguments: seeds(10))
func `a study of three stages is the same in any order of results, and through any crash`(seed: UInt64) throws {
    let calm = try run(study(), seed: 1000)
    let other = try run(study(), seed: seed, crashes: true)
    #expect(calm.isResting && other.isResting)
    #expect(calm.trials.count == 45 && other.restarts > 0)
    #expect(calm.trials.map(\.parameters) == other.trials.map(\.parameters))
    #expect(calm.trials.map(\.state) == other.trials.map(\.state))
    #expect(calm.trials.map(\.attributes) == other.trials.map(\.attributes))
    let replay = try StudyReplay(study(), trials: other.trials)
    #expect(replay.differences.isEmpty && replay.asks == 45 && replay.tells == 45)
}

/// Promotion once more, by looking for the next best again and again.
private func slowlyBest(_ trials: [Study.Trial], _ count: Int) -> [Study.Trial] {
    var left = trials.filter { $0.state == .complete && $0.isFeasible }
    var best: [Study.Trial] = []
    while best.count < count, !left.isEmpty {
        var at = 0
        for other in left.indices
        where left[other].values[0] > left[at].values[0]
            || left[other].values[0] == left[at].values[0] && left[other].number < left[at].number
        { at = other }
        let one = left.remove(at: at)
        if !best.contains(where: { $0.parameters == one.parameters }) { best.append(one) }
    }
    return best
}

@Test func `each stage begins with the best of the one before, and only what held is a candidate`() throws {
    let bench = try run(study(), seed: 3)
    let stages = ThreeStages.Stage.allCases.map { stage in bench.trials.filter { $0.stage == stage } }
    #expect(stages.map(\.count) == [30, 12, 3])
    for (before, after, count) in [(stages[0], stages[1], 6), (stages[1], stages[2], 3)] {
        let best = slowlyBest(before, count)
        #expect(best.count == count)
        #expect(after.prefix(count).map(\.parameters) == best.map(\.parameters))
        #expect(after.prefix(count).map(\.promotedFrom) == best.map { Optional($0.number) })
        #expect(after.dropFirst(count).allSatisfy { $0.promotedFrom == nil })
    }
    #expect(stages[0].contains { $0.state == .failed } && stages[0].contains { $0.state == .pruned })
    for trial in bench.trials {
        let held = trial.stage == .forward && trial.state == .complete && trial.values[0] > 0
        #expect(trial.isCandidate == held, "trial \(trial.number)")
    }
    // Tasks say where they are evaluated.
    for task in bench.tasks {
        let stage = try #require(bench.trials[Int(task.trial)].stage)
        #expect(task.stage == bench.spec.stages?.part(stage))
    }
    // Nothing is left to ask for, and nobody can add to what is confirmed.
    var after = bench
    guard case .refused(let words) = after.say(.run(token: 9, trials: 1)) else { return #expect(Bool(false)) }
    #expect(words.contains("three stages of study example are over"))
    guard case .refused = after.say(.enqueue(token: 10, [0.5, 1, 0, 0.5])) else { return #expect(Bool(false)) }
}

@Test func `a floor above every forward score leaves no candidate, and stages have seeds of their own`() throws {
    let bench = try run(study(floor: 5), seed: 4)
    #expect(bench.trials.count == 45 && !bench.trials.contains(where: \.isCandidate))
    #expect(Set(ThreeStages.Stage.allCases.map { ThreeStages.seed(7, $0) }).count == 3)
    #expect(ThreeStages.seed(7, .coarse) == 7)
    // The sampler of the refinement does not begin where that of the coarse stage did.
    let refined = bench.trials.filter { $0.stage == .refine && $0.promotedFrom == nil }
    let coarse = Set(bench.trials.filter { $0.stage == .coarse }.map(\.parameters))
    #expect(!refined.isEmpty && refined.allSatisfy { !coarse.contains($0.parameters) })
}

@Test func `where nothing can be promoted the study ends, and says so`() throws {
    var bench = try StudyBench(study(), seed: 5)
    bench.say(.run(token: 1, trials: 45))
    while let task = bench.open.first { bench.end(task, .failed("no data", mayRetry: false)) }
    #expect(bench.trials.count == 30 && bench.isResting)
    guard case .refused = bench.say(.run(token: 2, trials: 1)) else { return #expect(Bool(false)) }
}

@Test func `a stop between and inside stages loses nothing`() throws {
    var bench = try StudyBench(study(), seed: 6)
    for (token, more) in [(1, 7), (2, 23), (3, 1), (4, 11), (5, 3)] as [(UInt64, UInt32)] {
        bench.say(.run(token: token, trials: more))
        bench.finishAll()
        #expect(bench.isResting)
        try bench.crash()
    }
    #expect(bench.trials.map(\.parameters) == (try run(study(), seed: 7)).trials.map(\.parameters))
}

@Test func `values enqueued take a place of the stage that asks, while it has one`() throws {
    var bench = try StudyBench(study(), seed: 8)
    for token in 1...30 as ClosedRange<UInt64> {
        guard case .trial = bench.say(.enqueue(token: token, [0.5, Double(token % 8 + 1), 1, nil])) else {
            return #expect(Bool(false))
        }
    }
    guard case .refused(let words) = bench.say(.enqueue(token: 31, [0.5, 1, 1, nil])) else {
        return #expect(Bool(false))
    }
    #expect(words.contains("stage coarse has no room among its 30 trials"))
    bench.say(.run(token: 40, trials: 45))
    bench.finishAll()
    #expect(bench.trials.filter { $0.stage == .coarse }.allSatisfy { $0.fixed[0] == 0.5 })
    #expect(bench.trials.filter { $0.stage == .forward }.count == 3)
}

@Test func `stages that maximise nothing, or have nothing to trade, are refused`() throws {
    func refusal(_ change: (inout Study.Spec) -> Void) throws -> String {
        var spec = try study()
        change(&spec)
        let error = #expect(throws: JobError.self) { try StudyPlanner(spec, blobs: NoBlobs()) }
        return error?.description ?? ""
    }
    #expect(try refusal { $0.directions = [.minimize] }.contains("maximise one value"))
    #expect(try refusal { $0.objective = .function("branin") }.contains("branin trades nothing"))
    let spec = try study()
    #expect(try Study.Spec(wireBytes: spec.wireBytes) == spec)
}
