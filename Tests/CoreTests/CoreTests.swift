import CoordinatorCore
import Messages
import TestSupport
import Testing

/// A core with its store and the planners' answers given by hand.
struct Bench {
    var core = Core()
    var store = SimulatedStore()
    var now: Milliseconds = 1
    let client = ClientRef(connection: 1, number: 1)
    init() { store.limits = core.limits }

    @discardableResult mutating func send(_ event: Event, from worker: WorkerID? = nil) -> [Effect] {
        store.note(event)
        var effects = core.handle(event, at: now)
        effects += core.handle(.ticked(wall: 1), at: now)
        for case .record(let record) in effects { store.apply(record, from: worker) }
        store.endBatch()
        #expect(store.broken == nil)
        #expect(core.brokenInvariant() == nil)
        return effects
    }
    mutating func join(_ number: UInt64, slots: UInt32 = 1, seen: UInt64 = 0, held: [ClaimRun] = []) -> [Effect] {
        send(
            .hello(
                Inbound.Hello(
                    worker: WorkerID(number), name: "w\(number)", codeVersion: "", slots: slots,
                    hardware: HardwareReport(), seen: seen, held: held)), from: WorkerID(number))
    }
    mutating func submit(_ token: UInt64, count: UInt32, _ change: (inout Submission) -> Void = { _ in }) -> JobID {
        var submission = Submission(token: token, kind: "k", spec: [])
        change(&submission)
        send(.submitted(submission, by: client))
        let job = JobID(UInt32(store.jobCount))
        if submission.after.isEmpty { plan(job, count: count) }
        return job
    }
    @discardableResult mutating func plan(_ job: JobID, count: UInt32) -> [Effect] {
        var plan = Plan()
        plan.array = ([1], count)
        return send(.planned(job, plan))
    }
    mutating func answer(_ run: ClaimRun, _ end: TaskOutcome.End, by worker: UInt64, number: UInt64 = 1) -> [Effect] {
        send(
            .outcomes(WorkerID(worker), number: number, [TaskOutcome(run: run, end: end, busyMicroseconds: 5_000_000)]),
            from: WorkerID(worker))
    }
    /// Time passes as it does: in ticks.
    mutating func wait(_ milliseconds: Milliseconds) {
        for _ in 0..<milliseconds / 500 {
            now += 500
            send(.ticked(wall: 0))
        }
    }
    mutating func restart() {
        let hash = core.stateHash
        store.coordinatorRestarts()
        core = Core(restoring: store.load(), names: store.names, at: 0)
        now = 1
        #expect(core.stateHash == hash)
    }
}

func assigned(_ effects: [Effect]) -> [ClaimRun] {
    effects.flatMap { effect -> [ClaimRun] in
        if case .send(.assign(_, let assignments), _) = effect { assignments.map(\.run) } else { [] }
    }
}
func replies(_ effects: [Effect]) -> [Reply] {
    effects.compactMap { if case .reply(let reply, _) = $0 { reply } else { nil } }
}

@Test func `a silent worker's task goes to another with a higher epoch, and its late result changes nothing`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1)
    let first = assigned(bench.join(1))
    #expect(first == [ClaimRun(job: job, first: 0, count: 1, epoch: 1)])
    bench.wait(10_500)
    let second = assigned(bench.join(2))
    #expect(second == [ClaimRun(job: job, first: 0, count: 1, epoch: 2)])
    _ = bench.join(1, seen: 1, held: first)
    let late = bench.answer(first[0], .done([]), by: 1)
    #expect(late.contains(.send(.accepted([1]), to: WorkerID(1))))
    #expect(bench.core.status(of: job, at: bench.now)?.done == 0)
    _ = bench.answer(second[0], .done([]), by: 2)
    #expect(bench.core.status(of: job, at: bench.now)?.state == .done)
    #expect(!bench.answer(second[0], .done([]), by: 2).contains { if case .record = $0 { true } else { false } })
}

