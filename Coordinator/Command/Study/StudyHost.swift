import CoordinatorShell
import Foundation
import JSON
import Jobs
import Messages

/// Where a study lives: a running coordinator, or one of our own for as long as the command takes.
final class StudyHost {
    let client: Client
    /// Nil where nobody can stop it: in a coordinator.
    private let stop: StopSignal?
    private let supervisor: Supervisor?
    /// Nil where it is not ours to tend: in a coordinator.
    private let place: Place?

    /// - Parameters:
    ///   - workers: of one slot each, started beside a coordinator of our own.
    init(_ place: Place, workers: Int = 0) throws {
        // Before any other thread: they must inherit that signals are blocked.
        stop = try StopSignal() as StopSignal?
        self.place = place
        var supervisor: Supervisor?
        if case .local(let folder) = place, try !Self.isServed(folder, place) {
            supervisor = try Supervisor(folder, workers: workers, coordinatorOptions: ["--quiet"])
        }
        self.supervisor = supervisor
        client = try Client(place, patience: .seconds(30))
        client.whileWaiting = { supervisor?.tend() }
        try waitForCoordinator()
    }
    /// A coordinator that is there, by a client of it.
    init(_ client: Client) {
        self.client = client
        (stop, supervisor, place) = (nil, nil, nil)
    }
    deinit { supervisor?.stop() }

    /// Somebody pressed Ctrl-C.
    var isStopped: Bool { stop.map { $0.count > 0 } ?? false }

    /// Between two looks of somebody who follows: a while, or until Ctrl-C.
    func pause(_ time: Duration) { stop?.waits(time) }

    /// Whether a coordinator runs on the state. One that was killed may hold its lock a little longer, while the system
    /// takes it apart: whoever holds the lock must answer, or let go.
    private static func isServed(_ folder: StateFolder, _ place: Place) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while StateLock.isHeld(folder), .now < deadline {
            if (try? Client(place, patience: .milliseconds(500)).status()) != nil { return true }
        }
        return StateLock.isHeld(folder)
    }

    /// Ours, and gone with this command.
    var isPrivate: Bool { supervisor != nil }

    /// Keeps our own coordinator and workers alive; call it a few times a second.
    func tend() throws {
        supervisor?.tend()
        if let failure = supervisor?.failure, case .local(let folder)? = place {
            throw JobError("\(failure); see the line above and \(folder.log).")
        }
    }

    private func waitForCoordinator() throws {
        guard supervisor != nil else { return }
        let patience = client.patience
        client.patience = .milliseconds(200)
        defer { client.patience = patience }
        let deadline = ContinuousClock.now + .seconds(120)
        while (try? client.status()) == nil {
            guard !isStopped else { throw JobError("interrupted before the coordinator had started.") }
            try tend()
            guard ContinuousClock.now < deadline else {
                throw JobError("the coordinator did not start in two minutes; see its log.jsonl.")
            }
        }
    }

    // MARK: - Studies

    /// Of all studies that are not over, by name.
    func studies() throws -> [JobStatus] {
        try client.status().jobs.filter { $0.kind == Study.name && !$0.state.isOver }.sorted { $0.name < $1.name }
    }

    /// The study of that name, if there is one.
    func find(_ name: String) throws -> OpenStudy? {
        let jobs = try client.status().jobs.filter { $0.kind == Study.name && $0.name == name }
        // One that failed or was cancelled is over for good, and leaves its name.
        guard let job = jobs.last(where: { !$0.state.isOver }) else { return nil }
        return try open(job.id, name)
    }

    func study(_ name: String) throws -> OpenStudy {
        if let study = try find(name) { return study }
        if let failed = try client.status().jobs.last(where: { $0.kind == Study.name && $0.name == name }) {
            throw JobError("study \(name) is \(failed.state.name): \(failed.reason)")
        }
        let names = try studies().map(\.name)
        throw JobError(
            "there is no study \(name) here; "
                + (names.isEmpty
                    ? "make one with `apex study create \(name) …`." : "there are \(names.joined(separator: ", "))."))
    }

    func open(_ job: JobID, _ name: String) throws -> OpenStudy {
        // A study just submitted, or a coordinator just started, takes a moment to answer.
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let status = try client.job(job)
            if status.state.isOver { throw JobError("study \(name): \(status.reason)") }
            if status.state != .waiting { break }
            guard ContinuousClock.now < deadline else { throw JobError("study \(name) does not start; see log.jsonl.") }
            try tend()
            // Nothing rings here when it does: the coordinator is asked.
            usleep(2000)
        }
        guard case .description(let spec, _) = try say(.describe, to: job) else { throw Self.unexpected }
        return OpenStudy(host: self, job: job, spec: spec)
    }

    fileprivate func say(_ request: StudyRequest, to job: JobID) throws -> StudyReply {
        guard case .said(let bytes) = try client.ask(.tell(job, isKept: request.changesStudy, request.wireBytes)),
            let reply = try? StudyReply(wireBytes: bytes)
        else { throw Self.unexpected }
        if case .refused(let words) = reply { throw JobError(words) }
        return reply
    }

    static var unexpected: JobError {
        JobError("the coordinator's answer does not fit the question; is it another version?")
    }
    /// For requests that may be repeated: the same token is the same request.
    static var token: UInt64 { UInt64.random(in: 1...UInt64.max) }
}

/// One study, spoken to.
struct OpenStudy {
    let host: StudyHost
    let job: JobID
    let spec: Study.Spec

    /// - Throws: when the study refuses, in its words.
    func say(_ request: StudyRequest) throws -> StudyReply { try host.say(request, to: job) }

    func counts() throws -> StudyReply.Counts {
        guard case .description(_, let counts) = try say(.describe) else { throw StudyHost.unexpected }
        return counts
    }

    /// Trials that `create` said and nobody has wished for yet, or that a `stop` took back.
    func missing() throws -> UInt32 {
        let wanted = try counts().wanted
        return spec.trials > wanted ? spec.trials - wanted : 0
    }

    /// All trials so far, by number.
    func trials() throws -> [Study.Trial] {
        var trials: [Study.Trial] = []
        while true {
            guard case .trials(let page) = try say(.trials(from: UInt32(trials.count))) else {
                throw StudyHost.unexpected
            }
            if page.isEmpty { return trials }
            trials += page
        }
    }
}
