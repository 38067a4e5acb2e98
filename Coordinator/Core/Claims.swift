import Messages

// Who holds what: workers come, answer, fall silent and return.
extension Core {
    // MARK: - Workers

    mutating func welcome(_ hello: Inbound.Hello) {
        let w: Int
        if let known = workerAt[hello.worker] {
            w = known
            workers[w].hello = hello
            workers[w].isConnected = true
        } else {
            w = join(hello)
        }
        // A coordinator that restarted counts its messages on from what the worker has seen.
        workers[w].sent = max(workers[w].sent, hello.seen)
        touch(w)
        readopt(hello.held, by: w)
        reconcile(w, seen: hello.seen, held: hello.held)
    }

    private mutating func join(_ hello: Inbound.Hello) -> Int {
        let worker = Worker(
            id: hello.worker, hello: hello, isConnected: true, lastHeard: now, deadline: now + limits.silence)
        let w = add(worker)
        // A supervisor restarts a crashed worker under its old name: the old process has two heartbeats to object.
        for other in workers.indices
        where other != w && !workers[other].isGone && workers[other].hello.name == hello.name {
            workers[other].deadline = min(workers[other].deadline, now + 2 * limits.heartbeat)
        }
        effects.append(
            .log(
                LogLine(
                    .info, "worker_joined",
                    [("worker", "\(hello.worker)"), ("name", hello.name), ("slots", "\(hello.slots)")])))
        return w
    }

    /// The place of one that is gone is taken again, so that the table does not grow with every reconnect.
    mutating func add(_ worker: Worker) -> Int {
        let w = workers.firstIndex { $0.isGone } ?? workers.count
        if w == workers.count { workers.append(worker) } else { workers[w] = worker }
        workerAt[worker.id] = w
        return w
    }

    private mutating func touch(_ w: Int) {
        workers[w].lastHeard = now
        workers[w].deadline = now + limits.silence
    }

    /// The position of a live worker; nil after asking a stranger to introduce itself.
    private mutating func position(of id: WorkerID) -> Int? {
        guard let w = workerAt[id], workers[w].isConnected else {
            effects.append(.send(.introduceYourself, to: id))
            return nil
        }
        touch(w)
        return w
    }

    mutating func heard(_ id: WorkerID, seen: UInt64, held: [ClaimRun]) {
        guard let w = position(of: id) else { return }
        reconcile(w, seen: seen, held: held)
        effects.append(.send(.accepted([]), to: id))
    }

    mutating func drain(_ id: WorkerID) {
        guard let w = position(of: id) else { return }
        workers[w].isDraining = true
    }

    mutating func goodbye(_ id: WorkerID) {
        guard let w = position(of: id) else { return }
        loseWorker(w, blame: false, "it said goodbye")
    }

    /// Workers whose deadline passed are lost.
    mutating func sweep() {
        guard now >= lastSweep + 100 || lastSweep == 0 else { return }
        lastSweep = now
        for w in workers.indices where !workers[w].isGone && workers[w].deadline <= now {
            loseWorker(w, blame: workers[w].isConnected, "silent for \(now - workers[w].lastHeard) ms")
        }
    }

    private mutating func loseWorker(_ w: Int, blame: Bool, _ why: String) {
        workers[w].isGone = true
        effects.append(
            .log(
                LogLine(
                    blame ? .warning : .info, "worker_lost",
                    [
                        ("worker", "\(workers[w].id)"), ("name", workers[w].hello.name), ("why", "\"\(why)\""),
                        ("tasks", "\(workers[w].heldTasks)"),
                    ])))
        for held in workers[w].held { takeBack(held, from: w, blame: blame) }
        workers[w].held = []
        workerAt[workers[w].id] = nil
    }

    // MARK: - Taking claims back

