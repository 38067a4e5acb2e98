import CoordinatorCore
import Messages

/// A whole cluster in one thread and one seed: the production core, and around it a store, a clock, a network, workers,
/// planners and clients that are made up. The order of events is total: the same seed gives the same history.
package struct Simulation {
    enum Occurrence {
        case coordinator(UInt64)  // its loop wakes; which appointment
        case restart
        case toCoordinator(Inbound, worker: Int)
        case toWorker(Outbound, worker: Int)
        case heartbeat(worker: Int)
        case ends(worker: Int, ticket: UInt64)
        case answer(Event, life: UInt64)
        case client
        case workerFault
        case forgery
        case heal(worker: Int)
    }
    struct Entry {
        var at: UInt64, sequence: UInt64
        var what: Occurrence
        func precedes(_ other: Entry) -> Bool { (at, sequence) < (other.at, other.sequence) }
    }

    package let seed: UInt64
    package let mix: FaultMix
    package private(set) var eventCount = 0
    package private(set) var now: UInt64 = 0
    package private(set) var store = SimulatedStore()
    package private(set) var core: Core
    /// Fingerprint of the whole history.
    package private(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325

    var random: SplitMix
    private let limits: Core.Limits
    private var sequence: UInt64 = 0
    private var heap: [Entry] = []
    private var faulty = true
    private var workers: [SimulatedWorker] = []
    private var workerAt: [WorkerID: Int] = [:]
    /// Per worker: the coordinator hears it, it hears the coordinator.
    private var links: [(up: Bool, down: Bool)] = []
    private var routes: Set<WorkerID> = []  // looked up, never iterated
    private var inbox: [(event: Event, sender: Int?)] = []
    private var isUp = true
    private var isWoken = false
    private var life: UInt64 = 1
    private var appointment: UInt64 = 0
    private var started: UInt64 = 0
    private var planners: [JobID: SimulatedPlanner] = [:]
    private var answerDue: UInt64 = 0
    private var ticket: UInt64 = 0
    private var wanted: [(submission: Submission, job: JobID?)] = []
    private var wishes: [(number: UInt64, event: (ClientRef) -> Event)] = []
    private var cancelled: [JobID] = []
    private var nextRequest: UInt64 = 1
    package private(set) var broken: String?
    /// Workers that the living coordinator heard are draining.
    private var draining: Set<WorkerID> = []  // looked up, never iterated
    private var recent: [String] = []
    private let keepsRecent: Bool
    /// The coordinator dies once at this commit, just before it or just after it, before anything is sent.
    package var crash: (commit: Int, isStored: Bool)?
    package private(set) var commitCount = 0
    /// Milliseconds from the end of the faults to the end of all work.
    package private(set) var recovery: UInt64 = 0
    /// With `keepsBatches`: the records of each commit, and the hash of the core that made it.
    package private(set) var batches: [(records: [Record], hash: UInt64)] = []
    package var keepsBatches = false
    private let plantedBug: PlantedBug?

    // MARK: - Setting up

    package init(
        seed: UInt64, workerCount: Int? = nil, jobCount: Int? = nil, keepsRecent: Bool = false,
        plantedBug: PlantedBug? = nil
    ) {
        self.seed = seed
        self.keepsRecent = keepsRecent
        self.plantedBug = plantedBug
        mix = FaultMix(seed: seed)
        random = SplitMix(seed: seed)
        limits = Core.Limits()
        core = Core(limits: limits)
        core.plantedBug = plantedBug
        for at in 0..<(workerCount ?? Int.random(in: 1...12, using: &random)) { addWorker("w\(at)") }
        let jobs = jobCount ?? Int.random(in: 1...6, using: &random)
        for at in 0..<jobs { wanted.append((draw(at), nil)) }
        wakeAt(1)
        schedule(.client, at: 5)
        if !mix.isCalm { schedule(.forgery, at: 50) }
        if mix.workerFaultEvery > 0 { schedule(.workerFault, at: mix.workerFaultEvery) }
    }

    /// Three workers and an array with a flaky task, a fan-out and a search with a budget: every kind of record. Nothing
    /// fails but what the tasks do themselves.
    package static func scripted() -> Simulation {
        var simulation = Simulation(seed: 4, workerCount: 3, jobCount: 3)
        var array = SimulatedJob(kind: .array, count: 12)
        array.failing = 3
        array.isFlaky = true
        array.taskMilliseconds = 200
        let fan = SimulatedJob(kind: .fan, count: 4)
        let search = SimulatedJob(kind: .search, count: 400)
        simulation.wanted = [array, fan, search].enumerated().map { at, job in
            let submission = Submission(
                token: UInt64(at) + 1, kind: "simulated", spec: job.spec,
                budgetMilliseconds: job.kind == .search ? 6000 : 0, retries: 1)
            return (submission, nil)
        }
        return simulation
    }

    private mutating func draw(_ at: Int) -> Submission {
        var job = SimulatedJob(
            kind: [.array, .array, .fan, .search].randomElement(using: &random)!,
            count: UInt32.random(in: 1...(chance(100) ? 3000 : 60), using: &random))
        job.taskMilliseconds = [0, 1, 10, 200, 3000, 20_000].randomElement(using: &random)!
        if job.count > 100 { job.taskMilliseconds = min(job.taskMilliseconds, 200) }
        if job.kind == .search { job.count = max(job.count * 4, 2) }
        if chance(150), job.kind != .search { job.poison = UInt32.random(in: 0..<job.count, using: &random) }
        if chance(200), job.kind != .search {
            job.failing = UInt32.random(in: 0..<job.count, using: &random)
            job.isFlaky = chance(500)
        }
        var needs = TaskNeeds()
        if chance(200) { needs.cores = UInt32.random(in: 1...3, using: &random) }
        if chance(200) { needs.memoryBytes = UInt64.random(in: 1...3, using: &random) << 30 }
        var after: [JobID] = []
        if at > 0, chance(200) { after = [JobID(UInt32.random(in: 1...UInt32(at), using: &random))] }
        return Submission(
            token: UInt64(at) + 1, kind: "simulated", spec: job.spec,
            priority: Int32.random(in: -1...1, using: &random), after: after,
            budgetMilliseconds: job.kind == .search && chance(600)
                ? UInt64.random(in: 1...60_000, using: &random) : budgetWithoutSlices(at),
            needs: needs, retries: job.isFlaky ? 1 : UInt32.random(in: 0...2, using: &random))
    }

    /// Some jobs whose tasks run to their end have a budget too, drawn apart.
    private func budgetWithoutSlices(_ at: Int) -> UInt64 {
        var random = SplitMix(seed: seed << 8 | UInt64(at))
        return random.next() % 8 == 0 ? UInt64.random(in: 1...60_000, using: &random) : 0
    }

    private mutating func addWorker(_ name: String) {
        let worker = SimulatedWorker(
            id: WorkerID(random.next() | 1), name: name, slots: UInt32.random(in: 3...8, using: &random),
            memory: UInt64.random(in: 3...8, using: &random) << 30)
        workerAt[worker.id] = workers.count
        workers.append(worker)
        links.append((true, true))
        let at = workers.count - 1
        sendUp(.hello(worker.hello), from: at)
        schedule(.heartbeat(worker: at), at: now + UInt64.random(in: 500...1000, using: &random))
    }

    private mutating func chance(_ thousandths: Int) -> Bool { Int(random.next() % 1000) < thousandths }

    // MARK: - Running

    /// Faults for a while, then none: whatever can run must end.
    /// - Returns: what went wrong, if anything, with the last events when they were kept.
    package mutating func run(faultsFor milliseconds: UInt64 = 120_000, within bound: UInt64 = 900_000) -> String? {
        while now < milliseconds, broken == nil, step() {}
        faulty = false
        for at in links.indices { links[at] = (true, true) }
        for at in workers.indices { workers[at].pausedUntil = 0 }
        if !isUp { restart() }
        if broken == nil {
            for at in 0..<3 { addWorker("healthy\(at)") }
            let stopped = now
            defer { recovery = now - stopped }
            let end = now + bound
            while now < end, broken == nil, !isFinished, step() {}
            if broken == nil, !isFinished { broken = "stuck after the faults: \(unfinished)" }
            if broken == nil { checkEnds() }
        }
        return broken.map { words in
            "seed \(seed) at \(now) ms: \(words)\n" + recent.joined(separator: "\n")
        }
    }

    private var isFinished: Bool {
        isUp && wanted.allSatisfy { $0.job.map(isSettled) ?? false } && wishes.isEmpty
    }
    /// Over, or waiting for one that wants more budget.
    private func isSettled(_ job: JobID) -> Bool {
        let state = store.state(of: job)
        guard state == .waiting else { return state.isOver }
        return store.submission(of: job).after.contains { store.state(of: $0) == .unfinished || isBlocked($0) }
    }
    private func isBlocked(_ job: JobID) -> Bool { store.state(of: job) == .waiting && isSettled(job) }
    private var unfinished: String {
        wanted.compactMap { entry in
            guard let job = entry.job else { return "a job not accepted" }
            return store.state(of: job).isOver ? nil : core.why("\(job)", at: coordinatorNow)
        }.joined(separator: " ") + " \(wishes.count) wishes open"
    }

    private mutating func checkEnds() {
        for entry in wanted {
            let job = entry.job!
            let spec = SimulatedJob(spec: entry.submission.spec)
            let state = store.state(of: job)
            let mayFail =
                (spec.poison != .max || spec.failing != .max || !mix.isCalm)
                || entry.submission.after.contains { store.state(of: $0) != .done }
            let isWell =
                state == .done || (state == .failed && mayFail) || cancelled.contains(job)
                || (state == .unfinished && entry.submission.budgetMilliseconds > 0) || isBlocked(job)
            if !isWell { broken = "job \(job) ended \(state)" }
            for (index, reason) in store.parked(of: job) where mix.isCalm {
                if index != spec.poison, index != spec.failing, spec.kind != .fan || index < spec.count {
                    broken = "a neighbour was blamed: \(job).\(index): \(reason)"
                }
            }
        }
    }

    private mutating func step() -> Bool {
        guard let entry = pop() else { return false }
        now = max(now, entry.at)
        eventCount += 1
        if eventCount > 1_000_000 { broken = "a storm: \(eventCount) events; \(unfinished)" }
        mixIn(entry.at)
        if keepsRecent {
            recent.append("\(now): \(entry.what)")
            if recent.count > 120 { recent.removeFirst(60) }
        }
        switch entry.what {
        case .coordinator(let number): if number == appointment, isUp { wake() }
        case .restart: if !isUp { restart() }
        case .toCoordinator(let message, let worker): arrive(message, from: worker)
        case .toWorker(let message, let worker): deliver(message, to: worker)
        case .heartbeat(let worker): beat(worker)
        case .ends(let worker, let ticket): endRun(worker, ticket)
        case .answer(let event, let of):
            if of == life, isUp {
                inbox.append((event, nil))
                wakeSoon()
            }
        case .client: clientActs()
        case .workerFault: faultOfAWorker()
        case .forgery: forge()
        case .heal(let worker): links[worker] = (true, true)
        }
        return true
    }

    private mutating func mixIn(_ value: UInt64) { trace = (trace ^ value) &* 0x100_0000_01b3 }

    // MARK: - The coordinator's shell

    private var coordinatorNow: Milliseconds { now - started + 1 }

    /// Only the newest appointment counts.
    private mutating func wakeAt(_ moment: UInt64) {
        appointment += 1
        schedule(.coordinator(appointment), at: moment)
    }
    private mutating func wakeSoon() {
        guard !isWoken else { return }
        isWoken = true
        wakeAt(now + UInt64.random(in: 0...3, using: &random))
    }

    private mutating func wake() {
        isWoken = false
        let batch = inbox
        inbox = []
        var decided: [(effect: Effect, sender: Int?)] = []
        for (event, sender) in batch {
            for effect in core.handle(event, at: coordinatorNow) { decided.append((effect, sender)) }
            switch event {
            // One that was thought lost and returns says again that it drains.
            case .hello(let hello): draining.remove(hello.worker)
            case .draining(let worker): if core.isDraining(worker) { draining.insert(worker) }
            default: break
            }
        }
        // The wall clock steps and is nobody's reason for anything.
        for effect in core.handle(.ticked(wall: random.next() >> 20), at: coordinatorNow) {
            decided.append((effect, nil))
            if case .send(.assign, let worker) = effect, draining.contains(worker) {
                broken = "worker \(worker) drains and was given work"
            }
        }
        commitCount += 1
        let isLast = crash?.commit == commitCount
        if isLast, crash?.isStored == false { return die() }
        let crash = faulty && Int(random.next() % 10_000) < mix.coordinatorCrash
        if crash, chance(500) { return die() }  // before or inside the commit, or the disk is full
        for (effect, sender) in decided {
            if case .record(let record) = effect { store.apply(record, from: sender.map { workers[$0].id }) }
        }
        store.endBatch()
        if let words = store.broken { broken = words }
        if broken != nil { return }
        if keepsBatches {
            let records = decided.compactMap { if case .record(let record) = $0.effect { record } else { nil } }
            batches.append((records, core.stateHash))
        }
        if isLast {
            checkState(rebuild: true)
            return die()
        }
        if crash || eventCount % 64 == 0 { checkState(rebuild: crash || eventCount % 256 == 0) }
        if crash, chance(800) { return die() }
        for (effect, _) in decided { perform(effect) }
        if crash { return die() }
        let next = core.nextDeadline(after: coordinatorNow) - coordinatorNow
        if !isWoken { wakeAt(now + max(1, next)) }
    }

    private mutating func checkState(rebuild: Bool) {
        if let words = core.brokenInvariant() { broken = words }
        guard rebuild else { return }
        let twin = Core(limits: limits, restoring: store.load(), at: 0, plantedBug: plantedBug)
        if twin.stateHash != core.stateHash {
            broken = "the rebuilt state is not the live one: \(twin.difference(from: core) ?? "")"
        }
        if let words = twin.brokenInvariant() { broken = "after a rebuild: \(words)" }
    }

    private mutating func die() {
        isUp = false
        life += 1
        inbox = []
        routes = []
        draining = []
        planners = [:]
        schedule(.restart, at: now + UInt64.random(in: 1...(chance(200) ? 60_000 : 3000), using: &random))
    }

    private mutating func restart() {
        isUp = true
        started = now
        isWoken = false
        let stored = store.load()
        core = Core(limits: limits, restoring: stored, names: store.names, at: 0, plantedBug: plantedBug)
        for job in stored where job.wantsPlanner {
            var planner = SimulatedPlanner(SimulatedJob(spec: job.submission.spec))
            let plan = planner.restore(tasks: job.tasks, results: store.results(of: job.id))
            planners[job.id] = planner
            answer(.planned(job.id, plan))
        }
        wakeSoon()
    }

    private mutating func answer(_ event: Event) {
        // One planning thread: late, but in order.
        answerDue = max(answerDue, now + UInt64.random(in: 0...(chance(50) ? 2000 : 3), using: &random))
        schedule(.answer(event, life: life), at: answerDue)
    }

    private mutating func perform(_ effect: Effect) {
        switch effect {
        case .record, .log, .publish: break
        case .send(let message, let worker):
            guard routes.contains(worker), let at = workerAt[worker] else { return }
            sendDown(message, to: at)
        case .reply(let reply, let client): replied(reply, client)
        case .plan(let job, let call): plan(job, call)
        }
    }

    private mutating func plan(_ job: JobID, _ call: PlannerCall) {
        if case .start(_, let spec) = call {
            var planner = SimulatedPlanner(SimulatedJob(spec: spec))
            let plan = planner.start()
            planners[job] = planner
            return answer(.planned(job, plan))
        }
        guard var planner = planners.removeValue(forKey: job) else { return }
        switch call {
        case .start, .forget: return
        case .finished(let index, let result, let load):
            answer(.planned(job, planner.finished(index, result, load)))
        case .idle: answer(.planned(job, Plan()))
        case .budgetEnded: answer(.planned(job, planner.budgetEnded()))
        case .heard(.request(let number), let bytes):
            var plan = Plan()
            plan.answers = [.request(number, bytes)]
            answer(.planned(job, plan))
        case .heard(_, _): answer(.planned(job, Plan()))
        }
        if let words = planner.broken { broken = "job \(job): \(words)" }
        planners[job] = planner
    }

    // MARK: - Network

    private mutating func delay() -> UInt64 {
        guard faulty else { return 1 }
        if chance(mix.longDelay) { return UInt64.random(in: 1...mix.longDelayMilliseconds, using: &random) }
        return UInt64.random(in: 1...mix.delayMilliseconds, using: &random)
    }
    private mutating func copies() -> Int {
        guard faulty else { return 1 }
        if chance(mix.loss) { return 0 }
        return chance(mix.duplication) ? 2 : 1
    }
    private mutating func sendUp(_ message: Inbound, from worker: Int) {
        guard links[worker].up else { return }
        for _ in 0..<copies() { schedule(.toCoordinator(message, worker: worker), at: now + delay()) }
    }
    private mutating func sendDown(_ message: Outbound, to worker: Int) {
        guard links[worker].down else { return }
        for _ in 0..<copies() { schedule(.toWorker(message, worker: worker), at: now + delay()) }
    }

    private mutating func arrive(_ message: Inbound, from worker: Int) {
        guard isUp else { return }
        let id = workers[worker].id
        switch message {
        case .hello(let hello):
            routes.insert(id)
            inbox.append((.hello(hello), worker))
        case _ where !routes.contains(id): return sendDown(.introduceYourself, to: worker)
        case .heartbeat(_, let seen, let held): inbox.append((.heartbeat(id, seen: seen, held: held), worker))
        case .outcomes(_, let number, let outcomes):
            inbox.append((.outcomes(id, number: number, outcomes), worker))
        case .draining: inbox.append((.draining(id), worker))
        case .goodbye: inbox.append((.goodbye(id), worker))
        case .reports(_, let reports): inbox.append((.reported(id, reports), worker))
        case .wantBlob, .request: return
        }
        wakeSoon()
    }

    // MARK: - Workers

    private mutating func deliver(_ message: Outbound, to w: Int) {
        guard workers[w].isAlive else { return }
        if workers[w].pausedUntil > now {
            return schedule(.toWorker(message, worker: w), at: workers[w].pausedUntil + 1)
        }
        switch message {
        case .answers: return
        case .introduceYourself: sendUp(.hello(workers[w].hello), from: w)
        case .assign(let number, let assignments):
            workers[w].seen = max(workers[w].seen, number)
            guard workers[w].received.insert(number).inserted else { return }
            for assignment in assignments {
                var run = assignment.run
                // A run is spread over the slots; each part is answered on its own.
                let share = max(1, (run.count + workers[w].slots - 1) / workers[w].slots)
                while run.count > share {
                    var part = run
                    part.count = UInt32.random(in: 1...share, using: &random)
                    workers[w].queue.append(SimulatedWorker.Work(assignment: assignment, run: part))
                    run.first += part.count
                    run.count -= part.count
                }
                workers[w].queue.append(SimulatedWorker.Work(assignment: assignment, run: run))
            }
            if mix.isCalm { checkRoom(w) }
            startRuns(w)
        case .accepted(let numbers):
            for (number, outcomes, _) in workers[w].unacknowledged where numbers.contains(number) {
                for outcome in outcomes {
                    if case .done = outcome.end, store.isOwed(outcome.run, to: workers[w].id) {
                        broken = "\(outcome.run) was acknowledged and is not stored"
                    }
                }
            }
            workers[w].unacknowledged.removeAll { numbers.contains($0.number) }
        case .cancel(let runs):
            let back = workers[w].cancel(runs)
            if !back.isEmpty { report(back, from: w) }
            startRuns(w)
        case .welcome, .refused, .blobChunk, .blobMissing, .reply: break
        }
    }

    /// With nothing lost or late, a worker never holds more memory, nor more cores of large tasks, than it has.
    private mutating func checkRoom(_ w: Int) {
        var memory: UInt64 = 0
        var cores: UInt64 = 0
        for run in workers[w].queue.map(\.run) + workers[w].running.map(\.work.run)
        where !store.state(of: run.job).isOver {
            let needs = store.submission(of: run.job).needs
            memory += needs.memoryBytes * UInt64(run.count)
            if needs.cores > 1 { cores += UInt64(needs.cores) * UInt64(run.count) }
        }
        if memory > workers[w].memory { broken = "worker \(workers[w].name) holds tasks of \(memory >> 20) MiB" }
        if cores > workers[w].slots { broken = "worker \(workers[w].name) holds tasks of \(cores) cores" }
    }

    private mutating func startRuns(_ w: Int) {
        while workers[w].running.count < Int(workers[w].slots), !workers[w].queue.isEmpty {
            let work = workers[w].queue.removeFirst()
            let job = SimulatedJob(spec: work.assignment.payload)
            let length: UInt64
            if job.kind == .search {
                length = UInt64(min(max(work.assignment.sliceMilliseconds, 1), 1000))
            } else {
                length = UInt64(job.taskMilliseconds) * UInt64(work.run.count)
            }
            if work.run.indices.contains(job.poison), job.kind != .fan || job.poison < job.count {
                return crash(w, restarts: true)
            }
            ticket += 1
            workers[w].running.append(
                SimulatedWorker.Running(work: work, started: now, ends: now + length, ticket: ticket))
            schedule(.ends(worker: w, ticket: ticket), at: now + length)
        }
    }

    private mutating func endRun(_ w: Int, _ ticket: UInt64) {
        guard workers[w].isAlive, let at = workers[w].running.firstIndex(where: { $0.ticket == ticket }) else { return }
        if workers[w].pausedUntil > now {
            return schedule(.ends(worker: w, ticket: ticket), at: workers[w].pausedUntil + 1)
        }
        let running = workers[w].running.remove(at: at)
        let run = running.work.run
        let payload = running.work.assignment.payload
        let job = SimulatedJob(spec: payload)
        let busy = (now - running.started) * 1000
        var outcomes: [TaskOutcome] = []
        if job.kind == .search {
            let at = payload.count - 8
            let (from, to) = (number(payload, at), number(payload, at + 4))
            let cursor = min(to, from + UInt32.random(in: 1...40, using: &random))
            outcomes.append(TaskOutcome(run: run, end: .done(bytes(cursor)), busyMicroseconds: busy))
        } else if run.indices.contains(job.failing), !job.isFlaky || run.epoch == 1 {
            for index in run.indices {
                let one = ClaimRun(job: run.job, first: index, count: 1, epoch: run.epoch)
                let end: TaskOutcome.End = index == job.failing ? .failed("as told") : .done([])
                outcomes.append(TaskOutcome(run: one, end: end, busyMicroseconds: busy / UInt64(run.count)))
            }
        } else {
            outcomes.append(TaskOutcome(run: run, end: .done([]), busyMicroseconds: busy))
        }
        report(outcomes, from: w)
        startRuns(w)
        leaveIfDrained(w)
    }

    private mutating func report(_ outcomes: [TaskOutcome], from w: Int) {
        let number = workers[w].nextNumber
        workers[w].nextNumber += 1
        workers[w].unacknowledged.append((number, outcomes, now))
        sendUp(.outcomes(worker: workers[w].id, number: number, outcomes), from: w)
    }

    private mutating func leaveIfDrained(_ w: Int) {
        guard workers[w].isDraining, workers[w].held.isEmpty else { return }
        sendUp(.goodbye(worker: workers[w].id), from: w)
        workers[w].isAlive = false
        addWorker(workers[w].name)
    }

    private mutating func beat(_ w: Int) {
        guard workers[w].isAlive else { return }
        schedule(.heartbeat(worker: w), at: max(now, workers[w].pausedUntil) + 1000)
        guard workers[w].pausedUntil <= now else { return }
        let id = workers[w].id
        sendUp(.heartbeat(worker: id, seen: workers[w].seen, held: workers[w].held), from: w)
        for at in workers[w].unacknowledged.indices where workers[w].unacknowledged[at].sent + 2000 <= now {
            workers[w].unacknowledged[at].sent = now
            let (number, outcomes, _) = workers[w].unacknowledged[at]
            sendUp(.outcomes(worker: id, number: number, outcomes), from: w)
        }
        if workers[w].isDraining { sendUp(.draining(worker: id), from: w) }
        leaveIfDrained(w)
    }

    private mutating func crash(_ w: Int, restarts: Bool) {
        workers[w].isAlive = false
        workers[w].queue = []
        workers[w].running = []
        workers[w].unacknowledged = []
        if restarts { addWorker(workers[w].name) }
    }

    private mutating func faultOfAWorker() {
        guard faulty else { return }
        schedule(.workerFault, at: now + UInt64.random(in: 1...2 * mix.workerFaultEvery, using: &random))
        let alive = workers.indices.filter { workers[$0].isAlive }
        guard let w = alive.randomElement(using: &random) else { return addWorker("late") }
        let length = UInt64.random(in: 1...(chance(300) ? 120_000 : 5000), using: &random)
        switch random.next() % 7 {
        case 0: crash(w, restarts: true)
        case 1: if alive.count > 1, chance(200) { crash(w, restarts: false) }
        case 2: workers[w].pausedUntil = now + length
        case 3:
            links[w] = (false, false)
            schedule(.heal(worker: w), at: now + length)
        case 4:
            links[w] = chance(500) ? (true, false) : (false, true)
            schedule(.heal(worker: w), at: now + length)
        case 5:
            // Swizzle-clog: links of some stop one by one and open again in another order.
            for other in alive where chance(500) {
                links[other] = (false, false)
                schedule(.heal(worker: other), at: now + UInt64.random(in: 1...length, using: &random))
            }
        default:
            workers[w].isDraining = true
            // It ends what it runs and hands back what it has not begun.
            let back = workers[w].queue.map { TaskOutcome(run: $0.run, end: .returned, busyMicroseconds: 0) }
            workers[w].queue = []
            if !back.isEmpty { report(back, from: w) }
        }
    }

    private mutating func forge() {
        guard faulty else { return }
        schedule(.forgery, at: now + UInt64.random(in: 1...1000, using: &random))
        let alive = workers.indices.filter { workers[$0].isAlive && routes.contains(workers[$0].id) }
        guard isUp, let w = alive.randomElement(using: &random) else { return }
        // Handled in the batch that is made now: nothing is handed out between the look at the claims and the answer.
        inbox.append((forgery(by: workers[w].id), w))
        wake()
    }

    // MARK: - Clients

    private mutating func clientActs() {
        schedule(.client, at: now + UInt64.random(in: 100...2000, using: &random))
        guard isUp else { return }
        // A submit is repeated until its reply comes; jobs come after those they name.
        if let next = wanted.firstIndex(where: { $0.job == nil }), !faulty || chance(500) {
            ask { [submission = wanted[next].submission] in .submitted(submission, by: $0) }
        }
        if !faulty {
            for id in paused() {
                wishes.append((nextRequest, { .unpause(id, by: $0) }))
                nextRequest += 1
            }
        } else if let job = wanted.randomElement(using: &random)?.job {
            switch random.next() % 40 {
            case 0: wish { .cancel(job, by: $0) }
            case 1...3: wish { .pause(job, by: $0) }
            case 4...8: wish { .unpause(job, by: $0) }
            case 9...11:
                let more = UInt64.random(in: 1...5000, using: &random)
                let token = nextRequest
                wish { .addBudget(job, milliseconds: more, token: token, by: $0) }
            default: break
            }
        }
        for (number, event) in wishes where !faulty || chance(800) {
            inbox.append((event(ClientRef(connection: 2, number: number)), nil))
            wakeSoon()
        }
    }
    private func paused() -> [JobID] { wanted.compactMap(\.job).filter { store.state(of: $0) == .paused } }
    private mutating func wish(_ event: @escaping (ClientRef) -> Event) {
        wishes.append((nextRequest, event))
        nextRequest += 1
    }
    private mutating func ask(_ event: (ClientRef) -> Event) {
        if faulty, chance(mix.loss) { return }
        inbox.append((event(ClientRef(connection: 1, number: 0)), nil))
        wakeSoon()
    }

    private mutating func replied(_ reply: Reply, _ client: ClientRef) {
        if faulty, chance(mix.loss) { return }
        if case .submitted(let job) = reply {
            let at = Int(store.submission(of: job).token) - 1
            if let known = wanted[at].job, known != job { broken = "one token became jobs \(known) and \(job)" }
            wanted[at].job = job
        }
        guard client.connection == 2, let at = wishes.firstIndex(where: { $0.number == client.number }) else { return }
        let wish = wishes.remove(at: at)
        if case .cancel(let job, _) = wish.event(client), reply == .done {
            cancelled.append(job)
            if store.state(of: job) != .cancelled { broken = "job \(job) was cancelled, it was said, and is not" }
        }
    }

    // MARK: - The heap

    private mutating func schedule(_ what: Occurrence, at: UInt64) {
        sequence += 1
        heap.append(Entry(at: at, sequence: sequence, what: what))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }
    private mutating func pop() -> Entry? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let entry = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return entry
    }
}
