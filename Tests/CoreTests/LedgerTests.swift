import CoordinatorCore
import Messages
import TestSupport
import Testing

@Test(arguments: seeds(300))
func `a budget's books equal plain arithmetic, to the millisecond, whoever joins, leaves, dies or is late`(seed: UInt64)
{
    var books = Books(seed: seed)
    let failure = books.run()
    #expect(failure == nil, "seed \(seed)")
}

/// The core with one budgeted job under random joins, leaves, deaths, overruns, pauses, restarts and additions; beside
/// it the same budget in plain arithmetic: what each worker brought, and what each task cost.
private struct Books {
    private struct Held {
        var run: ClaimRun
        var granted: UInt64
        /// Since when this life of the coordinator knows of it, on its clock and on the budget's.
        var since: Milliseconds
        var began: UInt64
    }
    private struct Member {
        let id: UInt64
        /// None of one that died before a restart and may still be waited for.
        var slots: UInt64
        var isAlive = true
        var held: [Held] = []
        var seen: UInt64 = 0
        var heard: Milliseconds
        /// Of the budget's clock, when it joined and when it was heard of last.
        var joined: UInt64
        var heardElapsed: UInt64
    }
    private var bench = Bench()
    private var random: SplitMix
    private let job = JobID(1)
    private var members: [Member] = []
    private var nextMember: UInt64 = 1
    private var nextNumber: UInt64 = 1
    private var nextToken: UInt64 = 1
    /// The plain arithmetic.
    private var wall: UInt64
    private var elapsed: UInt64 = 0
    private var isRunning = false { didSet { if isRunning, !oldValue { started = min(elapsed, wall) } } }
    /// Of the budget's clock, when it began to run last: nobody is said to have been silent for longer.
    private var started: UInt64 = 0
    private var left: UInt64 = 0
    private var spent: UInt64 = 0
    private var granted: UInt64 = 0
    private var mostSlots: UInt64 = 0
    private var failure: String?

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        wall = UInt64.random(in: 1...8000, using: &random)
    }

    private mutating func number(_ range: ClosedRange<UInt64>) -> UInt64 { UInt64.random(in: range, using: &random) }

    mutating func run() -> String? {
        let submission = Submission(token: 1, kind: "k", spec: [], budgetMilliseconds: wall)
        send(.submitted(submission, by: bench.client))
        send(.planned(job, plan(3)))
        // Three deaths with one task fail the job, and that is the end.
        for step in 0..<400 where failure == nil && state != .failed {
            switch random.next() % 24 {
            case 0...1: if members.count < 6 { join() }
            case 2: if let m = members.indices.randomElement(using: &random) { members[m].isAlive = false }
            case 3: leave()
            case 4...12: answer()
            case 13: if number(1...4) == 1 { restart() }
            case 14: if number(1...4) == 1 { add() }
            case 15: send(.pause(job, by: bench.client))
            case 16...17: send(.unpause(job, by: bench.client))
            default: pass(number(1...700))
            }
            if failure != nil { failure! += " in step \(step)" }
        }
        return failure
    }

    private mutating func plan(_ count: Int) -> Plan {
        var plan = Plan()
        // A core that asks for one task gets a slice, or a whole one.
        let isBudgeted = number(1...3) > 1
        plan.tasks = (0..<count).map { _ in PlannedTask(payload: [1], isBudgeted: isBudgeted) }
        return plan
    }

    private mutating func pass(_ milliseconds: UInt64) {
        bench.now += milliseconds
        if isRunning { elapsed += milliseconds }
        for id in members.filter(\.isAlive).map(\.id) {
            guard let m = members.firstIndex(where: { $0.id == id }) else { continue }
            heard(m)
            send(
                .heartbeat(WorkerID(members[m].id), seen: members[m].seen, held: members[m].held.map(\.run)),
                from: members[m].id)
        }
        send(.ticked(wall: 0))
    }
    private mutating func heard(_ m: Int) {
        members[m].heard = bench.now
        members[m].heardElapsed = min(elapsed, wall)
    }

    private mutating func join() {
        members.append(
            Member(
                id: nextMember, slots: number(1...3), heard: bench.now, joined: min(elapsed, wall),
                heardElapsed: min(elapsed, wall)))
        nextMember += 1
        hello(members.count - 1)
    }
    private mutating func hello(_ m: Int) {
        let member = members[m]
        if !member.held.isEmpty { isRunning = isRunning || state == .running || state == .paused }
        send(
            .hello(
                Inbound.Hello(
                    worker: WorkerID(member.id), name: "w\(member.id)", codeVersion: "", slots: UInt32(member.slots),
                    hardware: HardwareReport(), seen: member.seen, held: member.held.map(\.run))), from: member.id)
    }
    private mutating func leave() {
        guard let m = members.indices.filter({ members[$0].isAlive }).randomElement(using: &random) else { return }
        heard(m)
        send(.goodbye(WorkerID(members[m].id)), from: members[m].id)
    }

    /// One task ends early, in time, or late.
    private mutating func answer() {
        let busy = members.indices.filter { members[$0].isAlive && !members[$0].held.isEmpty }
        guard let m = busy.randomElement(using: &random) else { return }
        let held = members[m].held.remove(at: Int(number(0...UInt64(members[m].held.count - 1))))
        heard(m)
        let used = number(0...bench.now - held.since + 200)
        let end: TaskOutcome.End = number(1...8) == 1 ? .returned : .done([0])
        if state?.isOver == false { settle(held, used: used) }
        let outcome = TaskOutcome(run: held.run, end: end, busyMicroseconds: used * 1000)
        nextNumber += 1
        send(.outcomes(WorkerID(members[m].id), number: nextNumber, [outcome]), from: members[m].id)
    }
    private mutating func settle(_ held: Held, used: UInt64) {
        let out = min(elapsed, wall) - min(min(elapsed, wall), max(held.began, started))
        granted -= held.granted
        spent += min(used, out, total - spent - granted, max(passed, spent) - spent)
    }

    private mutating func add() {
        let more = number(1...3000)
        nextToken += 1
        if elapsed > wall { (elapsed, started) = (wall, wall) }
        wall += more
        for _ in 0...number(0...1) {
            send(.addBudget(job, milliseconds: more, token: nextToken, by: bench.client))
        }
    }

    private mutating func restart() {
        guard let stored = bench.store.load().first?.budget else { return }
        if isRunning, min(elapsed, wall) > stored.elapsedMilliseconds + 1000 + 700 { failure = "time was lost" }
        if stored.elapsedMilliseconds > min(elapsed, wall) { failure = "time was made" }
        elapsed = stored.elapsedMilliseconds
        left = stored.total
        let hash = bench.core.stateHash
        bench.store.coordinatorRestarts()
        bench.core = Core(restoring: bench.store.load(), names: bench.store.names, at: 0)
        if bench.core.stateHash != hash { failure = "the rebuilt state differs" }
        bench.now = 1
        isRunning = false
        granted = 0
        let returning = members
        for m in members.indices {
            members[m].slots = 0
            members[m].heard = 0
            members[m].joined = min(elapsed, wall)
            members[m].heardElapsed = min(elapsed, wall)
            for h in members[m].held.indices {
                members[m].held[h].granted = 0
                members[m].held[h].since = 0
                members[m].held[h].began = min(elapsed, wall)
            }
        }
        members.removeAll { !$0.isAlive && $0.held.isEmpty }
        check()
        if state != .waiting { send(.planned(job, Plan())) }
        for member in returning where member.isAlive {
            guard let m = members.firstIndex(where: { $0.id == member.id }) else { continue }
            members[m].slots = member.slots
            members[m].heard = bench.now
            hello(m)
        }
    }

    private var state: JobState? { bench.core.status(of: job, at: bench.now)?.state }
    /// Slot time lived through.
    private var passed: UInt64 {
        let now = min(elapsed, wall)
        return members.reduce(left) { $0 + $1.slots * (now - min(now, $1.joined)) }
    }
    private var slots: UInt64 { members.reduce(0) { $0 + $1.slots } }
    private var total: UInt64 { passed + slots * (wall - min(wall, elapsed)) }

    private mutating func send(_ event: Event, from worker: UInt64? = nil) {
        guard failure == nil else { return }
        mostSlots = max(mostSlots, slots)
        let effects = bench.send(event, from: worker.map { WorkerID($0) })
        note(effects)
        check()
        for case .plan(_, let call) in effects {
            switch call {
            case .finished, .start: send(.planned(job, plan(Int(number(1...2)))))
            case .idle: send(.planned(job, plan(1)))
            case .budgetEnded:
                var plan = Plan()
                plan.end = .unfinished(BlobID(hash: [UInt8](repeating: 1, count: 32))!)
                send(.planned(job, plan))
            case .forget: break
            default: break
            }
        }
    }

    /// What the core decided, as far as it moves budget: in its order.
    private mutating func note(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .record(.left(let worker)): lose(worker.incarnation)
            case .record(.state(_, .unfinished, _, _, _)): end()
            case .send(.cancel(let runs), let worker): cancel(runs, worker.incarnation)
            case .send(.assign(let number, let assignments), let worker):
                guard let m = members.firstIndex(where: { $0.id == worker.incarnation }) else { continue }
                members[m].seen = number
                for assignment in assignments {
                    isRunning = true
                    let slice = UInt64(assignment.sliceMilliseconds)
                    if slice > 0, slice != min(1000, wall - min(wall, elapsed), total - spent - granted) {
                        failure = "a slice of \(slice) ms"
                    }
                    granted += slice
                    members[m].held.append(
                        Held(run: assignment.run, granted: slice, since: bench.now, began: min(elapsed, wall)))
                }
            default: break
            }
        }
        if state == .paused, members.allSatisfy(\.held.isEmpty) { stop() }
    }
    /// Slots lived to the deadline, those that fell silent until they were heard of last. Those that stay count anew when
    /// more budget comes.
    private mutating func end() {
        for m in members.indices where members[m].heard + 1500 < bench.now { fall(m) }
        stop()
        left = passed
        for m in members.indices {
            members[m].joined = wall
            members[m].held = []
        }
    }
    private mutating func stop() {
        isRunning = false
        elapsed = min(elapsed, wall)
    }
    private mutating func lose(_ id: UInt64) {
        guard let m = members.firstIndex(where: { $0.id == id }) else { return }
        for held in members[m].held {
            settle(held, used: min(held.granted, members[m].heard - min(members[m].heard, held.since)))
        }
        fall(m)
        members.remove(at: m)
    }
    /// What the slots of a member lived through stays, and is all.
    private mutating func fall(_ m: Int) {
        let heard = isRunning ? max(members[m].heardElapsed, started) : min(elapsed, wall)
        left += members[m].slots * (heard - min(heard, members[m].joined))
        members[m].joined = .max
    }
    private mutating func cancel(_ runs: [ClaimRun], _ id: UInt64) {
        guard let m = members.firstIndex(where: { $0.id == id }) else { return }
        for held in members[m].held where runs.contains(held.run) {
            settle(held, used: min(held.granted, members[m].heard - min(members[m].heard, held.since)))
        }
        members[m].held.removeAll { runs.contains($0.run) }
    }

    private mutating func check() {
        guard failure == nil, state != .failed, let budget = bench.core.status(of: job, at: bench.now)?.budget else {
            return
        }
        let mine = (total, granted, spent, min(elapsed, wall))
        let its = (budget.total, budget.granted, budget.spent, budget.elapsedMilliseconds)
        if mine != its { failure = "total, granted, spent, elapsed are \(its); they should be \(mine)" }
        if budget.granted + budget.spent + budget.pool != budget.total { failure = "it does not add up: \(budget)" }
        if budget.total > budget.wallMilliseconds * mostSlots { failure = "\(budget.total) ms of \(mostSlots) slots" }
        if let words = bench.core.brokenInvariant() { failure = words }
    }
}
