import CoordinatorCore
import Messages

/// A whole cluster in one thread and one seed: the production core, and around it a store, clocks, a network, workers,
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
        case coordinatorFault
        case forgery
        case heal(worker: Int)
    }
    struct Link {
        /// The coordinator hears the worker; the worker hears the coordinator.
        var up = true, down = true
    }

    package let seed: UInt64
    package let mix: FaultMix
    package internal(set) var eventCount = 0
    package internal(set) var now: UInt64 = 0
    package internal(set) var store = SimulatedStore()
    package internal(set) var core: Core
    package internal(set) var coverage = Coverage()
    /// Fingerprint of the whole history.
    package private(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Of all that the cores of this history decided, in order.
    package internal(set) var decisions = Fingerprint()
    /// The first rule that was broken.
    package private(set) var broken: Violation?

    var random: SplitMix
    static let limits: Core.Limits = {
        var limits = Core.Limits()
        limits.speculated = ["repeatable", "reusable"]
        limits.suspects = 16
        return limits
    }()
    var limits: Core.Limits { Self.limits }
    let plantedBug: PlantedBug?
    var agenda = Agenda<Occurrence>()
    var faulty = true
    /// Number of the last thing that was arranged while there were faults.
    private var lastFaulty: UInt64 = 0

    var workers: [SimulatedWorker] = []
    var workerAt: [WorkerID: Int] = [:]
    var links: [Link] = []
    var ticket: UInt64 = 0
    /// Workers that each poison task killed since the faults stopped. Looked up, never iterated.
    var kills: [TaskID: UInt32] = [:]
    /// Restarts of the coordinator after which nobody of before was there to return.
    var emptyRestarts: UInt32 = 0
    /// When a worker died last, or a wish came true: until then the remaining work was not known.
    var lastFault: UInt64 = 0

    // The coordinator's process: see SimulatedCoordinator.swift.
    var routes: Set<WorkerID> = []  // looked up, never iterated
    var inbox: [(event: Event, sender: WorkerID?)] = []
    var isUp = true
    var isWoken = false
    var life: UInt64 = 1
    var appointment: UInt64 = 0
    var started: UInt64 = 0
    var coordinatorDrift: Int64 = 0
    var coordinatorPausedUntil: UInt64 = 0
    var diskFullUntil: UInt64 = 0
    var wallStep: UInt64 = 0
    var planners: [JobID: SimulatedPlanner] = [:]
    /// Results that the planning thread found again, by what they depend on. Looked up, never iterated.
    var known: [[UInt8]: [UInt8]] = [:]
    var answerDue: UInt64 = 0
    /// By the last tick.
    var handedOut: [ClaimRun] = []
    /// Workers that the living coordinator heard are draining.
    var draining: Set<WorkerID> = []  // looked up, never iterated

    // People: see SimulatedClients.swift.
    var wanted: [(submission: Submission, job: JobID?)] = []
    var wishes: [(number: UInt64, event: (ClientRef) -> Event)] = []
    /// Somebody asked for their end. A repeated request may come true after one that was refused.
    var wishedAway: Set<JobID> = []  // looked up, never iterated
    var nextRequest: UInt64 = 1

    private var recent: [String] = []
    private let keepsRecent: Bool
    /// The coordinator dies once at this commit, just before it or just after it, before anything is sent.
    package var crash: (commit: Int, isStored: Bool)?
    package internal(set) var commitCount = 0
    /// Milliseconds from the end of the faults to the end of all work, and how many it may take.
    package private(set) var recovery: UInt64 = 0
    package private(set) var recoveryBound = RecoveryBound()
    /// With `keepsBatches`: the records of each commit, and the hash of the core that made it.
    package internal(set) var batches: [(records: [Record], hash: UInt64)] = []
    package var keepsBatches = false
    /// With `keepsHistory`: everything the core was told, in order.
    package internal(set) var history: [Told] = []
    package var keepsHistory = false
    /// Each so many batches, the core is put into a snapshot and another taken out of it; 0: never.
    package var snapshotEvery = 0

    // MARK: - Setting up

    /// - Parameters:
    ///   - without: faults that are left out.
    ///   - jobs: which of the drawn jobs are submitted; nil: all.
    package init(
        seed: UInt64, workerCount: Int? = nil, jobCount: Int? = nil, keepsRecent: Bool = false,
        plantedBug: PlantedBug? = nil, without: Set<Fault> = [], jobs chosen: [Int]? = nil
    ) {
        self.seed = seed
        self.keepsRecent = keepsRecent
        self.plantedBug = plantedBug
        mix = FaultMix(seed: seed, without: without)
        random = SplitMix(seed: seed)
        core = Core(limits: Self.limits)
        core.plantedBug = plantedBug
        if mix.allows(.coordinatorDrift) { coordinatorDrift = drawDrift(.coordinatorDrift) }
        for at in 0..<(workerCount ?? Int.random(in: 1...12, using: &random)) { addWorker("w\(at)") }
        let jobs = jobCount ?? Int.random(in: 1...6, using: &random)
        for at in 0..<jobs { wanted.append((drawJob(at), nil)) }
        if let chosen { choose(chosen) }
        wakeAt(1)
        schedule(.client, at: 5)
        if mix.allows(.forgery) || mix.allows(.hostileFrame) { schedule(.forgery, at: 50) }
        if mix.workerFaultEvery > 0 { schedule(.workerFault, at: mix.workerFaultEvery) }
        if Fault.ofCoordinator.contains(where: mix.allows) { schedule(.coordinatorFault, at: 5000) }
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
        var search = SimulatedJob(kind: .search, count: 400)
        search.taskMilliseconds = 50
        simulation.wanted = [array, fan, search].enumerated().map { at, job in
            let submission = Submission(
                token: UInt64(at) + 1, kind: "simulated", spec: job.spec,
                budgetMilliseconds: job.kind == .search ? 6000 : 0, retries: 1)
            return (submission, nil)
        }
        return simulation
    }

    mutating func schedule(_ what: Occurrence, at: UInt64) { agenda.add(what, at: at) }
    mutating func chance(_ thousandths: Int) -> Bool { Int(random.next() % 1000) < thousandths }
    mutating func note(_ fault: Fault) { coverage.note(fault) }
    /// Only the first is kept: what follows a broken rule means nothing.
    mutating func fail(_ rule: Invariant, _ words: String) {
        if broken == nil { broken = Violation(rule: rule, words: words) }
    }

    // MARK: - Running

    /// Faults for a while, then none: whatever can run must end, and soon.
    /// - Returns: what went wrong, if anything, with the last events when they were kept.
    package mutating func run(faultsFor milliseconds: UInt64 = 120_000) -> String? {
        while now < milliseconds, broken == nil, step() {}
        guard broken == nil else { return report }
        stopFaults()
        let stopped = now
        lastFault = now
        recoveryBound = boundOfRecovery()
        var from = lastFault
        var end = now + recoveryBound.milliseconds
        while broken == nil, !isFinished {
            if lastFault != from {
                from = lastFault
                recoveryBound = boundOfRecovery()
                end = now + recoveryBound.milliseconds
            }
            guard now < end || !isUp, step() else {
                fail(.liveness, "\(now - from) ms after the last fault, \(recoveryBound): \(unfinished)")
                break
            }
        }
        recovery = now - from
        // Long enough that everyone who died unheard is missed.
        let quiet = now + 2 * limits.silence
        while broken == nil, now < quiet, step() {}
        if broken == nil {
            checkEnds()
            if now - stopped > 3_600_000 { fail(.liveness, "an hour after the faults something still dies") }
        }
        return report
    }

    /// From now on nothing goes wrong: links are open, nobody stands still, three fresh workers join.
    private mutating func stopFaults() {
        faulty = false
        lastFaulty = agenda.sequence
        if !mix.isCalm, !mix.countsDeaths { kills = [:] }
        for at in links.indices { links[at] = Link() }
        for at in workers.indices { workers[at].pausedUntil = 0 }
        coordinatorPausedUntil = 0
        diskFullUntil = 0
        if !isUp { restart() } else { wakeAt(now + 1) }
        endStragglers()
        for at in 0..<3 { addWorker("healthy\(at)") }
    }

    package var report: String? {
        broken.map { "seed \(seed) at \(now) ms: \($0)\n" + recent.joined(separator: "\n") }
    }

    private mutating func step() -> Bool {
        guard let entry = agenda.next() else { return false }
        now = max(now, entry.at)
        eventCount += 1
        if eventCount > 1_000_000 { fail(.noStorm, "\(eventCount) events; \(unfinished)") }
        trace = (trace ^ entry.at) &* 0x100_0000_01b3
        if keepsRecent {
            recent.append("\(now): \(entry.what)")
            if recent.count > 120 { recent.removeFirst(60) }
        }
        switch entry.what {
        case .coordinator(let number): if number == appointment, isUp { wake() }
        case .restart: if !isUp { restart() }
        // What is still on its way when the faults stop is lost: a message that comes minutes later would be one more.
        case .toCoordinator where entry.sequence <= lastFaulty: break
        case .toWorker where entry.sequence <= lastFaulty: break
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
        case .coordinatorFault: faultOfTheCoordinator()
        case .forgery: forge()
        case .heal(let worker): links[worker] = Link()
        }
        return true
    }
}