@Test func `a task that kills three workers is parked and its neighbours finish`() {
    var bench = Bench()
    let job = bench.submit(1, count: 3) { $0.needs.cores = 1 }
    var deaths = 0
    for worker in 1...20 as ClosedRange<UInt64> where bench.core.status(of: job, at: bench.now)?.state.isOver == false {
        var runs = assigned(bench.join(worker, slots: 3))
        while let run = runs.first, !run.indices.contains(1) {
            runs = assigned(bench.answer(run, .done([]), by: worker, number: UInt64(run.first)))
        }
        if runs.isEmpty { continue }
        deaths += 1
        bench.wait(10_500)
    }
    #expect(deaths == 3)
    #expect(bench.store.parked(of: job).map(\.index) == [1])
    #expect(bench.store.isDone(TaskID(job, 0)) && bench.store.isDone(TaskID(job, 2)))
    #expect(bench.core.why("1.1", at: bench.now).contains("3 workers died"))
}

@Test func `a worker that was only away is not held against its task`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1)
    let run = assigned(bench.join(1))
    for _ in 0..<5 {
        bench.wait(10_500)
        _ = bench.join(1, seen: 1, held: run)
    }
    #expect(bench.store.crashes(of: TaskID(job, 0)) == 0)
    _ = bench.answer(run[0], .done([]), by: 1)
    #expect(bench.core.status(of: job, at: bench.now)?.state == .done)
}

@Test func `a higher priority is served first, and a paused job not at all`() {
    var bench = Bench()
    let low = bench.submit(1, count: 2)
    let high = bench.submit(2, count: 1) { $0.priority = 5 }
    let run = assigned(bench.join(1))
    #expect(run.map(\.job) == [high])
    #expect(bench.core.why("1.0", at: bench.now).contains("free slot"))
    bench.send(.pause(low, by: bench.client))
    #expect(assigned(bench.answer(run[0], .done([]), by: 1)).isEmpty)
    #expect(bench.core.why("1.0", at: bench.now).contains("paused"))
    #expect(assigned(bench.send(.unpause(low, by: bench.client))).map(\.job) == [low])
}

@Test func `after a cancel nothing of the job is accepted, and asking again is answered alike`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1)
    let run = assigned(bench.join(1))
    let effects = bench.send(.cancel(job, by: bench.client))
    #expect(replies(effects) == [.done])
    #expect(effects.contains(.send(.cancel(run), to: WorkerID(1))))
    _ = bench.answer(run[0], .done([]), by: 1)
    #expect(!bench.store.isDone(TaskID(job, 0)))
    #expect(replies(bench.send(.cancel(job, by: bench.client))) == [.done])
}

@Test func `a job starts when those it comes after are done, and fails when one of them did`() {
    var bench = Bench()
    let first = bench.submit(1, count: 1)
    let second = bench.submit(2, count: 1) { $0.after = [first] }
    let run = assigned(bench.join(1))
    #expect(bench.core.why("\(second)", at: bench.now).contains("waits for job 1"))
    _ = bench.answer(run[0], .failed("no"), by: 1)
    #expect(bench.core.status(of: first, at: bench.now)?.state == .failed)
    #expect(bench.core.status(of: second, at: bench.now)?.state == .failed)
}

@Test func `a failing task is tried as often as asked, and one failure told twice counts once`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1) { $0.retries = 1 }
    let run = assigned(bench.join(1))
    let again = assigned(bench.answer(run[0], .failed("no"), by: 1))
    #expect(again.map(\.epoch) == [2])
    // The acknowledgement was lost: the worker returns with the answered claim and repeats its answer.
    bench.restart()
    _ = bench.join(1, seen: 2, held: run + again)
    _ = bench.answer(run[0], .failed("no"), by: 1)
    #expect(bench.core.status(of: job, at: bench.now)?.state == .running)
    _ = bench.answer(again[0], .failed("still no"), by: 1, number: 2)
    #expect(bench.core.status(of: job, at: bench.now)?.state == .failed)
}

