import Messages

// Who holds what: claims are booked, taken back, kept by a worker that returns, and held against what it says.
extension Core {
    // MARK: - Taking claims back

    /// What is held against the tasks of a worker that is gone.
    enum Blame {
        case nothing
        /// They were there when it died, or when everything stopped: counted, but never as the last time.
        case doubt
        /// They were there when it died.
        case death
    }

    /// Requeues what is open of runs that stand in nobody's list any more.
    mutating func takeBack(_ runs: [HeldRun], from w: Int, blame: Blame) {
        var open: [(job: Int, index: UInt32)] = []
        for held in runs {
            let j = at(held.run.job)
            let claim = Job.Claimant(epoch: held.run.epoch, owner: workers[w].id)
            for index in held.run.indices where isOpen(held.run, index, w) {
                release(index, of: j, from: claim)
                open.append((j, index))
            }
            close(held, of: w, allDone: false)
        }
        // Only now that the books are closed: the last crash of a poisoned task ends its job.
        for (j, index) in open where !jobs[j].state.isOver || jobs[j].state == .unfinished {
            if blame == .nothing {
                requeue(index, of: j)
            } else {
                crashed(index, of: j, with: workers[w].id, isCertain: blame == .death)
            }
        }
    }

    private func isOpen(_ run: ClaimRun, _ index: UInt32, _ w: Int) -> Bool {
        jobs[at(run.job)].unanswered(index, epoch: run.epoch, owner: workers[w].id) == .claimed
    }

    /// A claim of a task is over. The task waits again, unless it was claimed twice and the other claim goes on.
    mutating func release(_ index: UInt32, of j: Int, from claim: Job.Claimant) {
        if !jobs[j].earlier.isEmpty, let earlier = jobs[j].earlier[index] {
            if earlier != claim { return jobs[j].tasks.disown(index) }
            jobs[j].earlier[index] = nil
            if jobs[j].tasks.owner(index) != WorkerID(0) { return }
        }
        jobs[j].tasks.set(index, .queued)
        jobs[j].claimed -= 1
    }

    /// Puts what nobody has a claim of any more behind the others.
    mutating func requeue(_ index: UInt32, of j: Int) {
        guard jobs[j].tasks.phase(index) == .queued else { return }
        if plantedBug != .losesRequeued { jobs[j].queue.append(index, 1) }
    }
    mutating func requeue(_ part: ClaimRun) {
        let j = at(part.job)
        guard !jobs[j].earlier.isEmpty else { return jobs[j].queue.append(part.first, part.count) }
        for index in part.indices where jobs[j].tasks.phase(index) == .queued { jobs[j].queue.append(index, 1) }
    }

    mutating func park(_ index: UInt32, of j: Int, _ reason: String) {
        withdrawClaims(of: index, j)
        jobs[j].tasks.set(index, .parked)
        jobs[j].parked += 1
        jobs[j].forgetPayload(index)
        jobs[j].troubles[index, default: Job.Trouble()].parked = reason
        recordAttempts(index, of: j)
        let id = jobs[j].id
        effects.append(.log(LogLine(.warning, "task_parked", [("task", "\(id).\(index)"), ("why", "\"\(reason)\"")])))
        if jobs[j].isArray {
            endIfArrayIsOver(id)
        } else if jobs[j].submission.toleratesFailures {
            hear(id, .parked(index), Array(reason.utf8), isKept: true)
        } else {
            end(id, .failed, "task \(id).\(index): \(reason)", nil)
        }
    }

    mutating func recordAttempts(_ index: UInt32, of j: Int) {
        let trouble = jobs[j].troubles[index]!
        effects.append(
            .record(
                .attempts(
                    TaskID(jobs[j].id, index), failures: trouble.failures, deaths: trouble.deaths,
                    parked: trouble.parked)))
    }