    /// Requeues what is open of a run. With `blame`, each task was there when a worker died.
    private mutating func takeBack(_ held: HeldRun, from w: Int, blame: Bool) {
        let j = at(held.run.job)
        for index in held.run.indices where isOpen(held.run, index, w) {
            release(index, of: j)
            guard !jobs[j].state.isOver else { continue }
            if blame { crashed(index, of: j) } else { requeue(index, of: j) }
        }
        var held = held
        held.isAllDone = false
        close(held, of: w, open: held.open)
    }

    private func isOpen(_ run: ClaimRun, _ index: UInt32, _ w: Int) -> Bool {
        let tasks = jobs[at(run.job)].tasks
        return tasks.contains(index) && tasks.phase(index) == .claimed && tasks.epoch(index) == run.epoch
            && tasks.owner(index) == workers[w].id
    }

    private mutating func release(_ index: UInt32, of j: Int) {
        jobs[j].tasks.set(index, .queued)
        jobs[j].claimed -= 1
        if jobs[j].isBudgeted(index) { jobs[j].claimedBudgeted -= 1 }
    }

    private mutating func requeue(_ index: UInt32, of j: Int) { jobs[j].queue.append(index, 1) }

    private mutating func crashed(_ index: UInt32, of j: Int) {
        jobs[j].troubles[index, default: Job.Trouble()].crashes += 1
        let crashes = jobs[j].troubles[index]!.crashes
        if crashes >= limits.crashes {
            park(index, of: j, "poisoned: \(crashes) workers died while they ran it")
        } else {
            requeue(index, of: j)
            recordAttempts(index, of: j)
        }
    }

    private mutating func park(_ index: UInt32, of j: Int, _ reason: String) {
        jobs[j].tasks.set(index, .parked)
        jobs[j].parked += 1
        jobs[j].forgetPayload(index)
        jobs[j].troubles[index, default: Job.Trouble()].parked = reason
        recordAttempts(index, of: j)
        let id = jobs[j].id
        effects.append(.log(LogLine(.warning, "task_parked", [("task", "\(id).\(index)"), ("why", "\"\(reason)\"")])))
        if jobs[j].isArray { endIfArrayIsOver(id) } else { end(id, .failed, "task \(id).\(index): \(reason)", nil) }
    }

    private mutating func recordAttempts(_ index: UInt32, of j: Int) {
        let trouble = jobs[j].troubles[index]!
        effects.append(
            .record(
                .attempts(
                    TaskID(jobs[j].id, index), failures: trouble.failures, crashes: trouble.crashes,
                    parked: trouble.parked)))
    }

    /// `count` tasks of a held run are answered or taken back; at zero the claim is closed.
    private mutating func close(_ held: HeldRun, of w: Int, open count: UInt32, used: UInt64? = nil) {
        let j = at(held.run.job)
        let needs = jobs[j].submission.needs
        workers[w].heldTasks -= count
        workers[w].heldCores -= UInt64(count) * UInt64(needs.cores)
        workers[w].heldMemory -= UInt64(count) * needs.memoryBytes
        jobs[j].coresHeld -= UInt64(count) * UInt64(needs.cores)
        if held.isExclusive { workers[w].isReserved = false }
        effects.append(.record(.closed(held.run, allDone: held.isAllDone)))
        if held.grantedMilliseconds > 0, jobs[j].ledger != nil {
            let granted = UInt64(held.grantedMilliseconds)
            // Lost with its worker: the seconds since it went out are gone, what was not reached yet comes back.
            let used = used ?? min(granted, now - min(now, held.since))
            let back = jobs[j].ledger!.settle(granted: granted, used: used)
            effects.append(
                .record(
                    .ledger(
                        held.run.job,
                        LedgerEntry(
                            at: jobs[j].ledger!.elapsed(at: now), task: held.run.first, granted: granted, spent: used,
                            donated: back))))
            recordDeposits(of: j)
        }
    }

