import CoordinatorCore
import Messages

/// A worker process as the protocol describes it. It forgets everything when it dies.
struct SimulatedWorker {
    struct Work {
        var assignment: Assignment
        var run: ClaimRun
    }
    struct Running {
        var work: Work
        /// In the cluster's time.
        var started: UInt64
        /// What it takes when nothing holds it up.
        var length: UInt64
        /// It stands still until somebody takes it away, or for very long.
        var isStraggler = false
        /// Of this start: a completion event for an earlier one is void.
        var ticket: UInt64
    }
    let id: WorkerID
    let name: String
    let slots: UInt32
    let memory: UInt64
    /// How much faster its clock runs, in millionths.
    var drift: Int64 = 0
    /// Microseconds by which its clock was set forward while something ran: the next task seems to have taken as long.
    var clockStep: UInt64 = 0
    var isAlive = true
    var isDraining = false
    var pausedUntil: UInt64 = 0
    var seen: UInt64 = 0
    var received: Set<UInt64> = []  // looked up, never iterated
    var queue: [Work] = []
    var running: [Running] = []
    var unacknowledged: [(number: UInt64, outcomes: [TaskOutcome], sent: UInt64)] = []
    var nextNumber: UInt64 = 1

    var held: [ClaimRun] {
        queue.map(\.run) + running.map(\.work.run) + unacknowledged.flatMap { $0.outcomes.map(\.run) }
    }
    var hello: Inbound.Hello {
        var hardware = HardwareReport()
        hardware.availableMemoryBytes = memory
        return Inbound.Hello(
            worker: id, name: name, codeVersion: "simulated", slots: slots, hardware: hardware, seen: seen, held: held)
    }

    /// Cluster time that passes while this worker's clock counts `milliseconds`: a fast one counts them sooner.
    func real(_ milliseconds: UInt64) -> UInt64 { Simulation.scaled(milliseconds, by: -drift) }

    /// Drops what is cancelled; what had not ended is handed back.
    mutating func cancel(_ runs: [ClaimRun]) -> [TaskOutcome] {
        var back: [TaskOutcome] = []
        func isCancelled(_ run: ClaimRun) -> Bool {
            runs.contains { $0.job == run.job && $0.epoch == run.epoch && $0.indices.overlaps(run.indices) }
        }
        for work in queue where isCancelled(work.run) {
            back.append(TaskOutcome(run: work.run, end: .returned, busyMicroseconds: 0))
        }
        for entry in running where isCancelled(entry.work.run) {
            back.append(TaskOutcome(run: entry.work.run, end: .returned, busyMicroseconds: 0))
        }
        queue.removeAll { isCancelled($0.run) }
        running.removeAll { isCancelled($0.work.run) }
        return back
    }
}

// What workers do with what they hear, and what befalls them.
extension Simulation {
    mutating func addWorker(_ name: String) {
        var worker = SimulatedWorker(
            id: WorkerID(random.next() | 1), name: name, slots: UInt32.random(in: 3...8, using: &random),
            memory: UInt64.random(in: 3...8, using: &random) << 30)
        if faulty, mix.allows(.workerDrift) { worker.drift = drawDrift(.workerDrift) }
        workerAt[worker.id] = workers.count
        store.capacity[worker.id] = (worker.memory, worker.slots)
        workers.append(worker)
        links.append(Link())
        let at = workers.count - 1
        sendUp(.hello(worker.hello), from: at)
        schedule(.heartbeat(worker: at), at: now + UInt64.random(in: 500...1000, using: &random))
    }

