import Messages

// What people and programs ask about the core. Reading only: nothing here changes a decision.
extension Core {
    /// Why a task (`3.17`) or a job (`3`) is not running, in one sentence; by the scheduler's own predicates.
    package func why(_ text: String, at now: Milliseconds) -> String {
        if let task = TaskID(text) { return why(task, at: now) }
        guard let number = UInt32(text), knows(JobID(number)) else {
            return "There is no job or task \(text); write a job as 3 and a task as 3.17, `apex jobs` lists them."
        }
        return why(jobs[at(JobID(number))], at: now)
    }

    func why(_ job: Job, at now: Milliseconds) -> String {
        switch job.state {
        case .waiting:
            let open = job.submission.after.filter { jobs[at($0)].state != .done }
            guard open.isEmpty else {
                return "Job \(job.id) waits for job \(open.map(\.description).joined(separator: ", ")) to be done."
            }
            return "Job \(job.id) waits for its planner to make the first tasks."
        case .paused: return "Job \(job.id) is paused; `apex unpause \(job.id)` lets it go on."
        case .done, .cancelled: return "Job \(job.id) is \(job.state.name)."
        case .failed: return "Job \(job.id) failed: \(job.reason)."
        case .unfinished: return "Job \(job.id) used up its budget; `apex resume` with --budget adds to it."
        case .running, .resting:
            if job.isResting, job.claimed == 0 {
                return "Job \(job.id) rests until somebody gives it something to do, or its quota has room."
            }
            if job.claimed > 0 {
                return
                    "Job \(job.id) is running: \(job.claimed == 1 ? "1 task is" : "\(job.claimed) tasks are") with workers."
            }
            guard let first = job.queue.first(where: { job.tasks.phase($0) == .queued }) else {
                return job.openPlannerCalls > 0
                    ? "Job \(job.id) waits for its planner to make the next tasks."
                    : "Job \(job.id) has nothing queued and nothing running."
            }
            return why(TaskID(job.id, first), at: now)
        }
    }

    package func status(of id: JobID, at now: Milliseconds) -> JobStatus? {
        guard knows(id) else { return nil }
        let job = jobs[at(id)]
        return JobStatus(
            id: id, kind: job.submission.kind, name: job.submission.name,
            state: job.state == .running && job.isResting && job.claimed == 0 ? .resting : job.state,
            priority: job.submission.priority, tasks: job.taskCount, done: job.done, failed: job.parked,
            running: job.claimed, queued: job.taskCount - job.done - job.parked - job.claimed, reason: job.reason,
            plan: job.status, answer: job.answer, budget: job.ledger?.status(at: now), submitted: job.submitted,
            ended: job.ended, reused: job.reused, doubled: job.doubled)
    }
    /// All jobs, oldest first.
    package func jobStatuses(at now: Milliseconds) -> [JobStatus] { jobs.compactMap { status(of: $0.id, at: now) } }

