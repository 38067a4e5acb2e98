import Messages
import TestSupport
import Testing

@testable import CoordinatorCore

/// Two workers of four slots; tasks of a kind that may run twice, of which five took 10 ms each.
private struct Race {
    var bench = Bench()
    let job: JobID
    /// Task 5 with its first claim, at worker 1.
    var first = ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)

    /// - Parameter kind: of the job.
    init(kind: String = "repeatable", cores: UInt32 = 3) {
        bench.core = Core(limits: Self.limits)
        bench.store.limits = Self.limits
        var submission = Submission(token: 1, kind: kind, spec: [])
        submission.needs.cores = cores
        bench.send(.submitted(submission, by: bench.client))
        job = JobID(1)
        bench.plan(job, count: 6)
        var runs = assigned(bench.join(1, slots: 4))
        for number in 1...5 as ClosedRange<UInt64> { runs = assigned(answer(runs[0], by: 1, number: number)) }
        first = runs[0]
    }
    static var limits: Core.Limits {
        var limits = Core.Limits()
        limits.speculated = ["repeatable"]
        return limits
    }
    mutating func answer(_ run: ClaimRun, by worker: UInt64, number: UInt64 = 9) -> [Effect] {
        bench.send(
            .outcomes(
                WorkerID(worker), number: number, [TaskOutcome(run: run, end: .done([]), busyMicroseconds: 10_000)]),
            from: WorkerID(worker))
    }
    /// Both workers are heard for a while.
    mutating func wait(_ milliseconds: Milliseconds, alive: [UInt64] = [1, 2]) -> [Effect] {
        var effects: [Effect] = []
        for _ in 0..<milliseconds / 100 {
            bench.now += 100
            for worker in alive {
                let news = bench.send(
                    .heartbeat(WorkerID(worker), seen: 99, held: held[worker] ?? []), from: WorkerID(worker))
                for case .send(.assign(_, let assignments), let to) in news {
                    held[to.incarnation, default: []] += assignments.map(\.run)
                }
                effects += news
            }
        }
        return effects
    }
    var held: [UInt64: [ClaimRun]] = [:]
    /// The second claim, at worker 2.
    mutating func double() -> ClaimRun? {
        held = [1: [first]]
        _ = bench.join(2, slots: 4)
        return assigned(wait(1300)).first
    }
    mutating func restart() {
        let hash = bench.core.stateHash
        bench.store.coordinatorRestarts()
        bench.core = Core(limits: Self.limits, restoring: bench.store.load(), names: bench.store.names, at: 0)
        bench.now = 1
        #expect(bench.core.stateHash == hash)
        #expect(bench.core.brokenInvariant() == nil)
    }
    var status: JobStatus { bench.core.status(of: job, at: bench.now)! }
}

@Test func `a straggler runs a second time elsewhere, and whoever is first wins`() throws {
    for winner in [1, 2] as [UInt64] {
        var race = Race()
        let claimed = race.double()
        let second = try #require(claimed)
        #expect(second == ClaimRun(job: race.job, first: 5, count: 1, epoch: 2))
        #expect(race.status.doubled == 1 && race.status.running == 1)
        #expect(
            race.bench.core.standing(of: TaskID(race.job, 5), at: race.bench.now)
                == .heldTwice(WorkerID(1), WorkerID(2)))
        #expect(race.bench.core.why("1.5", at: race.bench.now).contains("w1 and with w2 too"))
        let (won, lost) = winner == 1 ? (race.first, second) : (second, race.first)
        let effects = race.answer(won, by: winner)
        #expect(effects.contains(.send(.cancel([lost]), to: WorkerID(3 - winner))))
        #expect(race.status.state == .done && race.status.done == 6 && race.status.running == 0)
        // The other's result is late, and nobody holds anything.
        #expect(!race.answer(lost, by: 3 - winner).contains { if case .record = $0 { true } else { false } })
        #expect(race.bench.core.workerStatuses(at: race.bench.now).allSatisfy { $0.held == 0 })
    }
}

@Test func `of many workers each is looked at in turn, and a straggler among them is found all the same`() {
    var race = Race()
    race.held = [1: [race.first]]
    for worker in 2...2500 as ClosedRange<UInt64> { _ = race.bench.join(worker, slots: 4) }
    // At most as many sweeps late as it takes to look at all.
    #expect(assigned(race.wait(1300, alive: [1])).map(\.first) == [5])
}

@Test func `nobody runs a second time without need, without a median, without an idle slot, or against its kind`() {
    var early = Race()
    _ = early.bench.join(2, slots: 4)
    early.held = [1: [early.first]]
    #expect(assigned(early.wait(800)).isEmpty, "sooner than the least patience")
    var other = Race(kind: "simulated")
    #expect(other.double() == nil)
    var alone = Race()
    alone.held = [1: [alone.first]]
    #expect(assigned(alone.wait(3000, alive: [1])).isEmpty, "its own worker is no other")
    var unknown = Race()
    unknown.restart()
    _ = unknown.bench.join(1, slots: 4, seen: 99, held: [unknown.first])
    #expect(unknown.double() == nil, "after a restart nothing is known of its kind")
}

