import Messages

/// Milliseconds on the coordinator's monotonic clock. The core never reads a clock; every event brings its time.
package typealias Milliseconds = UInt64

/// Names the client connection a reply goes back to; the shell's business.
package struct ClientRef: Hashable, Sendable {
    package var connection: UInt64
    package var number: UInt64
    package init(connection: UInt64, number: UInt64) {
        self.connection = connection
        self.number = number
    }
}

// Rare and large cases of the enums below are `indirect`: every event and effect takes the room of the largest that is
// not, and millions a second are moved.

/// Everything that can happen to the cluster.
package enum Event: Sendable, Equatable {
    indirect case submitted(Submission, by: ClientRef)
    /// A planner answered; see `Effect.plan`.
    indirect case planned(JobID, Plan)
    case planFailed(JobID, String)
    indirect case hello(Inbound.Hello)
    case heartbeat(WorkerID, seen: UInt64, held: [ClaimRun])
    case outcomes(WorkerID, number: UInt64, [TaskOutcome])
    case draining(WorkerID)
    case goodbye(WorkerID)
    case cancel(JobID, by: ClientRef)
    case pause(JobID, by: ClientRef)
    case unpause(JobID, by: ClientRef)
    case addBudget(JobID, milliseconds: UInt64, token: UInt64, by: ClientRef)
    /// Something for a job's planner; see `Request.tell`.
    case told(JobID, isKept: Bool, [UInt8], by: ClientRef)
    case reported(WorkerID, [TaskMessage])
    /// Ends every batch of events: time passes, and work is handed out. `wall` is milliseconds since 1970, for people.
    case ticked(wall: UInt64)
    /// The last event of a coordinator that stops in order: what it would otherwise store within a second.
    case stopping
}

/// What the shell must do, in order. All records of a batch are committed in one transaction before anything is sent
/// or planned.
package enum Effect: Sendable, Equatable {
    case record(Record)
    case send(Outbound, to: WorkerID)
    case reply(Reply, to: ClientRef)
    case plan(JobID, PlannerCall)
    /// For whoever keeps pictures of this kind's jobs.
    case publish(JobID, kind: String, [[UInt8]])
    /// One line for the log.
    case log(LogLine)
}

/// A question to a job's planner. It is answered by `Event.planned` or `.planFailed`.
package enum PlannerCall: Sendable, Equatable {
    case start(kind: String, spec: [UInt8])
    case finished(index: UInt32, result: [UInt8], load: Load)
    case idle(Load)
    case budgetEnded
    /// Somebody speaks to it.
    case heard(Hearing.Source, [UInt8])
    /// The job is over: forget its planner. Not answered.
    case forget
}

package struct LogLine: Sendable, Equatable {
    package enum Level: String, Sendable { case info, warning, error }
    package var level: Level
    package var event: String
    /// `key=value` pairs, in order.
    package var fields: [(String, String)]
    package init(_ level: Level, _ event: String, _ fields: [(String, String)] = []) {
        self.level = level
        self.event = event
        self.fields = fields
    }
    package static func == (a: LogLine, b: LogLine) -> Bool {
        a.level == b.level && a.event == b.event && a.fields.elementsEqual(b.fields, by: ==)
    }
}

/// What is stored, so that a coordinator that dies is rebuilt as it was. Nothing is acknowledged before its record is.
package enum Record: Sendable, Equatable {
    indirect case accepted(JobID, Submission, wall: UInt64)
    indirect case state(JobID, JobState, reason: String, answer: BlobID?, wall: UInt64)
    /// Tasks planned, numbered from `first`; an array comes with its shared payload instead.
    case array(JobID, payload: [UInt8], count: UInt32)
    case tasks(JobID, first: UInt32, [PlannedTask])
    indirect case planStatus(JobID, PlanStatus)
    case claimed(ClaimRun, by: WorkerID, grantedMilliseconds: UInt32)
    /// Nothing of this claim is open any more. Unless all of it is done, its epoch must outlive it.
    case closed(ClaimRun, allDone: Bool)
    case done(ClaimRun, [UInt8], busyMicroseconds: UInt64)
    /// Attempts of one task that did not end in a result; `parked` says why it is not tried again.
    /// - deaths: workers that died while they had the task.
    case attempts(TaskID, failures: UInt32, deaths: [WorkerID], parked: String?)
    indirect case ledger(JobID, LedgerEntry)
    /// Said to the planner, and to be said again when it is rebuilt.
    indirect case heard(JobID, Hearing)
    /// A worker joined under a name, or is gone for good: after a restart its successor is known by the name.
    case joined(WorkerID, name: String)
    case left(WorkerID)
    indirect case budget(JobID, StoredBudget)
    /// Budget was added under this token: a repeat adds nothing.
    case budgetAdded(JobID, token: UInt64, milliseconds: UInt64)
}
