import Blobs
import Jobs
import Messages

/// The pure part of a job kind that lives in the coordinator: results in, next tasks out. No clock, no randomness but
/// the spec's seed; its answer must not depend on the order in which results come.
package protocol Planner<Kind>: Sendable {
    associatedtype Kind: JobKind

    /// - Throws: when the spec cannot be run, in words for who submitted it.
    init(_ spec: Kind.Spec, blobs: any BlobSource) throws(JobError)

    /// The first tasks.
    mutating func start() throws(JobError) -> Step<Kind.Task>

    /// Called once per task, with the only result that was accepted for it.
    mutating func finished(_ index: Int, with result: Kind.Result, load: Load) throws(JobError) -> Step<Kind.Task>

    /// Slots are idle and nothing is queued, or a worker joined: a planner that can split its queued work does.
    mutating func idle(load: Load) throws(JobError) -> Step<Kind.Task>

    /// The budget is spent and nothing is running: answer with what there is. Tasks given out and not finished stay
    /// queued in the core, in case somebody adds budget.
    mutating func budgetEnded() throws(JobError) -> Step<Kind.Task>

    /// Somebody speaks to the job: a request of a person, a running task, or the core about a task that is not tried
    /// again. Answers go into `Step.answers`.
    mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8]) throws(JobError) -> Step<Kind.Task>

    /// As `heard(_:_:)`, for planners that count time.
    mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8], at moment: Moment) throws(JobError)
        -> Step<Kind.Task>

    /// After a restart: `tasks` are all that were planned, in order, `results` the accepted ones in order of
    /// acceptance. Answers with what was due but not yet planned when the coordinator died.
    mutating func restore(tasks: [Kind.Task], results: [(index: Int, result: Kind.Result)]) throws(JobError)
        -> Step<Kind.Task>

    /// As `restore(tasks:results:)`, for kinds that are spoken to: what was said, and after how many results.
    mutating func restore(
        tasks: [Kind.Task], results: [(index: Int, result: Kind.Result)], hearings: [Hearing]
    ) throws(JobError) -> Step<Kind.Task>
}

/// What a planner answers with.
package struct Step<Task: Sendable>: Sendable {
    /// So many tasks, all with this payload; the runner tells them apart by index. Only from `start`.
    package var array: (task: Task, count: UInt32)?
    /// Numbered on from the last task planned.
    package var tasks: [Task] = []
    /// The new `tasks` run in slices of the job's budget.
    package var isBudgeted = false
    /// Bytes to store before the tasks go out: a blob's name is the hash of its bytes.
    package var blobs: [[UInt8]] = []
    package var status: PlanStatus?
    package var end: End?
    /// See `Plan`.
    package var isResting: Bool?
    package var answers: [PlanAnswer] = []
    package var publications: [[UInt8]] = []

    package enum End: Sendable {
        case answer([UInt8])
        case unfinished([UInt8])
    }
    package init() {}
    package init(tasks: [Task]) { self.tasks = tasks }

    /// Two answers in a row, as one.
    mutating func append(_ next: Step) {
        array = array ?? next.array
        tasks += next.tasks
        isBudgeted = isBudgeted || next.isBudgeted
        blobs += next.blobs
        status = next.status ?? status
        end = next.end ?? end
        isResting = next.isResting ?? isResting
        answers += next.answers
        publications += next.publications
    }
}

extension Planner {
    package mutating func idle(load: Load) throws(JobError) -> Step<Kind.Task> { Step() }
    package mutating func budgetEnded() throws(JobError) -> Step<Kind.Task> { Step() }
    package mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8]) throws(JobError) -> Step<Kind.Task> {
        Step()
    }
    package mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8], at moment: Moment) throws(JobError)
        -> Step<Kind.Task>
    { try heard(source, bytes) }
    package mutating func restore(
        tasks: [Kind.Task], results: [(index: Int, result: Kind.Result)], hearings: [Hearing]
    ) throws(JobError) -> Step<Kind.Task> { try restore(tasks: tasks, results: results) }

    /// Right for planners whose steps are cheap: plan again from the start, and drop what was planned before.
    package mutating func restore(tasks: [Kind.Task], results: [(index: Int, result: Kind.Result)]) throws(JobError)
        -> Step<Kind.Task>
    {
        var again = try start()
        for (index, result) in results {
            let step = try finished(index, with: result, load: Load(slots: 0, idleSlots: 0, queuedTasks: 0))
            again.tasks += step.tasks
            again.blobs += step.blobs
            again.status = step.status ?? again.status
            again.end = step.end ?? again.end
        }
        again.tasks.removeFirst(min(tasks.count, again.tasks.count))
        if !tasks.isEmpty { again.array = nil }
        return again
    }
}
