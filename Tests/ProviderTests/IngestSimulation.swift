import Blobs
import Jobs
import Market
import Messages
import Planners
import Providers
import Runners
import Synchronization
import TestSupport

/// What survives a coordinator's restart of its desk.
final class RememberedQuota: QuotaBook {
    private let state = Mutex(
        (entries: [UInt64: QuotaEntry](), spent: [String: (UInt32, String, UInt64)](), mark: ClockMark?.none))
    func mark() -> ClockMark? { state.withLock { $0.mark } }
    func entries() -> [QuotaEntry] { state.withLock { $0.entries.values.sorted { $0.number < $1.number } } }
    func spent() -> [(job: UInt32, provider: String, units: UInt64)] {
        state.withLock { state in
            state.spent.sorted { $0.key < $1.key }.map { (job: $0.value.0, provider: $0.value.1, units: $0.value.2) }
        }
    }
    func write(_ entry: QuotaEntry, _ mark: ClockMark?) {
        state.withLock { state in
            state.mark = mark ?? state.mark
            state.entries[entry.number] = entry
            if entry.isHeld { Self.spend(Int64(entry.units), entry, &state.spent) }
        }
    }
    func write(_ mark: ClockMark) { state.withLock { $0.mark = mark } }
    func shift(since: UInt64, by: UInt64) {
        state.withLock { state in
            for key in state.entries.keys where state.entries[key]!.told > since {
                state.entries[key]!.end += by
                state.entries[key]!.told += by
            }
        }
        blocked.withLock { blocked in for name in blocked.keys where blocked[name]! > since { blocked[name]! += by } }
    }
    private let blocked = Mutex([String: UInt64]())
    func blocks() -> [(provider: String, until: UInt64)] {
        blocked.withLock { $0.sorted { $0.key < $1.key }.map { (provider: $0.key, until: $0.value) } }
    }
    func block(_ provider: String, until: UInt64) {
        blocked.withLock { $0[provider] = max($0[provider] ?? 0, until) }
    }
    func erase(_ number: UInt64) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: number) else { return }
            Self.spend(-Int64(entry.units), entry, &state.spent)
        }
    }
    func forget(_ job: UInt32) { state.withLock { $0.spent = $0.spent.filter { $0.value.0 != job } } }
    private static func spend(
        _ units: Int64, _ entry: QuotaEntry, _ spent: inout [String: (UInt32, String, UInt64)]
    ) {
        let key = "\(entry.asker.job) \(entry.provider)"
        let before = spent[key]?.2 ?? 0
        spent[key] = (entry.asker.job, entry.provider, UInt64(Int64(before) + units))
    }
}

/// A coordinator's planners, workers and emulated providers in virtual time: messages get lost, come late and twice,
/// workers die and fall silent with leases in hand, the coordinator restarts, answers go wrong.
struct IngestSimulation {
    struct Settings {
        var workers = 4
        /// Of a thousand messages so many are lost, and as many come twice.
        var lossPerThousand = 0
        /// Of a thousand steps of a worker so many kill it, or leave it cut off but running for a while.
        var deathPerThousand = 0
        var silencePerThousand = 0
        var restartPerThousand = 0
        /// Of a hundred restarts so many are of the whole machine, whose wall clock is anything after it.
        var rebootPercent = 0
        var hedging = Hedging.never
    }
    private enum Happening {
        case step(worker: Int, life: Int)
        /// A planner asked to be woken.
        case alarm(job: Int)
        case toPlanner(TaskName, claim: Int, [UInt8])
        case toWorker(worker: Int, life: Int, [UInt8])
        /// A call reaches the provider, wherever its worker is by then.
        case arrives(provider: String, HTTPRequest, worker: Int, life: Int)
        case answered(worker: Int, life: Int, Result<HTTPResponse, HTTPFailure>)
        case result(TaskName, claim: Int, Ingest.Result)
        case reborn(worker: Int)
        case reclaim(TaskName, claim: Int)
    }
    private struct TaskName: Hashable {
        var job: Int, index: Int
    }
    struct Job {
        let spec: Ingest.Spec
        fileprivate var planner: IngestPlanner
        fileprivate(set) var tasks: [Ingest.Task] = []
        fileprivate var claims: [Int] = []
        fileprivate var done: Set<Int> = []
        fileprivate var results: [(index: Int, result: Ingest.Result)] = []
        fileprivate(set) var answer: Ingest.Summary?
        /// Milliseconds since 1970.
        fileprivate(set) var ended: UInt64 = 0
        fileprivate(set) var publications: [Int: Ingest.Result] = [:]
        fileprivate(set) var alerts: [String] = []
    }
    private struct Worker {
        var life = 0
        var task: TaskName?
        var claim = 0
        var fetch: Fetch?
        var inbox: [[UInt8]] = []
        var isResting: UInt64?
        var isSilent = false
        /// Calls of its task that were answered as they should be: lost with it.
        var answered = 0
        /// Workers' own clocks are off by anything.
        var clockOffset: UInt64
    }
    private struct None: BlobSource {
        func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
    }

