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
    }

    private let state = Mutex(State())
    private let asked = DispatchSemaphore(value: 0)
    private let wakeup: Wakeup
    private let blobs: BlobStore
    private let reuse: String?
    private let log: @Sendable (LogLine) -> Void

    /// - Parameters:
    ///   - reuse: the file of results that may be asked for again; nil: every task is run.
    ///   - wakeup: woken whenever answers are waiting.
    init(blobs: BlobStore, reuse: String?, wakeup: Wakeup, log: @escaping @Sendable (LogLine) -> Void) {
        self.blobs = blobs
        self.reuse = reuse
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
        while true {
            asked.wait()
            // All that waits at once: taking the first of many moves the others.
            let questions: [Question]? = state.withLock { state in
                if state.isStopped { return nil }
                defer { state.questions = [] }
                return state.questions
            }
            guard let questions else { return known.flush() }
            for question in questions {
                if state.withLock({ $0.isStopped }) { return known.flush() }
                work(on: question, &planners, &known)
            }
            known.flush()
        }
    }

    private func work(
        on question: Question, _ planners: inout [JobID: any ErasedPlanner], _ known: inout KnownResults
    ) {
        do throws(JobError) {
            guard var output = try answer(question, &planners) else { return known.forget(question.job) }
            note(question, &known)
            known.complete(&output.plan, of: question.job)
            for blob in output.blobs { try store(blob.bytes) }
            give(.planned(question.job, output.plan))
        } catch {
            give(.planFailed(question.job, error.description))
        }
    }

    private func answer(_ question: Question, _ planners: inout [JobID: any ErasedPlanner]) throws(JobError)
        -> PlannerOutput?
    {
        let job = question.job
        if let history = question.history {
            var planner = try PlannerList.planner(kind: history.kind, spec: history.spec, blobs: blobs)
            let output = try planner.restore(
                tasks: history.tasks, results: history.results, hearings: history.hearings)
            planners[job] = planner
            return output
        }
        if case .start(let kind, let spec) = question.call {
            var planner = try PlannerList.planner(kind: kind, spec: spec, blobs: blobs)
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
        case .heard(let source, let bytes, let moment): return try planner.heard(source, bytes, at: moment)
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
            state.withLock { $0.failure = error.description }
            wakeup.wake()
            throw JobError(error.description)
        }
    }

    private func give(_ event: Event) {
        // After a failure nothing may be decided any more: the job is not failed, the coordinator is.
        state.withLock { if $0.failure == nil { $0.answers.append(event) } }
        wakeup.wake()
    }
}
