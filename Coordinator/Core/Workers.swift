import Messages

// Workers come, fall silent, drain and leave.
extension Core {
    mutating func welcome(_ hello: Inbound.Hello) {
        if names[hello.worker] != nil { hasReturned = true }
        let w: Int
        if let known = workerAt[hello.worker] {
            w = known
            index.rename(w, from: workers[w].hello.name, to: hello.name)
            workers[w].hello = hello
            workers[w].hello.slots = min(hello.slots, Self.maximumSlots)
            workers[w].isConnected = true
        } else {
            w = join(hello)
        }
        // A coordinator that restarted counts its messages on from what the worker has seen.
        workers[w].sent = max(workers[w].sent, hello.seen)
        touch(w)
        workerChanged(w)
        readopt(hello.held, by: w)
        reconcile(w, seen: hello.seen, held: hello.held)
    }

    private mutating func join(_ hello: Inbound.Hello) -> Int {
        var worker = Worker(
            id: hello.worker, hello: hello, isConnected: true, lastHeard: now, deadline: now + limits.silence)
        worker.hello.slots = min(hello.slots, Self.maximumSlots)
        let w = add(worker)
        // A supervisor restarts a crashed worker under its old name: the old process has two heartbeats to object.
        for other in index.positions(named: hello.name) where other != w {
            workers[other].deadline = min(workers[other].deadline, now + 2 * limits.heartbeat)
            index.earliestDeadline = min(index.earliestDeadline, workers[other].deadline)
        }
        effects.append(.record(.joined(hello.worker, name: hello.name)))
        effects.append(
            .log(
                LogLine(
                    .info, "worker_joined",
                    [("worker", "\(hello.worker)"), ("name", hello.name), ("slots", "\(hello.slots)")])))
        return w
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
        index.earliestDeadline = min(index.earliestDeadline, worker.deadline)
        workerChanged(w)
        return w
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
        // Deadlines move away with every word of a worker: this is asked of all of them every few seconds.
        guard plantedBug != .ignoresSilence, index.earliestDeadline <= now else { return }
        index.earliestDeadline = .max
        for w in workers.indices where !workers[w].isGone && workers[w].deadline > now {
            index.earliestDeadline = min(index.earliestDeadline, workers[w].deadline)
        }
        for w in workers.indices where !workers[w].isGone && workers[w].deadline <= now {
            loseWorker(w, blame: blame(for: w), "silent for \(now - workers[w].lastHeard) ms")
        }
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