    let settings: Settings
    private let keys: [String: [Secret]]
    private(set) var services: [String: FaultyProvider]
    private(set) var jobs: [Job] = []
    private var queue: [TaskName] = []
    private let book = RememberedQuota()
    private var desk: ProviderDesk
    private var workers: [Worker]
    private var agenda: [(at: UInt64, order: Int, happening: Happening)] = []
    private var order = 0
    private var chance: SplitMix64
    /// Milliseconds since 1970.
    private(set) var now: UInt64
    /// When the coordinator's machine started, how often that was, and how far its wall clock is off.
    private var bootedAt: UInt64
    private(set) var reboots = 0
    private var wallError: Int64 = 0
    private(set) var deaths = 0, silences = 0, restarts = 0
    /// Answers that died with a worker, or reached one whose task was another's by then.
    private(set) var lostAnswers = 0
    private var runs: UInt64 = 0

    /// Of the first job.
    var answer: Ingest.Summary? { jobs[0].answer }
    var publications: [Int: Ingest.Result] { jobs[0].publications }
    var alerts: [String] { jobs[0].alerts }

    init(_ spec: Ingest.Spec, _ services: [(any ProviderEmulator, keys: [String])], seed: UInt64, _ settings: Settings)
        throws
    { try self.init([spec], spec.providers, services, seed: seed, settings) }

    /// - Parameter providers: the names of `services`.
    init(
        _ specs: [Ingest.Spec], _ providers: [String], _ services: [(any ProviderEmulator, keys: [String])],
        seed: UInt64, _ settings: Settings
    ) throws {
        self.settings = settings
        chance = SplitMix64(seed: seed)
        now = UInt64(EmulatedMarket.instant(day: Emulated.today, minutes: 1200))
        bootedAt = now - 5
        var (keys, named): ([String: [Secret]], [String: FaultyProvider]) = ([:], [:])
        for (name, service) in zip(providers, services) {
            keys[name] = service.keys.map { Secret($0)! }
            named[name] = FaultyProvider(service.0, seed: seed)
        }
        self.keys = keys
        self.services = named
        desk = try ProviderDesk(book, hedging: settings.hedging)
        workers = []
        for _ in 0..<settings.workers { workers.append(Worker(clockOffset: chance.next() % 10_000_000_000)) }
        tell()
        for (at, spec) in specs.enumerated() {
            var planner = try IngestPlanner(spec, blobs: None())
            planner.attach(desk, as: JobID(UInt32(at + 1)))
            jobs.append(Job(spec: spec, planner: planner))
            absorb(jobs[at].planner.start(), at)
        }
        for at in workers.indices { work(at) }
    }
    private func tell() {
        desk.tell(
            Moment(boot: "\(reboots)", monotonic: now - bootedAt, wall: UInt64(Int64(now) + wallError)))
    }
    mutating func fault(_ perThousand: Int, of faults: [EmulatorFault]? = nil) {
        for name in services.keys.sorted() {
            services[name]!.perThousand = perThousand
            if let faults { services[name]!.faults = faults }
        }
    }
    mutating func script(_ provider: String, _ faults: [EmulatorFault?]) { services[provider]!.script = faults }

    /// Until the planners have their answers, or a thousand days have passed.
    mutating func run() throws {
        let end = now + 1000 * 86_400_000
        while jobs.contains(where: { $0.answer == nil }), !agenda.isEmpty {
            let next = pop()
            now = max(now, next.at)
            guard now < end else { return }
            if chance.next(below: 1000) < settings.restartPerThousand { try restart() }
            try handle(next.happening)
        }
    }

    // MARK: - Agenda: a heap by time, then by order

