import Messages

// A task that takes far longer than others of its kind, while slots idle, is claimed a second time elsewhere. Both
// results are equal, so the first one wins and the other claim is taken back at its worker.
//
// Only tasks of kinds that say so (`JobKind.isRepeatable`); and of these none that runs in slices, for its slice ends
// anyhow and its cursor depends on the worker. And none that two deaths more would park: beside a task that kills both
// its workers it would be taken for another such.
extension Core {
    /// So many times the median of its kind.
    private static let patience: UInt64 = 4
    /// Results of a kind before its median is believed.
    private static let fewestResults: UInt32 = 5
    /// Second claims handed out in one sweep, and workers looked at: bounds what it costs. Of ten thousand workers each
    /// is looked at once a second, as long as anybody is patient at least.
    private static let atOnce = 64
    private static let watchedAtOnce = 1024

    /// A task that may have a second claim.
    private struct Straggler {
        var since: Milliseconds
        var job: Int
        var index: UInt32
        /// Who has the first claim.
        var worker: Int
    }

    /// How long a task may run before it is called a straggler; nil when nothing is known of its kind, or its kind may
    /// not run twice.
    package func patience(with job: JobID) -> Milliseconds? {
        guard knows(job), jobs[at(job)].speculatedKind >= 0 else { return nil }
        return patience(withKind: jobs[at(job)].speculatedKind)
    }
    /// Position of a kind in `limits.speculated`, or -1.
    func speculatedKind(of kind: String) -> Int { limits.speculated.firstIndex(of: kind) ?? -1 }
    private func patience(withKind kind: Int) -> Milliseconds? {
        guard kind < medians.count, let median = medians[kind].median(ofAtLeast: Self.fewestResults) else { return nil }
        return max(limits.straggle, median * Self.patience / 1000)
    }

    /// Results of a kind that may run twice say how long its tasks take.
    mutating func learnMedian(_ usedMicroseconds: UInt64, tasks: UInt32, of j: Int, first index: UInt32) {
        let kind = jobs[j].speculatedKind
        guard kind >= 0, !jobs[j].isBudgeted(index) else { return }
        while medians.count <= kind { medians.append(MedianSketch()) }
        medians[kind].add(usedMicroseconds / UInt64(max(tasks, 1)), count: tasks)
    }

    /// After whatever waits was handed out: stragglers go to slots that are still idle.
    mutating func speculate() {
        guard !medians.isEmpty, index.idleWorkers > 0 else { return }
        let stragglers = stragglers()
        guard !stragglers.isEmpty else { return }
        let idle = idleWorkers()
        for straggler in stragglers {
            let needs = jobs[straggler.job].submission.needs
            let fitting = idle.first { w in
                w != straggler.worker && workers[w].heldCores + UInt64(needs.cores) <= UInt64(workers[w].slots)
                    && room(on: w, for: straggler.job, straggler.index) > 0
            }
            if let w = fitting { claimAgain(straggler, on: w) }
        }
    }

    /// Those with a slot to spare that no task is waiting for, the fastest first.
    private func idleWorkers() -> [Int] {
        let awaited = open.compactMap { jobs[at($0)].awaited }
        let idle = workers.indices.filter { isIdle($0) && !awaited.contains(workers[$0].id) }
        func rank(_ w: Int) -> (UInt32, UInt64, UInt64) {
            (UInt32.max - workers[w].pace, .max - workers[w].speed, workers[w].id.incarnation)
        }
        return idle.sorted { rank($0) < rank($1) }
    }

    /// It has a slot to spare.
    func isIdle(_ w: Int) -> Bool {
        workers[w].isConnected && !workers[w].isGone && !workers[w].isDraining && !workers[w].isReserved
            && workers[w].heldCores < UInt64(workers[w].slots)
    }

    /// The longest waited for first, at most `atOnce`; of the workers whose turn it is.
    private mutating func stragglers() -> [Straggler] {
        let patiences = limits.speculated.indices.map { patience(withKind: $0) }
        var found: [Straggler] = []
        let watched = min(workers.count, Self.watchedAtOnce)
        let first = nextWatched
        nextWatched = workers.isEmpty ? 0 : (first + watched) % workers.count
        for step in 0..<watched {
            let w = (first + step) % workers.count
            guard workers[w].isConnected, !workers[w].isGone else { continue }
            // What may stand behind others there has waited for as long as a worker has work queued.
            let isCrowded = workers[w].heldCores > UInt64(workers[w].slots)
            for held in workers[w].held {
                let j = at(held.run.job)
                guard jobs[j].state == .running, jobs[j].ledger?.isOver(at: now) != true,
                    jobs[j].speculatedKind >= 0, let patience = patiences[jobs[j].speculatedKind],
                    held.since + patience + (isCrowded ? limits.queuedMaximum : 0) < now
                else { continue }
                var count = 0
                for index in held.run.indices where count < Self.atOnce && mayBeDoubled(index, held.run, w) {
                    found.append(Straggler(since: held.since, job: j, index: index, worker: w))
                    count += 1
                }
            }
        }
        found.sort { ($0.since, $0.job, $0.index) < ($1.since, $1.job, $1.index) }
        return Array(found.prefix(Self.atOnce))
    }

