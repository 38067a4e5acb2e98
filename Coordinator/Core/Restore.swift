import Messages

/// What the store holds of one job: enough to rebuild it as it was at the last commit.
package struct StoredJob: Sendable {
    package var id: JobID
    package var submission: Submission
    package var submitted: UInt64
    package var state: JobState
    package var reason = ""
    package var answer: BlobID?
    package var ended: UInt64 = 0
    package var array: (payload: [UInt8], count: UInt32)?
    package var tasks: [PlannedTask] = []
    package var status = PlanStatus()
    /// Accepted results, as runs.
    package var done: [ClaimRun] = []
    /// Tasks that did not end well at first. A death whose worker is not known is worker 0's.
    package var attempts: [(index: UInt32, failures: UInt32, deaths: [WorkerID], parked: String?)] = []
    /// Claims, in the order they were made; those no longer open still say how far epochs have risen.
    package var claims: [(run: ClaimRun, worker: WorkerID, grantedMilliseconds: UInt32, isOpen: Bool)] = []
    package var ledger: [LedgerEntry] = []
    package var budget: StoredBudget?
    /// Tokens under which budget was added.
    package var budgetTokens: [UInt64] = []
    /// Number of the newest request that was told to its planner and kept.
    package var told: UInt32 = 0
    package init(id: JobID, submission: Submission, submitted: UInt64, state: JobState) {
        self.id = id
        self.submission = submission
        self.submitted = submitted
        self.state = state
    }

    /// Its planner must be rebuilt: it has one, and it may be asked again.
    package var wantsPlanner: Bool {
        let mayGoOn = state == .running || state == .paused || state == .unfinished
        return mayGoOn && (array == nil || !tasks.isEmpty)
    }
}

extension Core {
    /// The core as it was when the last batch was committed. Workers that held claims have `limits.readoption` to
    /// return to them.
    ///
    /// - Parameters:
    ///   - stored: every job, by id from 1 without gaps.
    ///   - names: of the workers that had joined and not left.
    ///   - plantedBug: for tests of the tests.
    package init(
        limits: Limits = Limits(), restoring stored: [StoredJob], names: [WorkerID: String] = [:], at now: Milliseconds,
        plantedBug: PlantedBug? = nil
    ) {
        self.init(limits: limits)
        self.names = names
        self.plantedBug = plantedBug
        self.now = now
        for job in stored {
            precondition(job.id.number == UInt32(jobs.count + 1), "stored jobs are numbered without gaps")
            restore(job)
        }
        effects = []  // what restoring booked is in the store already
    }

    private mutating func restore(_ stored: StoredJob) {
        var job = Job(id: stored.id, submission: stored.submission, submitted: stored.submitted)
        job.speculatedKind = speculatedKind(of: stored.submission.kind)
        job.state = stored.state
        job.reason = stored.reason
        job.answer = stored.answer
        job.ended = stored.ended
        job.status = stored.status
        job.told = stored.told
        job.isPlanning = stored.state != .waiting
        job.openPlannerCalls = stored.wantsPlanner ? 1 : 0
        if let array = stored.array {
            job.arrayPayload = array.payload
            job.arrayCount = array.count
            job.tasks.append(Int(array.count))
        }
        job.tasks.append(stored.tasks.count)
        job.payloads = stored.tasks.map(\.payload)
        job.budgeted = stored.tasks.map(\.isBudgeted)
        for run in stored.done {
            job.tasks.claim(run.indices, epoch: run.epoch, owner: WorkerID(0))
            job.tasks.set(run.indices, .done)
            job.forgetPayloads(run.indices)
            job.done += run.count
            if run.epoch == 0 { job.reused += run.count }
        }
        for entry in stored.attempts {
            job.troubles[entry.index] = Job.Trouble(
                failures: entry.failures, deaths: entry.deaths, parked: entry.parked)
            if entry.parked != nil {
                job.tasks.set(entry.index, .parked)
                job.parked += 1
            }
        }
        job.budgetTokens = Set(stored.budgetTokens)
        if let budget = stored.budget, var ledger = job.ledger {
            ledger.restore(budget, entries: stored.ledger)
            job.ledger = ledger
            job.recorded = (ledger, budget)
        }
        jobs.append(job)
        tokens[stored.submission.token] = stored.id
        guard !stored.state.isOver || stored.state == .unfinished else {
            jobs[jobs.count - 1].forgetWork()
            return
        }
        let j = jobs.count - 1
        findBlame(of: j)
        for claim in stored.claims where !claim.isOpen && plantedBug != .forgetsEpochsInRestart {
            for index in claim.run.indices where jobs[j].tasks.contains(index) {
                let phase = jobs[j].tasks.phase(index)
                guard phase != .done, jobs[j].tasks.epoch(index) < claim.run.epoch else { continue }
                jobs[j].tasks.claim(index, epoch: claim.run.epoch, owner: claim.worker)
                jobs[j].tasks.set(index, phase)
            }
        }
        for claim in stored.claims where claim.isOpen {
            restoreClaim(claim.run, of: claim.worker)
        }
        requeueRest(jobs.count - 1)
        if stored.state != .unfinished { open.append(stored.id) }
    }

    private mutating func restoreClaim(_ run: ClaimRun, of id: WorkerID) {
        let j = at(run.job)
        var w = workerAt[id]
        if w == nil {
            let hello = Inbound.Hello(
                worker: id, name: names[id] ?? "", codeVersion: "", slots: 0, hardware: HardwareReport(), seen: 0,
                held: [])
            w = add(
                Worker(
                    id: id, hello: hello, isConnected: false, lastHeard: now, deadline: now + limits.readoption))
        }
        // A claim may be answered in part: what is done stays done, the rest is still the worker's.
        var (open, taken): (UInt32, UInt32) = (0, 0)
        for index in run.indices where jobs[j].tasks.contains(index) {
            let phase = jobs[j].tasks.phase(index)
            guard let change = restoreClaim(of: index, j, Job.Claimant(epoch: run.epoch, owner: id)) else { continue }
            jobs[j].earlier[index] = change.earlier
            jobs[j].tasks.claim(index, epoch: change.newest.epoch, owner: change.newest.owner)
            open += 1
            if phase == .queued { taken += 1 }
        }
        guard open > 0 else { return }
        hold(
            HeldRun(
                run: run, message: 0, open: open, grantedMilliseconds: 0, since: now,
                company: company(of: run)), by: w!, taken: taken)
    }

    /// Claims come by their epochs: of two that are open the second follows the first; and one may have ended since.
    /// - Returns: both claims as they are with this one; nil when the task wants none.
    private func restoreClaim(of index: UInt32, _ j: Int, _ claim: Job.Claimant)
        -> (earlier: Job.Claimant?, newest: Job.Claimant)?
    {
        let newest = Job.Claimant(epoch: jobs[j].tasks.epoch(index), owner: jobs[j].tasks.owner(index))
        switch jobs[j].tasks.phase(index) {
        case .done, .parked: return nil
        case .queued:
            if newest.epoch <= claim.epoch { return (nil, claim) }
            return (claim, Job.Claimant(epoch: newest.epoch, owner: WorkerID(0)))
        case .claimed:
            guard newest.epoch < claim.epoch, plantedBug != .forgetsSecondInRestart else { return nil }
            return (jobs[j].earlier[index] ?? newest, claim)
        }
    }

    private mutating func requeueRest(_ j: Int) {
        var queue = RunQueue()
        jobs[j].tasks.forEachRun { first, count, phase, _ in if phase == .queued { queue.append(first, count) } }
        jobs[j].queue = queue
    }
}
