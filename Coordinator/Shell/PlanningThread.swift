import Blobs
import CoordinatorCore
import Foundation
import Messages
import Planners
import Synchronization
import ZeroMQ

/// Runs the planners, one question at a time, so that the coordinator's loop never waits for one. Answers come back
/// as events.
final class PlanningThread: Sendable {
    private struct Question: Sendable {
        var job: JobID
        var call: PlannerCall
        /// Instead of a call: rebuild the planner from what is stored.
        var history: History?
    }
    struct History: Sendable {
        var kind: String
        var spec: [UInt8]
        var tasks: [[UInt8]]
        var results: [(index: UInt32, result: [UInt8])]
        var hearings: [Hearing]
    }
    private struct State: Sendable {
        var questions: [Question] = []
        var answers: [Event] = []
        var failure: String?
        var isStopped = false
        var desk: ProviderDesk?
    }

    private let state = Mutex(State())
    private let asked = DispatchSemaphore(value: 0)
    private let wakeup: Wakeup
    private let blobs: BlobStore
    private let reuse: String?
    private let quotas: String
    private let hedging: Hedging
    private let log: @Sendable (LogLine) -> Void

    /// - Parameters:
    ///   - reuse: the file of results that may be asked for again; nil: every task is run.
    ///   - quotas: the file of calls leased to tasks; made with the first.
    ///   - hedging: when a second provider is asked beside a slow one.
    ///   - wakeup: woken whenever answers are waiting.
    init(
        blobs: BlobStore, reuse: String?, quotas: String, hedging: Hedging, wakeup: Wakeup,
        log: @escaping @Sendable (LogLine) -> Void
    ) {
        self.blobs = blobs
        self.reuse = reuse
        self.quotas = quotas
        self.hedging = hedging
        self.log = log
        self.wakeup = wakeup
        let thread = Thread { [self] in work() }
        thread.name = "planning"
        thread.stackSize = 16 << 20  // planners recurse over their data
        thread.start()
    }

    func ask(_ job: JobID, _ call: PlannerCall) { enqueue(Question(job: job, call: call)) }
    func restore(_ job: JobID, _ history: History) {
        enqueue(Question(job: job, call: .budgetEnded, history: history))
    }
    private func enqueue(_ question: Question) {
        state.withLock { $0.questions.append(question) }
        asked.signal()
    }
    func stop() {
        state.withLock { $0.isStopped = true }
        asked.signal()
    }

    /// What the planners answered since the last call.
    func takeAnswers() -> [Event] {
        state.withLock { state in
            defer { state.answers = [] }
            return state.answers
        }
    }
    /// Why planning cannot go on (the disk is full), if it cannot: the coordinator must stop, and can resume.
    var failure: String? { state.withLock { $0.failure } }

    private func work() {
        Signals.blockOnThisThread()
        var planners: [JobID: any ErasedPlanner] = [:]
        var known = KnownResults(path: reuse, log: log)
        var alarms: [JobID: UInt64] = [:]
        let desk: ProviderDesk
        let book = QuotaStore(path: quotas) { [weak self] in self?.fail($0) }
        do throws(JobError) { desk = try ProviderDesk(book, hedging: hedging) } catch { return fail(error) }
        desk.tell(moment)
        if desk.unprovenMilliseconds > 0 {
            log(
                LogLine(
                    .warning, "quota_clock_unproven",
                    [
                        ("ahead_seconds", "\(desk.unprovenMilliseconds / 1000)"),
                        (
                            "what",
                            "\"after a restart of the machine quotas count from its start until a provider's clock agrees\""
                        ),
                    ]))
        }
        state.withLock { $0.desk = desk }
        while true {
            if alarms.isEmpty {
                asked.wait()
            } else {
                let wait = (alarms.values.min() ?? 0) - min(desk.now, alarms.values.min() ?? 0)
                _ = asked.wait(timeout: .now() + .milliseconds(Int(min(wait, 60_000)) + 1))
                desk.tell(moment)
                for job in alarms.filter({ $0.value <= desk.now }).keys.sorted() {
                    wakePlanner(of: job, &planners, &alarms)
                }
            }
            // All that waits at once: taking the first of many moves the others.
            let questions: [Question]? = state.withLock { state in
                if state.isStopped { return nil }
                defer { state.questions = [] }
                return state.questions
            }
            guard let questions else { return known.flush() }
            for question in questions {
                if state.withLock({ $0.isStopped }) { return known.flush() }
                desk.tell(moment)
                do throws(JobError) { try desk.keepTime() } catch { return fail(error) }
                work(on: question, &planners, &known, desk)
                alarms[question.job] = planners[question.job]?.wakeAt
            }
            known.flush()
        }
    }

