import CoordinatorCore
import Messages

/// One thing the core was told: an event with its moment, or that it was rebuilt from the store.
package enum Told: Sendable {
    case event(Event, at: Milliseconds, from: WorkerID?)
    /// The batch is complete and its records are stored.
    case stored
    /// It died, with what was not stored; a new life begins.
    case restarted
}

// The coordinator's process around the core: what its shell does with a batch, and how it dies.
extension Simulation {
    /// Its clock starts with each life and may run at another speed. It never steps: it is the machine's monotonic one.
    var coordinatorNow: Milliseconds { Self.scaled(now - started, by: coordinatorDrift) + 1 }

    /// - Parameter drift: in millionths; positive: the clock is fast.
    static func scaled(_ milliseconds: UInt64, by drift: Int64) -> UInt64 {
        UInt64(Int64(milliseconds) * (1_000_000 + drift) / 1_000_000)
    }
    mutating func drawDrift(_ fault: Fault) -> Int64 {
        note(fault)
        return Int64.random(in: -50_000...50_000, using: &random)
    }

    /// Only the newest appointment counts.
    mutating func wakeAt(_ moment: UInt64) {
        appointment += 1
        schedule(.coordinator(appointment), at: moment)
    }
    mutating func wakeSoon() {
        guard !isWoken else { return }
        isWoken = true
        wakeAt(now + (faulty ? UInt64.random(in: 0...3, using: &random) : 1))
    }

    mutating func wake() {
        if coordinatorPausedUntil > now { return wakeAt(coordinatorPausedUntil) }
        isWoken = false
        if snapshotEvery > 0, commitCount % snapshotEvery == 0 { throughASnapshot() }
        var decided = decide()
        commitCount += 1
        if crash?.commit == commitCount, crash?.isStored == false { return die() }
        let fault = faultOfThisCommit(decided.contains { if case .record = $0.effect { true } else { false } })
        if plantedBug == .acknowledgesBeforeCommit { send(&decided, count: decided.count) }
        if let fault { note(fault) }
        switch fault {
        case .crashBeforeCommit, .commitError, .diskFull: return die()
        // SQLite gives a transaction back whole or not at all: what was written and not synced is lost as one.
        case .unsyncedWritesLost: return die()
        default: break
        }
        storeRecords(of: decided)
        if broken != nil { return }
        if crash?.commit == commitCount {
            checkState(rebuild: true)
            return die()
        }
        if fault != nil || core.taskTotal <= 200 || eventCount % 64 == 0 {
            checkState(rebuild: fault != nil || eventCount % 256 == 0)
        }
        switch fault {
        case .crashAfterSync, .crashBeforeSending: return die()
        case .crashWhileSending:
            send(&decided, count: Int.random(in: 0...decided.count, using: &random))
            return die()
        default: send(&decided, count: decided.count)
        }
        let next = core.nextDeadline(after: coordinatorNow) - coordinatorNow
        if !isWoken { wakeAt(now + max(1, next)) }
    }

    private mutating func throughASnapshot() {
        do { core = try Core(wireBytes: core.wireBytes) } catch { fail(.rebuilt, "a snapshot: \(error)") }
    }

    private mutating func decide() -> [(effect: Effect, sender: WorkerID?)] {
        let batch = inbox
        inbox = []
        var decided: [(effect: Effect, sender: WorkerID?)] = []
        for (event, sender) in batch {
            cover(event)
            for effect in handle(event, from: sender) { decided.append((effect, sender)) }
            switch event {
            // One that was thought lost and returns says again that it drains.
            case .hello(let hello): draining.remove(hello.worker)
            case .draining(let worker): if core.isDraining(worker) { draining.insert(worker) }
            default: break
            }
        }
        // The wall clock is nobody's reason for anything.
        if faulty, mix.allows(.wallClockStep), chance(20) {
            wallStep = random.next() >> 24
            note(.wallClockStep)
        }
        let tick = Event.ticked(wall: 1_700_000_000_000 + now + wallStep)
        cover(tick)
        let overdue = core.overdueWorkers(at: coordinatorNow)
        for worker in overdue { coverHeld(.silence, worker) }
        let asked = askWhy()
        handedOut = []
        var isQuiet = overdue.isEmpty
        for effect in handle(tick, from: nil) {
            decided.append((effect, nil))
            switch effect {
            case .record(.claimed(let run, _, _)): handedOut.append(run)
            case .record(.left), .record(.closed), .record(.state): isQuiet = false
            default: break
            }
            if case .send(.assign, let worker) = effect, draining.contains(worker) {
                fail(.draining, "worker \(worker) drains and was given work")
            }
        }
        checkTick(asked, isQuiet: isQuiet)
        return decided
    }

    private mutating func handle(_ event: Event, from sender: WorkerID?) -> [Effect] {
        store.note(event)
        if keepsHistory { history.append(.event(event, at: coordinatorNow, from: sender)) }
        let effects = core.handle(event, at: coordinatorNow)
        for effect in effects { decisions.mix(effect) }
        return effects
    }

    /// What happens to this commit. A disk that is full fails only what writes.
    private mutating func faultOfThisCommit(_ writes: Bool) -> Fault? {
        guard faulty else { return nil }
        if writes, diskFullUntil > now { return .diskFull }
        guard Int(random.next() % 10_000) < mix.coordinatorFaults else { return nil }
        let fault = mix.ofCommits.randomElement(using: &random)
        return fault == .commitError && !writes ? nil : fault
    }

