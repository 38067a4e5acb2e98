import CoordinatorCore
import Messages

// What is held against the core itself, and at the end. The rules of records are in SimulatedStore.swift.
extension Simulation {
    mutating func checkState(rebuild: Bool) {
        if let words = core.brokenInvariant() { fail(.oneState, words) }
        guard rebuild else { return }
        let twin = Core(limits: limits, restoring: store.load(), at: 0, plantedBug: plantedBug)
        if twin.stateHash != core.stateHash {
            fail(.rebuilt, "the rebuilt state is not the live one: \(twin.difference(from: core) ?? "")")
        }
        if let words = twin.brokenInvariant() { fail(.rebuilt, "after a rebuild: \(words)") }
        // Places of workers that are gone are taken again.
        if core.workerPlaces > workers.count { fail(.tables, "\(core.workerPlaces) places for workers") }
    }

    /// With nothing lost or late, a worker never holds more memory, nor more cores of large tasks, than it has.
    mutating func checkRoomOfWorker(_ w: Int) {
        var memory: UInt64 = 0
        var cores: UInt64 = 0
        for run in workers[w].queue.map(\.run) + workers[w].running.map(\.work.run)
        where !store.state(of: run.job).isOver && !run.indices.allSatisfy({ store.isDone(TaskID(run.job, $0)) }) {
            let needs = store.submission(of: run.job).needs
            memory += needs.memoryBytes * UInt64(run.count)
            if needs.cores > 1 { cores += UInt64(needs.cores) * UInt64(run.count) }
        }
        if memory > workers[w].memory { fail(.resources, "\(workers[w].name) holds tasks of \(memory >> 20) MiB") }
        if cores > workers[w].slots { fail(.resources, "\(workers[w].name) holds tasks of \(cores) cores") }
    }

    // MARK: - Before and after a tick

    /// A task that nobody holds, of some job; drawn from what has happened so far, so that asking changes no history.
    private var anyWaitingTask: TaskID? {
        guard store.jobCount > 0 else { return nil }
        let job = JobID(UInt32(eventCount / 8 % store.jobCount) + 1)
        let count = core.taskCount(of: job)
        guard count > 0 else { return nil }
        let start = UInt32(truncatingIfNeeded: trace >> 20) % count
        for step in 0..<min(count, 64) {
            let task = TaskID(job, (start + step) % count)
            if [.fresh, .again].contains(core.condition(of: task)) { return task }
        }
        return nil
    }

    /// What `why` says of one task just before a tick; held against what the tick does, and against what is known
    /// apart from the core.
    mutating func askWhy() -> (task: TaskID, standing: Standing)? {
        guard eventCount % 8 == 0, let task = anyWaitingTask else { return nil }
        let standing = core.standing(of: task, at: coordinatorNow)
        coverage.note(standing)
        let job = store.jobCount >= Int(task.job.number) ? task.job : nil
        let live = workers.filter { [.connected, .reserved].contains(core.condition(of: $0.id)) }
        let needs = job.map { store.submission(of: $0).needs } ?? TaskNeeds()
        let fitting = live.filter { $0.slots >= needs.cores && $0.memory >= needs.memoryBytes }
        switch standing {
        case .noSuchTask, .done, .parked, .held, .heldTwice:
            fail(.why, "task \(task) waits, and it is said: \(standing)")
        case .job(.running): fail(.why, "job \(task.job) runs, and it is said that it does not")
        case .budgetUsed:
            if job.map({ store.submission(of: $0).budgetMilliseconds }) == 0 {
                fail(.why, "task \(task) waits for a budget, and its job has none")
            }
        case .noWorker: if !live.isEmpty { fail(.why, "no worker is there, it is said, of \(live.count)") }
        case .tooManyCores, .tooMuchMemory:
            if !fitting.isEmpty { fail(.why, "task \(task): \(standing), and \(fitting[0].name) fits it") }
        case .busy(let count):
            if count != fitting.count { fail(.why, "task \(task): \(count) workers fit it, it is said") }
        case .alone: if store.crashes(of: task) < 2 { fail(.why, "task \(task) did not see two workers die") }
        case .behind(let other):
            if core.status(of: other, at: coordinatorNow)?.state != .running { fail(.why, "job \(other) does not run") }
        case .job, .next, .inLine: break
        }
        return (task, standing)
    }

