import Messages

/// What people write as 3, a job, or 3.17, one of its tasks.
struct JobOrTask {
    let job: JobID
    /// Nil: the whole job.
    let task: TaskID?

    init(_ text: String) throws(UsageError) {
        task = TaskID(text)
        guard let job = task?.job ?? UInt32(text).map({ JobID($0) }) else {
            throw UsageError("\(text) is no job and no task; write a job as 3 and a task as 3.17.")
        }
        self.job = job
    }
}
