import CoordinatorCore
import Messages
import Store

/// `state.sqlite`: what must survive the coordinator. Its size follows what is live, not what ever happened.
package struct StateDatabase: ~Copyable {
    private let database: Database
    private var doneRows = DoneRows()
    /// Written to the log since it was moved to the main file.
    private var waitingPages = 0
    /// Jobs whose tasks are one array: no planner cares in which order they were done. Looked up, never iterated.
    private var arrays: Set<JobID> = []
    private let insertJob: Statement
    private let updateJob: Statement
    private let setArray: Statement
    private let insertTask: Statement
    private let setStatus: Statement
    private let insertClaim: Statement
    private let deleteClaim: Statement
    private let closeClaim: Statement
    private let forgetClosed: Statement
    private let insertDone: Statement
    private let growDone: Statement
    private let deleteDone: Statement
    private let insertAttempts: Statement
    private let insertLedger: Statement
    private let setBudget: Statement
    private let insertAddition: Statement
    private let insertHearing: Statement
    private let insertWorker: Statement
    private let deleteWorker: Statement

    package init(path: String) throws(DatabaseError) {
        // Locals first: a value that cannot be copied is either whole or not there.
        let database = try Database(path: path, mode: .durable)
        try database.leaveCheckpoints()
        try StateTables.prepare(database, path)
        let insertJob = try database.prepare(
            "INSERT INTO jobs(id, submission, submitted, state) VALUES(?1, ?2, ?3, ?4)")
        let updateJob = try database.prepare("UPDATE jobs SET state=?2, reason=?3, answer=?4, ended=?5 WHERE id=?1")
        let setArray = try database.prepare("UPDATE jobs SET array_payload=?2, array_count=?3 WHERE id=?1")
        let insertTask = try database.prepare("INSERT INTO tasks(job, idx, payload, budgeted) VALUES(?1, ?2, ?3, ?4)")
        let setStatus = try database.prepare("UPDATE jobs SET plan_status=?2 WHERE id=?1")
        let insertClaim = try database.prepare(
            """
            INSERT OR REPLACE INTO claims(job, first, count, epoch, worker, granted, open)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1)
            """)
        let deleteClaim = try database.prepare("DELETE FROM claims WHERE job=?1 AND first=?2 AND epoch=?3")
        let closeClaim = try database.prepare("UPDATE claims SET open=0 WHERE job=?1 AND first=?2 AND epoch=?3")
        // Closed claims say only how far epochs have risen: a newer claim of all their tasks says more.
        let forgetClosed = try database.prepare(
            """
            DELETE FROM claims WHERE job=?1 AND first>=?2 AND first<?2+?3 AND first+count<=?2+?3 AND epoch<?4 AND open=0
            """)
        let insertDone = try database.prepare(
            "INSERT INTO done(job, first, count, epoch, result, busy) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
        let growDone = try database.prepare("UPDATE done SET first=?2, count=?3, busy=?4 WHERE seq=?1")
        let deleteDone = try database.prepare("DELETE FROM done WHERE seq=?1")
        let insertAttempts = try database.prepare(
            "INSERT OR REPLACE INTO attempts(job, idx, failures, crashes, parked, dead) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
        let insertLedger = try database.prepare(
            "INSERT INTO ledger(job, at, task, granted, spent, donated) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
        let setBudget = try database.prepare(
            "UPDATE jobs SET budget_wall=?2, budget_elapsed=?3, budget_total=?4, budget_slots=?5 WHERE id=?1")
        let insertAddition = try database.prepare(
            "INSERT INTO budget_additions(job, token, milliseconds) VALUES(?1, ?2, ?3)")
        let insertHearing = try database.prepare(
            "INSERT INTO hearings(job, after_results, source, number, bytes) VALUES(?1, ?2, ?3, ?4, ?5)")
        let insertWorker = try database.prepare("INSERT OR REPLACE INTO workers(id, name) VALUES(?1, ?2)")
        let deleteWorker = try database.prepare("DELETE FROM workers WHERE id=?1")
        self.database = database
        self.insertHearing = insertHearing
        self.insertWorker = insertWorker
        self.deleteWorker = deleteWorker
        self.insertJob = insertJob
        self.updateJob = updateJob
        self.setArray = setArray
        self.insertTask = insertTask
        self.setStatus = setStatus
        self.insertClaim = insertClaim
        self.deleteClaim = deleteClaim
        self.closeClaim = closeClaim
        self.forgetClosed = forgetClosed
        self.insertDone = insertDone
        self.growDone = growDone
        self.deleteDone = deleteDone
        self.insertAttempts = insertAttempts
        self.insertLedger = insertLedger
        self.setBudget = setBudget
        self.insertAddition = insertAddition
    }

    // MARK: - Writing

    /// All of a batch's records or none of them; on the disk when this returns.
    package mutating func commit(_ records: [Record]) throws(DatabaseError) {
        try database.begin()
        do throws(DatabaseError) {
            var ended: [JobID] = []
            for record in records {
                try write(record)
                if case .state(let job, let state, _, _, _) = record, state.isOver, state != .unfinished {
                    ended.append(job)
                }
            }
            // Last: closing what an ended job still had out is among the records.
            for job in ended { try forgetWork(of: job) }
            try database.commit()
            waitingPages += database.takeWrittenPages()
            if waitingPages >= 8 * Self.tidyPages { tidy() }
        } catch {
            doneRows = DoneRows()
            if database.isInTransaction { try? database.rollback() }
            throw error
        }
    }

    /// As many as SQLite itself lets wait: 4 MB.
    private static let tidyPages = 1000

    /// Called when nobody waits for a commit: keeps the log short. Where the disk is full it is tried again later.
    package mutating func tidy() {
        guard waitingPages >= Self.tidyPages, (try? database.checkpoint()) != nil else { return }
        waitingPages = 0
    }

    /// A job that is over keeps its results and the failures that people ask for; nobody claims anything of it again.
    private mutating func forgetWork(of job: JobID) throws(DatabaseError) {
        arrays.remove(job)
        // The tasks themselves are still counted; what they were told is not asked for.
        for change in [
            "DELETE FROM claims WHERE job=?1", "DELETE FROM attempts WHERE job=?1 AND parked IS NULL",
            "UPDATE tasks SET payload=x'' WHERE job=?1",
        ] {
            let statement = try database.prepare(change)
            try statement.bind(Int(job.number), at: 1)
            try statement.run()
        }
    }

    private mutating func writeDone(_ run: ClaimRun, _ result: [UInt8], _ busy: UInt64) throws(DatabaseError) {
        let isArray = arrays.contains(run.job)
        if isArray, case .grow(let row, let absorbed) = doneRows.add(run, result, busyMicroseconds: busy) {
            if let absorbed {
                try deleteDone.bind(absorbed, at: 1)
                try deleteDone.run()
            }
            try growDone.bind(row.seq, at: 1)
            try growDone.bind(Int(row.run.first), at: 2)
            try growDone.bind(Int(row.run.count), at: 3)
            try growDone.bind(Int64(bitPattern: row.busyMicroseconds), at: 4)
            return try growDone.run()
        }
        try bind(insertDone, run)
        try insertDone.bind(blob: result, at: 5)
        try insertDone.bind(Int64(bitPattern: busy), at: 6)
        try insertDone.run()
        if isArray { doneRows.inserted(run, result, busyMicroseconds: busy, seq: database.lastInsertRowID) }
    }

    private mutating func write(_ record: Record) throws(DatabaseError) {
        switch record {
        case .accepted(let job, let submission, let wall):
            try insertJob.bind(Int(job.number), at: 1)
            try insertJob.bind(blob: submission.wireBytes, at: 2)
            try insertJob.bind(Int64(bitPattern: wall), at: 3)
            try insertJob.bind(Int(JobState.waiting.rawValue), at: 4)
            try insertJob.run()
        case .state(let job, let state, let reason, let answer, let wall):
            try updateJob.bind(Int(job.number), at: 1)
            try updateJob.bind(Int(state.rawValue), at: 2)
            try updateJob.bind(reason, at: 3)
            if let answer { try updateJob.bind(blob: answer.bytes, at: 4) } else { try updateJob.bindNull(at: 4) }
            try updateJob.bind(state.isOver ? Int64(bitPattern: wall) : 0, at: 5)
            try updateJob.run()
        case .array(let job, let payload, let count):
            try setArray.bind(Int(job.number), at: 1)
            try setArray.bind(blob: payload, at: 2)
            try setArray.bind(Int(count), at: 3)
            try setArray.run()
            arrays.insert(job)
        case .tasks(let job, let first, let tasks):
            arrays.remove(job)
            for (offset, task) in tasks.enumerated() {
                try insertTask.bind(Int(job.number), at: 1)
                try insertTask.bind(Int(first) + offset, at: 2)
                try insertTask.bind(blob: task.payload, at: 3)
                try insertTask.bind(task.isBudgeted ? 1 : 0, at: 4)
                try insertTask.run()
            }
        case .planStatus(let job, let status):
            try setStatus.bind(Int(job.number), at: 1)
            try setStatus.bind(blob: status.wireBytes, at: 2)
            try setStatus.run()
        case .claimed(let run, let worker, let granted):
            try bind(insertClaim, run)
            try insertClaim.bind(Int64(bitPattern: worker.incarnation), at: 5)
            try insertClaim.bind(Int(granted), at: 6)
            try insertClaim.run()
            // Epochs begin with 1: a first claim has none before it.
            if run.epoch > 1 {
                try bind(forgetClosed, run)
                try forgetClosed.run()
            }
        case .closed(let run, let allDone):
            let statement = allDone ? 0 : 1
            if statement == 0 { try close(deleteClaim, run) } else { try close(closeClaim, run) }
        case .done(let run, let result, let busy): try writeDone(run, result, busy)
        case .attempts(let task, let failures, let deaths, let parked):
            try insertAttempts.bind(Int(task.job.number), at: 1)
            try insertAttempts.bind(Int(task.index), at: 2)
            try insertAttempts.bind(Int(failures), at: 3)
            try insertAttempts.bind(deaths.count, at: 4)
            if let parked { try insertAttempts.bind(parked, at: 5) } else { try insertAttempts.bindNull(at: 5) }
            try insertAttempts.bind(blob: Self.bytes(of: deaths), at: 6)
            try insertAttempts.run()
        case .ledger(let job, let entry):
            try insertLedger.bind(Int(job.number), at: 1)
            for (at, number) in [entry.at, UInt64(entry.task), entry.granted, entry.spent, entry.donated].enumerated() {
                try insertLedger.bind(Int64(bitPattern: number), at: at + 2)
            }
            try insertLedger.run()
        case .heard(let job, let hearing):
            let (source, number) = Self.code(hearing.source)
            try insertHearing.bind(Int(job.number), at: 1)
            try insertHearing.bind(Int(hearing.afterResults), at: 2)
            try insertHearing.bind(source, at: 3)
            try insertHearing.bind(Int(number), at: 4)
            try insertHearing.bind(blob: hearing.bytes, at: 5)
            try insertHearing.run()
        case .joined(let worker, let name):
            try insertWorker.bind(Int64(bitPattern: worker.incarnation), at: 1)
            try insertWorker.bind(name, at: 2)
            try insertWorker.run()
        case .left(let worker):
            try deleteWorker.bind(Int64(bitPattern: worker.incarnation), at: 1)
            try deleteWorker.run()
        case .budget(let job, let budget):
            try setBudget.bind(Int(job.number), at: 1)
            let numbers = [budget.wallMilliseconds, budget.elapsedMilliseconds, budget.total, budget.mostSlots]
            for (at, number) in numbers.enumerated() { try setBudget.bind(Int64(bitPattern: number), at: at + 2) }
            try setBudget.run()
        case .budgetAdded(let job, let token, let milliseconds):
            try insertAddition.bind(Int(job.number), at: 1)
            try insertAddition.bind(Int64(bitPattern: token), at: 2)
            try insertAddition.bind(Int64(bitPattern: milliseconds), at: 3)
            try insertAddition.run()
        }
    }

    /// Incarnations of eight bytes each.
    private static func bytes(of workers: [WorkerID]) -> [UInt8] {
        var writer = WireWriter()
        for worker in workers { writer.value(worker) }
        return writer.bytes
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

    private static func code(_ source: Hearing.Source) -> (source: Int, number: UInt32) {
        switch source {
        case .request(let number): (0, number)
        case .task(let index): (1, index)
        case .parked(let index): (2, index)
        }
    }
    private func bind(_ statement: borrowing Statement, _ run: ClaimRun) throws(DatabaseError) {
        try statement.bind(Int(run.job.number), at: 1)
        try statement.bind(Int(run.first), at: 2)
        try statement.bind(Int(run.count), at: 3)
        try statement.bind(Int(run.epoch), at: 4)
    }
    private func close(_ statement: borrowing Statement, _ run: ClaimRun) throws(DatabaseError) {
        try statement.bind(Int(run.job.number), at: 1)
        try statement.bind(Int(run.first), at: 2)
        try statement.bind(Int(run.epoch), at: 3)
        try statement.run()
    }

    // MARK: - Reading

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
}
