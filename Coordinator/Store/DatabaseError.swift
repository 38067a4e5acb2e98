import CSQLite

/// Why SQLite refused, in words: what was being done, to which file, and what to do about it.
package struct DatabaseError: Error, Equatable, CustomStringConvertible {
    package enum Cause: Sendable, Equatable {
        case diskFull, locked, corrupt, cannotOpen, readOnly, inputOutput, constraint, outOfMemory, tooBig, other
    }
    package var cause: Cause
    package var description: String

    package init(cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }

    /// - Parameter connection: nil when there was not even memory for one.
    @unsafe init(code: Int32, connection: OpaquePointer?, path: String, while doing: String) {
        cause = Self.cause(of: code)
        let detail: String
        if let connection = unsafe connection {
            // Valid until the next call on the connection; copied at once.
            detail = unsafe String(cString: sqlite3_errmsg(connection))
        } else {
            detail = unsafe String(cString: sqlite3_errstr(code))
        }
        description = "\(path): \(doing): \(detail) (SQLite code \(code)). \(Self.advice(for: cause))"
    }

    /// The primary code is the low byte of an extended one.
    private static func cause(of code: Int32) -> Cause {
        switch code & 0xFF {
        case SQLITE_FULL: .diskFull
        case SQLITE_BUSY, SQLITE_LOCKED: .locked
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_CANTOPEN: .cannotOpen
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .readOnly
        case SQLITE_IOERR: .inputOutput
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_NOMEM: .outOfMemory
        case SQLITE_TOOBIG: .tooBig
        default: .other
        }
    }

    private static func advice(for cause: Cause) -> String {
        switch cause {
        case .diskFull: "The disk is full: free some space and run it again; what was committed is safe."
        case .locked: "Another process holds the file: stop it or wait, then run it again."
        case .corrupt: "The file is damaged or not a database: move it away, and restore a copy if there is one."
        case .cannotOpen: "Check that the path exists and that this user may read and write it and its folder."
        case .readOnly: "The file or its folder may not be written: change its permissions or choose another place."
        case .inputOutput: "The disk could not be read or written: look at the system log before going on."
        case .constraint: "A rule of the table was broken: this is a fault of the program, please report it."
        case .outOfMemory: "There is not enough memory: stop other programs or use a bigger machine."
        case .tooBig: "A value is larger than SQLite holds (1 GB): use smaller inputs."
        case .other: "This is a fault of the program, please report it."
        }
    }

    static func shortened(_ sql: String) -> String {
        sql.count > 80 ? String(sql.prefix(77)) + "…" : sql
    }
}
