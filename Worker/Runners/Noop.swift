import Jobs
import Messages

package enum NoopRunner: Runner {
    package typealias Kind = Noop

    package static func run(_ task: Noop.Task, index: UInt32, context: RunContext) throws(JobError) -> Noop.Result {
        // A result travels in one frame with others; a spec that asks for more is its owner's mistake.
        guard task.resultBytes <= 1 << 20 else {
            throw JobError("a no-op result of \(task.resultBytes) bytes; ask for at most \(1 << 20).")
        }
        return Noop.Result(bytes: [UInt8](repeating: 0, count: Int(task.resultBytes)))
    }
}
