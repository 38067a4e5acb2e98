import Jobs
import Messages
import TestSupport
import Testing

@testable import Planners

private func planner(_ spec: Variations.Spec) -> () throws -> VariationsPlanner {
    { try VariationsPlanner(spec, blobs: HandedBlobs()) }
}

private func sorted(_ tasks: [Variations.Task]) -> [[UInt8]] {
    tasks.map(\.wireBytes).sorted { $0.lexicographicallyPrecedes($1) }
}

@Test(arguments: seeds(4))
func `the order of results and the tasks in flight change neither tasks nor answer`(seed: UInt64) throws {
    let spec = Variations.Spec(
        universe: anyBlob, seed: seed, cycles: 5, batch: 4, algorithms: [.macd, .adx, .bollinger, .emaMACD])
    let first = try runToEnd(planner(spec), seed: seed, inFlight: 1) { fakeResult($0) }
    for inFlight in [2, 4] {
        let other = try runToEnd(planner(spec), seed: seed &* 31 &+ UInt64(inFlight), inFlight: inFlight) {
            fakeResult($0)
        }
        #expect(other.answer == first.answer)
        #expect(sorted(other.tasks) == sorted(first.tasks))
    }
    let answer = try Variations.Answer(wireBytes: first.answer)
    #expect(answer.evaluations.map(\.count) == Algorithm.allCases.map { spec.algorithms.contains($0) ? 20 : 0 })
}

@Test(arguments: seeds(2))
func `a study restored after any result goes on as if it had never stopped`(seed: UInt64) throws {
    let spec = Variations.Spec(universe: anyBlob, seed: seed, cycles: 4, batch: 4, algorithms: [.ema, .adx])
    let whole = try runToEnd(planner(spec), seed: seed, inFlight: 2) { fakeResult($0) }
    for cut in 1...8 {
        let cutOnce = try runToEnd(
            planner(spec), seed: seed, inFlight: 2, stop: { $0 == cut }, answer: { fakeResult($0) })
        #expect(cutOnce.answer == whole.answer, "cut after result \(cut)")
        #expect(sorted(cutOnce.tasks) == sorted(whole.tasks))
    }
    let cutAlways = try runToEnd(
        planner(spec), seed: seed, inFlight: 2, stop: { _ in true }, answer: { fakeResult($0) })
    #expect(cutAlways.answer == whole.answer)
}

@Test func `a restored planner with nothing stored starts, and with all in flight waits`() throws {
    let spec = Variations.Spec(universe: anyBlob, seed: 3, cycles: 2, batch: 3, algorithms: [.rsi, .sma])
    var fresh = try planner(spec)()
    let tasks = fresh.start().tasks
    var restored = try planner(spec)()
    #expect(try restored.restore(tasks: [], results: []).tasks == tasks)
    var waiting = try planner(spec)()
    #expect(try waiting.restore(tasks: tasks, results: []).tasks.isEmpty)
}

@Test(arguments: seeds(3))
func `variations are feasible, never tried twice, and a full cycle each`(seed: UInt64) throws {
    let spec = Variations.Spec(
        universe: anyBlob, seed: seed, cycles: 8, batch: 8, algorithms: [.macd, .ema, .rsi, .adx])
    let run = try runToEnd(planner(spec), seed: seed, inFlight: 3) { fakeResult($0) }
    #expect(run.tasks.allSatisfy { $0.variations.count == 8 && $0.universe == anyBlob })
    for algorithm in spec.algorithms {
        let tasks = run.tasks.filter { $0.variations[0].algorithm == algorithm }
        #expect(tasks.map(\.cycle) == Array(0..<8))
        let variations = tasks.flatMap(\.variations)
        #expect(variations.allSatisfy { $0.isFeasible })
        #expect(Set(variations.map(\.canonical)).count == 64)
    }
}

@Test func `another seed tries other variations`() throws {
    let tasks = try [UInt64(1), 2].map { seed in
        var one = try planner(Variations.Spec(universe: anyBlob, seed: seed, cycles: 1))()
        return one.start().tasks
    }
    #expect(tasks[0].count == 10)
    #expect(tasks[0] != tasks[1])
}

@Test func `results that are not of the variations asked for are refused`() throws {
    let spec = Variations.Spec(universe: anyBlob, seed: 1, cycles: 2, batch: 2, algorithms: [.macd])
    var one = try planner(spec)()
    let task = one.start().tasks[0]
    let good = fakeResult(task)
    let reversed = Variations.Result(evaluations: good.evaluations.reversed())
    let short = Variations.Result(evaluations: [good.evaluations[0]])
    var scoreless = good
    scoreless.evaluations[1].metrics.stabilityScore = .nan
    for bad in [reversed, short, scoreless] {
        #expect(throws: JobError.self) { try one.finished(0, with: bad, load: noLoad) }
    }
    #expect(throws: JobError.self) { try one.finished(1, with: good, load: noLoad) }
    #expect(try one.finished(0, with: good, load: noLoad).tasks.count == 1)
}

@Test func `a spec without cycles or algorithms, or with one twice, is refused`() {
    for (cycles, algorithms) in [(0, [Algorithm.macd]), (1, []), (1, [.ema, .ema]), (1, [.ema, .macd])] {
        #expect(throws: JobError.self) {
            try VariationsPlanner(
                .init(universe: anyBlob, seed: 1, cycles: UInt32(cycles), algorithms: algorithms), blobs: HandedBlobs())
        }
    }
}

@Test func `the nearest wanted point comes in rings, and none when the grid is used up`() {
    let grid = Neighbours(axes: [(3, false), (4, true)]) { $0[1] == 0 ? [0, 0] : $0 }
    #expect(grid.nearest(to: [1, 2]) { _ in true } == [0, 2])
    #expect(grid.nearest(to: [1, 2]) { $0[0] != 0 } == [2, 2])
    #expect(grid.nearest(to: [0, 1]) { $0[0] == 2 && $0[1] == 3 } == [2, 3])
    #expect(grid.nearest(to: [1, 2]) { $0 == [1, 0] } == nil)
    var reached: Set<[UInt8]> = []
    _ = grid.nearest(to: [1, 2]) {
        reached.insert($0)
        return false
    }
    #expect(reached.count == 9)  // 3 × 3, and one for all that stand at 0, less the start
}