    private func mayBeDoubled(_ index: UInt32, _ run: ClaimRun, _ w: Int) -> Bool {
        let job = jobs[at(run.job)]
        return job.unanswered(index, epoch: run.epoch, owner: workers[w].id) == .claimed
            && job.crashes(of: index) + 2 < limits.crashes
            && (!job.hasTwoClaims(index) || plantedBug == .claimsThrice)
            && (!job.isBudgeted(index) || plantedBug == .doublesSlices)
    }

    private mutating func claimAgain(_ straggler: Straggler, on w: Int) {
        let (j, index) = (straggler.job, straggler.index)
        let newest = Job.Claimant(epoch: jobs[j].tasks.epoch(index), owner: jobs[j].tasks.owner(index))
        if !newest.isNobody { jobs[j].earlier[index] = newest }
        let run = ClaimRun(job: jobs[j].id, first: index, count: 1, epoch: newest.epoch + 1)
        jobs[j].tasks.claim(index, epoch: run.epoch, owner: workers[w].id)
        workers[w].sent += 1
        hold(
            HeldRun(
                run: run, message: workers[w].sent, open: 1, grantedMilliseconds: 0, since: now,
                company: company(of: index, j)),
            by: w, taken: 0)
        let assignment = Assignment(run: run, kind: jobs[j].submission.kind, payload: jobs[j].payload(index))
        effects.append(.send(.assign(number: workers[w].sent, [assignment]), to: workers[w].id))
        effects.append(
            .log(
                LogLine(
                    .info, "task_claimed_twice",
                    [
                        ("task", "\(run.job).\(index)"), ("epoch", "\(run.epoch)"),
                        ("worker", "\(workers[w].id)"), ("after_ms", "\(now - straggler.since)"),
                    ])))
    }

    // MARK: - One of two claims ends

    /// A task has a result from this claim. When there is another, it is taken back, and its task is a hole in its run.
    mutating func settleRival(of index: UInt32, _ j: Int, winner: Job.Claimant) {
        guard !jobs[j].earlier.isEmpty, let earlier = jobs[j].earlier.removeValue(forKey: index) else { return }
        let newest = Job.Claimant(epoch: jobs[j].tasks.epoch(index), owner: jobs[j].tasks.owner(index))
        let loser = earlier == winner ? newest : earlier
        // The store knows a result by the claim that brought it.
        jobs[j].tasks.claim(index, epoch: winner.epoch, owner: winner.owner)
        guard !loser.isNobody, let w = workerAt[loser.owner], plantedBug != .keepsLosingClaim,
            let h = workers[w].held.firstIndex(where: {
                $0.run.job == jobs[j].id && $0.run.epoch == loser.epoch && $0.run.indices.contains(index)
            })
        else { return }
        let held = workers[w].held[h]
        // It has no slice to give back, and what it used of its slot is nobody's: only answers are paid.
        if held.open == 1 {
            workers[w].held.remove(at: h)
            close(held, of: w, allDone: true)
        } else {
            workers[w].held[h].open -= 1
            if plantedBug != .keepsLosersCore { unload(1, of: held, from: w) }
        }
        cancelClaim(ClaimRun(job: jobs[j].id, first: index, count: 1, epoch: loser.epoch), at: w)
    }

    /// A task is not tried again: nobody may go on with it.
    mutating func withdrawClaims(of index: UInt32, _ j: Int) {
        while jobs[j].tasks.phase(index) == .claimed {
            let newest = Job.Claimant(epoch: jobs[j].tasks.epoch(index), owner: jobs[j].tasks.owner(index))
            let claim = newest.isNobody ? jobs[j].earlier[index]! : newest
            release(index, of: j, from: claim)
            guard let w = workerAt[claim.owner] else { continue }
            let run = ClaimRun(job: jobs[j].id, first: index, count: 1, epoch: claim.epoch)
            withdraw(run, from: w, answered: false, used: nil)
            cancelClaim(run, at: w)
        }
    }

    private mutating func cancelClaim(_ run: ClaimRun, at w: Int) {
        guard workers[w].isConnected, !workers[w].isGone else { return }
        effects.append(.send(.cancel([run]), to: workers[w].id))
    }

    // MARK: - For people and tests

    /// Who has which claim of a task that was claimed twice, the first one first; nil when one claim at most is out.
    package func rivals(for task: TaskID) -> (first: WorkerID, second: WorkerID)? {
        let job = jobs[at(task.job)]
        guard job.hasTwoClaims(task.index), let earlier = job.earlier[task.index] else { return nil }
        return (earlier.owner, job.tasks.owner(task.index))
    }
}

extension Job {
    /// One claim of a task.
    struct Claimant: Equatable, Sendable {
        var epoch: Epoch
        var owner: WorkerID
        /// It was answered, or is over.
        var isNobody: Bool { owner == WorkerID(0) }
    }

    /// As `TaskTable.unanswered`, for either claim of a task that has two.
    @inline(__always) func unanswered(_ index: UInt32, epoch: Epoch, owner: WorkerID) -> TaskTable.Phase? {
        if let phase = tasks.unanswered(index, epoch: epoch, owner: owner) { return phase }
        guard !earlier.isEmpty, earlier[index] == Claimant(epoch: epoch, owner: owner) else { return nil }
        return .claimed
    }
    func hasTwoClaims(_ index: UInt32) -> Bool {
        !earlier.isEmpty && earlier[index] != nil && tasks.owner(index) != WorkerID(0)
    }
    /// Tasks with two claims.
    var doubled: UInt32 { UInt32(earlier.count { tasks.owner($0.key) != WorkerID(0) }) }
}