    mutating func deliver(_ message: Outbound, to w: Int) {
        guard workers[w].isAlive else { return }
        if workers[w].pausedUntil > now {
            return schedule(.toWorker(message, worker: w), at: workers[w].pausedUntil + 1)
        }
        switch message {
        case .introduceYourself: sendUp(.hello(workers[w].hello), from: w)
        case .assign(let number, let assignments):
            workers[w].seen = max(workers[w].seen, number)
            guard workers[w].received.insert(number).inserted else { return }
            for assignment in assignments { enqueue(assignment, on: w) }
            if mix.isCalm { checkRoomOfWorker(w) }
            startRuns(w)
        case .accepted(let numbers):
            for (number, outcomes, _) in workers[w].unacknowledged where numbers.contains(number) {
                for outcome in outcomes {
                    if case .done = outcome.end, store.isOwed(outcome.run, to: workers[w].id) {
                        fail(.nothingLost, "\(outcome.run) was acknowledged and is not stored")
                    }
                }
            }
            workers[w].unacknowledged.removeAll { numbers.contains($0.number) }
        case .cancel(let runs):
            let back = workers[w].cancel(runs)
            if !back.isEmpty { report(back, from: w) }
            startRuns(w)
        case .answers, .welcome, .refused, .blobChunk, .blobMissing, .reply, .enrolled: break
        }
    }