    /// `count` tasks of a run are no longer with the worker.
    mutating func unload(_ count: UInt32, of held: HeldRun, from w: Int) {
        let j = at(held.run.job)
        let needs = jobs[j].submission.needs
        workers[w].heldTasks -= count
        if held.company == .suspects { workers[w].heldSuspects -= count }
        workers[w].heldCores -= UInt64(count) * UInt64(needs.cores)
        workers[w].heldMemory -= UInt64(count) * needs.memoryBytes
        jobs[j].coresHeld -= UInt64(count) * UInt64(needs.cores)
        workerChanged(w)
    }

    /// The last open tasks of a held run are answered or taken back.
    mutating func close(_ held: HeldRun, of w: Int, allDone: Bool, used: UInt64? = nil) {
        if plantedBug != .forgetsLoad { unload(held.open, of: held, from: w) }
        if held.company == .nobody, plantedBug != .forgetsReservation {
            workers[w].isReserved = false
            workerChanged(w)
        }
        effects.append(.record(.closed(held.run, allDone: allDone)))
        // Lost or taken away: the seconds until its worker was last heard of are gone, the rest of the slice comes back.
        let heard = workers[w].lastHeard
        charge(
            held, of: w, granted: held.grantedMilliseconds,
            usedMicroseconds: used ?? min(UInt64(held.grantedMilliseconds), heard - min(heard, held.since)) * 1000)
    }

    /// A job that is over wants nothing back: its claims are cancelled at the workers.
    mutating func revokeClaims(of id: JobID) {
        for w in holders(of: id) where workers[w].held.contains(where: { $0.run.job == id }) {
            let gone = workers[w].held.filter { $0.run.job == id }
            workers[w].held.removeAll { $0.run.job == id }
            takeBack(gone, from: w, blame: .nothing)
            if workers[w].isConnected, !workers[w].isGone {
                effects.append(.send(.cancel(gone.map(\.run)), to: workers[w].id))
            }
        }
    }

    /// Positions of workers that hold tasks of a job, ascending, and maybe others: found by whatever is fewer.
    private func holders(of id: JobID) -> [Int] {
        let j = at(id)
        guard jobs[j].claimed > 0 else { return [] }
        guard jobs[j].tasks.count < workers.count else { return Array(workers.indices) }
        let found = (0..<jobs[j].taskCount).compactMap {
            jobs[j].tasks.phase($0) == .claimed ? workerAt[jobs[j].tasks.owner($0)] : nil
        }
        return Set(found + jobs[j].earlier.values.compactMap { workerAt[$0.owner] }).sorted()
    }

    // MARK: - What a worker says it holds

    /// A worker thought lost returns with tasks that nobody else has claimed since: it keeps them. What somebody else
    /// has, or nobody wants, it is told to drop.
    mutating func readopt(_ runs: [ClaimRun], by w: Int) {
        var stale: [ClaimRun] = []
        for run in runs {
            guard knows(run.job), !jobs[at(run.job)].state.isOver,
                jobs[at(run.job)].tasks.contains(run.first + run.count - 1)
            else {
                stale.append(run)
                continue
            }
            let j = at(run.job)
            var index = run.first
            while index < run.first + run.count {
                let (phase, end) = unanswered(from: index, run, w)
                let part = ClaimRun(job: run.job, first: index, count: end - index, epoch: run.epoch)
                index = end
                switch phase {
                case .claimed: jobs[j].ledger?.start(at: now)  // after a restart its budget's clock goes on with it
                case .queued: keep(part, by: w)
                default: stale.append(part)
                }
            }
        }
        if !stale.isEmpty { effects.append(.send(.cancel(stale), to: workers[w].id)) }
    }

    /// Of a run, from `first` to where it changes: as `Job.unanswered`.
    private func unanswered(from first: UInt32, _ run: ClaimRun, _ w: Int) -> (phase: TaskTable.Phase?, end: UInt32) {
        let (j, end, id) = (at(run.job), run.first + run.count, workers[w].id)
        if jobs[j].earlier.isEmpty {
            return jobs[j].tasks.unanswered(from: first, to: end, epoch: run.epoch, owner: id)
        }
        let phase = jobs[j].unanswered(first, epoch: run.epoch, owner: id)
        var index = first + 1
        while index < end, jobs[j].unanswered(index, epoch: run.epoch, owner: id) == phase { index += 1 }
        return (phase, index)
    }

