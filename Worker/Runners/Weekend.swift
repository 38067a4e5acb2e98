import Jobs
import Messages

/// A weekend's tasks are the tasks of the kinds it is made of.
package enum WeekendRunner: Runner {
    package typealias Kind = Weekend

    package static func run(_ task: Weekend.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Weekend.Result
    {
        switch task {
        case .variations(let task): .variations(try VariationsRunner.run(task, index: index, context: context))
        case .groups(let task): .groups(try GroupsRunner.run(task, index: index, context: context))
        }
    }
}
