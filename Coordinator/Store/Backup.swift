import CSQLite

extension Database {
    /// Copies the whole database, as it is between two commits, into a file that must not exist, while others read and
    /// write it. SQLite's own online backup.
    package func backup(to target: String) throws(DatabaseError) {
        let copy = try Database(path: target, mode: .durable)
        try copy.take(from: self)
        // Write-ahead logs are for who goes on writing: a copy is one file.
        try copy.execute("PRAGMA journal_mode=DELETE")
    }

    private func take(from source: borrowing Database) throws(DatabaseError) {
        guard let work = unsafe sqlite3_backup_init(connection, "main", source.connection, "main") else {
            throw unsafe DatabaseError(
                code: sqlite3_errcode(connection), connection: connection, path: path,
                while: "beginning a copy of \(source.path)")
        }
        // −1: all pages at once, in one read transaction, which holds up no writer.
        let code = unsafe sqlite3_backup_step(work, -1)
        unsafe sqlite3_backup_finish(work)
        guard code == SQLITE_DONE else {
            throw unsafe DatabaseError(
                code: code, connection: connection, path: path, while: "copying \(source.path)")
        }
    }

    /// Nil when the file is whole; else what SQLite says is wrong with it.
    package func damage() throws(DatabaseError) -> String? {
        let rows = try prepare("PRAGMA integrity_check(1)")
        guard try rows.step() else { return "it does not answer" }
        let words = rows.text(0)
        return words == "ok" ? nil : words
    }
}
