import Blobs
import Jobs
import Market
import Messages
import Planners
import Providers
import Runners
import TestSupport

/// A coordinator's planner, workers and emulated providers in virtual time: messages get lost, come late and twice,
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
    }
    private enum Happening {
        case step(worker: Int, life: Int)
        case toPlanner(task: Int, claim: Int, [UInt8])
        case toWorker(worker: Int, life: Int, [UInt8])
        /// A call reaches the provider, wherever its worker is by then.
        case arrives(provider: String, HTTPRequest, worker: Int, life: Int)
        case answered(worker: Int, life: Int, Result<HTTPResponse, HTTPFailure>)
        case result(task: Int, claim: Int, Ingest.Result)
        case reborn(worker: Int)
        case reclaim(task: Int, claim: Int)
    }
    private struct Worker {
        var life = 0
        var task: Int?
        var claim = 0
        var fetch: Fetch?
        var inbox: [[UInt8]] = []
        var isResting: UInt64?
        var isSilent = false
        /// Workers' own clocks are off by anything.
        var clockOffset: UInt64
    }
    private struct None: BlobSource {
        func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
    }

    let settings: Settings
    let spec: Ingest.Spec
    private let keys: [String: [Secret]]
    private(set) var services: [String: FaultyProvider]
    private var planner: IngestPlanner
    private var tasks: [Ingest.Task] = []
    private var claims: [Int] = []
    private var done: Set<Int> = []
    private var queue: [Int] = []
    private var results: [(index: Int, result: Ingest.Result)] = []
    private var hearings: [Hearing] = []
    private var workers: [Worker]
    private var agenda: [(at: UInt64, order: Int, happening: Happening)] = []
    private var order = 0
    private var chance: SplitMix64
    /// Milliseconds since 1970.
    private(set) var now: UInt64
    private var restartedAt: UInt64
    private(set) var answer: Ingest.Summary?
    private(set) var publications: [Int: Ingest.Result] = [:]
    private(set) var alerts: [String] = []
    private(set) var deaths = 0, silences = 0, restarts = 0
    private var runs: UInt64 = 0

    init(_ spec: Ingest.Spec, _ services: [(any ProviderEmulator, keys: [String])], seed: UInt64, _ settings: Settings)
        throws
    {
        self.settings = settings
        self.spec = spec
        chance = SplitMix64(seed: seed)
        now = UInt64(EmulatedMarket.instant(day: Emulated.today, minutes: 1200))
        restartedAt = now - 5
        var (keys, named): ([String: [Secret]], [String: FaultyProvider]) = ([:], [:])
        for (name, service) in zip(spec.providers, services) {
            keys[name] = service.keys.map { Secret($0)! }
            named[name] = FaultyProvider(service.0, seed: seed)
        }
        self.keys = keys
        self.services = named
        planner = try IngestPlanner(spec, blobs: None())
        workers = []
        for _ in 0..<settings.workers { workers.append(Worker(clockOffset: chance.next() % 10_000_000_000)) }
        absorb(planner.start())
        for at in workers.indices { work(at) }
    }
    mutating func fault(_ perThousand: Int, of faults: [EmulatorFault]? = nil) {
        for name in spec.providers {
            services[name]!.perThousand = perThousand
            if let faults { services[name]!.faults = faults }
        }
    }
    mutating func script(_ provider: String, _ faults: [EmulatorFault?]) { services[provider]!.script = faults }

    /// Until the planner has an answer, or a thousand days have passed.
    mutating func run() throws {
        let end = now + 1000 * 86_400_000
        while answer == nil, !agenda.isEmpty {
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

    private mutating func absorb(_ step: Step<Ingest.Task>) {
        for task in step.tasks {
            queue.append(tasks.count)
            claims.append(0)
            tasks.append(task)
        }
        for case .task(let index, let bytes) in step.answers {
            for (at, worker) in workers.enumerated()
            where worker.task == Int(index) && worker.claim == claims[Int(index)] && !worker.isSilent {
                send(.toWorker(worker: at, life: worker.life, bytes))
            }
        }
        for bytes in step.publications {
            switch try? Ingest.Publication(wireBytes: bytes) {
            case .fetched(let task, _, _, _, let result): publications[Int(task)] = result
            case .alert(let words): alerts.append(words)
            case nil: break
            }
        }
        if case .answer(let bytes) = step.end { answer = try? Ingest.Summary(wireBytes: bytes) }
        for at in workers.indices where workers[at].task == nil { schedule(1, .reborn(worker: at)) }
    }

    private mutating func hear(_ source: Hearing.Source, _ bytes: [UInt8]) throws {
        let moment = Moment(monotonic: now - restartedAt, wall: now)
        hearings.append(Hearing(source: source, bytes: bytes, afterResults: UInt32(results.count), moment: moment))
        absorb(try planner.heard(source, bytes, at: moment))
    }

    private mutating func restart() throws {
        restarts += 1
        restartedAt = now
        planner = try IngestPlanner(spec, blobs: None())
        let step = try planner.restore(tasks: tasks, results: results, hearings: hearings)
        precondition(step.tasks.isEmpty, "nothing was due that was not planned")
        absorb(step)
    }

    // MARK: - Workers

    private mutating func work(_ at: Int) {
        guard workers[at].task == nil, answer == nil else { return }
        guard !queue.isEmpty else { return }
        let task = queue.removeFirst()
        runs += 1
        workers[at].task = task
        workers[at].claim = claims[task]
        workers[at].isSilent = false
        workers[at].inbox = []
        workers[at].life += 1
        workers[at].fetch = try? Fetch(tasks[task], run: runs)
        schedule(0, .step(worker: at, life: workers[at].life))
    }

    private mutating func handle(_ happening: Happening) throws {
        switch happening {
        case .reborn(let at): work(at)
        case .reclaim(let task, let claim):
            guard !done.contains(task), claims[task] == claim else { return }
            claims[task] += 1
            queue.append(task)
            for at in workers.indices { work(at) }
        case .step(let at, let life): if workers[at].life == life { step(at) }
        case .toWorker(let at, let life, let bytes):
            guard workers[at].life == life else { return }
            workers[at].inbox.append(bytes)
            schedule(0, .step(worker: at, life: life))
        case .toPlanner(let task, let claim, let bytes):
            // Only the newest claim is heard.
            guard !done.contains(task), claims[task] == claim else { return }
            try hear(.task(UInt32(task)), bytes)
        case .arrives(let provider, let request, let at, let life): arrive(provider, request, at, life)
        case .answered(let at, let life, let outcome):
            guard workers[at].life == life else { return }
            let time = now + workers[at].clockOffset
            workers[at].fetch?.received(outcome, at: time)
            schedule(0, .step(worker: at, life: life))
        case .result(let task, let claim, let result):
            guard !done.contains(task), claims[task] == claim else { return }
            done.insert(task)
            results.append((task, result))
            absorb(try planner.finished(task, with: result, load: Load(slots: 0, idleSlots: 0, queuedTasks: 0)))
        }
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
            schedule(4000, .reclaim(task: task, claim: workers[at].claim))
        }
        let heard = workers[at].inbox
        workers[at].inbox = []
        let action = fetch.step(at: now + workers[at].clockOffset, heard: heard)
        workers[at].fetch = fetch
        switch action {
        case .say(let bytes):
            if !workers[at].isSilent { send(.toPlanner(task: task, claim: workers[at].claim, bytes)) }
            schedule(0, .step(worker: at, life: life))
        case .rest(let until):
            let delay = until - min(until, now + workers[at].clockOffset)
            schedule(max(delay, 1), .step(worker: at, life: life))
        case .call(let request, _):
            schedule(
                UInt64(chance.next(below: 300)),
                .arrives(provider: tasks[task].provider, request, worker: at, life: life))
        case .end(let result):
            if !workers[at].isSilent {
                schedule(20, .result(task: task, claim: workers[at].claim, result))
            }
            workers[at].task = nil
            workers[at].fetch = nil
            workers[at].life += 1
            schedule(21, .reborn(worker: at))
        }
    }

    private mutating func die(_ at: Int) {
        deaths += 1
        if let task = workers[at].task { schedule(4000, .reclaim(task: task, claim: workers[at].claim)) }
        workers[at].task = nil
        workers[at].fetch = nil
        workers[at].life += 1
        schedule(2000, .reborn(worker: at))
    }

    private mutating func arrive(_ provider: String, _ request: HTTPRequest, _ at: Int, _ life: Int) {
        let sealed = request.sealed(keys[provider]!)!
        let seen = EmulatedRequest(target: sealed.target, headers: sealed.headers.map { ($0.name, $0.value) })
        let given = services[provider]!.answer(seen, at: Int64(now))
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
