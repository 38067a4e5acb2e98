import Jobs
import Messages

// Pictures of jobs that others read: made from what planners publish, after the state that they show is stored.
extension Coordinator {
    func publish(_ job: JobID, _ kind: String, _ publications: [[UInt8]]) {
        // The one kind that is shown outside, so far.
        if kind == Study.name { studies.write(publications, of: job) }
    }
}