@Test(arguments: [1, 2] as [UInt64])
func `either worker of a doubled task may be lost, and the other's result counts`(lost: UInt64) throws {
    var race = Race()
    let claimed = race.double()
    let second = try #require(claimed)
    let effects = race.wait(4500, alive: [3 - lost])
    #expect(race.status.doubled == 0 && race.status.running == 1)
    #expect(assigned(effects).isEmpty, "the other goes on; a third is not needed")
    _ = race.answer(lost == 1 ? second : race.first, by: 3 - lost)
    #expect(race.status.state == .done)
}

@Test(arguments: [1, 2] as [UInt64])
func `both claims of a task survive a restart`(winner: UInt64) throws {
    var race = Race()
    let claimed = race.double()
    let second = try #require(claimed)
    race.restart()
    #expect(
        race.bench.core.rivals(for: TaskID(race.job, 5)).map { [$0.first, $0.second] } == [WorkerID(1), WorkerID(2)])
    #expect(assigned(race.bench.join(1, slots: 4, seen: 99, held: [race.first])).isEmpty)
    #expect(assigned(race.bench.join(2, slots: 4, seen: 99, held: [second])).isEmpty)
    _ = race.answer(winner == 1 ? race.first : second, by: winner)
    #expect(race.status.state == .done)
}

@Test func `the second claim is taken back with its job, and a claim of a dead worker outlives a restart`() throws {
    var race = Race()
    let claimed = race.double()
    let second = try #require(claimed)
    _ = race.wait(4500, alive: [1])  // worker 2 is lost; the first claim, of a lower epoch, goes on
    race.restart()
    #expect(assigned(race.bench.join(1, slots: 4, seen: 99, held: [race.first])).isEmpty)
    #expect(!race.answer(second, by: 2).contains { if case .record(.done) = $0 { true } else { false } })
    race.held = [1: [race.first]]
    let effects = race.bench.send(.cancel(race.job, by: race.bench.client))
    #expect(effects.contains(.send(.cancel([race.first]), to: WorkerID(1))))
    #expect(race.status.state == .cancelled && race.status.running == 0)
}

@Test func `a median is at most an eighth too large, and follows what changes`() throws {
    var random = SplitMix(seed: 1)
    for scale in [1, 40, 1000, 1_000_000, 50_000_000_000] as [UInt64] {
        var sketch = MedianSketch()
        var times: [UInt64] = []
        for _ in 0..<500 {
            times.append(random.next() % (2 * scale) + 1)
            sketch.add(times.last!, count: 1)
        }
        let exact = times.sorted()[249]
        let found = try #require(sketch.median(ofAtLeast: 5))
        #expect(found >= exact && found <= exact + exact / 8 + 1, "\(found) for \(exact)")
        for _ in 0..<2000 { sketch.add(8 * scale, count: 1) }
        #expect(try #require(sketch.median(ofAtLeast: 5)) >= 8 * scale)
        let back = try MedianSketch(wireBytes: sketch.wireBytes)
        #expect(back == sketch)
    }
    var longest = MedianSketch()
    longest.add(.max, count: 5)
    #expect(longest.median(ofAtLeast: 5) != nil && longest.median(ofAtLeast: 6) == nil)
}

@Test func `a task that kills its worker while the coordinator is away is counted, before it goes out again`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1)
    var deaths = 0
    // One is always there, and too small for the task.
    let witness: UInt64 = 100
    var next: UInt64 = 1
    _ = bench.join(witness, slots: 0)
    while bench.core.status(of: job, at: bench.now)?.state == .running, deaths < 10 {
        let runs = assigned(bench.join(next))
        #expect(runs.count == 1)
        deaths += 1
        next += 1
        // Both die; the worker first, unheard.
        bench.core = Core(restoring: bench.store.load(), names: bench.store.names, at: 0)
        bench.store.coordinatorRestarts()
        bench.now = 1
        _ = bench.join(witness, slots: 0)
        for _ in 0..<12 {
            bench.now += 500
            _ = bench.send(.heartbeat(WorkerID(witness), seen: 0, held: []), from: WorkerID(witness))
        }
    }
    #expect(deaths == 3)
    #expect(bench.store.parked(of: job).map(\.index) == [0])
}

@Test func `when everything stops at once again and again, no task is given up for it`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1)
    for number in 1...10 as ClosedRange<UInt64> {
        #expect(assigned(bench.join(number)).count == 1, "life \(number)")
        bench.core = Core(restoring: bench.store.load(), names: bench.store.names, at: 0)
        bench.store.coordinatorRestarts()
        bench.now = 1
        bench.wait(6000)
    }
    #expect(bench.core.status(of: job, at: bench.now)?.state == .running)
    let run = assigned(bench.join(99))
    _ = bench.answer(run[0], .done([]), by: 99)
    #expect(bench.core.status(of: job, at: bench.now)?.state == .done)
}
