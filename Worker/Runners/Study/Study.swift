import Glibc
import Jobs
import Messages

/// Evaluates a trial's objective. Whatever is wrong with the objective is a result; only a worker that cannot work
/// throws.
package enum StudyRunner: Runner {
    package typealias Kind = Study

    package static func run(_ task: Study.Task, index: UInt32, context: RunContext) throws(JobError) -> Study.Result {
        guard task.values.count == task.parameters.count else {
            throw JobError(
                "trial \(task.trial) of study \(task.study) has \(task.values.count) values for "
                    + "\(task.parameters.count) parameters.")
        }
        var result = Study.Result(
            end: .pruned, started: milliseconds(), ended: 0, worker: context.workerName)
        do throws(ObjectiveError) {
            switch task.objective {
            case .algorithm(let name, let bars) where task.stage != nil:
                try evaluate(strategy: name, bars, task.stage!, of: task, context, &result)
            case .command(let program): try evaluate(program, of: task, context, &result)
            case .function(let name): try evaluate(function: name, of: task, context, &result)
            case .algorithm(let name, let universe): try evaluate(algorithm: name, universe, of: task, context, &result)
            case .external:
                throw ObjectiveError("study \(task.study) has no objective that a worker could run; use ask and tell.")
            }
            if let part = task.stage { try score(part, &result) }
        } catch {
            result.end = .failed(error.reason, mayRetry: error.mayRetry)
        }
        if context.isCancelled() {
            throw JobError("trial \(task.trial) of study \(task.study) was stopped because its task was cancelled.")
        }
        result.ended = milliseconds()
        return result
    }

    /// Since 1970, on this machine's clock.
    private static func milliseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }
}

/// Why an attempt at a trial failed, in words for the study's owner.
struct ObjectiveError: Error {
    var reason: String
    /// A second try might end otherwise.
    var mayRetry: Bool
    init(_ reason: String, mayRetry: Bool = false) {
        self.reason = reason
        self.mayRetry = mayRetry
    }
}
