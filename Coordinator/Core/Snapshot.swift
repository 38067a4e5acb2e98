import Messages

// The whole core in bytes, and back: where a part of the flight record begins. Unlike the store it holds everything that
// decides, so that what follows can be replayed exactly. A test counts the stored properties of each type here: one that
// is added must be added to its snapshot.
extension Core: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(limits)
        writer.array(jobs)
        writer.count(tokens.count)
        for (token, job) in tokens.sorted(by: { $0.key < $1.key }) {
            writer.integer(token)
            writer.value(job)
        }
        writer.array(workers)
        writer.count(workerAt.count)
        for (worker, at) in workerAt.sorted {
            writer.value(worker)
            writer.integer(UInt32(at))
        }
        writer.array(open)
        writer.count(names.count)
        for (worker, name) in names.sorted(by: { $0.key < $1.key }) {
            writer.value(worker)
            writer.string(name)
        }
        for moment in [now, wall, lastSweep, lastTick, served] { writer.integer(moment) }
        writer.array(medians)
        writer.integer(UInt32(nextWatched))
        writer.bool(hasReturned)
        writer.value(index)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(limits: try reader.value())
        jobs = try reader.array()
        for j in jobs.indices { jobs[j].speculatedKind = speculatedKind(of: jobs[j].submission.kind) }
        for _ in 0..<(try reader.count(elementBytes: 12)) {
            let token: UInt64 = try reader.integer()
            tokens[token] = try reader.value()
        }
        workers = try reader.array()
        for _ in 0..<(try reader.count(elementBytes: 12)) {
            let worker: WorkerID = try reader.value()
            workerAt[worker] = Int(try reader.integer(UInt32.self))
        }
        open = try reader.array()
        for _ in 0..<(try reader.count(elementBytes: 12)) {
            let worker: WorkerID = try reader.value()
            names[worker] = try reader.string()
        }
        now = try reader.integer()
        wall = try reader.integer()
        lastSweep = try reader.integer()
        lastTick = try reader.integer()
        served = try reader.integer()
        medians = try reader.array()
        nextWatched = Int(try reader.integer(UInt32.self))
        hasReturned = try reader.bool()
        for j in jobs.indices where !jobs[j].state.isOver || jobs[j].state == .unfinished { findBlame(of: j) }
        let tried: WorkerIndex = try reader.value()
        guard tried.positions.allSatisfy({ workers.indices.contains($0) }),
            workerAt.sorted.allSatisfy({ workers.indices.contains($0.at) }),
            open.allSatisfy({ knows($0) }), jobs.indices.allSatisfy({ Int(jobs[$0].id.number) == $0 + 1 })
        else { throw WireError("a snapshot that names what it does not hold") }
        rebuildIndex(tried)
    }

    /// What follows from the workers is made anew; who is tried when goes on.
    private mutating func rebuildIndex(_ tried: WorkerIndex) {
        let isChanged = workers.map(\.isChanged)
        for w in workers.indices {
            if workers[w].isGone { index.vacate(w, name: "") } else { index.name(w, workers[w].hello.name) }
            workerChanged(w)
            workers[w].isChanged = isChanged[w]
            if !workers[w].isGone { watch(w) }
        }
        index.goOn(as: tried)
    }

    /// How many stored properties the snapshots know of, by type; of these `effects`, `scratch` and `plantedBug` are not part of
    /// them, and sums are made anew.
    package static let snapshotProperties = [
        "Core": 20, "Limits": 12, "Job": 35, "Trouble": 3, "Claimant": 2, "MedianSketch": 2, "TaskTable": 2, "Chunk": 3,
        "Row": 3,
        "RunQueue": 3, "Ledger": 12, "Worker": 24, "HeldRun": 6,
    ]
    /// The same, as they are.
    package static var properties: [String: Int] {
        let job = Job(
            id: JobID(1), submission: Submission(token: 0, kind: "", spec: [], budgetMilliseconds: 1), submitted: 0)
        let run = ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)
        let hello = Inbound.Hello(
            worker: WorkerID(1), name: "", codeVersion: "", slots: 0, hardware: HardwareReport(), seen: 0, held: [])
        let values: [(String, Any)] = [
            ("Core", Core()), ("Limits", Limits()), ("Job", job), ("Trouble", Job.Trouble()),
            ("Claimant", Job.Claimant(epoch: 1, owner: WorkerID(1))), ("MedianSketch", MedianSketch()),
            ("TaskTable", TaskTable()), ("Chunk", TaskTable.Chunk()), ("Row", TaskTable.Row.fresh),
            ("RunQueue", RunQueue()), ("Ledger", Ledger(wall: 1)),
            ("Worker", Worker(id: WorkerID(1), hello: hello, isConnected: true, lastHeard: 0, deadline: 0)),
            (
                "HeldRun",
                HeldRun(run: run, message: 0, open: 1, grantedMilliseconds: 0, since: 0, company: .any)
            ),
        ]
        return Dictionary(uniqueKeysWithValues: values.map { ($0.0, Mirror(reflecting: $0.1).children.count) })
    }
}

extension Core.Limits: Wire {
    package func write(to writer: inout WireWriter) {
        for value in [silence, heartbeat, queuedMinimum, queuedMaximum, slice, readoption, deadlineGrace, straggle] {
            writer.integer(value)
        }
        for value in [crashes, suspects, runTasks] { writer.integer(value) }
        writer.array(speculated)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        silence = try reader.integer()
        heartbeat = try reader.integer()
        queuedMinimum = try reader.integer()
        queuedMaximum = try reader.integer()
        slice = try reader.integer()
        readoption = try reader.integer()
        deadlineGrace = try reader.integer()
        straggle = try reader.integer()
        crashes = try reader.integer()
        suspects = try reader.integer()
        runTasks = try reader.integer()
        speculated = try reader.array()
    }
}