    private mutating func keep(_ run: ClaimRun, by w: Int) {
        let j = at(run.job)
        jobs[j].tasks.set(run.indices, .claimed)
        hold(
            HeldRun(
                run: run, message: workers[w].sent, open: run.count, grantedMilliseconds: 0, since: now,
                company: company(of: run)), by: w)
        jobs[j].tasks.forEachQueuedRun(
            in: run.first + run.count..<min(jobs[j].taskCount, run.first + max(run.count, limits.runTasks)),
            epoch: run.epoch, owner: workers[w].id
        ) { first, count in
            // The stored claim began where this part begins, and its place is taken: say again what the rest of it
            // was, or a restart would forget how far those epochs have risen.
            let rest = ClaimRun(job: run.job, first: first, count: count, epoch: run.epoch)
            effects += [.record(.claimed(rest, by: workers[w].id, grantedMilliseconds: 0))]
            effects += [.record(.closed(rest, allDone: false))]
        }
    }

    /// What a worker holds though its claim is over, and the word of it got lost: it is told again.
    mutating func dropStale(_ runs: [ClaimRun], of w: Int) {
        let stale = runs.filter { run in
            guard knows(run.job), jobs[at(run.job)].tasks.contains(run.first + run.count - 1) else { return true }
            let j = at(run.job)
            // Done by this very claim: the acknowledgement is on its way.
            if jobs[j].tasks.isAnyDone(run) { return false }
            return jobs[j].state.isOver
                || !run.indices.contains {
                    jobs[j].unanswered($0, epoch: run.epoch, owner: workers[w].id) != nil
                }
        }
        if !stale.isEmpty { effects.append(.send(.cancel(stale), to: workers[w].id)) }
    }

    /// Books a run of claimed tasks with its worker and its job.
    /// - Parameter taken: tasks of it that nobody else had claimed; nil: all.
    mutating func hold(_ held: HeldRun, by w: Int, taken: UInt32? = nil) {
        let j = at(held.run.job)
        let count = held.open
        let needs = jobs[j].submission.needs
        jobs[j].claimed += taken ?? count
        jobs[j].coresHeld += UInt64(count) * UInt64(needs.cores)
        workers[w].heldTasks += count
        workers[w].heldCores += UInt64(count) * UInt64(needs.cores)
        workers[w].heldMemory += UInt64(count) * needs.memoryBytes
        if held.company == .suspects { workers[w].heldSuspects += count }
        if held.company == .nobody { workers[w].isReserved = true }
        workers[w].held.append(held)
        workerChanged(w)
        if workers[w].isConnected { jobs[j].ledger?.start(at: now) }
        guard plantedBug != .handsOutUnstored else { return }
        effects.append(
            .record(.claimed(held.run, by: workers[w].id, grantedMilliseconds: held.grantedMilliseconds)))
    }

    /// Claims sent at or before message `seen` that the worker does not hold got lost on the way: they are requeued.
    /// So are those it has still not seen after three heartbeats: when the last message is lost, no later one tells.
    mutating func reconcile(_ w: Int, seen: UInt64, held: [ClaimRun]) {
        if agrees(w, seen: seen, held: held) { return }
        // Restored claims carry message 0: the first hello decides about them.
        let doubtful = workers[w].held.filter { $0.message <= seen || $0.since + 3 * limits.heartbeat <= now }
        guard !doubtful.isEmpty, plantedBug != .ignoresLostMessages else { return }
        let whole = Set(held)  // looked up, never iterated
        for claim in doubtful where !whole.contains(claim.run) {
            let mine = held.filter { $0.overlaps(claim.run) }
            var lost: [UInt32] = []
            for index in claim.run.indices
            where isOpen(claim.run, index, w) && !mine.contains(where: { $0.indices.contains(index) }) {
                lost.append(index)
            }
            var at = 0
            while at < lost.count {
                var count: UInt32 = 1
                while at + Int(count) < lost.count, lost[at + Int(count)] == lost[at] + count { count += 1 }
                let part = ClaimRun(job: claim.run.job, first: lost[at], count: count, epoch: claim.run.epoch)
                let j = self.at(part.job)
                let owner = Job.Claimant(epoch: part.epoch, owner: workers[w].id)
                for index in part.indices { release(index, of: j, from: owner) }
                withdraw(part, from: w, answered: false, used: nil)
                requeue(part)
                at += Int(count)
            }
        }
    }

