import Foundation
import Messages
import Planners
import Store
import Synchronization

/// The desk's book in `quotas.sqlite`: a lease is on the disk before it is told to a worker. The file is made with the
/// first lease: most coordinators have none.
final class QuotaStore: QuotaBook {
    /// Uses older than a day are in no window any more. Milliseconds.
    private static let keptFor: UInt64 = 86_400_000

    private let path: String
    private let opened = Mutex<Database?>(nil)
    /// Told when something could not be written or read: not the job that asked is wrong then, but the disk.
    private let failed: @Sendable (JobError) -> Void
    init(path: String, failed: @escaping @Sendable (JobError) -> Void = { _ in }) {
        self.path = path
        self.failed = failed
    }

    func entries() throws(JobError) -> [QuotaEntry] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try open { database throws(DatabaseError) in
            // By the desk's own time: what was written last, whatever the wall clock says.
            let newest = try database.prepare("SELECT COALESCE(MAX(told), 0) FROM lease")
            _ = try newest.step()
            let old = try database.prepare("DELETE FROM lease WHERE until < ?")
            try old.bind(newest.integer(0) - min(newest.integer(0), Int64(Self.keptFor)), at: 1)
            try old.run()
            let rows = try database.prepare(
                "SELECT number, provider, units, until, held, told, job, task, run, ask FROM lease ORDER BY number")
            var entries: [QuotaEntry] = []
            while try rows.step() {
                let asker = ProviderDesk.Asker(
                    job: UInt32(clamping: rows.integer(6)), task: UInt32(clamping: rows.integer(7)),
                    run: UInt64(bitPattern: rows.integer(8)), number: UInt32(clamping: rows.integer(9)))
                entries.append(
                    QuotaEntry(
                        number: UInt64(rows.integer(0)), provider: rows.text(1),
                        units: UInt32(clamping: rows.integer(2)), end: UInt64(rows.integer(3)),
                        isHeld: rows.integer(4) != 0, told: UInt64(rows.integer(5)), asker: asker))
            }
            return entries
        }
    }

    func spent() throws(JobError) -> [(job: UInt32, provider: String, units: UInt64)] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try open { database throws(DatabaseError) in
            let rows = try database.prepare("SELECT job, provider, units FROM spent ORDER BY job, provider")
            var all: [(job: UInt32, provider: String, units: UInt64)] = []
            while try rows.step() {
                all.append((UInt32(clamping: rows.integer(0)), rows.text(1), UInt64(rows.integer(2))))
            }
            return all
        }
    }

    func mark() throws(JobError) -> ClockMark? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try open { database throws(DatabaseError) in
            let rows = try database.prepare("SELECT now, boot, monotonic, unproven FROM clock")
            guard try rows.step() else { return nil }
            return ClockMark(
                now: UInt64(rows.integer(0)), boot: rows.text(1), monotonic: UInt64(rows.integer(2)),
                unprovenSince: rows.isNull(3) ? nil : UInt64(rows.integer(3)))
        }
    }

    func write(_ entry: QuotaEntry, _ mark: ClockMark?) throws(JobError) {
        try open { database throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                if let mark { try Self.set(mark, database) }
                let add = try database.prepare("INSERT OR REPLACE INTO lease VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                try add.bind(Int64(entry.number), at: 1)
                try add.bind(entry.provider, at: 2)
                try add.bind(Int(entry.units), at: 3)
                try add.bind(Int64(entry.end), at: 4)
                try add.bind(entry.isHeld ? 1 : 0, at: 5)
                try add.bind(Int64(entry.told), at: 6)
                try add.bind(Int(entry.asker.job), at: 7)
                try add.bind(Int(entry.asker.task), at: 8)
                try add.bind(Int64(bitPattern: entry.asker.run), at: 9)
                try add.bind(Int(entry.asker.number), at: 10)
                try add.run()
                guard entry.isHeld else { return }
                try Self.spend(Int64(entry.units), entry.asker.job, entry.provider, database)
            }
        }
    }

    func write(_ mark: ClockMark) throws(JobError) {
        try open { database throws(DatabaseError) in try Self.set(mark, database) }
    }
    func shift(since: UInt64, by: UInt64) throws(JobError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        try open { database throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                for words in [
                    "UPDATE lease SET until = until + ?2, told = told + ?2 WHERE told > ?1",
                    "UPDATE block SET until = until + ?2 WHERE until > ?1",
                ] {
                    let update = try database.prepare(words)
                    try update.bind(Int64(clamping: since), at: 1)
                    try update.bind(Int64(clamping: by), at: 2)
                    try update.run()
                }
            }
        }
    }

    func blocks() throws(JobError) -> [(provider: String, until: UInt64)] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try open { database throws(DatabaseError) in
            let rows = try database.prepare("SELECT provider, until FROM block ORDER BY provider")
            var all: [(provider: String, until: UInt64)] = []
            while try rows.step() { all.append((rows.text(0), UInt64(max(0, rows.integer(1))))) }
            return all
        }
    }
    func block(_ provider: String, until: UInt64) throws(JobError) {
        try open { database throws(DatabaseError) in
            let set = try database.prepare(
                "INSERT INTO block VALUES(?1, ?2) ON CONFLICT(provider) DO UPDATE SET until = max(until, ?2)")
            try set.bind(provider, at: 1)
            try set.bind(Int64(clamping: until), at: 2)
            try set.run()
        }
    }
    private static func set(_ mark: ClockMark, _ database: borrowing Database) throws(DatabaseError) {
        let set = try database.prepare("INSERT OR REPLACE INTO clock VALUES(1, ?, ?, ?, ?)")
        try set.bind(Int64(clamping: mark.now), at: 1)
        try set.bind(mark.boot, at: 2)
        try set.bind(Int64(clamping: mark.monotonic), at: 3)
        if let since = mark.unprovenSince {
            try set.bind(Int64(clamping: since), at: 4)
        } else {
            try set.bindNull(at: 4)
        }
        try set.run()
    }

    func erase(_ number: UInt64) throws(JobError) {
        try open { database throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                let find = try database.prepare("DELETE FROM lease WHERE number = ? RETURNING units, job, provider")
                try find.bind(Int64(number), at: 1)
                guard try find.step() else { return }
                let (units, job, provider) = (find.integer(0), UInt32(clamping: find.integer(1)), find.text(2))
                while try find.step() {}
                try Self.spend(-units, job, provider, database)
            }
        }
    }

    func forget(_ job: UInt32) throws(JobError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        try open { database throws(DatabaseError) in
            let remove = try database.prepare("DELETE FROM spent WHERE job = ?")
            try remove.bind(Int(job), at: 1)
            try remove.run()
        }
    }

    private static func spend(_ units: Int64, _ job: UInt32, _ provider: String, _ database: borrowing Database)
        throws(DatabaseError)
    {
        let add = try database.prepare(
            """
            INSERT INTO spent(job, provider, units) VALUES(?1, ?2, ?3)
            ON CONFLICT(job, provider) DO UPDATE SET units = units + ?3
            """)
        try add.bind(Int(job), at: 1)
        try add.bind(provider, at: 2)
        try add.bind(units, at: 3)
        try add.run()
    }

    /// Opened with the first use.
    private func open<Answer: Sendable>(_ body: (borrowing Database) throws(DatabaseError) -> Answer) throws(JobError)
        -> Answer
    {
        do throws(DatabaseError) {
            return try opened.withLock { opened throws(DatabaseError) in
                if opened == nil {
                    let database = try Database(path: path, mode: .durable)
                    try database.execute(
                        """
                        CREATE TABLE IF NOT EXISTS lease(number INTEGER PRIMARY KEY, provider TEXT NOT NULL,
                            units INTEGER NOT NULL, until INTEGER NOT NULL, held INTEGER NOT NULL,
                            told INTEGER NOT NULL, job INTEGER NOT NULL, task INTEGER NOT NULL, run INTEGER NOT NULL,
                            ask INTEGER NOT NULL);
                        CREATE TABLE IF NOT EXISTS clock(id INTEGER PRIMARY KEY, now INTEGER NOT NULL,
                            boot TEXT NOT NULL, monotonic INTEGER NOT NULL, unproven INTEGER);
                        CREATE TABLE IF NOT EXISTS block(provider TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
                        CREATE TABLE IF NOT EXISTS spent(job INTEGER NOT NULL, provider TEXT NOT NULL,
                            units INTEGER NOT NULL, PRIMARY KEY(job, provider)) WITHOUT ROWID
                        """)
                    opened = consume database
                }
                return try body(opened!)
            }
        } catch {
            let error = JobError(error.description)
            failed(error)
            throw error
        }
    }
}
