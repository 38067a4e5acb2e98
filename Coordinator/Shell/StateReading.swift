import CoordinatorCore
import Messages
import Store

// What was stored, read again: all of it at a start, and parts of it for whoever asks.
extension StateDatabase {
    /// Every job as it was at the last commit.
    package mutating func load() throws(DatabaseError) -> [StoredJob] {
        var jobs: [StoredJob] = []
        let rows = try database.prepare(
            """
            SELECT id, submission, submitted, state, reason, answer, ended, array_payload, array_count, plan_status,
                budget_wall, budget_elapsed, budget_total, budget_slots FROM jobs ORDER BY id
            """)
        while try rows.step() {
            guard let submission = try? Submission(wireBytes: rows.blob(1)),
                let state = JobState(rawValue: UInt8(clamping: rows.integer(3)))
            else { throw DatabaseError(cause: .corrupt, "state.sqlite: job \(rows.integer(0)) cannot be read.") }
            var job = StoredJob(
                id: JobID(UInt32(rows.integer(0))), submission: submission,
                submitted: UInt64(bitPattern: rows.integer(2)),
                state: state)
            job.reason = rows.text(4)
            job.answer = BlobID(hash: rows.blob(5))
            job.ended = UInt64(bitPattern: rows.integer(6))
            if !rows.isNull(8) { job.array = (rows.blob(7), UInt32(rows.integer(8))) }
            job.status = (try? PlanStatus(wireBytes: rows.blob(9))) ?? PlanStatus()
            if !rows.isNull(10) {
                job.budget = StoredBudget(
                    wallMilliseconds: UInt64(bitPattern: rows.integer(10)),
                    elapsedMilliseconds: UInt64(bitPattern: rows.integer(11)),
                    total: UInt64(bitPattern: rows.integer(12)), mostSlots: UInt64(bitPattern: rows.integer(13)))
            }
            jobs.append(job)
        }
        for at in jobs.indices { try loadParts(of: &jobs[at]) }
        for job in jobs where job.array != nil && job.tasks.isEmpty && !job.state.isOver { arrays.insert(job.id) }
        return jobs
    }

    /// Workers that had joined and not left.
    package func workerNames() throws(DatabaseError) -> [WorkerID: String] {
        var names: [WorkerID: String] = [:]
        let rows = try database.prepare("SELECT id, name FROM workers")
        while try rows.step() { names[WorkerID(UInt64(bitPattern: rows.integer(0)))] = rows.text(1) }
        return names
    }

    private func loadParts(of job: inout StoredJob) throws(DatabaseError) {
        let id = Int(job.id.number)
        job.tasks = try tasks(of: job.id)
        let done = try database.prepare("SELECT first, count, epoch FROM done WHERE job=?1 ORDER BY seq")
        try done.bind(id, at: 1)
        while try done.step() { job.done.append(run(of: job.id, done, 0)) }
        let claims = try database.prepare(
            "SELECT first, count, epoch, worker, granted, open FROM claims WHERE job=?1 ORDER BY epoch, first")
        try claims.bind(id, at: 1)
        while try claims.step() {
            job.claims.append(
                (
                    run(of: job.id, claims, 0), WorkerID(UInt64(bitPattern: claims.integer(3))),
                    UInt32(claims.integer(4)), claims.integer(5) == 1
                ))
        }
        let attempts = try database.prepare(
            "SELECT idx, failures, crashes, dead, parked FROM attempts WHERE job=?1 ORDER BY idx")
        try attempts.bind(id, at: 1)
        while try attempts.step() {
            job.attempts.append(
                (
                    UInt32(attempts.integer(0)), UInt32(attempts.integer(1)),
                    try Self.workers(in: attempts.blob(3), count: Int(attempts.integer(2))),
                    attempts.isNull(4) ? nil : attempts.text(4)
                ))
        }
        job.ledger = try ledger(of: job.id, from: 0, limit: .max)
        let additions = try database.prepare("SELECT token FROM budget_additions WHERE job=?1 ORDER BY token")
        try additions.bind(id, at: 1)
        while try additions.step() { job.budgetTokens.append(UInt64(bitPattern: additions.integer(0))) }
        let told = try database.prepare("SELECT MAX(number) FROM hearings WHERE job=?1 AND source=0")
        try told.bind(id, at: 1)
        if try told.step() { job.told = UInt32(told.integer(0)) }
    }

    private func run(of job: JobID, _ row: borrowing Statement, _ column: Int) -> ClaimRun {
        ClaimRun(
            job: job, first: UInt32(row.integer(column)), count: UInt32(row.integer(column + 1)),
            epoch: UInt32(row.integer(column + 2)))
    }

