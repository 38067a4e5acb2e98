import Blobs
import Jobs
import Messages

package struct NoopPlanner: Planner {
    package typealias Kind = Noop
    private let spec: Noop.Spec
    private var count: ArrayCount

    package init(_ spec: Noop.Spec, blobs: any BlobSource) throws(JobError) {
        guard spec.count > 0 else { throw JobError("0 no-op tasks; give --count of at least 1.") }
        try ArrayCount.check(spec.count)
        guard spec.resultBytes <= 1 << 20 else {
            throw JobError("a no-op result of \(spec.resultBytes) bytes; ask for at most \(1 << 20).")
        }
        self.spec = spec
        count = ArrayCount(total: spec.count)
    }

    package mutating func start() throws(JobError) -> Step<Noop.Task> { count.start(spec) }

    package mutating func finished(_ index: Int, with result: Noop.Result, load: Load) throws(JobError)
        -> Step<Noop.Task>
    { count.finished(1) }

    package mutating func restore(tasks: [Noop.Task], results: [(index: Int, result: Noop.Result)]) throws(JobError)
        -> Step<Noop.Task>
    { tasks.isEmpty ? count.start(spec) : count.finished(UInt32(results.count)) }
}
