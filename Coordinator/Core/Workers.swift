import Messages

// Workers come, fall silent, drain and leave.
extension Core {
    mutating func welcome(_ hello: Inbound.Hello) {
        if names[hello.worker] != nil { hasReturned = true }
        let w: Int
        if let known = workerAt[hello.worker] {
            w = known
            index.rename(w, from: workers[w].hello.name, to: hello.name)
            workers[w].hello = bounded(hello)
            workers[w].isConnected = true
        } else {
            w = join(hello)
            absolve(hello.worker)
        }
        // A coordinator that restarted counts its messages on from what the worker has seen.
        workers[w].sent = max(workers[w].sent, min(hello.seen, 1 << 62))
        touch(w)
        workerChanged(w)
        readopt(hello.held, by: w)
        reconcile(w, seen: hello.seen, held: hello.held)
    }

    private mutating func join(_ hello: Inbound.Hello) -> Int {
        let w = add(
            Worker(
                id: hello.worker, hello: bounded(hello), isConnected: true, lastHeard: now,
                deadline: now + limits.silence))
        // A supervisor restarts a crashed worker under its old name: the old process has two heartbeats to object.
        for other in index.positions(named: hello.name) where other != w {
            workers[other].deadline = min(workers[other].deadline, now + 2 * limits.heartbeat)
            watch(other)
        }
        effects.append(.record(.joined(hello.worker, name: hello.name)))
        effects.append(
            .log(
                LogLine(
                    .info, "worker_joined",
                    [("worker", "\(hello.worker)"), ("name", hello.name), ("slots", "\(hello.slots)")])))
        return w
    }

    /// As it is kept: its claims have lists of their own.
    private func bounded(_ hello: Inbound.Hello) -> Inbound.Hello {
        var hello = hello
        hello.slots = min(hello.slots, Self.maximumSlots)
        hello.held = []
        return hello
    }

    /// The place of one that is gone is taken again, so that the table does not grow with every reconnect.
    mutating func add(_ worker: Worker) -> Int {
        let w = index.vacancy() ?? workers.count
        var worker = worker
        if w == workers.count {
            workers.append(worker)
        } else {
            worker.isChanged = workers[w].isChanged
            worker.isTried = workers[w].isTried
            workers[w] = worker
        }
        workerAt[worker.id] = w
        index.name(w, worker.hello.name)
        watch(w)
        workerChanged(w)
        return w
    }

    /// Its deadline is looked at when it comes.
    mutating func watch(_ w: Int) {
        workers[w].watch = workers[w].deadline
        index.deadlines.insert(WorkerIndex.Deadline(at: workers[w].deadline, worker: w))
    }

    private mutating func touch(_ w: Int) {
        workers[w].lastHeard = now
        workers[w].deadline = now + limits.silence
    }

    /// The position of a live worker; nil after asking a stranger to introduce itself.
    mutating func position(of id: WorkerID) -> Int? {
        guard let w = workerAt[id], workers[w].isConnected else {
            effects.append(.send(.introduceYourself, to: id))
            return nil
        }
        touch(w)
        return w
    }

    mutating func heard(_ id: WorkerID, seen: UInt64, held: [ClaimRun]) {
        guard let w = position(of: id) else { return }
        // What it rightly holds is not stale either.
        if !agrees(w, seen: seen, held: held) {
            reconcile(w, seen: seen, held: held)
            dropStale(held, of: w)
        }
        effects.append(.send(.accepted([]), to: id))
    }

    mutating func drain(_ id: WorkerID) {
        guard let w = position(of: id) else { return }
        workers[w].isDraining = true
        workerChanged(w)
    }

    mutating func goodbye(_ id: WorkerID) {
        guard let w = position(of: id) else { return }
        loseWorker(w, blame: .nothing, "it said goodbye")
    }

    /// Workers whose deadline passed are lost.
    mutating func sweep() {
        guard now >= lastSweep + 100 || lastSweep == 0 else { return }
        lastSweep = now
        guard plantedBug != .ignoresSilence else { return }
        // Deadlines move away with every word of a worker: each is looked at when it was to come, once in a few seconds.
        var lost: [Int] = []
        while let next = index.deadlines.first, next.at <= now {
            index.deadlines.popLeast()
            let w = next.worker
            guard !workers[w].isGone, workers[w].watch == next.at else { continue }
            guard workers[w].deadline <= now else {
                watch(w)
                continue
            }
            // Two entries may be alike.
            workers[w].watch = 0
            lost.append(w)
        }
        for w in lost.sorted() { loseWorker(w, blame: blame(for: w), "silent for \(now - workers[w].lastHeard) ms") }
    }

    /// One that did not return after a restart died like any other when somebody else did return. When nobody does, the
    /// whole machine may have been switched off, and no task is given up for that.
    private func blame(for w: Int) -> Blame {
        if plantedBug == .forgetsDeathsInRestart, !workers[w].isConnected { return .nothing }
        return workers[w].isConnected || hasReturned ? .death : .doubt
    }

    private mutating func loseWorker(_ w: Int, blame: Blame, _ why: String) {
        workers[w].isGone = true
        effects.append(
            .log(
                LogLine(
                    blame == .death ? .warning : .info, "worker_lost",
                    [
                        ("worker", "\(workers[w].id)"), ("name", workers[w].hello.name), ("why", "\"\(why)\""),
                        ("tasks", "\(workers[w].heldTasks)"),
                    ])))
        workerAt[workers[w].id] = nil
        index.vacate(w, name: workers[w].hello.name)
        effects.append(.record(.left(workers[w].id)))
        let lost = workers[w].held
        let slots = budgetSlots(of: w)
        workers[w].held = []
        takeBack(lost, from: w, blame: blame)
        workerChanged(w)
        loseBudgetSlots(slots, lastHeard: workers[w].lastHeard)
    }
}
