/// Where planners and runners read their inputs: by hash, whole.
package protocol BlobSource {
    /// - Throws: when the blob is neither here nor to be had.
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8]
}

/// What a planner wants done next, in bytes: what the coordinator's core stores and hands out without reading it.
package struct Plan: Sendable, Equatable {
    /// Tasks that share one payload and differ only in their index; after these come `tasks`.
    package var array: (payload: [UInt8], count: UInt32)?
    package var tasks: [PlannedTask] = []
    package var status = PlanStatus()
    package var end: End?
    /// Nothing is to be done until somebody speaks to the job; nil: as before.
    package var isResting: Bool?
    /// To people and tasks that spoke to the planner.
    package var answers: [PlanAnswer] = []
    /// For whoever keeps pictures of this kind's jobs, in bytes of the kind.
    package var publications: [[UInt8]] = []

    package enum End: Sendable, Equatable {
        /// The job is done; its answer is this blob.
        case answer(BlobID)
        /// The budget ended before the work did: an answer, and tasks still queued for whoever adds budget.
        case unfinished(BlobID)
        case failed(String)
    }
    package init() {}
    package static func == (a: Plan, b: Plan) -> Bool {
        a.array?.payload == b.array?.payload && a.array?.count == b.array?.count && a.tasks == b.tasks
            && a.status == b.status && a.end == b.end && a.isResting == b.isResting && a.answers == b.answers
            && a.publications == b.publications
    }
}

/// What a planner answers to somebody who spoke to it.
package enum PlanAnswer: Sendable, Equatable {
    /// To the request that was told under this number.
    case request(UInt32, [UInt8])
    /// To a running task; dropped when it no longer runs.
    case task(UInt32, [UInt8])
}

/// What is said to a job's planner beside results, in the order in which it was said.
package struct Hearing: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// A request, by its number within the job.
        case request(UInt32)
        /// A running task.
        case task(UInt32)
        /// The core itself: this task is not tried again, for the reason in the bytes.
        case parked(UInt32)
    }
    package var source: Source
    package var bytes: [UInt8]
    /// How many of the job's results had been accepted before.
    package var afterResults: UInt32
    package var moment: Moment
    package init(source: Source, bytes: [UInt8], afterResults: UInt32, moment: Moment = Moment()) {
        self.source = source
        self.bytes = bytes
        self.afterResults = afterResults
        self.moment = moment
    }
}

/// When the coordinator heard something: the only clock that a planner has. It is stored with what was said, so that a
/// planner that is rebuilt lives through the same times again.
package struct Moment: Sendable, Equatable {
    /// Milliseconds since this coordinator process began; never goes back but for a new process.
    package var monotonic: UInt64
    /// Milliseconds since 1970, as the machine believes; may jump.
    package var wall: UInt64
    package init(monotonic: UInt64 = 0, wall: UInt64 = 0) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// One task as planned.
package struct PlannedTask: Sendable, Equatable {
    package var payload: [UInt8]
    /// It runs in slices of the job's budget; false: until it is done.
    package var isBudgeted: Bool
    /// Its result, from an earlier task that was alike: it need not run.
    package var known: [UInt8]?
    package init(payload: [UInt8], isBudgeted: Bool = false) {
        self.payload = payload
        self.isBudgeted = isBudgeted
    }
}

/// What a planner tells the people who watch.
package struct PlanStatus: Sendable, Equatable, Wire {
    package struct Stage: Sendable, Equatable, Wire {
        package var name: String
        /// In `unit`; total 0 means not known yet.
        package var done: UInt64, total: UInt64
        package var unit: String
        package init(name: String, done: UInt64, total: UInt64, unit: String) {
            self.name = name
            self.done = done
            self.total = total
            self.unit = unit
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.integer(done)
            writer.integer(total)
            writer.string(unit)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                name: try reader.string(), done: try reader.integer(), total: try reader.integer(),
                unit: try reader.string())
        }
    }
    /// In order; the last is the current one.
    package var stages: [Stage] = []
    /// The best score so far, the bound on what is left (both absent before a search), in words of `stages`' last.
    package var incumbent: Double?
    package var bound: Double?
    package init() {}
    package func write(to writer: inout WireWriter) {
        writer.array(stages)
        writer.double(incumbent ?? .nan)
        writer.double(bound ?? .nan)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        stages = try reader.array()
        let incumbent = try reader.double()
        let bound = try reader.double()
        self.incumbent = incumbent.isNaN ? nil : incumbent
        self.bound = bound.isNaN ? nil : bound
    }
}

/// How busy the cluster is when a planner is asked: enough to decide whether to split work.
package struct Load: Sendable, Equatable {
    /// Slots of all live workers; those without a task; tasks of this job waiting.
    package var slots: Int
    package var idleSlots: Int
    package var queuedTasks: Int
    package init(slots: Int, idleSlots: Int, queuedTasks: Int) {
        self.slots = slots
        self.idleSlots = idleSlots
        self.queuedTasks = queuedTasks
    }
}
