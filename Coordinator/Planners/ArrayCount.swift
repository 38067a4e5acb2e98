import Messages

/// What a planner of independent array tasks has to remember: how many are done. The core hands each task's result over
/// once, so a count is enough, and a million tasks cost no memory here.
struct ArrayCount: Sendable {
    /// At about 13 bytes of the coordinator's memory each; longer ones are split by whoever submits them.
    static let maximumTasks: UInt32 = 100_000_000
    let total: UInt32
    private(set) var done: UInt32 = 0

    init(total: UInt32) { self.total = total }

    static func check(_ count: UInt32) throws(JobError) {
        guard count <= maximumTasks else {
            throw JobError("\(count) tasks in one job; at most \(maximumTasks) are taken, so submit several jobs.")
        }
    }

    func start<Task: Sendable>(_ task: Task) -> Step<Task> {
        var step = Step<Task>()
        step.array = (task, total)
        return step
    }

    /// The answer, once all are done, is their number as 32 bits: with it a reader tells an empty answer from none.
    mutating func finished<Task: Sendable>(_ more: UInt32) -> Step<Task> {
        precondition(more <= total - done, "\(more) results beyond \(done) of \(total) tasks")
        done += more
        var step = Step<Task>()
        guard done == total else { return step }
        var writer = WireWriter()
        writer.integer(done)
        step.end = .answer(writer.bytes)
        return step
    }
}
