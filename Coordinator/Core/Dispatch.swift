import Messages

// Which task goes to which worker.
extension Core {
    /// Tries the workers that changed since they were last tried, and all of them when the jobs want something else:
    /// what a tick costs does not grow with the cluster.
    mutating func dispatch() {
        var candidates = candidates()
        defer {
            candidates.removeAll(keepingCapacity: true)
            swap(&scratch, &candidates)
        }
        guard !candidates.isEmpty else { return }
        if !isDemand(of: candidates) { rankTried(for: demand(of: candidates)) }
        sort(&candidates)
        rankChanged()
        var hasTried = false
        while let w = nextReadyWorker() {
            guard hasQueued(candidates) else { break }
            hasTried = true
            let assignments = fill(w, from: &candidates)
            if !assignments.isEmpty {
                workers[w].sent += 1
                effects.append(.send(.assign(number: workers[w].sent, assignments), to: workers[w].id))
            }
            triedReadyWorker(w)
        }
        endOfReadyWorkers()
        guard hasTried else { return }
        if candidates.count > 1 { candidates.sort() }
        if !isDemand(of: candidates) { index.demand = [] }
    }

    // No closure below captures the core: each would copy it, and a tick may come with every event.

    /// Positions of jobs with something to hand out, ascending.
    private mutating func candidates() -> [Int] {
        var candidates: [Int] = []
        swap(&scratch, &candidates)
        for id in open {
            let j = at(id)
            guard jobs[j].state == .running || plantedBug == .startsPaused, jobs[j].ledger?.isOver(at: now) != true,
                firstQueued(of: j) != nil
            else { continue }
            candidates.append(j)
        }
        return candidates
    }
    private func hasQueued(_ candidates: [Int]) -> Bool {
        for j in candidates where !jobs[j].queue.isEmpty { return true }
        return false
    }

    private func demand(of j: Int, first: UInt32) -> WorkerIndex.Demand {
        WorkerIndex.Demand(
            job: j, ahead: ahead(of: j), company: company(of: first, j), isBudgeted: jobs[j].isBudgeted(first),
            hasPool: (jobs[j].ledger?.pool ?? 1) > 0, isAwaiting: awaited(by: j) != nil)
    }
    /// - Parameter candidates: ascending, each with something queued.
    private func demand(of candidates: [Int]) -> [WorkerIndex.Demand] {
        var demand: [WorkerIndex.Demand] = []
        for j in candidates { demand.append(self.demand(of: j, first: jobs[j].queue.first!)) }
        return demand
    }
    /// Those of the candidates that have something queued want what workers were last tried for.
    /// - Parameter candidates: ascending.
    private mutating func isDemand(of candidates: [Int]) -> Bool {
        var (count, isSame) = (0, true)
        for j in candidates {
            guard let first = firstQueued(of: j) else { continue }
            isSame = isSame && count < index.demand.count && index.demand[count] == demand(of: j, first: first)
            count += 1
        }
        return isSame && count == index.demand.count
    }

    /// By insertion: jobs are few, and mostly in order.
    private func sort(_ candidates: inout [Int]) {
        for end in candidates.indices.dropFirst() {
            var at = end
            while at > 0, isBefore(candidates[at], candidates[at - 1]) {
                candidates.swapAt(at, at - 1)
                at -= 1
            }
        }
    }

