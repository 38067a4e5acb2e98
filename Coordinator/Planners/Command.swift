import Blobs
import Jobs
import Messages

package struct CommandPlanner: Planner {
    package typealias Kind = Command
    private let spec: Command.Spec
    private var count: ArrayCount

    package init(_ spec: Command.Spec, blobs: any BlobSource) throws(JobError) {
        guard spec.count > 0 else { throw JobError("a command run 0 times; give --count of at least 1.") }
        try ArrayCount.check(spec.count)
        guard !spec.program.isEmpty else { throw JobError("no program is named; give one after --.") }
        self.spec = spec
        count = ArrayCount(total: spec.count)
    }

    package mutating func start() throws(JobError) -> Step<Command.Task> { count.start(spec) }

    package mutating func finished(_ index: Int, with result: Command.Result, load: Load) throws(JobError)
        -> Step<Command.Task>
    { count.finished(1) }

    package mutating func restore(tasks: [Command.Task], results: [(index: Int, result: Command.Result)])
        throws(JobError) -> Step<Command.Task>
    { tasks.isEmpty ? count.start(spec) : count.finished(UInt32(results.count)) }
}