    private mutating func schedule(_ delay: UInt64, _ happening: Happening) {
        order += 1
        agenda.append((now + delay, order, happening))
        var at = agenda.count - 1
        while at > 0, before(at, (at - 1) / 2) {
            agenda.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }
    private func before(_ a: Int, _ b: Int) -> Bool {
        (agenda[a].at, agenda[a].order) < (agenda[b].at, agenda[b].order)
    }
    private mutating func pop() -> (at: UInt64, order: Int, happening: Happening) {
        agenda.swapAt(0, agenda.count - 1)
        let first = agenda.removeLast()
        var at = 0
        while true {
            var least = at
            for child in [2 * at + 1, 2 * at + 2] where child < agenda.count && before(child, least) { least = child }
            if least == at { return first }
            agenda.swapAt(at, least)
            at = least
        }
    }

    /// A message: lost, or late, or late twice.
    private mutating func send(_ happening: Happening) {
        let fate = chance.next(below: 1000)
        if fate < settings.lossPerThousand { return }
        schedule(UInt64(chance.next(below: 40)), happening)
        if fate >= 1000 - settings.lossPerThousand { schedule(UInt64(chance.next(below: 4000)), happening) }
    }

    // MARK: - The coordinator

    private mutating func absorb(_ step: Step<Ingest.Task>, _ job: Int) {
        for task in step.tasks {
            queue.append(TaskName(job: job, index: jobs[job].tasks.count))
            jobs[job].claims.append(0)
            jobs[job].tasks.append(task)
        }
        for case .task(let index, let bytes) in step.answers {
            let name = TaskName(job: job, index: Int(index))
            for (at, worker) in workers.enumerated()
            where worker.task == name && worker.claim == jobs[job].claims[name.index] && !worker.isSilent {
                send(.toWorker(worker: at, life: worker.life, bytes))
            }
        }
        for bytes in step.publications {
            switch try? Ingest.Publication(wireBytes: bytes) {
            case .fetched(let task, _, _, let result): jobs[job].publications[Int(task)] = result
            case .alert(let words): jobs[job].alerts.append(words)
            case nil: break
            }
        }
        if case .answer(let bytes) = step.end {
            jobs[job].answer = try? Ingest.Summary(wireBytes: bytes)
            jobs[job].ended = now
        }
        if let alarm = jobs[job].planner.wakeAt { schedule(alarm - min(alarm, desk.now), .alarm(job: job)) }
        for at in workers.indices where workers[at].task == nil { schedule(1, .reborn(worker: at)) }
    }

    private mutating func hear(_ name: TaskName, _ bytes: [UInt8]) throws {
        tell()
        absorb(try jobs[name.job].planner.heard(.task(UInt32(name.index)), bytes), name.job)
    }

    private mutating func restart() throws {
        restarts += 1
        if settings.rebootPercent > 0 {
            // Whether the machine restarts or only the program, its wall clock is what somebody set.
            wallError = chance.next(below: 2) == 0 ? 0 : Int64(chance.next(below: 4 * 86_400_000)) - 86_400_000
            if chance.next(below: 100) < settings.rebootPercent {
                reboots += 1
                bootedAt = now
            }
        }
        desk = try ProviderDesk(book, hedging: settings.hedging)
        tell()
        for job in jobs.indices where jobs[job].answer == nil {
            jobs[job].planner = try IngestPlanner(jobs[job].spec, blobs: None())
            jobs[job].planner.attach(desk, as: JobID(UInt32(job + 1)))
            absorb(
                try jobs[job].planner.restore(tasks: jobs[job].tasks, results: jobs[job].results, hearings: []), job)
        }
    }

    // MARK: - Workers

    private mutating func work(_ at: Int) {
        guard workers[at].task == nil, !queue.isEmpty else { return }
        let task = queue.removeFirst()
        runs += 1
        workers[at].task = task
        workers[at].claim = jobs[task.job].claims[task.index]
        workers[at].isSilent = false
        workers[at].inbox = []
        workers[at].life += 1
        workers[at].fetch = try? Fetch(jobs[task.job].tasks[task.index], run: runs)
        schedule(0, .step(worker: at, life: workers[at].life))
    }

    private mutating func handle(_ happening: Happening) throws {
        switch happening {
        case .reborn(let at): work(at)
        case .alarm(let job):
            tell()
            guard let alarm = jobs[job].planner.wakeAt, alarm <= desk.now else { return }
            absorb(jobs[job].planner.woken(), job)
        case .reclaim(let task, let claim):
            guard isOpen(task, claim) else { return }
            jobs[task.job].claims[task.index] += 1
            queue.append(task)
            for at in workers.indices { work(at) }
        case .step(let at, let life): if workers[at].life == life { step(at) }
        case .toWorker(let at, let life, let bytes):
            guard workers[at].life == life else { return }
            workers[at].inbox.append(bytes)
            schedule(0, .step(worker: at, life: life))
        case .toPlanner(let task, let claim, let bytes):
            if isOpen(task, claim) { try hear(task, bytes) }
        case .arrives(let provider, let request, let at, let life): arrive(provider, request, at, life)
        case .answered(let at, let life, let outcome):
            guard workers[at].life == life else { return }
            let time = now + workers[at].clockOffset
            workers[at].fetch?.received(outcome, at: time)
            schedule(0, .step(worker: at, life: life))
        case .result(let task, let claim, let result):
            guard isOpen(task, claim) else { return }
            tell()
            jobs[task.job].done.insert(task.index)
            jobs[task.job].results.append((task.index, result))
            let idle = Load(slots: 0, idleSlots: 0, queuedTasks: 0)
            absorb(try jobs[task.job].planner.finished(task.index, with: result, load: idle), task.job)
        }
    }
    /// Only the newest claim is heard.
    private func isOpen(_ task: TaskName, _ claim: Int) -> Bool {
        !jobs[task.job].done.contains(task.index) && jobs[task.job].claims[task.index] == claim
    }

    private mutating func step(_ at: Int) {
        guard let task = workers[at].task, var fetch = workers[at].fetch else { return }
        let life = workers[at].life
        let fate = chance.next(below: 1000)
        if fate < settings.deathPerThousand { return die(at) }
        if fate >= 1000 - settings.silencePerThousand, !workers[at].isSilent {
            // Cut off and still running: the coordinator gives its task to another in a while.
            silences += 1
            workers[at].isSilent = true
            schedule(4000, .reclaim(task, claim: workers[at].claim))
        }
        let heard = workers[at].inbox
        workers[at].inbox = []
        let action = fetch.step(at: now + workers[at].clockOffset, heard: heard)
        workers[at].fetch = fetch
        switch action {
        case .say(let bytes):
            if !workers[at].isSilent { send(.toPlanner(task, claim: workers[at].claim, bytes)) }
            schedule(0, .step(worker: at, life: life))
        case .rest(let until):
            let delay = until - min(until, now + workers[at].clockOffset)
            schedule(max(delay, 1), .step(worker: at, life: life))
        case .call(let request, _):
            schedule(
                UInt64(chance.next(below: 300)),
                .arrives(provider: jobs[task.job].tasks[task.index].provider, request, worker: at, life: life))
        case .end(let result):
            if !workers[at].isSilent {
                schedule(20, .result(task, claim: workers[at].claim, result))
            }
            if workers[at].isSilent { lostAnswers += workers[at].answered }
            workers[at].answered = 0
            workers[at].task = nil
            workers[at].fetch = nil
            workers[at].life += 1
            schedule(21, .reborn(worker: at))
        }
    }

    private mutating func die(_ at: Int) {
        deaths += 1
        lostAnswers += workers[at].answered
        workers[at].answered = 0
        if let task = workers[at].task { schedule(4000, .reclaim(task, claim: workers[at].claim)) }
        workers[at].task = nil
        workers[at].fetch = nil
        workers[at].life += 1
        schedule(2000, .reborn(worker: at))
    }

    private mutating func arrive(_ provider: String, _ request: HTTPRequest, _ at: Int, _ life: Int) {
        let sealed = request.sealed(keys[provider]!)!
        let seen = EmulatedRequest(target: sealed.target, headers: sealed.headers.map { ($0.name, $0.value) })
        let before = services[provider]!.faulty
        let given = services[provider]!.answer(seen, at: Int64(now))
        if services[provider]!.faulty == before {
            if workers[at].life == life { workers[at].answered += 1 } else { lostAnswers += 1 }
        }
        var delay = UInt64(20 + chance.next(below: 200))
        var outcome: Result<HTTPResponse, HTTPFailure> = .success(
            HTTPResponse(
                status: given.status, headers: given.headers.map { .init($0.name, $0.value) }, body: given.body))
        switch given.trouble {
        case .slow(let milliseconds) where milliseconds > Ingest.callMilliseconds:
            delay = Ingest.callMilliseconds - 300
            outcome = .failure(.timeout)
        case .slow(let milliseconds): delay += milliseconds
        case .cut, .wrongLength: outcome = .failure(.cut("the connection ended"))
        case nil: break
        }
        services[provider]!.provider.ended()
        schedule(delay, .answered(worker: at, life: life, outcome))
    }
}