    /// A job that is over wants nothing back: its claims are cancelled at the workers.
    mutating func revokeClaims(of id: JobID) {
        for w in workers.indices where workers[w].held.contains(where: { $0.run.job == id }) {
            let gone = workers[w].held.filter { $0.run.job == id }
            workers[w].held.removeAll { $0.run.job == id }
            for held in gone { takeBack(held, from: w, blame: false) }
            if workers[w].isConnected, !workers[w].isGone {
                effects.append(.send(.cancel(gone.map(\.run)), to: workers[w].id))
            }
        }
    }

    mutating func takeBackBudgeted(of id: JobID) {
        for w in workers.indices {
            let late = workers[w].held.filter { $0.run.job == id && $0.grantedMilliseconds > 0 }
            guard !late.isEmpty else { continue }
            workers[w].held.removeAll { $0.run.job == id && $0.grantedMilliseconds > 0 }
            for held in late { takeBack(held, from: w, blame: false) }
            effects.append(.send(.cancel(late.map(\.run)), to: workers[w].id))
        }
    }

    // MARK: - What a worker says it holds

    /// A worker thought lost returns with tasks that nobody else has claimed since: it keeps them. What somebody else
    /// has, or nobody wants, it is told to drop.
    private mutating func readopt(_ runs: [ClaimRun], by w: Int) {
        var stale: [ClaimRun] = []
        for run in runs {
            guard knows(run.job), !jobs[at(run.job)].state.isOver else {
                stale.append(run)
                continue
            }
            let j = at(run.job)
            var index = run.first
            while index < run.first + run.count {
                let phase = jobs[j].tasks.unanswered(index, epoch: run.epoch, owner: workers[w].id)
                let first = index
                while index < run.first + run.count,
                    jobs[j].tasks.unanswered(index, epoch: run.epoch, owner: workers[w].id) == phase
                { index += 1 }
                let part = ClaimRun(job: run.job, first: first, count: index - first, epoch: run.epoch)
                switch phase {
                case .claimed: break
                case .queued: keep(part, by: w)
                default: stale.append(part)
                }
            }
        }
        if !stale.isEmpty { effects.append(.send(.cancel(stale), to: workers[w].id)) }
    }

    private mutating func keep(_ run: ClaimRun, by w: Int) {
        let j = at(run.job)
        for index in run.indices { jobs[j].tasks.set(index, .claimed) }
        hold(
            HeldRun(
                run: run, message: workers[w].sent, open: run.count, grantedMilliseconds: 0, since: now,
                isExclusive: false), by: w)
    }

    /// Books a run of claimed tasks with its worker and its job.
    mutating func hold(_ held: HeldRun, by w: Int) {
        let j = at(held.run.job)
        let count = held.run.count
        let needs = jobs[j].submission.needs
        jobs[j].claimed += count
        for index in held.run.indices where jobs[j].isBudgeted(index) { jobs[j].claimedBudgeted += 1 }
        jobs[j].coresHeld += UInt64(count) * UInt64(needs.cores)
        workers[w].heldTasks += count
        workers[w].heldCores += UInt64(count) * UInt64(needs.cores)
        workers[w].heldMemory += UInt64(count) * needs.memoryBytes
        if held.isExclusive { workers[w].isReserved = true }
        workers[w].held.append(held)
        effects.append(
            .record(.claimed(held.run, by: workers[w].id, grantedMilliseconds: held.grantedMilliseconds)))
    }

    /// Claims sent at or before message `seen` that the worker does not hold got lost on the way: they are requeued.
    private mutating func reconcile(_ w: Int, seen: UInt64, held: [ClaimRun]) {
        // Restored claims carry message 0: the first hello decides about them.
        let doubtful = workers[w].held.filter { $0.message <= seen }
        guard !doubtful.isEmpty else { return }
        let kept = held.sorted { ($0.job, $0.first) < ($1.job, $1.first) }
        for claim in doubtful {
            let j = at(claim.run.job)
            let mine = kept.filter { $0.overlaps(claim.run) }
            var lost: UInt32 = 0
            for index in claim.run.indices where isOpen(claim.run, index, w) {
                guard !mine.contains(where: { $0.indices.contains(index) }) else { continue }
                release(index, of: j)
                requeue(index, of: j)
                lost += 1
            }
            if lost > 0 { settle(claim.run, tasks: lost, of: w, used: nil, areDone: false) }
        }
    }

