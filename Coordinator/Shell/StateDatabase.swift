import CoordinatorCore
import Messages
import Store

/// `state.sqlite`: what must survive the coordinator. Its size follows what is live, not what ever happened.
package struct StateDatabase: ~Copyable {
    let database: Database
    private var doneRows = DoneRows()
    /// Written to the log since it was moved to the main file.
    private var waitingPages = 0
    /// Jobs whose tasks are one array: no planner cares in which order they were done. Looked up, never iterated.
    var arrays: Set<JobID> = []
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
}
