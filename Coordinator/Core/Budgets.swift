import Messages

// Wall-clock budgets of jobs. From its deadline on nothing of a job is handed out, what runs is told to stop, and the
// job ends `unfinished`, whatever it is at; more budget lets it go on.
extension Core {
    /// More slots than that count as that many: bounds every sum.
    private static let maximumBudgetSlots: UInt64 = 1 << 20
    /// Of the budget's clock, what a crash may lose.
    private static let recordEvery: Milliseconds = 1000

    mutating func addBudget(_ id: JobID, _ milliseconds: UInt64, token: UInt64, by client: ClientRef) {
        guard knows(id) else { return refuse(client, "there is no job \(id); `apex jobs` lists them.") }
        let j = at(id)
        // Asked again after a lost reply: it is as wished, whatever became of the job since.
        if jobs[j].budgetTokens.contains(token) { return effects.append(.reply(.done, to: client)) }
        guard jobs[j].ledger != nil else { return refuse(client, "job \(id) has no budget to add to.") }
        guard !jobs[j].state.isOver || jobs[j].state == .unfinished else {
            return refuse(client, "job \(id) is \(jobs[j].state.name); its search is over.")
        }
        guard milliseconds <= Self.maximumBudget, jobs[j].ledger!.wall <= Self.maximumBudget else {
            return refuse(client, "a budget ends after ten years; give less.")
        }
        if plantedBug != .addsBudgetTwice { jobs[j].budgetTokens.insert(token) }
        effects.append(.record(.budgetAdded(id, token: token, milliseconds: milliseconds)))
        jobs[j].ledger!.extend(wall: milliseconds, at: now)
        if jobs[j].state == .unfinished {
            jobs[j].ended = 0
            jobs[j].askedForEnd = false
            open.append(id)
            open.sort()
            setState(id, .running)
        }
        effects.append(.reply(.done, to: client))
    }

    // MARK: - Slots

    /// Slots of a worker whose time is a budget's: one that drains only ends what it has.
    func budgetSlots(of w: Int) -> UInt64 {
        let worker = workers[w]
        guard worker.isConnected else { return 0 }
        return worker.isDraining ? min(UInt64(worker.slots), worker.heldCores) : UInt64(worker.slots)
    }

    /// Slots that came or went bring what is left of each budget, or take it along.
    mutating func countBudgetSlots() {
        let slots = min(index.budgetSlots, Self.maximumBudgetSlots)
        for id in open where jobs[at(id)].ledger != nil {
            let isForgotten = plantedBug == .forgetsWithdrawals && (jobs[at(id)].ledger?.slots ?? 0) > slots
            jobs[at(id)].ledger?.count(slots: slots, at: isForgotten ? .max / 4 : now)
        }
    }

    /// A job ends while workers are silent that are not lost yet, or another process has taken their name: their time
    /// since they were last heard of was nobody's.
    mutating func closeBudget(of j: Int) {
        guard jobs[j].ledger != nil else { return }
        for w in workers.indices where !workers[w].isGone {
            let (heard, slots) = (workers[w].lastHeard, budgetSlots(of: w))
            let isReplaced = workers[w].deadline < heard + limits.silence
            if isReplaced || heard + limits.heartbeat * 3 / 2 < now {
                jobs[j].ledger?.lose(slots: slots, lastHeard: heard)
            }
        }
        jobs[j].ledger?.close(at: now)
        recordBudget(of: j)
    }

    mutating func loseBudgetSlots(_ slots: UInt64, lastHeard: Milliseconds) {
        for id in open {
            jobs[at(id)].ledger?.lose(
                slots: slots, lastHeard: plantedBug == .forgetsWithdrawals ? .max / 4 : lastHeard)
        }
    }

    // MARK: - Tasks

