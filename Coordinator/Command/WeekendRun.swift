import Blobs
import CoordinatorShell
import Foundation
import Glibc
import JSON
import Jobs
import Market
import Messages

/// One weekend under way: brings the universe to a cluster, its own or a running one, follows the job, and writes the
/// results when it ends.
final class WeekendRun {
    private let folder: RunFolder
    private var manifest: RunFolder.Manifest
    /// The universe's bytes; nil on a resume, when the cluster has them.
    private let universe: [UInt8]?
    private let workers: Int?
    /// The run was seen before its end: who is there worked on it.
    private var sawWork = false
    private let json: Bool
    private let progress: Progress
    private var clock: StageClock

    /// How often the job's status is asked for.
    private static let interval: Duration = .milliseconds(100)

    init(
        _ folder: RunFolder, _ manifest: RunFolder.Manifest, _ universe: [UInt8]?, workers: Int?, json: Bool,
        clock: StageClock = StageClock()
    ) throws {
        self.folder = folder
        self.manifest = manifest
        self.universe = universe
        self.workers = workers
        self.json = json
        progress = Progress()
        self.clock = clock
    }

    func run(addingBudget more: UInt64) throws -> ExitCode {
        clock.enter("start")
        let stop = try StopSignal()
        var supervisor: Supervisor?
        if manifest.coordinator == nil {
            if StateLock.isHeld(folder.state) {
                throw JobError(
                    "\(folder.path): this weekend is running already; `apex watch --state \(folder.state.path)` shows it."
                )
            }
            supervisor = try Supervisor(
                folder.state, workers: workers ?? usableCores(), coordinatorOptions: ["--quiet"])
        }
        defer { supervisor?.stop() }
        let place = try manifest.coordinator.map { try Place.at($0, keys: manifest.keys) } ?? .local(folder.state)
        // As long as a private coordinator takes to be started again; a running cluster may be away for longer.
        let client = try Client(place, patience: .seconds(30))
        // While this thread waits for an answer nobody else starts a private coordinator that died.
        client.whileWaiting = {
            supervisor?.tend()
            if stop.count > 0 { throw Interrupted() }
            if supervisor?.failure != nil { throw Interrupted() }
        }
        do {
            let job = try begin(client, more, supervisor, stop)
            guard let status = try follow(job, client, supervisor, stop) else { return interrupted() }
            return try finish(status, client)
        } catch is Interrupted {
            if let failure = supervisor?.failure {
                progress.end()
                complain("apex weekend: \(failure); see the line above and \(folder.state.log).")
            }
            return interrupted()
        }
    }

    private struct Interrupted: Error {}

    private func begin(_ client: Client, _ more: UInt64, _ supervisor: Supervisor?, _ stop: StopSignal) throws -> JobID
    {
        try wait(for: client, supervisor, stop)
        if let universe { try client.put(universe) }
        let job = try client.submit(manifest.submission(folder))
        // What was asked for and not acknowledged comes first. The same again is that wish, repeated after a failure.
        let repeated = manifest.addition
        if let repeated { try add(repeated, to: job, client) }
        if more > 0, more != repeated?.milliseconds {
            try add(
                RunFolder.Addition(token: UInt64.random(in: 1...UInt64.max), milliseconds: more), to: job, client)
        }
        return job
    }

    private func add(_ addition: RunFolder.Addition, to job: JobID, _ client: Client) throws {
        if try client.job(job).state != .done {
            manifest.addition = addition
            try folder.write(manifest)
            _ = try client.ask(.addBudget(job, milliseconds: addition.milliseconds, token: addition.token))
            manifest.budgetMilliseconds += addition.milliseconds
        }
        manifest.addition = nil
        try folder.write(manifest)
    }

    /// Until the coordinator answers: a private one takes a moment to start, and seconds to rebuild a long run.
    private func wait(for client: Client, _ supervisor: Supervisor?, _ stop: StopSignal) throws {
        guard let supervisor else { return }
        let patience = client.patience
        client.patience = .milliseconds(200)
        defer { client.patience = patience }
        let deadline = ContinuousClock.now + .seconds(120)
        while (try? client.status()) == nil {
            if stop.count > 0 { throw Interrupted() }
            supervisor.tend()
            if let failure = supervisor.failure {
                throw JobError("\(failure); see the line above and \(folder.state.log).")
            }
            guard ContinuousClock.now < deadline else {
                throw JobError("the coordinator did not start in two minutes; see \(folder.state.log).")
            }
        }
    }

    /// - Returns: the job's last status; nil when the run was interrupted.
    private func follow(_ job: JobID, _ client: Client, _ supervisor: Supervisor?, _ stop: StopSignal) throws
        -> JobStatus?
    {
        let patience = client.patience
        defer { client.patience = patience }
        // While this thread waits for an answer nobody starts a private coordinator that died again.
        if supervisor != nil { client.patience = .seconds(1) }
        while stop.count == 0 {
            supervisor?.tend()
            if let failure = supervisor?.failure {
                progress.end()
                complain("apex weekend: \(failure); see the line above and \(folder.state.log).")
                return nil
            }
            let status: JobStatus
            do { status = try client.job(job) } catch {
                // Its private coordinator is being started again; a remote one is given up after the client's patience.
                if supervisor != nil { continue }
                throw error
            }
            progress.show(status.plan, budget: status.budget)
            if !status.state.isOver { sawWork = true }
            if let stage = status.plan.stages.last, !status.state.isOver { clock.enter(stage.name) }
            if status.state.isOver { return status }
            stop.waits(Self.interval)
        }
        return nil
    }

    private func interrupted() -> ExitCode {
        progress.end()
        complain("interrupted; nothing finished is lost. Go on with:  apex resume \(folder.path)")
        return .resumable
    }

    private func finish(_ status: JobStatus, _ client: Client) throws -> ExitCode {
        progress.end()
        guard status.state == .done || status.state == .unfinished, let answer = status.answer else {
            throw JobError("the weekend \(status.state.name): \(status.reason)")
        }
        clock.enter("report")
        let output = WeekendOutput(
            folder: folder, manifest: manifest, status: status, ledger: try client.ledger(of: status.id),
            answer: try decode(try client.blob(answer)),
            universe: try decodeUniverse(try universe ?? client.blob(BlobID(manifest.universe)!)),
            slots: try slots(client))
        try output.write()
        clock.leave()
        output.announce(json: json, clock)
        return status.state == .done ? .done : .unproved
    }

    /// Slots that worked on the run: of a run that was over before, those of then, for today's did nothing.
    private func slots(_ client: Client) throws -> Int {
        if !sawWork, let then = manifest.slots { return then }
        let now = try client.status().workers.reduce(0) { $0 + Int($1.slots) }
        if sawWork {
            manifest.slots = now
            try folder.write(manifest)
        }
        return now
    }

    private func decode(_ bytes: [UInt8]) throws -> Weekend.Answer {
        do { return try Weekend.Answer(wireBytes: bytes) } catch { throw JobError(error, while: "reading the answer") }
    }
    private func decodeUniverse(_ bytes: [UInt8]) throws -> Universe {
        do { return try Universe(wireBytes: bytes) } catch { throw JobError(error, while: "reading the universe") }
    }
}
