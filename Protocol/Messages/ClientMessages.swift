/// What a client may ask. Every request is answered by one `Reply` with its number, and may be repeated safely.
package enum Request: Sendable, Equatable, Wire {
    case submit(Submission)
    case status
    case job(JobID)
    case cancel(JobID)
    case pause(JobID)
    case unpause(JobID)
    /// Why a task (`3.17`) or job (`3`) is not running.
    case why(String)
    /// More wall-clock milliseconds for a job with a budget; a job that ended for want of it continues. The asker's
    /// token makes a repeat the same addition.
    case addBudget(JobID, milliseconds: UInt64, token: UInt64)
    /// Results of tasks from index `from` on: as many as fit one frame.
    case results(JobID, from: UInt32)
    /// The budget's entries from position `from` on.
    case ledger(JobID, from: UInt32)
    /// Part of a blob on its way to the coordinator; the answer says how far it got.
    case putBlob(BlobID, total: UInt64, offset: UInt64, [UInt8])
    /// Something for a job's planner, in bytes of its kind. What `isKept` is remembered like a result; a planner is
    /// told it once for each time it is sent.
    case tell(JobID, isKept: Bool, [UInt8])
    /// What programs of a job's tasks, or of one, printed lately: parts after that number, as many as fit one answer.
    case output(JobID, task: UInt32?, after: UInt64)

    package func write(to writer: inout WireWriter) {
        switch self {
        case .submit(let submission):
            writer.integer(UInt8(0))
            writer.value(submission)
        case .status: writer.integer(UInt8(1))
        case .job(let job):
            writer.integer(UInt8(2))
            writer.value(job)
        case .cancel(let job):
            writer.integer(UInt8(3))
            writer.value(job)
        case .pause(let job):
            writer.integer(UInt8(4))
            writer.value(job)
        case .unpause(let job):
            writer.integer(UInt8(5))
            writer.value(job)
        case .why(let text):
            writer.integer(UInt8(6))
            writer.string(text)
        case .addBudget(let job, let milliseconds, let token):
            writer.integer(UInt8(7))
            writer.value(job)
            writer.integer(milliseconds)
            writer.integer(token)
        case .results(let job, let from):
            writer.integer(UInt8(8))
            writer.value(job)
            writer.integer(from)
        case .ledger(let job, let from):
            writer.integer(UInt8(9))
            writer.value(job)
            writer.integer(from)
        case .putBlob(let blob, let total, let offset, let bytes):
            writer.integer(UInt8(10))
            writer.value(blob)
            writer.integer(total)
            writer.integer(offset)
            writer.blob(bytes)
        case .tell(let job, let isKept, let bytes):
            writer.integer(UInt8(11))
            writer.value(job)
            writer.bool(isKept)
            writer.blob(bytes)
        case .output(let job, let task, let after):
            writer.integer(UInt8(12))
            writer.value(job)
            writer.bool(task != nil)
            if let task { writer.integer(task) }
            writer.integer(after)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .submit(try reader.value())
        case 1: self = .status
        case 2: self = .job(try reader.value())
        case 3: self = .cancel(try reader.value())
        case 4: self = .pause(try reader.value())
        case 5: self = .unpause(try reader.value())
        case 6: self = .why(try reader.string())
        case 7:
            self = .addBudget(
                try reader.value(), milliseconds: try reader.integer(), token: try reader.integer())
        case 8: self = .results(try reader.value(), from: try reader.integer())
        case 9: self = .ledger(try reader.value(), from: try reader.integer())
        case 10:
            self = .putBlob(
                try reader.value(), total: try reader.integer(), offset: try reader.integer(), try reader.blob())
        case 11: self = .tell(try reader.value(), isKept: try reader.bool(), try reader.blob())
        case 12:
            self = .output(
                try reader.value(), task: try reader.bool() ? try reader.integer() : nil, after: try reader.integer())
        case let other: throw WireError("there is no request \(other)")
        }
    }
}

/// A job as submitted.
package struct Submission: Sendable, Equatable, Wire {
    /// Drawn by the client: the same token again is the same job, so a submit may be repeated after a lost reply.
    package var token: UInt64
    package var kind: String
    package var spec: [UInt8]
    package var name: String
    /// Higher runs first.
    package var priority: Int32
    /// Starts when all of these are done; never when one of them failed or was cancelled.
    package var after: [JobID]
    /// Wall-clock milliseconds its budgeted tasks share; 0: no limit.
    package var budgetMilliseconds: UInt64
    /// What each task needs.
    package var needs: TaskNeeds
    /// How often a task that failed is tried again.
    package var retries: UInt32
    /// A task that is not tried again is told to the planner; otherwise it ends the job.
    package var toleratesFailures: Bool
    package init(
        token: UInt64, kind: String, spec: [UInt8], name: String = "", priority: Int32 = 0, after: [JobID] = [],
        budgetMilliseconds: UInt64 = 0, needs: TaskNeeds = TaskNeeds(), retries: UInt32 = 0,
        toleratesFailures: Bool = false
    ) {
        self.token = token
        self.kind = kind
        self.spec = spec
        self.name = name
        self.priority = priority
        self.after = after
        self.budgetMilliseconds = budgetMilliseconds
        self.needs = needs
        self.retries = retries
        self.toleratesFailures = toleratesFailures
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(token)
        writer.string(kind)
        writer.blob(spec)
        writer.string(name)
        writer.integer(priority)
        writer.array(after)
        writer.integer(budgetMilliseconds)
        writer.value(needs)
        writer.integer(retries)
        writer.bool(toleratesFailures)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.integer()
        kind = try reader.string()
        spec = try reader.blob()
        name = try reader.string()
        priority = try reader.integer()
        after = try reader.array()
        budgetMilliseconds = try reader.integer()
        needs = try reader.value()
        retries = try reader.integer()
        toleratesFailures = try reader.bool()
    }
}

