/// Where a job stands.
package enum JobState: UInt8, Sendable, Equatable {
    /// Its planner has not answered yet, or the jobs it comes after are not done.
    case waiting
    case running
    case paused
    case done
    case failed
    case cancelled
    /// The budget ended before the work did: add budget and it continues.
    case unfinished
    /// It wants nothing until somebody speaks to it.
    case resting

    package var name: String { "\(self)" }
    package var isOver: Bool { self == .done || self == .failed || self == .cancelled || self == .unfinished }
}

package struct JobStatus: Sendable, Equatable, Wire {
    package var id: JobID
    package var kind: String
    package var name: String
    package var state: JobState
    package var priority: Int32
    package var tasks: UInt32, done: UInt32, failed: UInt32, running: UInt32, queued: UInt32
    /// Why it failed, or what it waits for; empty otherwise.
    package var reason: String
    package var plan: PlanStatus
    package var answer: BlobID?
    package var budget: BudgetStatus?
    /// Milliseconds since 1970 of submission and end (0: not ended).
    package var submitted: UInt64, ended: UInt64
    /// Of `done`, tasks whose results were known from before. Of `running`, tasks that two workers run.
    package var reused: UInt32, doubled: UInt32
    package init(
        id: JobID, kind: String, name: String, state: JobState, priority: Int32, tasks: UInt32, done: UInt32,
        failed: UInt32, running: UInt32, queued: UInt32, reason: String, plan: PlanStatus, answer: BlobID?,
        budget: BudgetStatus?, submitted: UInt64, ended: UInt64, reused: UInt32 = 0, doubled: UInt32 = 0
    ) {
        self.id = id
        self.kind = kind
        self.name = name
        self.state = state
        self.priority = priority
        self.tasks = tasks
        self.done = done
        self.failed = failed
        self.running = running
        self.queued = queued
        self.reason = reason
        self.plan = plan
        self.answer = answer
        self.budget = budget
        self.submitted = submitted
        self.ended = ended
        self.reused = reused
        self.doubled = doubled
    }
    package func write(to writer: inout WireWriter) {
        writer.value(id)
        writer.string(kind)
        writer.string(name)
        writer.integer(state.rawValue)
        writer.integer(priority)
        for number in [tasks, done, failed, running, queued] { writer.integer(number) }
        writer.string(reason)
        writer.value(plan)
        writer.optional(answer)
        writer.optional(budget)
        writer.integer(submitted)
        writer.integer(ended)
        writer.integer(reused)
        writer.integer(doubled)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        id = try reader.value()
        kind = try reader.string()
        name = try reader.string()
        let code: UInt8 = try reader.integer()
        guard let state = JobState(rawValue: code) else { throw WireError("there is no job state \(code)") }
        self.state = state
        priority = try reader.integer()
        tasks = try reader.integer()
        done = try reader.integer()
        failed = try reader.integer()
        running = try reader.integer()
        queued = try reader.integer()
        reason = try reader.string()
        plan = try reader.value()
        answer = try reader.optional()
        budget = try reader.optional()
        submitted = try reader.integer()
        ended = try reader.integer()
        reused = try reader.integer()
        doubled = try reader.integer()
    }
}

/// A job's budget in slot-milliseconds: granted + spent + pool = total, always.
package struct BudgetStatus: Sendable, Equatable, Wire {
    package var total: UInt64, granted: UInt64, spent: UInt64, pool: UInt64
    /// Given back by tasks that needed less than their slice; counted inside `pool` or granted again since.
    package var donated: UInt64
    /// Wall-clock milliseconds allowed, and used so far.
    package var wallMilliseconds: UInt64, elapsedMilliseconds: UInt64
    package init(
        total: UInt64, granted: UInt64, spent: UInt64, pool: UInt64, donated: UInt64, wallMilliseconds: UInt64,
        elapsedMilliseconds: UInt64
    ) {
        self.total = total
        self.granted = granted
        self.spent = spent
        self.pool = pool
        self.donated = donated
        self.wallMilliseconds = wallMilliseconds
        self.elapsedMilliseconds = elapsedMilliseconds
    }
    package func write(to writer: inout WireWriter) {
        for number in [total, granted, spent, pool, donated, wallMilliseconds, elapsedMilliseconds] {
            writer.integer(number)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        total = try reader.integer()
        granted = try reader.integer()
        spent = try reader.integer()
        pool = try reader.integer()
        donated = try reader.integer()
        wallMilliseconds = try reader.integer()
        elapsedMilliseconds = try reader.integer()
    }
}

package struct WorkerStatus: Sendable, Equatable, Wire {
    package var id: WorkerID
    package var name: String
    package var slots: UInt32
    /// Tasks it holds, running or queued there.
    package var held: UInt32
    package var completed: UInt64
    package var silentMilliseconds: UInt64
    package var isDraining: Bool
    package var hardware: HardwareReport
    package init(
        id: WorkerID, name: String, slots: UInt32, held: UInt32, completed: UInt64, silentMilliseconds: UInt64,
        isDraining: Bool, hardware: HardwareReport
    ) {
        self.id = id
        self.name = name
        self.slots = slots
        self.held = held
        self.completed = completed
        self.silentMilliseconds = silentMilliseconds
        self.isDraining = isDraining
        self.hardware = hardware
    }
    package func write(to writer: inout WireWriter) {
        writer.value(id)
        writer.string(name)
        writer.integer(slots)
        writer.integer(held)
        writer.integer(completed)
        writer.integer(silentMilliseconds)
        writer.bool(isDraining)
        writer.value(hardware)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        id = try reader.value()
        name = try reader.string()
        slots = try reader.integer()
        held = try reader.integer()
        completed = try reader.integer()
        silentMilliseconds = try reader.integer()
        isDraining = try reader.bool()
        hardware = try reader.value()
    }
}

package struct ClusterStatus: Sendable, Equatable, Wire {
    package var jobs: [JobStatus]
    package var workers: [WorkerStatus]
    package var coordinator: CoordinatorStatus
    package init(jobs: [JobStatus], workers: [WorkerStatus], coordinator: CoordinatorStatus) {
        self.jobs = jobs
        self.workers = workers
        self.coordinator = coordinator
    }
    package func write(to writer: inout WireWriter) {
        writer.array(jobs)
        writer.array(workers)
        writer.value(coordinator)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        jobs = try reader.array()
        workers = try reader.array()
        coordinator = try reader.value()
    }
}

package struct CoordinatorStatus: Sendable, Equatable, Wire {
    package var codeVersion: String
    package var incarnation: UInt64
    package var process: UInt32
    package var state: String
    package var listen: [String]
    package var uptimeMilliseconds: UInt64
    package var residentBytes: UInt64
    package init(
        codeVersion: String, incarnation: UInt64, process: UInt32, state: String, listen: [String],
        uptimeMilliseconds: UInt64, residentBytes: UInt64
    ) {
        self.codeVersion = codeVersion
        self.incarnation = incarnation
        self.process = process
        self.state = state
        self.listen = listen
        self.uptimeMilliseconds = uptimeMilliseconds
        self.residentBytes = residentBytes
    }
    package func write(to writer: inout WireWriter) {
        writer.string(codeVersion)
        writer.integer(incarnation)
        writer.integer(process)
        writer.string(state)
        writer.array(listen)
        writer.integer(uptimeMilliseconds)
        writer.integer(residentBytes)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        codeVersion = try reader.string()
        incarnation = try reader.integer()
        process = try reader.integer()
        state = try reader.string()
        listen = try reader.array()
        uptimeMilliseconds = try reader.integer()
        residentBytes = try reader.integer()
    }
}