    /// Priority first, then whoever holds least, then who was served longest ago, then the older job.
    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        let (first, second) = (jobs[a].submission.priority, jobs[b].submission.priority)
        guard first == second else { return first > second }
        return (share(of: a), jobs[a].served, a) < (share(of: b), jobs[b].served, b)
    }
    /// What a job holds of the cluster: slots that run its tasks, and for tasks that wait behind others as much as they
    /// are worth of what a slot keeps queued.
    private func share(of j: Int) -> UInt64 {
        let queued = limits.queuedMinimum * 1_000_000
        let mean = jobs[j].meanNanoseconds
        return jobs[j].coresHeld &* (mean == 0 ? queued : min(mean, queued))
    }

    /// Claims for one worker until nothing more fits it.
    /// - Parameter candidates: positions of jobs, whoever is next first; kept so.
    private mutating func fill(_ w: Int, from candidates: inout [Int]) -> [Assignment] {
        var assignments: [Assignment] = []
        var next = 0
        while next < candidates.count, !workers[w].isReserved {
            let j = candidates[next]
            let priority = jobs[j].submission.priority
            let isAlone =
                (next == 0 || jobs[candidates[next - 1]].submission.priority != priority)
                && (next + 1 == candidates.count || jobs[candidates[next + 1]].submission.priority != priority)
            if let assignment = claim(for: w, from: j, message: workers[w].sent + 1, isAlone: isAlone) {
                assignments.append(assignment)
                jobs[j].awaited = nil
                // It holds more now: another of its priority may be next.
                var at = next
                while at + 1 < candidates.count, isBefore(candidates[at + 1], j) {
                    candidates.swapAt(at, at + 1)
                    at += 1
                }
                continue
            }
            next += 1
            guard let index = firstQueued(of: j), mayEverRun(index, of: j, on: w) else { continue }
            let needs = jobs[j].submission.needs
            if company(of: index, j) == .nobody || needs.cores > 1 || needs.memoryBytes > 0 {
                // A task that needs much of a worker, or one to itself, would wait for ever behind small ones: one
                // worker is emptied for it.
                if awaited(by: j) == nil { jobs[j].awaited = workers[w].id }
                if jobs[j].awaited == workers[w].id { break }
            } else if room(on: w, for: j, index) == 0 {
                // It is next here, as soon as there is room: nothing of those after it is queued ahead of it.
                break
            }
        }
        return assignments
    }

    /// The worker that is being emptied for a job's next task, while it is there.
    private func awaited(by j: Int) -> Int? {
        guard let id = jobs[j].awaited, let w = workerAt[id], workers[w].isConnected, !workers[w].isDraining else {
            return nil
        }
        return w
    }

    /// The worker is large enough, when it has nothing else to do, and the task may run at all.
    private func mayEverRun(_ index: UInt32, of j: Int, on w: Int) -> Bool {
        let needs = jobs[j].submission.needs
        let memory = workers[w].availableMemory
        return needs.cores <= workers[w].slots && (memory == 0 || needs.memoryBytes <= memory)
    }

    /// Claims the next run of a job for a worker, as long as the worker's queue should be.
    private mutating func claim(for w: Int, from j: Int, message: UInt64, isAlone isOnly: Bool) -> Assignment? {
        guard let first = firstQueued(of: j) else { return nil }
        var room = room(on: w, for: j, first)
        guard room > 0 else { return nil }
        // Jobs of one priority take turns.
        if !isOnly { room = min(room, max(1, target(on: w, for: j) / 4)) }
        let isBudgeted = jobs[j].isBudgeted(first)
        let company = company(of: first, j)
        let remaining = jobs[j].ledger?.remaining(at: now) ?? .max
        guard !isBudgeted || (jobs[j].ledger?.pool ?? 1) > 0 else { return nil }
        // Planned tasks have payloads of their own, so they travel one by one; an array's tasks share theirs.
        let isAlone = isBudgeted || company == .nobody || first >= jobs[j].arrayCount
        guard let taken = jobs[j].queue.take(atMost: isAlone ? 1 : min(room, limits.runTasks)) else { return nil }
        let last = jobs[j].tasks.epoch(taken.first)
        let epoch = plantedBug == .reusesEpochs ? max(last, 1) : last + 1
        var count: UInt32 = 1
        if taken.count > 1 {
            let end = min(taken.first + taken.count, jobs[j].arrayCount)
            let alike = jobs[j].tasks.queued(from: taken.first, to: end, epoch: last) - taken.first
            while count < alike, self.company(of: taken.first + count, j) == company {
                count = jobs[j].troubles.isEmpty ? alike : count + 1
            }
        }
        if count < taken.count { jobs[j].queue.prepend(taken.first + count, taken.count - count) }

        served += 1
        jobs[j].served = served
        let run = ClaimRun(job: jobs[j].id, first: taken.first, count: count, epoch: epoch)
        jobs[j].tasks.claim(run.indices, epoch: epoch, owner: workers[w].id)
        // Without a limit in all a search is sliced all the same: a crash costs a slice, not a day.
        var slice = isBudgeted ? min(limits.slice, remaining) : 0
        if slice > 0, let granted = jobs[j].ledger?.grant(atMost: slice) { slice = granted }
        let granted = jobs[j].ledger == nil ? 0 : UInt32(slice)
        hold(
            HeldRun(
                run: run, message: message, open: count, grantedMilliseconds: granted, since: now,
                company: company), by: w)
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
        let needs = jobs[j].submission.needs
        let slots = workers[w].slots
        guard !workers[w].isReserved, needs.cores <= slots else { return 0 }
        let memory = workers[w].availableMemory
        let (heldTasks, heldCores, heldMemory) = (workers[w].heldTasks, workers[w].heldCores, workers[w].heldMemory)
        if needs.memoryBytes > 0, memory > 0 {
            guard heldMemory <= memory, needs.memoryBytes <= memory - heldMemory else { return 0 }
        }
        let company = company(of: first, j)
        if company == .nobody { return heldTasks == 0 ? 1 : 0 }
        guard company == .any || roomForSuspects(w) > 0 else { return 0 }
        let freeCores = heldCores < UInt64(slots) ? UInt64(slots) - heldCores : 0
        var fits = UInt32(freeCores / UInt64(max(needs.cores, 1)))
        if needs.memoryBytes > 0, memory > 0, plantedBug != .countsMemoryOnce {
            fits = UInt32(min(UInt64(fits), (memory - heldMemory) / needs.memoryBytes))
        }
        if company == .suspects { fits = min(fits, roomForSuspects(w)) }
        if needs.cores > 1 || needs.memoryBytes > 0 || jobs[j].isBudgeted(first) { return fits }
        // Queued ahead: enough that the worker is never without work while a message travels, little enough that
        // nobody waits behind it. Unknown times are learnt one task a slot first.
        guard ahead(of: j) > 0 else { return fits }
        let target = UInt64(target(on: w, for: j))
        // Topped up when half is used, so that messages stay few and large.
        guard UInt64(heldTasks) * 2 <= target || fits > 0 else { return 0 }
        let wanted = target > UInt64(heldTasks) ? target - UInt64(heldTasks) : 0
        // Near the end of a job the rest is shared out by speed instead of going to whoever asks first.
        let all = max(index.livePace, 1)
        let share = (UInt64(jobs[j].queue.count) * UInt64(slots) * UInt64(workers[w].pace) + all - 1) / all
        let usual = UInt32(min(wanted, max(share, UInt64(fits)), UInt64(UInt32.max)))
        return company == .suspects ? min(usual, roomForSuspects(w)) : usual
    }

    /// Tasks queued behind each running one: a power of two, worth at least `queuedMinimum` and far less than
    /// `queuedMaximum`. 0 for tasks that are long, or whose time is not known.
    private func ahead(of j: Int) -> UInt64 {
        let mean = jobs[j].meanNanoseconds
        guard mean > 0, mean < limits.queuedMaximum * 1_000_000 else { return 0 }
        let wanted = (limits.queuedMinimum * 1_000_000 + mean - 1) / mean
        return wanted <= 1 ? 1 : 1 << UInt64(64 - (wanted - 1).leadingZeroBitCount)
    }

    /// Tasks of a job that a worker should hold: twice as fast, twice as many queued ahead.
    private func target(on w: Int, for j: Int) -> UInt32 {
        let slots = UInt64(workers[w].slots)
        let ahead = ahead(of: j)
        guard ahead > 0 else { return workers[w].slots }
        return UInt32(clamping: slots + max(slots, slots * ahead * UInt64(workers[w].pace) / 1024))
    }
}