    /// `count` tasks of the held run that covers `run` are no longer open.
    private mutating func settle(_ run: ClaimRun, tasks count: UInt32, of w: Int, used: UInt64?, areDone: Bool) {
        guard let h = workers[w].held.firstIndex(where: { $0.run == run }) else { return }
        workers[w].held[h].open -= count
        workers[w].held[h].isAllDone = workers[w].held[h].isAllDone && areDone
        if workers[w].held[h].open == 0 {
            let held = workers[w].held.remove(at: h)
            close(held, of: w, open: count, used: used)
        } else {
            let needs = jobs[at(run.job)].submission.needs
            workers[w].heldTasks -= count
            workers[w].heldCores -= UInt64(count) * UInt64(needs.cores)
            workers[w].heldMemory -= UInt64(count) * needs.memoryBytes
            jobs[at(run.job)].coresHeld -= UInt64(count) * UInt64(needs.cores)
        }
    }

    // MARK: - Results

    mutating func finished(_ outcomes: [TaskOutcome], number: UInt64, by id: WorkerID) {
        guard let w = position(of: id) else { return }
        for outcome in outcomes where knows(outcome.run.job) { accept(outcome, from: w) }
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
            let phase = jobs[j].tasks.unanswered(index, epoch: run.epoch, owner: workers[w].id)
            let first = index
            while index < run.first + run.count,
                jobs[j].tasks.unanswered(index, epoch: run.epoch, owner: workers[w].id) == phase
            { index += 1 }
            let part = ClaimRun(job: run.job, first: first, count: index - first, epoch: run.epoch)
            if let phase { take(part, phase, outcome, from: w) }
            guard !jobs[j].state.isOver else { return }
        }
    }

    private mutating func take(_ part: ClaimRun, _ phase: TaskTable.Phase, _ outcome: TaskOutcome, from w: Int) {
        let j = at(part.job)
        if phase == .claimed {
            for index in part.indices { release(index, of: j) }
            let used = (outcome.busyMicroseconds + 500) / 1000
            var areDone = false
            if case .done = outcome.end { areDone = true }
            for held in workers[w].held where held.run.overlaps(part) {
                let overlap = held.run.indices.clamped(to: part.indices)
                settle(held.run, tasks: UInt32(overlap.count), of: w, used: used, areDone: areDone)
            }
        } else if case .done = outcome.end {
            // Thought lost, but finished after all, and nobody has started it again.
        } else {
            return
        }
        switch outcome.end {
        case .done(let bytes):
            for index in part.indices {
                jobs[j].tasks.set(index, .done)
                jobs[j].forgetPayload(index)
            }
            jobs[j].done += part.count
            workers[w].completed += UInt64(part.count)
            jobs[j].learn(outcome.busyMicroseconds * UInt64(part.count) / UInt64(outcome.run.count), tasks: part.count)
            effects.append(.record(.done(part, bytes, busyMicroseconds: outcome.busyMicroseconds)))
            if jobs[j].isArray {
                endIfArrayIsOver(part.job)
            } else {
                for index in part.indices {
                    ask(part.job, .finished(index: index, result: bytes, load: load(for: jobs[j])))
                }
            }
        case .failed(let reason):
            for index in part.indices {
                jobs[j].troubles[index, default: Job.Trouble()].failures += 1
                if jobs[j].troubles[index]!.failures > jobs[j].submission.retries {
                    park(index, of: j, reason)
                    if jobs[j].state.isOver { return }
                } else {
                    recordAttempts(index, of: j)
                    requeue(index, of: j)
                }
            }
        case .returned:
            jobs[j].queue.append(part.first, part.count)
        }
    }
}

extension ClaimRun {
    func overlaps(_ other: ClaimRun) -> Bool {
        job == other.job && epoch == other.epoch && indices.overlaps(other.indices)
    }
}