    /// A worker says that it holds what it is believed to hold, but for what is still on its way to it. Nearly every
    /// heartbeat is one of these, and costs nothing more. Both lists are in the order in which the claims were sent.
    func agrees(_ w: Int, seen: UInt64, held: [ClaimRun]) -> Bool {
        guard plantedBug == nil else { return false }
        var next = 0
        for claim in workers[w].held {
            if next < held.count, held[next] == claim.run {
                next += 1
            } else if claim.message <= seen || claim.since + 3 * limits.heartbeat <= now {
                return false
            }
        }
        return next == held.count
    }

    /// `part`, released already, ended with results after `used` microseconds.
    mutating func settle(_ part: ClaimRun, of w: Int, used: UInt64) {
        var h = 0
        while h < workers[w].held.count {
            guard workers[w].held[h].run.overlaps(part) else {
                h += 1
                continue
            }
            let held = workers[w].held[h]
            let count = UInt32(held.run.indices.clamped(to: part.indices).count)
            if held.open == count {
                workers[w].held.remove(at: h)
                close(held, of: w, allDone: true, used: used)
            } else {
                workers[w].held[h].open -= count
                unload(count, of: held, from: w)
                charge(held, of: w, granted: 0, usedMicroseconds: used)
                h += 1
            }
        }
    }

    /// `part`, released already, ended without results: what lies before and after it stays held. The pieces are
    /// stored as claims of their own, so that a restart finds each task as it was.
    ///
    /// - Parameter answered: by its worker, which shall not be believed a second time: stored without an owner.
    mutating func withdraw(_ part: ClaimRun, from w: Int, answered: Bool, used: UInt64?) {
        let owner = answered ? WorkerID(0) : workers[w].id
        for held in workers[w].held where held.run.overlaps(part) {
            let h = workers[w].held.firstIndex { $0.run == held.run }!
            let lost = held.run.indices.clamped(to: part.indices)
            if held.open == lost.count {
                workers[w].held.remove(at: h)
                if answered { effects.append(.record(.claimed(held.run, by: owner, grantedMilliseconds: 0))) }
                close(held, of: w, allDone: false, used: used)
                continue
            }
            unload(UInt32(lost.count), of: held, from: w)
            charge(held, of: w, granted: 0, usedMicroseconds: used ?? 0)
            func piece(_ indices: Range<UInt32>) -> ClaimRun {
                ClaimRun(job: part.job, first: indices.lowerBound, count: UInt32(indices.count), epoch: part.epoch)
            }
            var pieces: [HeldRun] = []
            for side in [held.run.first..<lost.lowerBound, lost.upperBound..<held.run.first + held.run.count]
            where !side.isEmpty {
                let run = piece(side)
                let open = UInt32(side.count { isOpen(run, $0, w) })
                if open > 0 {
                    effects.append(.record(.claimed(run, by: workers[w].id, grantedMilliseconds: 0)))
                    pieces.append(
                        HeldRun(
                            run: run, message: held.message, open: open, grantedMilliseconds: 0, since: held.since,
                            company: held.company))
                } else if side.lowerBound == held.run.first {
                    effects.append(.record(.closed(run, allDone: true)))
                }
            }
            effects.append(.record(.claimed(piece(lost), by: owner, grantedMilliseconds: 0)))
            effects.append(.record(.closed(piece(lost), allDone: false)))
            workers[w].held.replaceSubrange(h...h, with: pieces)
        }
        guard answered else { return }
        let j = at(part.job)
        for index in part.indices where jobs[j].tasks.epoch(index) == part.epoch { jobs[j].tasks.disown(index) }
    }
}

extension ClaimRun {
    func overlaps(_ other: ClaimRun) -> Bool {
        job == other.job && epoch == other.epoch && indices.overlaps(other.indices)
    }
}