    func tasks(of job: JobID) throws(DatabaseError) -> [PlannedTask] {
        let rows = try database.prepare("SELECT payload, budgeted FROM tasks WHERE job=?1 ORDER BY idx")
        try rows.bind(Int(job.number), at: 1)
        var tasks: [PlannedTask] = []
        while try rows.step() { tasks.append(PlannedTask(payload: rows.blob(0), isBudgeted: rows.integer(1) == 1)) }
        return tasks
    }

    /// Accepted results of planned tasks in order of acceptance: what a planner is rebuilt from.
    func results(of job: JobID) throws(DatabaseError) -> [(index: UInt32, result: [UInt8])] {
        let rows = try database.prepare("SELECT first, count, result FROM done WHERE job=?1 ORDER BY seq")
        try rows.bind(Int(job.number), at: 1)
        var results: [(index: UInt32, result: [UInt8])] = []
        while try rows.step() {
            let result = rows.blob(2)
            for offset in 0..<UInt32(rows.integer(1)) { results.append((UInt32(rows.integer(0)) + offset, result)) }
        }
        return results
    }

    /// What was said to a job's planner, in order.
    func hearings(of job: JobID) throws(DatabaseError) -> [Hearing] {
        let rows = try database.prepare(
            "SELECT after_results, source, number, bytes FROM hearings WHERE job=?1 ORDER BY seq")
        try rows.bind(Int(job.number), at: 1)
        var hearings: [Hearing] = []
        while try rows.step() {
            let number = UInt32(rows.integer(2))
            let source: Hearing.Source
            switch rows.integer(1) {
            case 0: source = .request(number)
            case 1: source = .task(number)
            case 2: source = .parked(number)
            case let other: throw DatabaseError(cause: .corrupt, "state.sqlite: a hearing of source \(other).")
            }
            hearings.append(Hearing(source: source, bytes: rows.blob(3), afterResults: UInt32(rows.integer(0))))
        }
        return hearings
    }

    /// Results and failures of tasks from index `from`, at most `maximumBytes` of them.
    func records(of job: JobID, from: UInt32, maximumBytes: Int) throws(DatabaseError) -> [TaskRecord] {
        let rows = try database.prepare(
            """
            SELECT first, count, 1, result FROM done WHERE job=?1 AND first+count > ?2
            UNION ALL SELECT idx, 1, 0, CAST(parked AS BLOB) FROM attempts
            WHERE job=?1 AND idx >= ?2 AND parked IS NOT NULL ORDER BY 1
            """)
        try rows.bind(Int(job.number), at: 1)
        try rows.bind(Int(from), at: 2)
        var records: [TaskRecord] = []
        var bytes = 0
        while bytes < maximumBytes, try rows.step() {
            let first = UInt32(rows.integer(0))
            for index in first..<first + UInt32(rows.integer(1)) where index >= from && bytes < maximumBytes {
                let record = TaskRecord(index: index, succeeded: rows.integer(2) == 1, bytes: rows.blob(3))
                bytes += record.bytes.count + 16
                records.append(record)
            }
        }
        return records
    }

    func ledger(of job: JobID, from: UInt32, limit: UInt32) throws(DatabaseError) -> [LedgerEntry] {
        let rows = try database.prepare(
            "SELECT at, task, granted, spent, donated FROM ledger WHERE job=?1 ORDER BY seq LIMIT ?3 OFFSET ?2")
        try rows.bind(Int(job.number), at: 1)
        try rows.bind(Int(from), at: 2)
        try rows.bind(Int(limit), at: 3)
        var entries: [LedgerEntry] = []
        while try rows.step() {
            entries.append(
                LedgerEntry(
                    at: UInt64(bitPattern: rows.integer(0)), task: UInt32(rows.integer(1)),
                    granted: UInt64(bitPattern: rows.integer(2)), spent: UInt64(bitPattern: rows.integer(3)),
                    donated: UInt64(bitPattern: rows.integer(4))))
        }
        return entries
    }

    /// - count: of all; the oldest have no name where fewer are named.
    private static func workers(in bytes: [UInt8], count: Int) throws(DatabaseError) -> [WorkerID] {
        do {
            var reader = WireReader(bytes)
            var workers: [WorkerID] = []
            while workers.count < bytes.count / 8 { workers.append(try reader.value()) }
            return Array(repeating: WorkerID(0), count: max(0, count - workers.count)) + workers
        } catch {
            throw DatabaseError(cause: .corrupt, "attempts: \(error)")
        }
    }
}
