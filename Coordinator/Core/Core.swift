import Messages

/// Every decision of the coordinator. Pure: no socket, file, clock, thread, random source, unordered iteration or
/// floating point; the same events in the same order give the same effects, so any history can be replayed.
///
/// The shell hands in a batch of events, ends it with `.ticked`, commits all records, and only then sends.
package struct Core: Sendable {
    package struct Limits: Sendable, Equatable {
        /// A worker silent for longer loses its claims. Four heartbeats: three may be lost or late by seconds, and the
        /// tasks of one that died still run elsewhere within five seconds.
        package var silence: Milliseconds = 4_000
        package var heartbeat: Milliseconds = 1000
        /// Workers that may die with a task before it is parked.
        package var crashes: UInt32 = 3
        /// Tasks suspected of a worker's death that another worker has at a time: of so many at most a second death
        /// leaves each to be tried alone.
        package var suspects: UInt32 = 256
        /// How much work a worker's queue should hold, at least and at most.
        package var queuedMinimum: Milliseconds = 50
        package var queuedMaximum: Milliseconds = 2000
        /// The longest slice of a budget handed out at once: how stale an incumbent and a gap can be.
        package var slice: Milliseconds = 1000
        /// After a restart, workers have this long to return before their claims are lost: as long as at any time.
        /// One that lives is back sooner, for it tries to connect every 1.6 s at the latest.
        package var readoption: Milliseconds = 4_000
        /// Tasks in one run: bounds a frame, and what one lost message costs.
        package var runTasks: UInt32 = 10_000
        /// After a budget's deadline, how long a task may be late with its cursor before it is taken away.
        package var deadlineGrace: Milliseconds = 200
        /// Kinds whose tasks may run twice at a time.
        package var speculated: [String] = []
        /// Sooner than this nobody is called a straggler, however short the tasks of its kind are.
        package var straggle: Milliseconds = 1000
        package init() {}
    }

    package let limits: Limits
    /// In order of acceptance; job n stands at n − 1.
    var jobs: [Job] = []
    /// Submit tokens seen. Looked up, never iterated.
    var tokens: [UInt64: JobID] = [:]
    var workers: [Worker] = []
    /// Positions in `workers`. Looked up, never iterated.
    var workerAt = WorkerPlaces()
    /// Sums and orders over `workers`.
    var index = WorkerIndex()
    /// Jobs that are not over, ascending.
    var open: [JobID] = []
    /// Names of workers from before a restart. Looked up, never iterated.
    var names: [WorkerID: String] = [:]
    /// One of those is back.
    var hasReturned = false
    /// Tasks that the loss of a worker is held against, by worker: it is taken back when the worker returns. Follows from
    /// the jobs' troubles. Looked up, never iterated.
    var blamed: [WorkerID: [TaskID]] = [:]
    var effects: [Effect] = []
    /// Empty between events: kept because a tick may come with each of them, and each needs a list of jobs.
    var scratch: [Int] = []
    /// Of the event being handled: the monotonic time that decides, and the wall time that people read.
    var now: Milliseconds = 0
    package var wall: UInt64 = 0
    var lastSweep: Milliseconds = 0
    var lastTick: Milliseconds = 0
    var served: UInt64 = 0
    /// How long tasks of `limits.speculated` take, as far as there were results of each kind.
    var medians: [MedianSketch] = []
    /// Where the next look for stragglers begins among `workers`.
    var nextWatched = 0
    package var plantedBug: PlantedBug?

    /// Bounds on what strangers say, so that no sum can overflow: ten years, 256 TiB, 65,536 slots, 31 years.
    static let maximumBudget: UInt64 = 315_360_000_000
    static let maximumMemory: UInt64 = 1 << 48
    static let maximumSlots: UInt32 = 1 << 16
    static let maximumBusyMicroseconds: UInt64 = 1_000_000_000_000_000

    package init(limits: Limits = Limits()) { self.limits = limits }

    package mutating func handle(_ event: Event, at now: Milliseconds) -> [Effect] {
        var effects: [Effect] = []
        handle(event, at: now, into: &effects)
        return effects
    }

    /// Appends the effects to those of earlier events: one buffer, lent to the core while it decides, serves a batch.
    package mutating func handle(_ event: Event, at now: Milliseconds, into effects: inout [Effect]) {
        swap(&self.effects, &effects)
        defer { swap(&self.effects, &effects) }
        self.now = now
        switch event {
        case .submitted(let submission, let client): submit(submission, by: client)
        case .planned(let job, let plan): planned(job, plan)
        case .planFailed(let job, let reason): planFailed(job, reason)
        case .hello(let hello): welcome(hello)
        case .heartbeat(let worker, let seen, let held): heard(worker, seen: seen, held: held)
        case .outcomes(let worker, let number, let outcomes): finished(outcomes, number: number, by: worker)
        case .draining(let worker): drain(worker)
        case .goodbye(let worker): goodbye(worker)
        case .cancel(let job, let client): cancel(job, by: client)
        case .pause(let job, let client): pause(job, by: client)
        case .unpause(let job, let client): unpause(job, by: client)
        case .addBudget(let job, let milliseconds, let token, let client):
            addBudget(job, milliseconds, token: token, by: client)
        case .stopping: recordBudgets(isLast: true)
        case .told(let job, let isKept, let bytes, let client): told(job, isKept: isKept, bytes, by: client)
        case .reported(let worker, let reports): reported(reports, by: worker)
        case .ticked(let wall):
            self.wall = wall
            forgiveOwnAbsence()
            sweep()
            countBudgetSlots()
            endBudgets()
            startWaitingJobs()
            dispatch()
            // As often as silent workers are looked for.
            if lastSweep == now { speculate() }
            tellIdlePlanners()
            recordBudgets()
        }
    }

    /// When the next `.ticked` is due even if nothing else happens.
    package func nextDeadline(after now: Milliseconds) -> Milliseconds {
        var next = now + 100
        for id in open {
            if let ledger = jobs[at(id)].ledger, ledger.startedAt != nil {
                let remaining = ledger.remaining(at: now)
                next = min(next, now + max(1, remaining > 0 ? remaining : 10))
            }
        }
        return next
    }

    // MARK: - Jobs

    func at(_ job: JobID) -> Int { Int(job.number) - 1 }
    /// A worker that joined and has not left.
    package func knows(_ worker: WorkerID) -> Bool { workerAt[worker] != nil }
    package func knows(_ job: JobID) -> Bool { job.number > 0 && Int(job.number) <= jobs.count }

    private mutating func submit(_ submission: Submission, by client: ClientRef) {
        if let known = tokens[submission.token] {
            effects.append(.reply(.submitted(known), to: client))
            return
        }
        guard submission.budgetMilliseconds <= Self.maximumBudget, submission.needs.memoryBytes <= Self.maximumMemory
        else {
            return refuse(client, "a budget ends after ten years and a task's memory at 256 TiB; give less.")
        }
        for earlier in submission.after where !knows(earlier) {
            effects.append(
                .reply(.refused("there is no job \(earlier) to wait for; `apex jobs` lists them."), to: client))
            return
        }
        let id = JobID(UInt32(jobs.count + 1))
        var submission = submission
        submission.needs.cores = max(submission.needs.cores, 1)
        jobs.append(Job(id: id, submission: submission, submitted: wall))
        jobs[at(id)].speculatedKind = speculatedKind(of: submission.kind)
        open.append(id)
        if plantedBug != .forgetsTokens { tokens[submission.token] = id }
        effects += [.record(.accepted(id, submission, wall: wall)), .reply(.submitted(id), to: client)]
        effects.append(.log(LogLine(.info, "job_accepted", [("job", "\(id)"), ("kind", submission.kind)])))
    }

    /// Asks the planners of jobs whose predecessors are done to start.
    private mutating func startWaitingJobs() {
        for id in open where jobs[at(id)].state == .waiting && !jobs[at(id)].isPlanning {
            let submission = jobs[at(id)].submission
            let states = submission.after.map { jobs[at($0)].state }
            if let broken = states.firstIndex(where: { $0 == .failed || $0 == .cancelled }) {
                let (earlier, state) = (submission.after[broken], states[broken].name)
                end(id, .failed, "job \(earlier), which it comes after, is \(state)", nil)
            } else if states.allSatisfy({ $0 == .done }) || plantedBug == .ignoresDependencies {
                jobs[at(id)].isPlanning = true
                ask(id, .start(kind: submission.kind, spec: submission.spec))
            }
        }
    }

    mutating func ask(_ id: JobID, _ call: PlannerCall) {
        if call != .forget { jobs[at(id)].openPlannerCalls += 1 }
        effects.append(.plan(id, call))
    }

    private mutating func planned(_ id: JobID, _ plan: Plan) {
        guard knows(id), !jobs[at(id)].state.isOver || jobs[at(id)].state == .unfinished else { return }
        let j = at(id)
        jobs[j].openPlannerCalls = max(0, jobs[j].openPlannerCalls - 1)
        if jobs[j].state == .waiting { setState(id, .running) }
        if let array = plan.array, jobs[j].tasks.count == 0 {
            jobs[j].arrayPayload = array.payload
            jobs[j].arrayCount = array.count
            jobs[j].tasks.append(Int(array.count))
            jobs[j].queue.append(0, array.count)
            effects.append(.record(.array(id, payload: array.payload, count: array.count)))
        }
        if !plan.tasks.isEmpty {
            let first = jobs[j].taskCount
            jobs[j].tasks.append(plan.tasks.count)
            jobs[j].payloads += plan.tasks.map(\.payload)
            jobs[j].budgeted += plan.tasks.map(\.isBudgeted)
            effects.append(.record(.tasks(id, first: first, plan.tasks)))
            takeKnown(plan.tasks, from: first, of: id)
            for (offset, task) in plan.tasks.enumerated() where task.known == nil || plantedBug == .queuesReused {
                jobs[j].queue.append(first + UInt32(offset), 1)
                if plantedBug == .queuesReused { jobs[j].tasks.set(first + UInt32(offset), .queued) }
            }
        }
        jobs[j].isResting = plan.isResting ?? jobs[j].isResting
        answer(plan.answers, of: id)
        if !plan.publications.isEmpty {
            effects.append(.publish(id, kind: jobs[j].submission.kind, plan.publications))
        }
        if plan.status != PlanStatus() {
            jobs[j].status = plan.status
            effects.append(.record(.planStatus(id, plan.status)))
        }
        switch plan.end {
        case .answer(let blob): end(id, .done, "", blob)
        case .unfinished(let blob):
            // Budget that was added while the planner thought is used.
            if jobs[j].ledger?.isOver(at: now) ?? true {
                end(id, .unfinished, Self.outOfBudget, blob)
            } else {
                jobs[j].askedForEnd = false
            }
        case .failed(let reason): end(id, .failed, reason, nil)
        case nil:
            endIfArrayIsOver(id)
            if jobs[j].askedForEnd, jobs[j].openPlannerCalls == 0, plan.tasks.isEmpty, !jobs[j].state.isOver {
                end(id, .unfinished, Self.outOfBudget, nil)
            }
        }
    }

    private mutating func planFailed(_ id: JobID, _ reason: String) {
        guard knows(id), !jobs[at(id)].state.isOver || jobs[at(id)].state == .unfinished else { return }
        jobs[at(id)].openPlannerCalls = max(0, jobs[at(id)].openPlannerCalls - 1)
        end(id, .failed, reason, nil)
    }
    static let outOfBudget = "its budget ended; add budget to continue"

    mutating func setState(_ id: JobID, _ state: JobState, _ reason: String = "") {
        jobs[at(id)].state = state
        jobs[at(id)].reason = reason
        effects.append(.record(.state(id, state, reason: reason, answer: jobs[at(id)].answer, wall: wall)))
    }

    /// An array job is over when each of its tasks is done or parked.
    mutating func endIfArrayIsOver(_ id: JobID) {
        let j = at(id)
        guard jobs[j].done + jobs[j].parked == jobs[j].taskCount, jobs[j].isArray,
            jobs[j].state == .running || jobs[j].state == .paused
        else { return }
        guard jobs[j].parked > 0 else { return end(id, .done, "", nil) }
        let first = jobs[j].troubles.filter { $0.value.parked != nil }.min { $0.key < $1.key }!
        let words = "\(jobs[j].parked) of \(jobs[j].taskCount) tasks failed; the first, \(id).\(first.key)"
        end(id, .failed, "\(words): \(first.value.parked!)", nil)
    }

    mutating func end(_ id: JobID, _ state: JobState, _ reason: String, _ answer: BlobID?) {
        let j = at(id)
        jobs[j].answer = answer ?? jobs[j].answer
        jobs[j].ended = wall
        setState(id, state, reason)
        // Planted for arrays only: the books of others are cleared below, and it would trap before it is seen.
        if plantedBug != .forgetsRevoke || !jobs[j].isArray { revokeClaims(of: id) }
        if state != .unfinished {
            forgetBlame(of: j)
            jobs[j].forgetWork()
            dismissAskers(of: id)
            effects.append(.plan(id, .forget))
        }
        open.removeAll { $0 == id }
        var fields = [("job", "\(id)"), ("state", state.name)]
        if state == .unfinished { fields.append(("late_ms", "\(jobs[j].ledger?.overrun(at: now) ?? 0)")) }
        closeBudget(of: j)
        effects.append(.log(LogLine(.info, "job_ended", fields)))
    }

    // MARK: - What people ask for

    mutating func refuse(_ client: ClientRef, _ words: String) {
        effects.append(.reply(.refused(words), to: client))
    }

    private mutating func cancel(_ id: JobID, by client: ClientRef) {
        guard knows(id) else { return refuse(client, "there is no job \(id); `apex jobs` lists them.") }
        // Asked again after a lost reply: it is as wished.
        if jobs[at(id)].state == .cancelled { return effects.append(.reply(.done, to: client)) }
        guard !jobs[at(id)].state.isOver else {
            return refuse(client, "job \(id) is \(jobs[at(id)].state.name) already; nothing was cancelled.")
        }
        if plantedBug != .forgetsCancel { end(id, .cancelled, "cancelled on request", nil) }
        effects.append(.reply(.done, to: client))
    }

    private mutating func pause(_ id: JobID, by client: ClientRef) {
        guard knows(id) else { return refuse(client, "there is no job \(id); `apex jobs` lists them.") }
        if jobs[at(id)].state == .paused { return effects.append(.reply(.done, to: client)) }
        guard jobs[at(id)].state == .running else {
            return refuse(client, "job \(id) is \(jobs[at(id)].state.name); only a running job can be paused.")
        }
        // Its budget's clock goes on until what is out has come back.
        setState(id, .paused, "paused on request")
        effects.append(.reply(.done, to: client))
    }

    private mutating func unpause(_ id: JobID, by client: ClientRef) {
        guard knows(id) else { return refuse(client, "there is no job \(id); `apex jobs` lists them.") }
        if jobs[at(id)].state == .running { return effects.append(.reply(.done, to: client)) }
        guard jobs[at(id)].state == .paused else {
            return refuse(client, "job \(id) is \(jobs[at(id)].state.name), not paused.")
        }
        setState(id, .running)  // its budget's clock goes on with the next task handed out
        effects.append(.reply(.done, to: client))
    }

    // MARK: - Time and idle slots

    func load(for j: Int) -> Load {
        Load(
            slots: index.liveSlots, idleSlots: max(0, index.liveSlots - index.liveTasks),
            queuedTasks: jobs[j].queue.count)
    }

    /// Between two ticks pass at most 100 ms. When it was far longer, the coordinator was away (suspended, or its disk
    /// hung), and nobody is blamed for a silence that it could not have heard.
    private mutating func forgiveOwnAbsence() {
        let away = now - min(now, lastTick)
        if lastTick > 0, away > limits.heartbeat {
            for w in workers.indices where !workers[w].isGone {
                workers[w].deadline = max(workers[w].deadline, min(workers[w].deadline + away, now + limits.silence))
            }
        }
        lastTick = now
    }

    /// Planners with nothing queued hear once of each change in idle slots: they may split what they hold back. One
    /// that then has nothing queued, nothing running and no answer never will.
    private mutating func tellIdlePlanners() {
        for id in open {
            let j = at(id)
            guard jobs[j].state == .running, !jobs[j].isArray, jobs[j].openPlannerCalls == 0, !jobs[j].askedForEnd,
                !jobs[j].isResting, firstQueued(of: j) == nil
            else { continue }
            let load = load(for: j)
            guard load.idleSlots > 0 else { continue }
            let current = (load.slots, jobs[j].taskCount, jobs[j].done)
            if jobs[j].toldIdle != current {
                jobs[j].toldIdle = current
                ask(id, .idle(load))
            } else if jobs[j].claimed == 0 {
                end(id, .failed, "its planner has no more tasks and gave no answer", nil)
            }
        }
    }
}
