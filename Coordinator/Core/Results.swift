import Messages

// What workers answer: only the newest claim's result is accepted, once.
extension Core {
    mutating func finished(_ outcomes: [TaskOutcome], number: UInt64, by id: WorkerID) {
        guard let w = position(of: id) else { return }
        for var outcome in outcomes where knows(outcome.run.job) {
            outcome.busyMicroseconds = min(outcome.busyMicroseconds, Self.maximumBusyMicroseconds)
            accept(outcome, from: w)
        }
        effects.append(.send(.accepted([number]), to: id))
    }

    /// Accepts what is open of an outcome. Late, repeated and forged answers are normal and change nothing.
    private mutating func accept(_ outcome: TaskOutcome, from w: Int) {
        let run = outcome.run
        let j = at(run.job)
        guard !jobs[j].state.isOver, jobs[j].tasks.contains(run.first),
            jobs[j].tasks.contains(run.first + run.count - 1)
        else { return }
        var index = run.first
        while index < run.first + run.count {
            let (phase, end) = answerable(from: index, run, w, of: j)
            let part = ClaimRun(job: run.job, first: index, count: end - index, epoch: run.epoch)
            index = end
            if let phase { take(part, phase, outcome, from: w) }
            guard !jobs[j].state.isOver else { return }
        }
    }

    /// The phase of the tasks of a run, from `first` to where it changes, that this answer may be accepted for; nil when
    /// it may not.
    private func answerable(from first: UInt32, _ run: ClaimRun, _ w: Int, of j: Int)
        -> (phase: TaskTable.Phase?, end: UInt32)
    {
        let end = run.first + run.count
        if plantedBug == nil, jobs[j].earlier.isEmpty {
            return jobs[j].tasks.unanswered(from: first, to: end, epoch: run.epoch, owner: workers[w].id)
        }
        let phase = answerable(first, run, w, of: j)
        var index = first + 1
        while index < end, answerable(index, run, w, of: j) == phase { index += 1 }
        return (phase, index)
    }

    /// The phase of a task that this answer may be accepted for; nil when it may not.
    private func answerable(_ index: UInt32, _ run: ClaimRun, _ w: Int, of j: Int) -> TaskTable.Phase? {
        if plantedBug == .acceptsTwice, jobs[j].tasks.phase(index) == .done { return .queued }
        let phase = jobs[j].unanswered(index, epoch: run.epoch, owner: workers[w].id)
        if plantedBug == .acceptsBothResults, jobs[j].tasks.phase(index) == .done,
            jobs[j].tasks.epoch(index) != run.epoch, jobs[j].tasks.epoch(index) > 1 || run.epoch == 2
        {
            return .queued
        }
        if plantedBug == .acceptsStaleClaims, phase == nil, jobs[j].tasks.phase(index) == .claimed { return .queued }
        return phase
    }

    private mutating func take(_ part: ClaimRun, _ phase: TaskTable.Phase, _ outcome: TaskOutcome, from w: Int) {
        let j = at(part.job)
        // The part's share of what the whole run took: no product overflows, whatever a worker says.
        let busy = outcome.busyMicroseconds.multipliedFullWidth(by: UInt64(part.count))
        let used = UInt64(outcome.run.count).dividingFullWidth(busy).quotient
        if phase == .claimed {
            let claim = Job.Claimant(epoch: part.epoch, owner: workers[w].id)
            let isDone = if case .done = outcome.end { true } else { false }
            if jobs[j].earlier.isEmpty {
                jobs[j].tasks.set(part.indices, .queued)
                jobs[j].claimed -= part.count
            } else {
                for index in part.indices {
                    if isDone { settleRival(of: index, j, winner: claim) }
                    release(index, of: j, from: claim)
                }
            }
            if isDone {
                settle(part, of: w, used: used)
            } else {
                withdraw(part, from: w, answered: true, used: used)
            }
        } else if case .done = outcome.end {
            // Thought lost, but finished after all, and nobody has started it again.
        } else {
            return
        }
        switch outcome.end {
        case .done(let bytes):
            jobs[j].tasks.set(part.indices, .done)
            jobs[j].forgetPayloads(part.indices)
            jobs[j].done += part.count
            workers[w].completed += UInt64(part.count)
            learnPace(of: w, from: used, tasks: part.count, of: j)
            jobs[j].learn(used, tasks: part.count)
            learnMedian(used, tasks: part.count, of: j, first: part.first)
            if plantedBug != .acknowledgesWithoutStoring {
                effects.append(.record(.done(part, bytes, busyMicroseconds: outcome.busyMicroseconds)))
            }
            if jobs[j].isArray {
                endIfArrayIsOver(part.job)
            } else {
                for index in part.indices {
                    ask(part.job, .finished(index: index, result: bytes, load: load(for: j)))
                }
            }
        case .failed(let reason):
            for index in part.indices {
                jobs[j].troubles[index, default: Job.Trouble()].failures += 1
                if jobs[j].troubles[index]!.failures > jobs[j].submission.retries, plantedBug != .retriesForEver {
                    park(index, of: j, reason)
                    if jobs[j].state.isOver { return }
                } else {
                    if plantedBug != .forgetsFailures { recordAttempts(index, of: j) }
                    requeue(index, of: j)
                }
            }
        case .returned:
            if plantedBug != .losesReturned { requeue(part) }
        }
    }
}
