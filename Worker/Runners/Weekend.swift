import Jobs
import Messages

/// A composite: each task is a task of the kind that its stage is made of.
package enum WeekendRunner: Runner {
    package typealias Kind = Weekend

    package static func run(_ task: Weekend.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Weekend.Result
    {
        switch task {
        case .variations(let task):
            .variations(try VariationsRunner.run(task, index: index, context: context))
        case .groups(let task): .groups(try GroupsRunner.run(task, index: index, context: context))
        }
    }
}
