import Blobs
import CLinux
import Configuration
import CoordinatorCore
import Foundation
import Messages
import Metrics
import Planners
import Store
import ZeroMQ

/// The coordinator's one thread: waits for messages, lets the core decide, stores what it decided in one transaction,
/// and only then sends.
package final class Coordinator {
    package struct Settings: Sendable {
        package var folder: StateFolder
        package var limits = Core.Limits()
        /// `tcp://address:port` to listen on besides the ipc endpoint; those need keys.
        package var listen: [String] = []
        package var hostID: String
        package var logsToStandardError = false
        package var logLevel = Configuration.LogLevel.info
        /// Messages taken from one listener in one batch: bounds a transaction, and how long a reply waits for it.
        package var batchMessages = 1000
        /// Keeps a record of what the core was told, for `apex replay`.
        package var recordsFlight = true
        /// Answers tasks that were computed before from the store.
        package var reusesResults = true
        /// When a second provider of bars is asked beside a slow one.
        package var hedging = Hedging.never
        /// Where metrics are on 127.0.0.1; nil: nowhere; 0: at any port that is free.
        package var metricsPort: UInt16?
        package init(folder: StateFolder, hostID: String) {
            self.folder = folder
            self.hostID = hostID
            limits.speculated = PlannerList.repeatable
        }
    }

    private let settings: Settings
    /// TCP has I/O threads of its own.
    private let hasThreads: Bool
    private let lock: StateLock
    private var database: StateDatabase
    let blobs: BlobStore
    let planning: PlanningThread
    private let planned: Wakeup
    let studies: StudyWriter
    let ingests: IngestWriter
    private let stop: StopSignal
    private let log: EventLog
    private let recorder: FlightRecorder?
    private let admission: Admission?
    private var offences: Offences
    private var freed = FreedMemory()
    let incarnation = UInt64.random(in: 1...UInt64.max)
    /// When the restored core's time began: after reading the state, which may take seconds, lest the time that workers
    /// have to return is over before anybody listens.
    let start: ContinuousClock.Instant
    var core: Core
    var routes = Routes()
    var uploads: [BlobID: BlobAssembly] = [:]
    private var listeners: [Listener] = []
    /// TCP connections by what answers are addressed to.
    private var seats: [UInt64: Seat] = [:]
    private let desk: MetricDesk?
    /// Nil where nobody may ask.
    private var measures: Measures?

    /// Opens the state, rebuilds the core from it and asks its planners to continue.
    /// - Throws: when another coordinator runs on the state, or it cannot be read.
    package init(_ settings: Settings, stop: StopSignal) throws {
        self.settings = settings
        self.stop = stop
        hasThreads = Context.shared.useThreads(Listener.threads) > 1
        try settings.folder.create()
        lock = try StateLock(settings.folder)
        log = try EventLog(settings.folder.log, from: settings.logLevel, echo: settings.logsToStandardError)
        recorder = settings.recordsFlight ? FlightRecorder(settings.folder.flight) { [log] in log.write($0) } : nil
        blobs = try BlobStore(settings.folder.blobs)
        planned = try Wakeup()
        let wakeup = planned
        planning = PlanningThread(
            blobs: blobs, reuse: settings.reusesResults ? settings.folder.reuse : nil,
            quotas: settings.folder.quotas, hedging: settings.hedging, wakeup: planned
        ) { [log] in log.write($0) }
        desk = settings.metricsPort.map { _ in MetricDesk(settings.folder, wakeup: wakeup) }
        studies = StudyWriter(settings.folder, log) { wakeup.wake() }
        offences = Offences(log)
        admission = try settings.listen.isEmpty ? nil : Admission(KeyFolder(settings.folder.keys), log)
        ingests = IngestWriter(path: settings.folder.bars, log: { [log] in log.write($0) }, wake: { wakeup.wake() })
        var database = try StateDatabase(path: settings.folder.database)
        let stored = try database.load()
        core = Core(limits: settings.limits, restoring: stored, names: try database.workerNames(), at: 0)
        for job in stored where job.wantsPlanner {
            planning.restore(
                job.id,
                PlanningThread.History(
                    kind: job.submission.kind, spec: job.submission.spec, tasks: job.tasks.map(\.payload),
                    results: try database.results(of: job.id), hearings: try database.hearings(of: job.id)))
        }
        self.database = database
        start = .now
        measures = desk.map { _ in Measures(core.jobStatuses(at: 0)) }
        if !stored.isEmpty { log.write(LogLine(.info, "state_restored", [("jobs", "\(stored.count)")])) }
    }

    /// Serves until SIGTERM or SIGINT.
    /// - Parameter ready: called once with the addresses it listens on.
    /// - Throws: when it must stop at once because something could not be stored: what was acknowledged is safe.
    package func run(ready: ([String]) -> Void) throws {
        Context.raiseFileLimit()
        listeners = [try Listener([settings.folder.endpoint], keys: nil, threads: hasThreads ? 1 : 0)]
        if let admission {
            listeners.append(
                try Listener(settings.listen, keys: try admission.keys.pair(), threads: hasThreads ? ~1 : 0))
        }
        var poller = Poller()
        for listener in listeners { _ = poller.add(listener.socket) }
        _ = poller.add(descriptor: planned.descriptor)
        _ = poller.add(descriptor: stop.descriptor)
        if let admission { _ = poller.add(descriptor: admission.descriptor) }
        let server = try serveMetrics()
        log.write(LogLine(.info, "coordinator_started", [("version", codeVersion), ("state", settings.folder.path)]))
        try handle([.ticked(wall: wallMilliseconds)])
        ready(listeners.flatMap(\.endpoints))
        _ = unsafe apex_notify("READY=1\nSTATUS=serves \(listeners.flatMap(\.endpoints).joined(separator: ", "))")
        while stop.count == 0 {
            apex_notify_alive()
            let now = milliseconds
            let wait = core.nextDeadline(after: now) - now
            try poller.wait(milliseconds: Int(wait))
            planned.clear()
            var batch = Batch()
            if let admission, let monitor = listeners[1].monitor {
                try admission.check()
                // What its workers hold is free at once.
                let gone = admission.followChanges(monitor)
                batch.events += routes.workers(of: gone).map { .goodbye($0) }
            }
            for index in listeners.indices {
                let isDrained = try receive(from: index, &batch)
                if let door = listeners[index].door { offences.endBatch(door, isDrained: isDrained) }
            }
            if let failure = planning.failure ?? studies.failure ?? ingests.failure { throw JobError(failure) }
            batch.events += planning.takeAnswers()
            batch.events.append(.ticked(wall: wallMilliseconds))
            try handle(batch.events)
            for later in batch.afterCommit { try answer(later) }
            if let desk, let measures, desk.isWanted { desk.deliver(metricPage(measures)) }
            database.tidy()
            freed.turn(isIdle: batch.events.count == 1)  // the tick
        }
        // Its thread asks nobody any more.
        withExtendedLifetime(server) {}
        _ = unsafe apex_notify("STOPPING=1")
        try handle([.stopping])
        recorder?.stop(core)
        studies.stop()
        ingests.stop()
        if let failure = studies.failure { log.write(LogLine(.warning, "studies_behind", [("why", "\"\(failure)\"")])) }
        log.write(LogLine(.info, "coordinator_stopped"))
        planning.stop()
    }

    /// - Returns: what serves them, for as long as it is kept.
    private func serveMetrics() throws(JobError) -> MetricServer? {
        guard let desk, let port = settings.metricsPort else { return nil }
        let server = try MetricServer(port: port, metrics: { desk.metrics() }, health: { desk.health() })
        log.write(
            LogLine(.info, "metrics_served", [("at", "http://127.0.0.1:\(server.port)/metrics")]))
        return server
    }

    // MARK: - In

    private struct Batch {
        var events: [Event] = []
        /// Questions that change nothing, answered from the committed state.
        var afterCommit: [(connection: UInt64, Inbound)] = []
    }

    /// - Returns: whether nothing is left to receive.
    private func receive(from index: Int, _ batch: inout Batch) throws -> Bool {
        let listener = listeners[index]
        for _ in 0..<settings.batchMessages {
            guard let receipt = try listener.socket.receive() else { return true }
            guard case .message(let message) = receipt, let peer = message.peer, message.frames.count == 1 else {
                let (peer, descriptor) = receipt.origin
                let connection = peer.map { UInt64(index) << 32 | UInt64($0.number) }
                let seat = connection.flatMap { self.seat(of: $0, descriptor, listener) }
                offences.note("not one frame from a worker or command", connection, seat)
                continue
            }
            let connection = UInt64(index) << 32 | UInt64(peer.number)
            if offences.wasCut(connection) { continue }
            let speaker = index == 0 ? .local : admission?.speaker(message.peerKey) ?? .nobody
            let seat = seat(of: connection, message.connection, listener)
            if let seat { admission?.seat(message.peerKey, at: seat) }
            offences.heard(message)
            var refused: Outbound?
            do throws(WireError) {
                let inbound = try Frame.decode(Inbound.self, message.frames[0])
                if let words = Permissions.refusal(of: inbound, from: speaker) {
                    offences.note(words, connection, seat, from: speaker)
                    refused = inbound.refused(words)
                } else if seat != nil, !offences.isWithinShare(inbound, connection) {
                    offences.note("too many messages at once", connection, seat, from: speaker)
                    refused = inbound.isRequest ? inbound.refused("too many questions at once; wait for answers.") : nil
                } else {
                    try sort(inbound, connection, message.peerKey, &batch)
                }
            } catch {
                offences.note("\(error)", connection, seat, from: speaker)
                refused = .refused("this coordinator (apex \(codeVersion)) cannot read you: \(error).")
            }
            if let refused { _ = try send(refused, to: connection) }
        }
        return false
    }

    /// Of a TCP connection, as it was when it was first heard.
    private func seat(of connection: UInt64, _ descriptor: Int32?, _ listener: Listener) -> Seat? {
        if let known = seats[connection] { return known }
        guard let monitor = listener.monitor, let descriptor, let number = monitor.connection(at: descriptor) else {
            return nil
        }
        if seats.count > 1 << 16 { seats = [:] }  // learnt again from what comes
        let seat = Seat(descriptor: descriptor, number: number, monitor: monitor)
        monitor.hasSpoken(descriptor, number)
        seats[connection] = seat
        return seat
    }

    private func sort(_ message: Inbound, _ connection: UInt64, _ key: PublicKey?, _ batch: inout Batch)
        throws(WireError)
    {
        switch message {
        case .enrol(let bytes):
            guard let admission, let monitor = listeners[1].monitor else { throw WireError("no keys over ipc") }
            let answer = admission.enrol(bytes, for: key, monitor)
            _ = try? send(answer, to: connection)
        case .hello(var hello):
            hello.boundClaims()
            guard hello.codeVersion == codeVersion else {
                throw WireError("apex-worker \(hello.codeVersion.prefix(40)); this coordinator is \(codeVersion)")
            }
            if let words = routes.join(hello.worker, connection, key) { throw WireError(words) }
            batch.events.append(.hello(hello))
            batch.afterCommit.append((connection, message))
        case .heartbeat(let worker, let seen, let held):
            guard isKnown(worker, connection, &batch) else { return }
            batch.events.append(.heartbeat(worker, seen: seen, held: held))
        case .outcomes(let worker, let number, let outcomes):
            guard isKnown(worker, connection, &batch) else { return }
            batch.events.append(.outcomes(worker, number: number, outcomes))
        case .draining(let worker):
            if isKnown(worker, connection, &batch) { batch.events.append(.draining(worker)) }
        case .goodbye(let worker):
            if isKnown(worker, connection, &batch) { batch.events.append(.goodbye(worker)) }
        case .reports(let worker, let reports):
            if isKnown(worker, connection, &batch) { batch.events.append(.reported(worker, reports)) }
        case .wantBlob: batch.afterCommit.append((connection, message))
        case .request(let number, let request):
            let client = ClientRef(connection: connection, number: number)
            switch request {
            case .submit(let submission):
                if let words = submission.refusal {
                    _ = try? send(.reply(number: number, .refused(words)), to: connection)
                } else {
                    batch.events.append(.submitted(submission, by: client))
                }
            case .cancel(let job): batch.events.append(.cancel(job, by: client))
            case .pause(let job): batch.events.append(.pause(job, by: client))
            case .unpause(let job): batch.events.append(.unpause(job, by: client))
            case .addBudget(let job, let milliseconds, let token):
                batch.events.append(.addBudget(job, milliseconds: milliseconds, token: token, by: client))
            case .tell(let job, let isKept, let bytes):
                batch.events.append(.told(job, isKept: isKept, bytes, by: client))
            case .status, .job, .why, .results, .ledger, .putBlob: batch.afterCommit.append((connection, message))
            }
        }
    }

    /// A worker speaks only through the connection that said hello for it; others are asked who they are.
    private func isKnown(_ worker: WorkerID, _ connection: UInt64, _ batch: inout Batch) -> Bool {
        if routes.connection(of: worker) == connection { return true }
        batch.afterCommit.append((connection, .goodbye(worker: worker)))
        return false
    }

    // MARK: - Decide, store, send

    /// How long a batch waits for planners that it starts: most need far less, and then one commit stores the job, its
    /// tasks and their claims.
    private static let startPatience: Duration = .milliseconds(1)

    private func handle(_ events: [Event]) throws {
        let began = ContinuousClock.now
        var effects = decide(events)
        // Asked before the commit, unlike all else: a planner only answers, and its answer is stored with this batch or
        // with a later one.
        let early = effects.count
        let starts = effects.count { $0.startsPlanner }
        for case .plan(let job, let call) in effects where call.isStart { planning.ask(job, call) }
        if starts > 0 { effects += try decide(startAnswers(starts)) }
        let records = effects.compactMap { if case .record(let record) = $0 { record } else { nil } }
        if measures == nil {
            if !records.isEmpty { try database.commit(records) }
        } else {
            try commitMeasured(records, since: began)
        }
        recorder?.end(effects, core)
        for (at, effect) in effects.enumerated() {
            switch effect {
            // A worker that left may come back, with another key if it likes; by the end of the batch it may be back.
            case .record(.left(let worker)): if !core.knows(worker) { routes.forget(worker) }
            case .record: break
            case .send(let message, let worker):
                guard let connection = routes.connection(of: worker) else { continue }
                if try !send(message, to: connection) { routes.forget(worker) }
            case .reply(let reply, let client):
                _ = try send(.reply(number: client.number, reply), to: client.connection)
            case .plan(let job, let call): if at >= early || !call.isStart { planning.ask(job, call) }
            case .publish(let job, let kind, let publications): publish(job, kind, publications)
            case .log(let line): log.write(line)
            }
        }
    }

    private func commitMeasured(_ records: [Record], since began: ContinuousClock.Instant) throws {
        measures?.count(records, wall: wallMilliseconds)
        let start = ContinuousClock.now
        if !records.isEmpty { try database.commit(records) }
        let end = ContinuousClock.now
        measures?.batch(end - began, commit: records.isEmpty ? nil : end - start)
    }

    private func decide(_ events: [Event]) -> [Effect] {
        let now = milliseconds
        let wall = wallMilliseconds
        recorder?.begin(events, at: now, wall: wall, core)
        core.wall = wall
        var effects: [Effect] = []
        for event in events { core.handle(event, at: now, into: &effects) }
        return effects
    }

    /// What planners answer in time, as a batch of events; nothing, when none does.
    private func startAnswers(_ wanted: Int) throws -> [Event] {
        let end = ContinuousClock.now + Self.startPatience
        var answers: [Event] = []
        var poller = Poller()
        _ = poller.add(descriptor: planned.descriptor)
        while answers.count < wanted, ContinuousClock.now < end {
            try poller.wait(milliseconds: 1)
            planned.clear()
            answers += planning.takeAnswers()
        }
        // Their threads' last words were meant for the loop, which has not heard the wakeup taken here.
        if planning.failure ?? studies.failure ?? ingests.failure != nil { planned.wake() }
        return answers.isEmpty ? [] : answers + [.ticked(wall: wallMilliseconds)]
    }

    /// - Returns: false when there is no such connection any more.
    private func send(_ message: Outbound, to connection: UInt64) throws -> Bool {
        let listener = listeners[Int(connection >> 32)]
        var frame = Frame.encode(message)
        if frame.count > Frame.maximumBytes {
            // No connection carries it, and nobody's question stops the coordinator.
            log.write(LogLine(.warning, "answer_too_long", [("bytes", "\(frame.count)")]))
            guard case .reply(let number, _) = message else { return true }
            frame = Frame.encode(
                Outbound.reply(number: number, .refused("the answer has \(frame.count) bytes; ask for one job.")))
        }
        if let seat = seats[connection] { offences.sent(frame.count, to: seat.descriptor) }
        let outcome = try listener.socket.send([frame], to: Peer(UInt32(truncatingIfNeeded: connection)))
        if outcome == .unreachable { seats[connection] = nil }
        return outcome == .sent
    }

    private func answer(_ question: (connection: UInt64, message: Inbound)) throws {
        let message: Outbound
        switch question.message {
        case .hello:
            message = .welcome(
                coordinator: incarnation, heartbeatMilliseconds: UInt32(settings.limits.heartbeat),
                hostID: settings.hostID, blobFolder: settings.folder.blobs)
        case .goodbye: message = .introduceYourself
        case .wantBlob(let blob, let offset, let count): message = chunk(of: blob, offset, count)
        case .request(let number, let request): message = .reply(number: number, try reply(to: request, database))
        case .heartbeat, .outcomes, .draining, .reports, .enrol: return
        }
        _ = try send(message, to: question.connection)
    }

    // MARK: - Helpers

    var milliseconds: Milliseconds {
        // + 1: moment 0 is the restart itself.
        UInt64((ContinuousClock.now - start) / .milliseconds(1)) + 1
    }
    private var wallMilliseconds: UInt64 { UInt64(Date().timeIntervalSince1970 * 1000) }

    func coordinatorStatus() -> CoordinatorStatus {
        CoordinatorStatus(
            codeVersion: codeVersion, incarnation: incarnation, process: UInt32(getpid()), state: settings.folder.path,
            listen: listeners.flatMap(\.endpoints), uptimeMilliseconds: milliseconds, residentBytes: residentBytes())
    }
}