    /// How every provider did, for people.
    func sources() -> [SourceStatus] { state.withLock { $0.desk }?.statuses() ?? [] }

    private static let boot =
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingCharacters(
            in: .whitespacesAndNewlines) ?? ""
    /// Since the machine started, and not since this process did: so a restart of the coordinator changes nothing.
    private var moment: Moment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(
            boot: Self.boot, monotonic: UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000,
            wall: UInt64(Date().timeIntervalSince1970 * 1000))
    }

    /// Its plan is one that nobody asked for: it goes out only when something new is in it.
    private func wakePlanner(
        of job: JobID, _ planners: inout [JobID: any ErasedPlanner], _ alarms: inout [JobID: UInt64]
    ) {
        guard var planner = planners.removeValue(forKey: job) else {
            alarms[job] = nil
            return
        }
        do throws(JobError) {
            let output = try planner.woken()
            for blob in output.blobs { try store(blob.bytes) }
            if !output.plan.tasks.isEmpty || output.plan.end != nil { give(.planned(job, output.plan)) }
        } catch { give(.planFailed(job, error.description)) }
        alarms[job] = planner.wakeAt
        planners[job] = planner
    }

    private func work(
        on question: Question, _ planners: inout [JobID: any ErasedPlanner], _ known: inout KnownResults,
        _ desk: ProviderDesk
    ) {
        do throws(JobError) {
            guard var output = try answer(question, &planners, desk) else {
                try desk.forget(question.job.number)
                return known.forget(question.job)
            }
            note(question, &known)
            known.complete(&output.plan, of: question.job)
            for blob in output.blobs { try store(blob.bytes) }
            give(.planned(question.job, output.plan))
        } catch {
            give(.planFailed(question.job, error.description))
        }
    }

    private func answer(
        _ question: Question, _ planners: inout [JobID: any ErasedPlanner], _ desk: ProviderDesk
    ) throws(JobError) -> PlannerOutput? {
        let job = question.job
        if let history = question.history {
            var planner = try PlannerList.planner(kind: history.kind, spec: history.spec, blobs: blobs)
            planner.attach(desk, as: job)
            let output = try planner.restore(
                tasks: history.tasks, results: history.results, hearings: history.hearings)
            planners[job] = planner
            return output
        }
        if case .start(let kind, let spec) = question.call {
            var planner = try PlannerList.planner(kind: kind, spec: spec, blobs: blobs)
            planner.attach(desk, as: job)
            let output = try planner.start()
            planners[job] = planner
            return output
        }
        // Taken out while it works, so that its storage is not copied.
        guard var planner = planners.removeValue(forKey: job) else { return nil }
        defer { if question.call != .forget { planners[job] = planner } }
        switch question.call {
        case .finished(let index, let result, let load):
            return try planner.finished(index, result, load: load)
        case .idle(let load): return try planner.idle(load: load)
        case .budgetEnded: return try planner.budgetEnded()
        case .heard(let source, let bytes): return try planner.heard(source, bytes)
        case .forget, .start: return nil
        }
    }

    /// What the question says about tasks and their results; after its planner took it.
    private func note(_ question: Question, _ known: inout KnownResults) {
        if let history = question.history {
            known.begin(
                question.job, kind: history.kind, tasks: history.tasks, finished: Set(history.results.map(\.index)))
        } else if case .start(let kind, _) = question.call {
            known.begin(question.job, kind: kind)
        } else if case .finished(let index, let result, _) = question.call {
            known.finished(index, of: question.job, result)
        }
    }

    private func store(_ bytes: [UInt8]) throws(JobError) {
        do throws(BlobError) { try blobs.put(bytes) } catch {
            fail(JobError(error.description))
            throw JobError(error.description)
        }
    }
    private func fail(_ error: JobError) {
        state.withLock { $0.failure = error.description }
        wakeup.wake()
    }

    private func give(_ event: Event) {
        // After a failure nothing may be decided any more: the job is not failed, the coordinator is.
        state.withLock { if $0.failure == nil { $0.answers.append(event) } }
        wakeup.wake()
    }
}
