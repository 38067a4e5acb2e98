import Messages
import Store

/// The tables of `state.sqlite`, from version to version.
enum StateTables {
    /// Raised with every change of the tables, and a step added that makes the new ones of the old.
    private static let version: Int64 = 5
    /// From each version to the next, oldest first.
    private static let steps: [(from: Int64, sql: String)] = [
        (3, "CREATE TABLE written_by(version TEXT NOT NULL)"),
        // Which workers died with a task: those of before stay counted, and unnamed.
        (4, "ALTER TABLE attempts ADD COLUMN dead BLOB NOT NULL DEFAULT x''"),
    ]

    /// Makes them, or carries those of an earlier version over.
    /// - Throws: when the file is of a version too old or too new, and by which it was written.
    static func prepare(_ database: borrowing Database, _ path: String) throws(DatabaseError) {
        let stored = try database.prepare("PRAGMA user_version")
        _ = try stored.step()
        let found = stored.integer(0)
        stored.reset()
        guard found == 0 || found >= steps[0].from else {
            throw DatabaseError(
                cause: .other,
                "\(path): written by a version of apex so old (tables \(found)) that this one, apex \(codeVersion), cannot "
                    + "carry it over; give another place with --state DIR.")
        }
        guard found <= version else {
            throw DatabaseError(
                cause: .other,
                "\(path): written by \(try writer(of: database)), a later version of apex (tables \(found)); this is apex "
                    + "\(codeVersion) (tables \(version)), which would not understand it. Run that version, restore a "
                    + "backup from before the upgrade, or give another place with --state DIR.")
        }
        if found == 0 { try makeTables(database) }
        for step in steps where found != 0 && step.from >= found {
            try database.execute("BEGIN; \(step.sql); PRAGMA user_version = \(step.from + 1); COMMIT")
        }
        try database.execute(
            """
            INSERT INTO written_by SELECT '\(codeVersion)'
            WHERE '\(codeVersion)' IS NOT (SELECT version FROM written_by ORDER BY rowid DESC LIMIT 1)
            """)
    }

    /// The version that wrote last, as far as the file says.
    private static func writer(of database: borrowing Database) throws(DatabaseError) -> String {
        let table = try database.prepare("SELECT 1 FROM sqlite_master WHERE name='written_by'")
        guard try table.step() else { return "an unnamed one" }
        let newest = try database.prepare("SELECT version FROM written_by ORDER BY rowid DESC LIMIT 1")
        return try newest.step() ? "apex " + newest.text(0) : "an unnamed one"
    }

    private static func makeTables(_ database: borrowing Database) throws(DatabaseError) {
        try database.execute(
            """
            BEGIN;
            CREATE TABLE jobs(id INTEGER PRIMARY KEY, submission BLOB NOT NULL, submitted INTEGER NOT NULL,
                state INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', answer BLOB, ended INTEGER NOT NULL DEFAULT 0,
                array_payload BLOB, array_count INTEGER, plan_status BLOB, budget_wall INTEGER, budget_elapsed INTEGER,
                budget_total INTEGER, budget_slots INTEGER);
            CREATE TABLE budget_additions(job INTEGER, token INTEGER, milliseconds INTEGER NOT NULL,
                PRIMARY KEY(job, token)) WITHOUT ROWID;
            CREATE TABLE tasks(job INTEGER, idx INTEGER, payload BLOB NOT NULL, budgeted INTEGER NOT NULL,
                PRIMARY KEY(job, idx)) WITHOUT ROWID;
            CREATE TABLE claims(job INTEGER, first INTEGER, count INTEGER NOT NULL, epoch INTEGER, worker INTEGER NOT NULL,
                granted INTEGER NOT NULL, open INTEGER NOT NULL, PRIMARY KEY(job, first, epoch)) WITHOUT ROWID;
            CREATE TABLE done(seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, first INTEGER NOT NULL,
                count INTEGER NOT NULL, epoch INTEGER NOT NULL, result BLOB NOT NULL, busy INTEGER NOT NULL);
            CREATE TABLE attempts(job INTEGER, idx INTEGER, failures INTEGER NOT NULL, crashes INTEGER NOT NULL,
                parked TEXT, dead BLOB NOT NULL DEFAULT x'', PRIMARY KEY(job, idx)) WITHOUT ROWID;
            CREATE TABLE ledger(seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, at INTEGER NOT NULL,
                task INTEGER NOT NULL, granted INTEGER NOT NULL, spent INTEGER NOT NULL, donated INTEGER NOT NULL);
            CREATE TABLE hearings(seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, after_results INTEGER NOT NULL,
                source INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL);
            CREATE TABLE workers(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE written_by(version TEXT NOT NULL);
            CREATE INDEX done_of_job ON done(job, first);
            CREATE INDEX hearings_of_job ON hearings(job);
            CREATE INDEX ledger_of_job ON ledger(job);
            PRAGMA user_version = \(version);
            COMMIT
            """)
    }
}
