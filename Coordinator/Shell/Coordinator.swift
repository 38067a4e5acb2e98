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

    let settings: Settings
    /// TCP has I/O threads of its own.
    private let hasThreads: Bool
    private let lock: StateLock
    var database: StateDatabase
    let blobs: BlobStore
    let planning: PlanningThread
    let planned: Wakeup
    let studies: PublicationWriter<StudySink>
    let ingests: PublicationWriter<IngestSink>
    private let stop: StopSignal
    let log: EventLog
    let recorder: FlightRecorder?
    let admission: Admission?
    var offences: Offences
    var questions = Questions()
    private var freed = FreedMemory()
    let incarnation = UInt64.random(in: 1...UInt64.max)
    /// When the restored core's time began: after reading the state, which may take seconds, lest the time that workers
    /// have to return is over before anybody listens.
    let start: ContinuousClock.Instant
    var core: Core
    var routes = Routes()
    var uploads: [BlobID: Upload] = [:]
    /// What programs print, for whoever follows it.
    var printed = OutputDesk(first: UInt64(Date().timeIntervalSince1970 * 1_000_000))
    var listeners: [Listener] = []
    /// TCP connections by what answers are addressed to.
    var seats: [UInt64: Seat] = [:]
    /// The protocol's version that a connection speaks, where it is not ours.
    var versions: [UInt64: UInt16] = [:]
    private let desk: MetricDesk?
    /// Nil where nobody may ask.
    var measures: Measures?

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
        studies = StudySink.writer(settings.folder, log) { wakeup.wake() }
        offences = Offences(log)
        admission = try settings.listen.isEmpty ? nil : Admission(KeyFolder(settings.folder.keys), log)
        ingests = IngestSink.writer(settings.folder, log) { wakeup.wake() }
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
            let wait = questions.isEmpty ? core.nextDeadline(after: now) - now : 0
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
            for question in questions.takeTurn() where !offences.wasCut(question.connection) { try answer(question) }
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

    // MARK: - Helpers

    var milliseconds: Milliseconds {
        // + 1: moment 0 is the restart itself.
        UInt64((ContinuousClock.now - start) / .milliseconds(1)) + 1
    }
    var wallMilliseconds: UInt64 { UInt64(Date().timeIntervalSince1970 * 1000) }

    func coordinatorStatus() -> CoordinatorStatus {
        CoordinatorStatus(
            codeVersion: codeVersion, incarnation: incarnation, process: UInt32(getpid()), state: settings.folder.path,
            listen: listeners.flatMap(\.endpoints), uptimeMilliseconds: milliseconds, residentBytes: residentBytes())
    }
}

/// Resident memory of this process, in bytes; 0 when the system does not say.
package func residentBytes() -> UInt64 {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
}
