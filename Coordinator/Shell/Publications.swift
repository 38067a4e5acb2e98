import Jobs
import Messages

// Pictures of jobs that others read: made from what planners publish, after the state that they show is stored.
extension Coordinator {
    func publish(_ job: JobID, _ kind: String, _ publications: [[UInt8]]) {
        if kind == Study.name { studies.write(publications, of: job) }
        if kind == Ingest.name { ingests.write(publications, of: job) }
    }
}