@Test func `a lost assignment is handed out again, even when no later message tells of it`() {
    var bench = Bench()
    _ = bench.submit(1, count: 1)
    #expect(assigned(bench.join(1)).count == 1)
    bench.now += 1000
    #expect(assigned(bench.send(.heartbeat(WorkerID(1), seen: 0, held: []))).isEmpty)
    bench.now += 2000
    #expect(assigned(bench.send(.heartbeat(WorkerID(1), seen: 0, held: []))).map(\.epoch) == [2])
}

@Test func `after a restart a worker keeps its claims, and messages are numbered on`() {
    var bench = Bench()
    let job = bench.submit(1, count: 20)
    let runs = assigned(bench.join(1, slots: 10))
    let part = ClaimRun(job: job, first: 2, count: 3, epoch: 1)
    _ = bench.answer(part, .done([]), by: 1)
    _ = bench.answer(ClaimRun(job: job, first: 7, count: 1, epoch: 1), .returned, by: 1, number: 2)
    for _ in 0..<2 {
        bench.restart()
        #expect(
            bench.send(.heartbeat(WorkerID(1), seen: 9, held: [])).contains(.send(.introduceYourself, to: WorkerID(1))))
        _ = bench.join(1, slots: 10, seen: 9, held: runs)
    }
    let held = bench.core.status(of: job, at: bench.now)!
    #expect(held.done == 3)
    #expect(held.running >= 6)
}

@Test func `a repeated submit is the same job`() {
    var bench = Bench()
    let job = bench.submit(7, count: 1)
    bench.restart()
    let again = bench.send(.submitted(Submission(token: 7, kind: "k", spec: []), by: bench.client))
    #expect(replies(again) == [.submitted(job)])
}

@Test func `a budget is exact, ends at its deadline, and goes on when some is added`() {
    var bench = Bench()
    var submission = Submission(token: 1, kind: "k", spec: [], budgetMilliseconds: 1500)
    submission.retries = 0
    bench.send(.submitted(submission, by: bench.client))
    let job = JobID(1)
    var plan = Plan()
    plan.tasks = [PlannedTask(payload: [1], isBudgeted: true), PlannedTask(payload: [2], isBudgeted: true)]
    bench.send(.planned(job, plan))
    let run = assigned(bench.join(1))
    bench.now += 400
    _ = bench.send(
        .outcomes(WorkerID(1), number: 1, [TaskOutcome(run: run[0], end: .done([0]), busyMicroseconds: 400_000)]),
        from: WorkerID(1))
    let budget = bench.core.status(of: job, at: bench.now)!.budget!
    #expect(budget.donated == 600 && budget.spent == 400 && budget.total == 1500)
    #expect(budget.granted + budget.spent + budget.pool == budget.total)
    bench.send(.planned(job, Plan()))
    // The second never answers: it is taken back after the deadline, and the planner asked for what there is.
    bench.now += 1300
    let ended = bench.send(.ticked(wall: 0))
    #expect(ended.contains(.plan(job, .budgetEnded)))
    var end = Plan()
    end.end = .unfinished(BlobID(hash: [UInt8](repeating: 1, count: 32))!)
    bench.send(.planned(job, end))
    #expect(bench.core.status(of: job, at: bench.now)?.state == .unfinished)
    bench.restart()
    bench.send(.planned(job, Plan()))
    _ = bench.join(1, seen: 2)
    bench.send(.addBudget(job, milliseconds: 1000, token: 5, by: bench.client))
    #expect(bench.core.status(of: job, at: bench.now)?.state == .running)
    #expect(bench.core.status(of: job, at: bench.now)?.running == 1)
}