    /// - Parameters:
    ///   - asked: what was said just before the tick.
    ///   - isQuiet: the tick did nothing but hand out work: no worker was lost and no job began.
    mutating func checkTick(_ asked: (task: TaskID, standing: Standing)?, isQuiet: Bool) {
        for job in core.overrunJobs(at: coordinatorNow) { fail(.budget, "job \(job) runs past its deadline") }
        if isQuiet, let (task, standing) = asked {
            let isHeld = core.condition(of: task) == .claimed
            if case .next(let worker) = standing {
                if !isHeld || core.owner(of: task) != worker { fail(.why, "task \(task) was next, it was said") }
            } else if isHeld {
                fail(.why, "task \(task) was handed out, and it was said: \(standing)")
            }
        }
        checkIdleWorkers()
    }

    /// No worker stands idle beside a task that fits it. A budget's rest may be out with other tasks.
    private mutating func checkIdleWorkers() {
        guard eventCount % 4 == 0, let task = anyWaitingTask, store.jobCount >= Int(task.job.number),
            store.state(of: task.job) == .running, core.condition(of: task) != .over,
            store.submission(of: task.job).budgetMilliseconds == 0
        else { return }
        guard case .running = core.status(of: task.job, at: coordinatorNow)?.state else { return }
        let needs = store.submission(of: task.job).needs
        for worker in workers where worker.slots >= needs.cores && worker.memory >= needs.memoryBytes {
            guard core.condition(of: worker.id) == .connected, core.held(by: worker.id).isEmpty else { continue }
            fail(.idleWorker, "worker \(worker.name) stands idle beside task \(task)")
        }
    }

    /// What a tick handed out went to nobody while a job of higher priority and the same shape had tasks waiting. Tasks
    /// that were there when a worker died wait for an empty one: a job with such is left out.
    mutating func checkPriorities(_ claims: [ClaimRun]) {
        for run in claims {
            let low = store.submission(of: run.job)
            for number in 1...UInt32(store.jobCount) where number != run.job.number {
                let job = JobID(number)
                let high = store.submission(of: job)
                guard high.priority > low.priority, high.needs == low.needs, high.budgetMilliseconds == 0,
                    core.status(of: job, at: coordinatorNow)?.state == .running
                else { continue }
                let open = store.open(of: job)
                guard open.contains(where: { !store.isHeld(TaskID(job, $0)) }),
                    !open.contains(where: { store.crashes(of: TaskID(job, $0)) > 0 })
                else { continue }
                fail(.priority, "\(run) was handed out before tasks of job \(job), which has a higher priority")
            }
        }
    }

    // MARK: - The end

    var isFinished: Bool {
        isUp && wanted.allSatisfy { $0.job.map(isSettled) ?? false } && wishes.isEmpty
    }
    /// Over, or waiting for one that wants more budget.
    private func isSettled(_ job: JobID) -> Bool {
        let state = store.state(of: job)
        guard state == .waiting else { return state.isOver }
        return store.submission(of: job).after.contains { store.state(of: $0) == .unfinished || isBlocked($0) }
    }
    private func isBlocked(_ job: JobID) -> Bool { store.state(of: job) == .waiting && isSettled(job) }
    var unfinished: String {
        wanted.compactMap { entry in
            guard let job = entry.job else { return "a job not accepted" }
            return store.state(of: job).isOver ? nil : core.why("\(job)", at: coordinatorNow)
        }.joined(separator: " ") + " \(wishes.count) wishes open"
    }

    mutating func checkEnds() {
        for entry in wanted {
            let job = entry.job!
            let spec = SimulatedJob(spec: entry.submission.spec)
            let state = store.state(of: job)
            let mayFail =
                (spec.poison != .max || spec.failing != .max || spec.plannerFailsAt != .max || !mix.isCalm)
                || entry.submission.after.contains { store.state(of: $0) != .done }
            let isWell =
                state == .done || (state == .failed && mayFail) || (state == .cancelled && wishedAway.contains(job))
                || (state == .unfinished && entry.submission.budgetMilliseconds > 0) || isBlocked(job)
            if !isWell { fail(.ends, "job \(job) ended \(state)") }
            for (index, reason) in store.parked(of: job) where mix.isCalm {
                if index != spec.poison, index != spec.failing, spec.kind != .fan || index < spec.count {
                    fail(.blame, "a neighbour was blamed: \(job).\(index): \(reason)")
                }
            }
            // A claim that a deadline took away is nobody's fault, so that each life of a budget may add to the deaths.
            if spec.poison != .max, entry.submission.budgetMilliseconds == 0,
                kills[TaskID(job, spec.poison)] ?? 0 > limits.crashes + (mix.countsDeaths ? emptyRestarts : 0)
            {
                fail(.blame, "task \(job).\(spec.poison) killed \(kills[TaskID(job, spec.poison)]!) workers")
            }
        }
        if core.livingWorkers > workers.count(where: \.isAlive) {
            fail(.tables, "\(core.livingWorkers) workers live for the core")
        }
    }
}