extension Job: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(id)
        writer.value(submission)
        writer.integer(submitted)
        writer.integer(state.rawValue)
        writer.string(reason)
        writer.optional(answer)
        writer.integer(ended)
        for flag in [isPlanning, isResting, askedForEnd] { writer.bool(flag) }
        writer.integer(Int64(openPlannerCalls))
        writer.value(status)
        writer.integer(told)
        writer.count(askers.count)
        for asker in askers {
            writer.integer(asker.request)
            writer.value(asker.client)
        }
        writer.value(tasks)
        writer.value(queue)
        writer.count(earlier.count)
        for (index, claim) in earlier.sorted(by: { $0.key < $1.key }) {
            writer.integer(index)
            writer.integer(claim.epoch)
            writer.value(claim.owner)
        }
        writer.bool(arrayPayload != nil)
        if let arrayPayload { writer.blob(arrayPayload) }
        writer.integer(arrayCount)
        writer.count(payloads.count)
        for payload in payloads { writer.blob(payload) }
        writer.integers(budgeted.map { $0 ? UInt8(1) : 0 })
        writer.count(troubles.count)
        for (index, trouble) in troubles.sorted(by: { $0.key < $1.key }) {
            writer.integer(index)
            writer.integer(trouble.failures)
            writer.array(trouble.deaths)
            writer.optional(trouble.parked)
        }
        for count in [done, reused, parked, claimed, toldIdle.tasks, toldIdle.done] { writer.integer(count) }
        writer.integer(Int64(toldIdle.slots))
        writer.optional(ledger)
        writer.bool(recorded != nil)
        if let recorded {
            writer.value(recorded.ledger)
            writer.value(recorded.budget)
        }
        writer.integers(budgetTokens.sorted())
        for number in [coresHeld, served, meanNanoseconds] { writer.integer(number) }
        writer.optional(awaited)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(id: try reader.value(), submission: try reader.value(), submitted: try reader.integer())
        guard let state = JobState(rawValue: try reader.integer()) else { throw WireError("no such state of a job") }
        self.state = state
        reason = try reader.string()
        answer = try reader.optional()
        ended = try reader.integer()
        isPlanning = try reader.bool()
        isResting = try reader.bool()
        askedForEnd = try reader.bool()
        openPlannerCalls = Int(try reader.integer(Int64.self))
        status = try reader.value()
        told = try reader.integer()
        for _ in 0..<(try reader.count(elementBytes: 20)) {
            askers.append((try reader.integer(), try reader.value()))
        }
        tasks = try reader.value()
        queue = try reader.value()
        for _ in 0..<(try reader.count(elementBytes: 16)) {
            let index: UInt32 = try reader.integer()
            earlier[index] = Claimant(epoch: try reader.integer(), owner: try reader.value())
        }
        if try reader.bool() { arrayPayload = try reader.blob() }
        arrayCount = try reader.integer()
        for _ in 0..<(try reader.count(elementBytes: 4)) { payloads.append(try reader.blob()) }
        budgeted = try reader.integers(of: UInt8.self).map { $0 == 1 }
        for _ in 0..<(try reader.count(elementBytes: 13)) {
            let index: UInt32 = try reader.integer()
            var trouble = Trouble()
            trouble.failures = try reader.integer()
            trouble.deaths = try reader.array()
            trouble.parked = try reader.optional()
            troubles[index] = trouble
        }
        done = try reader.integer()
        reused = try reader.integer()
        parked = try reader.integer()
        claimed = try reader.integer()
        toldIdle.tasks = try reader.integer()
        toldIdle.done = try reader.integer()
        toldIdle.slots = Int(try reader.integer(Int64.self))
        ledger = try reader.optional()
        if try reader.bool() { recorded = (try reader.value(), try reader.value()) }
        budgetTokens = Set(try reader.integers(of: UInt64.self))
        coresHeld = try reader.integer()
        served = try reader.integer()
        meanNanoseconds = try reader.integer()
        awaited = try reader.optional()
    }
}

extension Worker: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(id)
        writer.value(hello)
        for flag in [isConnected, isDraining, isGone, isReserved, isChanged, isTried] { writer.bool(flag) }
        for number in [stamp, lastHeard, deadline, heldCores, heldMemory, sent, completed] { writer.integer(number) }
        for number in [heldTasks, heldSuspects, pace] { writer.integer(number) }
        writer.array(held)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            id: try reader.value(), hello: try reader.value(), isConnected: try reader.bool(), lastHeard: 0, deadline: 0
        )
        isDraining = try reader.bool()
        isGone = try reader.bool()
        isReserved = try reader.bool()
        isChanged = try reader.bool()
        isTried = try reader.bool()
        stamp = try reader.integer()
        lastHeard = try reader.integer()
        deadline = try reader.integer()
        heldCores = try reader.integer()
        heldMemory = try reader.integer()
        sent = try reader.integer()
        completed = try reader.integer()
        heldTasks = try reader.integer()
        heldSuspects = try reader.integer()
        pace = try reader.integer()
        held = try reader.array()
    }
}

extension HeldRun: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(run)
        writer.integer(message)
        writer.integer(open)
        writer.integer(grantedMilliseconds)
        writer.integer(since)
        writer.value(company)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            run: try reader.value(), message: try reader.integer(), open: try reader.integer(),
            grantedMilliseconds: try reader.integer(), since: try reader.integer(), company: try reader.value())
    }
}