/// What one task occupies while it runs.
package struct TaskNeeds: Sendable, Equatable, Hashable, Wire {
    /// Slots of a worker.
    package var cores: UInt32 = 1
    package var memoryBytes: UInt64 = 0
    package init(cores: UInt32 = 1, memoryBytes: UInt64 = 0) {
        self.cores = cores
        self.memoryBytes = memoryBytes
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(cores)
        writer.integer(memoryBytes)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        cores = try reader.integer()
        memoryBytes = try reader.integer()
    }
}

package enum Reply: Sendable, Equatable, Wire {
    case done
    case submitted(JobID)
    case refused(String)
    indirect case status(ClusterStatus)
    indirect case job(JobStatus)
    case because(String)
    /// (index, succeeded, result bytes or the failure's words)
    case results([TaskRecord])
    case ledger([LedgerEntry])
    /// The coordinator holds this many bytes of the blob; the total means it is whole.
    case blobReceived(UInt64)
    /// What a planner said, in bytes of its kind.
    case said([UInt8])
    case output([OutputPart])

    package func write(to writer: inout WireWriter) {
        switch self {
        case .done: writer.integer(UInt8(0))
        case .submitted(let job):
            writer.integer(UInt8(1))
            writer.value(job)
        case .refused(let reason):
            writer.integer(UInt8(2))
            writer.string(reason)
        case .status(let status):
            writer.integer(UInt8(3))
            writer.value(status)
        case .job(let status):
            writer.integer(UInt8(4))
            writer.value(status)
        case .because(let words):
            writer.integer(UInt8(5))
            writer.string(words)
        case .results(let records):
            writer.integer(UInt8(6))
            writer.array(records)
        case .ledger(let entries):
            writer.integer(UInt8(7))
            writer.array(entries)
        case .blobReceived(let bytes):
            writer.integer(UInt8(8))
            writer.integer(bytes)
        case .said(let bytes):
            writer.integer(UInt8(9))
            writer.blob(bytes)
        case .output(let parts):
            writer.integer(UInt8(10))
            writer.array(parts)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .done
        case 1: self = .submitted(try reader.value())
        case 2: self = .refused(try reader.string())
        case 3: self = .status(try reader.value())
        case 4: self = .job(try reader.value())
        case 5: self = .because(try reader.string())
        case 6: self = .results(try reader.array())
        case 7: self = .ledger(try reader.array())
        case 8: self = .blobReceived(try reader.integer())
        case 9: self = .said(try reader.blob())
        case 10: self = .output(try reader.array())
        case let other: throw WireError("there is no reply \(other)")
        }
    }
}

package struct TaskRecord: Sendable, Equatable, Wire {
    package var index: UInt32
    package var succeeded: Bool
    package var bytes: [UInt8]
    package init(index: UInt32, succeeded: Bool, bytes: [UInt8]) {
        self.index = index
        self.succeeded = succeeded
        self.bytes = bytes
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(index)
        writer.bool(succeeded)
        writer.blob(bytes)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(index: try reader.integer(), succeeded: try reader.bool(), bytes: try reader.blob())
    }
}

/// One movement of a job's budget. All in slot-milliseconds; `at` is milliseconds of budget time since its start.
package struct LedgerEntry: Sendable, Equatable, Wire {
    package var at: UInt64
    package var task: UInt32
    package var granted: UInt64
    package var spent: UInt64
    /// granted − spent, back in the pool; 0 when the slice was overrun, and for a task that has no slice.
    package var donated: UInt64
    package init(at: UInt64, task: UInt32, granted: UInt64, spent: UInt64, donated: UInt64) {
        self.at = at
        self.task = task
        self.granted = granted
        self.spent = spent
        self.donated = donated
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(at)
        writer.integer(task)
        for number in [granted, spent, donated] { writer.integer(number) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        at = try reader.integer()
        task = try reader.integer()
        granted = try reader.integer()
        spent = try reader.integer()
        donated = try reader.integer()
    }
}