    private mutating func storeRecords(of decided: [(effect: Effect, sender: WorkerID?)]) {
        for (effect, sender) in decided {
            if case .record(let record) = effect { store.apply(record, from: sender) }
        }
        store.endBatch()
        if eventCount % 4 == 0, !handedOut.isEmpty { checkPriorities(handedOut) }
        if let violation = store.broken { fail(violation.rule, violation.words) }
        if keepsHistory { history.append(.stored) }
        if keepsBatches {
            let records = decided.compactMap { if case .record(let record) = $0.effect { record } else { nil } }
            batches.append((records, core.stateHash))
        }
    }

    private mutating func send(_ decided: inout [(effect: Effect, sender: WorkerID?)], count: Int) {
        for (effect, _) in decided.prefix(count) { perform(effect) }
        decided.removeFirst(count)
    }

    /// It ends without a word: a crash, or because something could not be stored. A supervisor starts it again.
    private mutating func die() {
        isUp = false
        life += 1
        inbox = []
        routes = []
        draining = []
        planners = [:]
        if keepsHistory { history.append(.restarted) }
        schedule(.restart, at: now + UInt64.random(in: 1...(chance(200) ? 60_000 : 3000), using: &random))
    }

    mutating func restart() {
        isUp = true
        lastFault = now
        started = now
        isWoken = false
        if !workers.contains(where: { $0.isAlive && store.names[$0.id] != nil }) { emptyRestarts += 1 }
        store.coordinatorRestarts()
        if faulty, mix.allows(.newCode), chance(300) {
            store.codeVersion += 1
            note(.newCode)
        }
        let stored = store.load()
        core = Core(limits: limits, restoring: stored, names: store.names, at: 0, plantedBug: plantedBug)
        for job in stored {
            cover(.restart, job.id)
            guard job.wantsPlanner else { continue }
            var planner = SimulatedPlanner(SimulatedJob(spec: job.submission.spec))
            var plan = planner.restore(tasks: job.tasks, results: store.results(of: job.id))
            planners[job.id] = planner
            reuse(&plan, of: job.id)
            answer(planner.hasFailed ? .planFailed(job.id, "as told") : .planned(job.id, plan))
        }
        wakeSoon()
    }

    mutating func faultOfTheCoordinator() {
        guard faulty else { return }
        schedule(.coordinatorFault, at: now + UInt64.random(in: 1...40_000, using: &random))
        let choices = Fault.ofCoordinator.filter { mix.allows($0) }
        switch choices.randomElement(using: &random) {
        // Counted when a commit meets it.
        case .diskFull: diskFullUntil = now + UInt64.random(in: 1...15_000, using: &random)
        case .coordinatorPause:
            note(.coordinatorPause)
            coordinatorPausedUntil = now + UInt64.random(in: 1...(chance(200) ? 60_000 : 6000), using: &random)
        case .coordinatorStops: if isUp, coordinatorPausedUntil <= now { stopInOrder() }
        default: break
        }
    }

    /// SIGTERM: the last batch is stored, and nothing more is sent.
    private mutating func stopInOrder() {
        note(.coordinatorStops)
        cover(.stopping)
        storeRecords(of: handle(.stopping, from: nil).map { (effect: $0, sender: nil) })
        if broken == nil {
            checkState(rebuild: true)
            die()
        }
    }

    // MARK: - What it sends

    private mutating func perform(_ effect: Effect) {
        switch effect {
        case .record, .log, .publish: break
        case .send(let message, let worker):
            guard routes.contains(worker), let at = workerAt[worker] else { return }
            sendDown(message, to: at)
        case .reply(let reply, let client): replied(reply, client)
        case .plan(let job, let call): plan(job, call)
        }
    }

    private mutating func answer(_ event: Event) {
        // One planning thread: late, but in order.
        let delay = faulty ? UInt64.random(in: 0...(chance(50) ? 2000 : 3), using: &random) : 1
        answerDue = max(answerDue, now + delay)
        schedule(.answer(event, life: life), at: answerDue)
    }

    /// As the planning thread does: results of tasks that were alike.
    private mutating func reuse(_ plan: inout Plan, of job: JobID) {
        for at in plan.tasks.indices {
            if let key = key(of: plan.tasks[at].payload, job) { plan.tasks[at].known = known[key] }
        }
    }
    private func key(of task: [UInt8], _ job: JobID) -> [UInt8]? {
        guard Int(job.number) <= store.jobCount else { return nil }
        let kind = store.submission(of: job).kind
        guard SimulatedStore.reusable == kind || plantedBug == .reusesAnything else { return nil }
        return ReuseKey.bytes(kind: kind, codeVersion: store.codeVersion, task: task, plantedBug: plantedBug)
    }

    private mutating func plan(_ job: JobID, _ call: PlannerCall) {
        if case .start(_, let spec) = call {
            var planner = SimulatedPlanner(SimulatedJob(spec: spec))
            var plan = planner.start()
            planners[job] = planner
            reuse(&plan, of: job)
            return answer(.planned(job, plan))
        }
        guard var planner = planners.removeValue(forKey: job) else { return }
        var plan = Plan()
        switch call {
        case .start, .forget: return
        case .finished(let index, let result, let load):
            plan = planner.finished(index, result, load)
            if let key = key(of: store.payload(of: TaskID(job, index)), job) { known[key] = result }
        case .idle: break
        case .budgetEnded: plan = planner.budgetEnded()
        case .heard(.request(let number), let bytes, _): plan.answers = [.request(number, bytes)]
        case .heard(.task(let index), let bytes, _): plan.answers = [.task(index, bytes)]
        case .heard(.parked, _, _): break
        }
        if let words = planner.broken { fail(.wholeWork, "job \(job): \(words)") }
        if planner.hasFailed { note(.plannerError) }
        reuse(&plan, of: job)
        answer(planner.hasFailed ? .planFailed(job, "as told") : .planned(job, plan))
        planners[job] = planner
    }
}