    /// A run is spread over the slots; each part is answered on its own.
    private mutating func enqueue(_ assignment: Assignment, on w: Int) {
        var run = assignment.run
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

    private mutating func startRuns(_ w: Int) {
        while workers[w].running.count < Int(workers[w].slots), !workers[w].queue.isEmpty {
            let work = workers[w].queue.removeFirst()
            let job = SimulatedJob(spec: work.assignment.payload)
            if work.run.indices.contains(job.poison), job.kind != .fan || job.poison < job.count {
                note(.poisonTask)
                kills[TaskID(work.run.job, job.poison), default: 0] += 1
                return crash(w, restarts: true)
            }
            let length = workers[w].real(job.length(of: work.assignment, work.run))
            let isStraggler =
                faulty && limits.speculated.contains(work.assignment.kind) && job.kind != .search
                && mix.allows(.straggler) && chance(20)
            if isStraggler { note(.straggler) }
            ticket += 1
            workers[w].running.append(
                SimulatedWorker.Running(
                    work: work, started: now, length: length, isStraggler: isStraggler, ticket: ticket))
            schedule(.ends(worker: w, ticket: ticket), at: now + (isStraggler ? Self.straggling : length))
            if job.kind == .search, chance(100) { sendUp(reports(of: work.run, by: w), from: w) }
        }
    }
    private func reports(of run: ClaimRun, by w: Int) -> Inbound {
        .reports(worker: workers[w].id, [TaskMessage(run: run, bytes: [1])])
    }

    mutating func endRun(_ w: Int, _ ticket: UInt64) {
        guard workers[w].isAlive, let at = workers[w].running.firstIndex(where: { $0.ticket == ticket }) else { return }
        if workers[w].pausedUntil > now {
            return schedule(.ends(worker: w, ticket: ticket), at: workers[w].pausedUntil + 1)
        }
        let running = workers[w].running.remove(at: at)
        let run = running.work.run
        let job = SimulatedJob(spec: running.work.assignment.payload)
        let busy = Self.scaled(now - running.started, by: workers[w].drift) * 1000 + workers[w].clockStep
        workers[w].clockStep = 0
        var outcomes: [TaskOutcome] = []
        if job.kind == .search {
            let result = bytes(job.cursor(after: running.work.assignment))
            outcomes.append(TaskOutcome(run: run, end: .done(result), busyMicroseconds: busy))
        } else if run.indices.contains(job.failing), !job.isFlaky || run.epoch == 1 {
            note(job.isFlaky ? .flakyTask : .failingTask)
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

    mutating func beat(_ w: Int) {
        guard workers[w].isAlive else { return }
        schedule(.heartbeat(worker: w), at: max(now, workers[w].pausedUntil) + workers[w].real(limits.heartbeat))
        guard workers[w].pausedUntil <= now else { return }
        let id = workers[w].id
        sendUp(.heartbeat(worker: id, seen: workers[w].seen, held: workers[w].held), from: w)
        for at in workers[w].unacknowledged.indices
        where workers[w].unacknowledged[at].sent + workers[w].real(2000) <= now {
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
        lastFault = now
        if restarts { addWorker(workers[w].name) }
    }

    /// A task that hangs does so for an hour, unless it is taken away.
    static let straggling: UInt64 = 3_600_000

    /// From now on nobody begins to straggle. Who does is helped only where the core cannot know that it should run
    /// elsewhere: nothing is known of its kind, two deaths more would park it, or both its workers stand still.
    mutating func endStragglers() {
        for w in workers.indices where workers[w].isAlive {
            for at in workers[w].running.indices where workers[w].running[at].isStraggler {
                let run = workers[w].running[at].work.run
                let isSuspect = run.indices.contains {
                    store.crashes(of: TaskID(run.job, $0)) + 2 >= limits.crashes
                }
                let isDoubled = run.indices.contains { store.isHeldTwice(TaskID(run.job, $0)) }
                guard core.patience(with: run.job) == nil || isSuspect || isDoubled else { continue }
                workers[w].running[at].isStraggler = false
                ticket += 1
                workers[w].running[at].ticket = ticket
                schedule(.ends(worker: w, ticket: ticket), at: now + workers[w].running[at].length)
            }
        }
    }

    // MARK: - Faults

    mutating func faultOfAWorker() {
        guard faulty else { return }
        schedule(.workerFault, at: now + UInt64.random(in: 1...2 * mix.workerFaultEvery, using: &random))
        let alive = workers.indices.filter { workers[$0].isAlive }
        guard let w = alive.randomElement(using: &random) else { return addWorker("late") }
        let length = UInt64.random(in: 1...(chance(300) ? 120_000 : 5000), using: &random)
        guard let fault = mix.ofWorkers.randomElement(using: &random) else { return }
        if fault == .workerGone, alive.count < 2 || !chance(300) { return }
        note(fault)
        switch fault {
        case .workerCrash: crash(w, restarts: true)
        case .workerGone: crash(w, restarts: false)
        case .workerPause: workers[w].pausedUntil = now + length
        case .zombie:
            workers[w].pausedUntil = now + length
            addWorker(workers[w].name)
        case .partition: cut(w, Link(up: false, down: false), for: length)
        case .deafCoordinator: cut(w, Link(up: false, down: true), for: length)
        case .deafWorker: cut(w, Link(up: true, down: false), for: length)
        case .swizzleClog:
            // Links of some stop one by one and open again in another order.
            for other in alive where chance(500) {
                cut(other, Link(up: false, down: false), for: UInt64.random(in: 1...length, using: &random))
            }
        case .workerClockStep: workers[w].clockStep = chance(500) ? UInt64.max / 4 : 3_600_000_000
        // Rather one that has something to hand back.
        case .workerDrains:
            drain(chance(500) ? w : alive.max { workers[$0].queue.count < workers[$1].queue.count } ?? w)
        default: break
        }
    }

    private mutating func cut(_ w: Int, _ link: Link, for milliseconds: UInt64) {
        links[w] = link
        schedule(.heal(worker: w), at: now + milliseconds)
    }

    /// It ends what it runs and hands back what it has not begun.
    private mutating func drain(_ w: Int) {
        workers[w].isDraining = true
        let back = workers[w].queue.map { TaskOutcome(run: $0.run, end: .returned, busyMicroseconds: 0) }
        workers[w].queue = []
        if !back.isEmpty { report(back, from: w) }
    }

    mutating func forge() {
        guard faulty else { return }
        schedule(.forgery, at: now + UInt64.random(in: 1...1000, using: &random))
        let alive = workers.indices.filter { workers[$0].isAlive && routes.contains(workers[$0].id) }
        guard isUp, let w = alive.randomElement(using: &random) else { return }
        let choices = [Fault.forgery, .hostileFrame].filter { mix.allows($0) }
        guard let fault = choices.randomElement(using: &random) else { return }
        note(fault)
        // Handled in the batch that is made now: nothing is handed out between the look at the claims and the answer.
        switch fault {
        case .forgery: inbox.append((forgery(by: workers[w].id), workers[w].id))
        default:
            guard let event = hostileFrame(near: w) else { return }
            inbox.append((event, nil))
        }
        if coordinatorPausedUntil <= now { wake() } else { inbox.removeLast() }
    }
}
