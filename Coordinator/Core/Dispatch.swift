import Messages

// Which task goes to which worker.
extension Core {
    mutating func dispatch() {
        var candidates = open.map { at($0) }.filter {
            (jobs[$0].state == .running || plantedBug == .startsPaused) && !jobs[$0].queue.isEmpty
                && jobs[$0].ledger?.isOver(at: now) != true
        }
        guard !candidates.isEmpty else { return }
        // Priority first, then whoever holds least, then who was served longest ago, then the older job.
        candidates.sort {
            (-Int64(jobs[$0].submission.priority), jobs[$0].coresHeld, jobs[$0].served, jobs[$0].id)
                < (-Int64(jobs[$1].submission.priority), jobs[$1].coresHeld, jobs[$1].served, jobs[$1].id)
        }
        // The least loaded worker first, faster ones before slower: by what they measured of themselves.
        let order = workers.indices.filter {
            workers[$0].isConnected && !workers[$0].isGone
                && (!workers[$0].isDraining || plantedBug == .assignsToDraining)
        }
        .map {
            Rank(
                at: $0, load: UInt64(workers[$0].heldTasks) * 65_536 / UInt64(max(workers[$0].slots, 1)),
                speed: workers[$0].hello.hardware.dgemmMegaflops, id: workers[$0].id)
        }
        .sorted()
        // Jobs that a worker is being emptied for in this round: a task that needs much of a worker, or one to
        // itself, would otherwise wait for ever behind small ones.
        var awaited = Set<Int>()  // looked up, never iterated
        for w in order.map(\.at) {
            var assignments: [Assignment] = []
            var floor = Int32.min
            for j in candidates where !workers[w].isReserved {
                guard jobs[j].submission.priority >= floor else { break }
                while let assignment = claim(for: w, from: j, message: workers[w].sent + 1) {
                    assignments.append(assignment)
                    if workers[w].isReserved { break }
                }
                guard let next = firstQueued(of: j), mayEverRun(next, of: j, on: w) else { continue }
                let needs = jobs[j].submission.needs
                if jobs[j].isSuspect(next) || needs.cores > 1 || needs.memoryBytes > 0 {
                    if awaited.insert(j).inserted { break }
                } else {
                    // It is next here: nothing of a lower priority is queued ahead of it.
                    floor = jobs[j].submission.priority
                }
            }
            guard !assignments.isEmpty else { continue }
            workers[w].sent += 1
            effects.append(.send(.assign(number: workers[w].sent, assignments), to: workers[w].id))
        }
    }

    private struct Rank: Comparable {
        let at: Int
        let load: UInt64, speed: UInt64
        let id: WorkerID
        static func < (a: Rank, b: Rank) -> Bool {
            if a.load != b.load { return a.load < b.load }
            if a.speed != b.speed { return a.speed > b.speed }
            return a.id < b.id
        }
    }

    /// The worker is large enough, when it has nothing else to do, and the task may run at all.
    private func mayEverRun(_ index: UInt32, of j: Int, on w: Int) -> Bool {
        let needs = jobs[j].submission.needs
        let memory = workers[w].hello.hardware.availableMemoryBytes
        return needs.cores <= workers[w].slots && (memory == 0 || needs.memoryBytes <= memory)
    }

