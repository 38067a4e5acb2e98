import CSQLite

/// One connection to one SQLite file. It cannot be copied, and because it holds a raw pointer it is not Sendable: it is
/// handed to one thread (`sending`) and stays there.
@safe package struct Database: ~Copyable {
    package enum Mode: Sendable {
        /// The file must exist and is not written.
        case readOnly
        /// Made when missing; write-ahead log, and a commit returns only when it is on the disk (`synchronous=FULL`).
        case durable
        /// As `durable`, but a power cut may lose the last commits; what is there afterwards is whole.
        case cache
        /// A file that nobody reads before it is finished, flushed and renamed by its writer: no journal and no waiting
        /// for the disk. A failure leaves it useless.
        case scratch
    }

    package let path: String
    private let connection: OpaquePointer

    /// - Parameters: busyTimeout: how long a statement waits for another connection's lock before it throws. pageBytes: of
    ///   a file that is made now; nil: SQLite's default.
    package init(
        path: String, mode: Mode, busyTimeout: Duration = .seconds(5), pageBytes: Int? = nil
    ) throws(DatabaseError) {
        // A connection is used by one thread at a time (it is not Sendable), so SQLite's own lock is not needed.
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        switch mode {
        case .readOnly: flags |= SQLITE_OPEN_READONLY
        case .durable, .cache, .scratch: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        }
        var opened: OpaquePointer?
        // `opened` is a local that outlives the call.
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard let connection = unsafe opened, code == SQLITE_OK else {
            let error = unsafe DatabaseError(code: code, connection: opened, path: path, while: "opening")
            unsafe sqlite3_close_v2(opened)
            throw error
        }
        let (seconds, attoseconds) = busyTimeout.components
        unsafe sqlite3_busy_timeout(connection, Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        let settings =
            switch mode {
            case .readOnly: ""
            case .durable: "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
            case .cache: "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
            case .scratch: "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE"
            }
        do {
            // Counts only for a file without a page yet; in a write-ahead log it is fixed.
            if let pageBytes { try unsafe Self.execute("PRAGMA page_size=\(pageBytes)", on: connection, path: path) }
            try unsafe Self.execute(settings, on: connection, path: path)
        } catch {
            unsafe sqlite3_close_v2(connection)
            throw error
        }
        self.path = path
        unsafe self.connection = connection
    }

    // Statements still alive keep the connection's memory until they are finalized too.
    deinit { unsafe sqlite3_close_v2(connection) }

    /// Runs statements, separated by semicolons, whose rows (if any) nobody needs.
    package func execute(_ sql: String) throws(DatabaseError) {
        try unsafe Self.execute(sql, on: connection, path: path)
    }
    private static func execute(_ sql: String, on connection: OpaquePointer, path: String) throws(DatabaseError) {
        let code = unsafe sqlite3_exec(connection, sql, nil, nil, nil)
        guard code == SQLITE_OK else {
            let doing = "running `\(DatabaseError.shortened(sql))`"
            throw unsafe DatabaseError(code: code, connection: connection, path: path, while: doing)
        }
    }

    /// Compiles the first statement of `sql`.
    package func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        var compiled: OpaquePointer?
        // `compiled` is a local that outlives the call; −1: up to the end of the string.
        let code = unsafe sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil)
        guard let pointer = unsafe compiled, code == SQLITE_OK else {
            // Nothing to compile in `sql` is no error to SQLite; to who asks for a statement it is.
            let doing = "preparing `\(DatabaseError.shortened(sql))`"
            throw unsafe DatabaseError(
                code: code == SQLITE_OK ? SQLITE_MISUSE : code, connection: connection, path: path, while: doing)
        }
        return unsafe Statement(pointer, path: path)
    }

    package func begin() throws(DatabaseError) { try execute("BEGIN IMMEDIATE") }
    package func commit() throws(DatabaseError) { try execute("COMMIT") }
    package func rollback() throws(DatabaseError) { try execute("ROLLBACK") }

    // MARK: - Checkpoints

    /// From now on a commit never moves the write-ahead log into the main file, which may take many times as long as the
    /// commit: `checkpoint` does, when nobody waits.
    package func leaveCheckpoints() throws(DatabaseError) { try execute("PRAGMA wal_autocheckpoint=0") }

    /// Pages written since this was asked last.
    package func takeWrittenPages() -> Int {
        var (written, highest): (Int32, Int32) = (0, 0)
        // Both are locals that outlive the call; 1: count from 0 again.
        unsafe sqlite3_db_status(connection, SQLITE_DBSTATUS_CACHE_WRITE, &written, &highest, 1)
        return Int(written)
    }

    /// Moves what it can without waiting for readers. What stays in the log is as safe there.
    package func checkpoint() throws(DatabaseError) {
        let code = unsafe sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard code == SQLITE_OK else {
            throw unsafe DatabaseError(code: code, connection: connection, path: path, while: "moving its log")
        }
    }

    /// True between `begin` and `commit` or `rollback`. SQLite rolls back by itself after some errors (a full disk).
    package var isInTransaction: Bool { unsafe sqlite3_get_autocommit(connection) == 0 }

    /// All of `body` or nothing: commits when it returns, rolls back when it throws.
    package func transaction<Answer>(_ body: () throws(DatabaseError) -> Answer) throws(DatabaseError) -> Answer {
        try begin()
        do {
            let answer = try body()
            try commit()
            return answer
        } catch {
            // The first error is the one to tell; rolling back a transaction that SQLite already ended would hide it.
            if isInTransaction { try? rollback() }
            throw error
        }
    }

    /// The rowid of the newest row this connection inserted, 0 before the first.
    package var lastInsertRowID: Int64 { unsafe sqlite3_last_insert_rowid(connection) }
}