@Test func `from its deadline on nothing of a job is handed out, and what has no slices is stopped`() {
    var bench = Bench()
    bench.send(.submitted(Submission(token: 1, kind: "k", spec: [], budgetMilliseconds: 1000), by: bench.client))
    let job = JobID(1)
    var plan = Plan()
    plan.tasks = (0..<4).map { PlannedTask(payload: [$0]) }
    bench.send(.planned(job, plan))
    let run = assigned(bench.join(1))
    #expect(run.count == 1)
    bench.now += 900
    // The first ends in time and pays from the pool; the next, and one to follow it, go out and are late.
    let outcome = TaskOutcome(run: run[0], end: .done([0]), busyMicroseconds: 900_000)
    let late = assigned(bench.send(.outcomes(WorkerID(1), number: 1, [outcome]), from: WorkerID(1)))
    #expect(late.count == 2)
    let budget = bench.core.status(of: job, at: bench.now)!.budget!
    #expect(budget.spent == 900 && budget.granted == 0 && budget.pool == 100 && budget.total == 1000)
    bench.send(.planned(job, Plan()))
    bench.now += 100
    #expect(assigned(bench.join(2)).isEmpty)
    #expect(bench.core.why("1.3", at: bench.now).contains("waits for budget"))
    // Time to end by itself, and no more.
    bench.now += 199
    #expect(!bench.send(.ticked(wall: 0)).contains(.plan(job, .budgetEnded)))
    bench.now += 1
    let ended = bench.send(.ticked(wall: 0))
    #expect(ended.contains(.send(.cancel(late), to: WorkerID(1))))
    #expect(ended.contains(.plan(job, .budgetEnded)))
    var end = Plan()
    end.end = .unfinished(BlobID(hash: [UInt8](repeating: 1, count: 32))!)
    bench.send(.planned(job, end))
    #expect(bench.core.status(of: job, at: bench.now)?.state == .unfinished)
    #expect(!assigned(bench.send(.addBudget(job, milliseconds: 500, token: 1, by: bench.client))).isEmpty)
}

@Test func `an array whose budget ends is unfinished, and goes on with more`() {
    var bench = Bench()
    let job = bench.submit(1, count: 2) { $0.budgetMilliseconds = 1000 }
    _ = bench.join(1)
    bench.now += 1200
    bench.send(.ticked(wall: 0))
    #expect(bench.core.status(of: job, at: bench.now)?.state == .unfinished)
    bench.restart()
    _ = bench.join(2)
    bench.send(.addBudget(job, milliseconds: 1000, token: 1, by: bench.client))
    #expect(bench.core.status(of: job, at: bench.now)?.running == 1)
}

@Test func `budget added again under its token is added once, in this life and the next`() {
    var bench = Bench()
    let job = bench.submit(1, count: 1) { $0.budgetMilliseconds = 1000 }
    let wish = Event.addBudget(job, milliseconds: 500, token: 77, by: bench.client)
    for _ in 0..<2 { #expect(replies(bench.send(wish)) == [.done]) }
    bench.restart()
    #expect(replies(bench.send(wish)) == [.done])
    #expect(bench.core.status(of: job, at: bench.now)?.budget?.wallMilliseconds == 1500)
    bench.send(.addBudget(job, milliseconds: 500, token: 78, by: bench.client))
    #expect(bench.core.status(of: job, at: bench.now)?.budget?.wallMilliseconds == 2000)
}

@Test func `a task that needs more than any worker has says so`() {
    var bench = Bench()
    _ = bench.submit(1, count: 1) { $0.needs.cores = 9 }
    #expect(bench.core.why("1.0", at: bench.now).contains("none is connected"))
    _ = bench.join(1, slots: 2)
    #expect(bench.core.why("1.0", at: bench.now).contains("needs 9 cores"))
}

@Test func `a large task is not starved by small ones`() {
    var bench = Bench()
    let small = bench.submit(1, count: 100)
    func single(_ runs: [ClaimRun]) -> [ClaimRun] {
        runs.flatMap { run in run.indices.map { ClaimRun(job: run.job, first: $0, count: 1, epoch: run.epoch) } }
    }
    var queue = single(assigned(bench.join(1, slots: 2)))
    let large = bench.submit(2, count: 1) { $0.needs.cores = 2 }
    for number in 1...20 as ClosedRange<UInt64> where !queue.isEmpty {
        let run = queue.removeFirst()
        if run.job == large { return }
        #expect(run.job == small)
        queue += single(assigned(bench.answer(run, .done([]), by: 1, number: number)))
    }
    Issue.record("the large task still waits")
}