    /// Claims the next run of a job for a worker, as long as the worker's queue should be.
    private mutating func claim(for w: Int, from j: Int, message: UInt64) -> Assignment? {
        guard let first = firstQueued(of: j) else { return nil }
        let room = room(on: w, for: j, first)
        guard room > 0 else { return nil }
        let isBudgeted = jobs[j].isBudgeted(first)
        let isExclusive = jobs[j].isSuspect(first)
        let remaining = jobs[j].ledger?.remaining(at: now) ?? .max
        guard !isBudgeted || jobs[j].ledger.map({ $0.pool > 0 }) ?? true else { return nil }
        // Planned tasks have payloads of their own, so they travel one by one; an array's tasks share theirs.
        let isAlone = isBudgeted || isExclusive || first >= jobs[j].arrayCount
        guard let taken = jobs[j].queue.take(atMost: isAlone ? 1 : min(room, limits.runTasks)) else { return nil }
        var count: UInt32 = 1
        let last = jobs[j].tasks.epoch(taken.first)
        let epoch = plantedBug == .reusesEpochs ? max(last, 1) : last + 1
        while count < taken.count {
            let next = taken.first + count
            guard next < jobs[j].arrayCount, jobs[j].tasks.phase(next) == .queued, !jobs[j].isSuspect(next),
                jobs[j].tasks.epoch(next) == last
            else { break }
            count += 1
        }
        if count < taken.count { jobs[j].queue.prepend(taken.first + count, taken.count - count) }

        served += 1
        jobs[j].served = served
        let run = ClaimRun(job: jobs[j].id, first: taken.first, count: count, epoch: epoch)
        for index in run.indices { jobs[j].tasks.claim(index, epoch: epoch, owner: workers[w].id) }
        // Without a limit in all a search is sliced all the same: a crash costs a slice, not a day.
        var slice = isBudgeted ? min(limits.slice, remaining) : 0
        if slice > 0, let granted = jobs[j].ledger?.grant(atMost: slice) { slice = granted }
        let granted = jobs[j].ledger == nil ? 0 : UInt32(slice)
        hold(
            HeldRun(
                run: run, message: message, open: count, grantedMilliseconds: granted, since: now,
                isExclusive: isExclusive), by: w)
        return Assignment(
            run: run, kind: jobs[j].submission.kind, payload: jobs[j].payload(run.first),
            sliceMilliseconds: UInt32(slice))
    }

    /// The task at the front of a job's queue. Those answered while they stood there are passed over.
    mutating func firstQueued(of j: Int) -> UInt32? {
        while let first = jobs[j].queue.first {
            if jobs[j].tasks.phase(first) == .queued { return first }
            _ = jobs[j].queue.take(atMost: 1)
        }
        return nil
    }

    /// How many more tasks of a job the worker should hold now; 0 when none fits. `why` asks the same question.
    func room(on w: Int, for j: Int, _ first: UInt32) -> UInt32 {
        let worker = workers[w]
        let needs = jobs[j].submission.needs
        guard !worker.isReserved, needs.cores <= worker.slots else { return 0 }
        let memory = worker.hello.hardware.availableMemoryBytes
        if needs.memoryBytes > 0, memory > 0 {
            guard worker.heldMemory <= memory, needs.memoryBytes <= memory - worker.heldMemory else { return 0 }
        }
        if jobs[j].isSuspect(first) { return worker.heldTasks == 0 ? 1 : 0 }
        let freeCores = worker.heldCores < UInt64(worker.slots) ? UInt64(worker.slots) - worker.heldCores : 0
        var fits = UInt32(freeCores / UInt64(max(needs.cores, 1)))
        if needs.memoryBytes > 0, memory > 0, plantedBug != .countsMemoryOnce {
            fits = UInt32(min(UInt64(fits), (memory - worker.heldMemory) / needs.memoryBytes))
        }
        if needs.cores > 1 || needs.memoryBytes > 0 || jobs[j].isBudgeted(first) { return fits }
        // Queued ahead: enough that the worker is never without work while a message travels, little enough that
        // nobody waits behind it. Unknown times are learnt one task a slot first.
        let mean = jobs[j].meanNanoseconds
        guard mean > 0, mean < limits.queuedMaximum * 1_000_000 else { return fits }
        let ahead = max(1, limits.queuedMinimum * 1_000_000 / mean)
        let target = UInt64(worker.slots) * (1 + ahead)
        // Topped up when half is used, so that messages stay few and large.
        guard UInt64(worker.heldTasks) * 2 <= target || fits > 0 else { return 0 }
        let wanted = target > UInt64(worker.heldTasks) ? target - UInt64(worker.heldTasks) : 0
        // Near the end of a job the rest is shared out evenly instead of going to whoever asks first.
        let slots = UInt64(max(liveSlots, 1))
        let share = (UInt64(jobs[j].queue.count) * UInt64(worker.slots) + slots - 1) / slots
        return UInt32(min(wanted, max(share, UInt64(fits)), UInt64(UInt32.max)))
    }
}