    /// Part of a held run ended. A task never costs more than the budget's time since it went out.
    mutating func charge(_ held: HeldRun, of w: Int, granted: UInt32, usedMicroseconds used: UInt64) {
        let j = at(held.run.job)
        guard jobs[j].ledger != nil, granted > 0 || used > 0, plantedBug != .losesDonations else { return }
        var entry = jobs[j].ledger!.settle(granted: UInt64(granted), usedMicroseconds: used, since: held.since, at: now)
        guard entry.granted > 0 || entry.spent > 0 else { return }
        entry.task = held.run.first
        effects.append(.record(.ledger(held.run.job, entry)))
    }

    // MARK: - The deadline

    mutating func endBudgets() {
        for id in open {
            let j = at(id)
            guard let ledger = jobs[j].ledger else { continue }
            // The clock of a paused job goes on until the last of it is back.
            if jobs[j].state == .paused, jobs[j].claimed == 0, ledger.startedAt != nil { jobs[j].ledger!.stop(at: now) }
            guard plantedBug != .ignoresDeadline, ledger.isOver(at: now), jobs[j].state == .running else { continue }
            if jobs[j].claimed > 0, ledger.overrun(at: now) >= limits.deadlineGrace {
                // Whoever is this late is hung, cut off or long; its work is repeated by whoever adds budget.
                revokeClaims(of: id)
            }
            guard jobs[j].claimed == 0, jobs[j].openPlannerCalls == 0, !jobs[j].askedForEnd else { continue }
            // No planner waits for the tasks of an array.
            if jobs[j].isArray {
                end(id, .unfinished, Self.outOfBudget, nil)
            } else {
                jobs[j].askedForEnd = true
                ask(id, .budgetEnded)
            }
        }
    }

    // MARK: - In the store

    /// Budgets that changed, or whose clock ran on, are stored with the batch that changed them.
    mutating func recordBudgets(isLast: Bool = false) {
        for id in open {
            let j = at(id)
            guard let ledger = jobs[j].ledger else { continue }
            let isStale = jobs[j].recorded.map {
                $0.budget.elapsedMilliseconds + (isLast ? 1 : Self.recordEvery)
                    <= min(ledger.elapsed(at: now), ledger.wall)
            }
            if (isStale ?? false && plantedBug != .forgetsElapsed) || jobs[j].hasUnrecordedBudget {
                recordBudget(of: j)
            }
        }
    }

    mutating func recordBudget(of j: Int) {
        guard let ledger = jobs[j].ledger else { return }
        if plantedBug == .forgetsDeposits, jobs[j].recorded != nil { return }
        let stored = ledger.stored(at: now)
        jobs[j].recorded = (ledger, stored)
        effects.append(.record(.budget(jobs[j].id, stored)))
    }

    /// What is wrong with a job's budget, if anything. For tests.
    func brokenBudget(of job: Job) -> String? {
        guard let ledger = job.ledger else { return nil }
        if !ledger.isBalanced { return "the ledger does not add up: \(ledger)" }
        if ledger.total > ledger.wall * ledger.mostSlots {
            return "the budget holds more than its slots had: \(ledger)"
        }
        if ledger.spent > ledger.passed(elapsed: ledger.elapsed(at: now)) { return "seconds were made: \(ledger)" }
        guard ledger.startedAt != nil, job.recorded != nil else { return nil }
        let unstored = min(ledger.elapsed(at: now), ledger.wall) - job.recorded!.budget.elapsedMilliseconds
        return unstored > Self.recordEvery + 100 ? "\(unstored) ms of the budget's clock are not stored" : nil
    }
}

extension Job {
    fileprivate var hasUnrecordedBudget: Bool {
        guard let ledger else { return false }
        guard let recorded = recorded?.ledger else { return true }
        return ledger.wall != recorded.wall || ledger.spent != recorded.spent || ledger.total != recorded.total
            || ledger.owed != recorded.owed || ledger.slots != recorded.slots || ledger.mostSlots != recorded.mostSlots
    }

    /// What of the budget outlives the coordinator: all of it but grants and what slots that are there still bring.
    var lastingBudget: [UInt64] {
        guard let ledger else { return [] }
        let elapsed = recorded?.budget.elapsedMilliseconds ?? 0
        return [ledger.wall, ledger.spent, ledger.mostSlots, elapsed, ledger.passed(elapsed: elapsed)]
    }
}