extension Inbound {
    fileprivate var isRequest: Bool { if case .request = self { true } else { false } }
    /// The answer that says no.
    fileprivate func refused(_ words: String) -> Outbound {
        if case .request(let number, _) = self { .reply(number: number, .refused(words)) } else { .refused(words) }
    }
}

extension PlannerCall {
    fileprivate var isStart: Bool { if case .start = self { true } else { false } }
}
extension Effect {
    fileprivate var startsPlanner: Bool { if case .plan(_, let call) = self { call.isStart } else { false } }
}

extension Receipt {
    /// Whom it came from, and by which connection.
    fileprivate var origin: (peer: Peer?, descriptor: Int32?) {
        switch self {
        case .message(let message): (message.peer, message.connection)
        case .refused(let refusal): (refusal.peer, refusal.connection)
        }
    }
}

/// One ROUTER and where it listens.
private final class Listener {
    let socket: Socket
    /// Of TCP connections.
    let monitor: Monitor?
    let door: Door?
    private(set) var endpoints: [String] = []

    /// The first I/O thread serves this machine, the others share TCP: handshakes of strangers cost each of them a few
    /// hundred microseconds, which no local worker and only a part of the others wait for.
    static let threads = 1 + max(2, min(4, ProcessInfo.processInfo.activeProcessorCount / 2))

    /// - Parameters:
    ///   - keys: for TCP, which always speaks CURVE; nil for ipc in a folder of mode 0700.
    ///   - threads: as `SocketOptions.threads`.
    init(_ addresses: [String], keys: KeyPair?, threads: UInt64) throws(ZeroMQError) {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        if let keys { options.security = .server(keys) }
        options.threads = threads
        socket = try Socket(.router, options: options)
        monitor = try keys == nil ? nil : Monitor(socket)
        door = monitor.map { Door($0) }
        for address in addresses {
            // Left by a coordinator that was killed; the state's lock is ours.
            if address.hasPrefix("ipc://") { unsafe unlink(String(address.dropFirst(6))) }
            try socket.bind(address)
            endpoints.append(try socket.lastEndpoint)
        }
    }
}

/// Resident memory of this process, in bytes; 0 when the system does not say.
package func residentBytes() -> UInt64 {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
}