    /// Connected workers, by name.
    package func workerStatuses(at now: Milliseconds) -> [WorkerStatus] {
        workers.filter { $0.isConnected && !$0.isGone }.map {
            WorkerStatus(
                id: $0.id, name: $0.hello.name, slots: $0.slots, held: $0.heldTasks, completed: $0.completed,
                silentMilliseconds: now - min(now, $0.lastHeard), isDraining: $0.isDraining, hardware: $0.hello.hardware
            )
        }.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Connected and leaving: nothing more is handed to it. For tests.
    package func isDraining(_ worker: WorkerID) -> Bool { workerAt[worker].map { workers[$0].isDraining } ?? false }

    /// Every rule that must hold after every event, and the sentence that says which does not. For tests.
    package func brokenInvariant() -> String? {
        for job in jobs {
            let counts = job.tasks.phaseCounts
            if counts.claimed != job.claimed { return "job \(job.id): claimed tasks are miscounted" }
            if counts.done != job.done { return "job \(job.id): done tasks are miscounted" }
            if counts.parked != job.parked { return "job \(job.id): parked tasks are miscounted" }
            if let words = brokenBudget(of: job) { return "job \(job.id): \(words)" }
            let open = workers.flatMap(\.held).filter { $0.run.job == job.id }
            if open.reduce(0, { $0 + $1.open }) != job.claimed + job.doubled {
                return "job \(job.id): claims and tasks disagree"
            }
            let granted = open.reduce(0) { $0 + UInt64($1.grantedMilliseconds) }
            if let ledger = job.ledger, ledger.granted != granted { return "job \(job.id): grants and claims disagree" }
            if job.state.isOver, job.claimed > 0 { return "job \(job.id): \(job.state) with claims" }
            // Tasks answered while they stood in the queue are counted there until they come to its front.
            if !job.state.isOver, Int(counts.queued) > job.queue.count {
                return "job \(job.id): a task waits and stands in no queue"
            }
        }
        if let words = brokenIndex() { return words }
        for worker in workers {
            let open = worker.held.reduce(0) { $0 + $1.open }
            if open != worker.heldTasks { return "worker \(worker.id): held tasks are miscounted" }
            let suspects = worker.held.reduce(0) { $0 + ($1.company == .suspects ? $1.open : 0) }
            if suspects != worker.heldSuspects { return "worker \(worker.id): held suspects are miscounted" }
            if worker.isReserved, !worker.held.contains(where: { $0.company == .nobody }) {
                return "worker \(worker.id): reserved for nothing"
            }
            if worker.isGone, open > 0 { return "worker \(worker.id): gone with claims" }
        }
        return nil
    }

    /// One number for the whole state that must survive a restart: two cores with the same are the same.
    package var stateHash: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
        func mix(_ value: UInt64) {
            for shift in stride(from: 0, to: 64, by: 8) { hash = (hash ^ (value >> shift & 255)) &* 0x100_0000_01b3 }
        }
        for job in jobs {
            for value in [UInt64(job.id.number), UInt64(job.state.rawValue), UInt64(job.taskCount), UInt64(job.done)] {
                mix(value)
            }
            // By runs of tasks that are alike, however the table keeps them: a million that wait cost one step.
            var run: (count: UInt64, state: UInt64) = (0, 0)
            job.tasks.forEachRun { _, count, phase, epoch in
                let state = UInt64(phase.rawValue) << 32 | UInt64(job.lastingEpoch(phase, epoch))
                if state != run.state, run.count > 0 {
                    mix(run.count)
                    mix(run.state)
                    run.count = 0
                }
                run = (run.count + UInt64(count), state)
            }
            mix(run.count)
            mix(run.state)
            // Grants and the time of slots that are there end with the coordinator.
            for value in job.lastingBudget { mix(value) }
            for (index, claim) in job.earlier.sorted(by: { $0.key < $1.key }) {
                mix(UInt64(index) << 32 | UInt64(claim.epoch))
            }
            for (index, trouble) in job.troubles.sorted(by: { $0.key < $1.key }) {
                mix(UInt64(index) << 32 | UInt64(trouble.failures) << 16 | UInt64(trouble.crashes))
                for worker in trouble.deaths { mix(worker.incarnation) }
            }
        }
        return hash
    }

    /// Where two cores that should be the same differ first, in words. For tests.
    package func difference(from other: Core) -> String? {
        for (mine, theirs) in zip(jobs, other.jobs) {
            if mine.state != theirs.state { return "job \(mine.id) is \(mine.state), was \(theirs.state)" }
            for index in 0..<min(mine.taskCount, theirs.taskCount) {
                let (a, b) = (mine.tasks.phase(index), theirs.tasks.phase(index))
                let x = mine.lastingEpoch(a, mine.tasks.epoch(index))
                let y = theirs.lastingEpoch(b, theirs.tasks.epoch(index))
                if a != b || x != y { return "task \(mine.id).\(index) is \(a)#\(x), was \(b)#\(y)" }
            }
            if mine.earlier != theirs.earlier {
                return "job \(mine.id): claimed twice \(mine.earlier), was \(theirs.earlier)"
            }
            if mine.lastingBudget != theirs.lastingBudget {
                return "job \(mine.id): budget \(mine.lastingBudget), was \(theirs.lastingBudget)"
            }
            for index in Set(mine.troubles.keys).union(theirs.troubles.keys).sorted() {
                let (a, b) = (mine.troubles[index], theirs.troubles[index])
                if a != b { return "troubles of task \(mine.id).\(index)" }
            }
        }
        return jobs.count == other.jobs.count ? nil : "\(jobs.count) jobs, were \(other.jobs.count)"
    }
}
