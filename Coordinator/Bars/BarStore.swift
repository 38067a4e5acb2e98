import Market
import Store

/// Bars by series in one SQLite file: only ever added to; what a provider changes later is kept beside what it said
/// first; every bar names the request that brought it. An append is whole or not there, whatever dies when.
///
/// One process writes at a time (another waits, then fails in words); any number read meanwhile.
package final class BarStore {
    let database: Database
    let statements: BarStatements
    package var path: String { database.path }
    /// Rows of `series` and `batch`, which never change once committed.
    var ids: [SeriesKey: Int64] = [:]
    var origins: [Int64: BarOrigin] = [:]
    /// Not in a store of version 1 that is only read.
    let hasNewest: Bool

    package enum Access: Sendable { case read, write }

    /// - Parameter path: of the file; made when it is missing and `access` is write.
    package init(path: String, access: Access) throws(DatabaseError) {
        let database =
            switch access {
            case .read: try Database(path: path, mode: .readOnly)
            case .write:
                try Database(
                    path: path, mode: .durable, busyTimeout: .seconds(30), pageBytes: BarStoreSchema.pageBytes)
            }
        hasNewest = try Self.checkTables(database, access)
        statements = try BarStatements.compile(database)
        self.database = database
    }

    /// - Returns: whether it has the table of newest bars.
    private static func checkTables(_ database: borrowing Database, _ access: Access) throws(DatabaseError) -> Bool {
        func isThere() throws(DatabaseError) -> Bool {
            let found = try database.prepare("SELECT name FROM sqlite_master ORDER BY name")
            var names: [String] = []
            while try found.step() { names.append(found.text(0)) }
            if names.contains("store_info") { return true }
            guard names.isEmpty, access == .write else {
                throw DatabaseError(
                    cause: .other, "\(database.path): is no store of bars; `apex data import` and ingest jobs make one."
                )
            }
            return false
        }
        if try !isThere() {
            // Looked at again under the lock: another process may have made them meanwhile.
            try database.transaction { () throws(DatabaseError) in
                if try !isThere() { try database.execute(BarStoreSchema.tables) }
            }
        }
        var version = try Self.version(of: database)
        if access == .write, version == BarStoreSchema.oldestVersion {
            try database.transaction { () throws(DatabaseError) in
                // Another process may have done so meanwhile.
                guard try Self.version(of: database) == BarStoreSchema.oldestVersion else { return }
                try database.execute(BarStoreSchema.newestTable)
                try database.execute("UPDATE store_info SET version = \(BarStoreSchema.version)")
            }
            version = try Self.version(of: database)
        }
        guard (BarStoreSchema.oldestVersion...BarStoreSchema.version).contains(version) else {
            throw DatabaseError(
                cause: .other,
                "\(database.path): is a store of bars of version \(version), this program knows "
                    + "\(BarStoreSchema.version); use the program that wrote it, or export and import.")
        }
        return version >= BarStoreSchema.version
    }
    private static func version(of database: borrowing Database) throws(DatabaseError) -> Int {
        let version = try database.prepare("SELECT version FROM store_info")
        return try version.step() ? Int(version.integer(0)) : 0
    }

    // MARK: Rows that are looked up often

    /// - Returns: nil when the store has no such series.
    package func id(of key: SeriesKey) throws(DatabaseError) -> Int64? {
        if let id = ids[key] { return id }
        try statements.findSeries.bind(key.minutes, at: 1)
        try statements.findSeries.bind(key.adjustment.rawValue, at: 2)
        try statements.findSeries.bind(key.feed, at: 3)
        try statements.findSeries.bind(key.symbol, at: 4)
        defer { statements.findSeries.reset() }
        guard try statements.findSeries.step() else { return nil }
        let id = statements.findSeries.integer(0)
        ids[key] = id
        return id
    }

    func origin(ofBatch id: Int64) throws(DatabaseError) -> BarOrigin {
        if let origin = origins[id] { return origin }
        try statements.findBatch.bind(id, at: 1)
        defer { statements.findBatch.reset() }
        guard try statements.findBatch.step() else {
            throw DatabaseError(cause: .corrupt, "\(path): a bar names batch \(id), which is missing; restore a copy.")
        }
        let origin = BarOrigin(
            batch: id, identifier: statements.findBatch.text(0), provider: statements.findBatch.text(1),
            request: statements.findBatch.text(2), received: statements.findBatch.integer(3),
            tier: Int(statements.findBatch.integer(4)))
        origins[id] = origin
        return origin
    }
}

/// Statements that run once for a series or bar, compiled once.
struct BarStatements: ~Copyable {
    let findSeries, addSeries, findBatch, findBlocks, findNewest, dropBlock, addBlock: Statement
    let findAside, addRevision, addRefused: Statement
    let findCoverage, dropCoverage, addCoverage: Statement

    static func compile(_ database: borrowing Database) throws(DatabaseError) -> BarStatements {
        let findSeries = try database.prepare(
            "SELECT id FROM series WHERE minutes = ? AND adjustment = ? AND feed = ? AND symbol = ?")
        let addSeries = try database.prepare("INSERT INTO series(minutes, adjustment, feed, symbol) VALUES(?, ?, ?, ?)")
        let findBatch = try database.prepare(
            "SELECT identifier, provider, request, received, tier FROM batch WHERE id = ?")
        // From the block that may hold or precede ?2 to the one that may hold or follow ?3; ?1 and ?4 bound the series.
        let findBlocks = try database.prepare(
            """
            SELECT id, first, last, count, crc, columns FROM block
            WHERE id BETWEEN coalesce((SELECT max(id) FROM block WHERE id BETWEEN ?1 AND ?2), ?2)
                AND coalesce((SELECT min(id) FROM block WHERE id > ?3 AND id <= ?4), ?3)
            ORDER BY id
            """)
        let findNewest = try database.prepare(
            "SELECT first, last, count, crc, columns FROM block WHERE id BETWEEN ? AND ? AND first <= ? ORDER BY id DESC"
        )
        let dropBlock = try database.prepare("DELETE FROM block WHERE id = ?")
        let addBlock = try database.prepare(
            "INSERT INTO block(id, first, last, count, crc, columns) VALUES(?, ?, ?, ?, ?, ?)")
        let findAside = try database.prepare(
            """
            SELECT 1 FROM revision JOIN batch ON batch.id = revision.batch
            WHERE series = ? AND start = ? AND provider = ? AND why <> 'superseded'
                AND open = ? AND high = ? AND low = ? AND close = ? AND volume = ?
            """)
        let addRevision = try database.prepare(
            """
            INSERT INTO revision(series, start, why, batch, instead, open, high, low, close, volume)
            VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        let addRefused = try database.prepare(
            """
            INSERT INTO refused(series, start, reason, batch, open, high, low, close, volume)
            VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        let findCoverage = try database.prepare(
            """
            SELECT since, until FROM coverage
            WHERE series = ?1 AND provider = ?2 AND since <= ?4 AND until >= ?3 ORDER BY since
            """)
        let dropCoverage = try database.prepare(
            "DELETE FROM coverage WHERE series = ?1 AND provider = ?2 AND since <= ?4 AND until >= ?3")
        let addCoverage = try database.prepare(
            "INSERT INTO coverage(series, provider, since, until) VALUES(?, ?, ?, ?)")
        return BarStatements(
            findSeries: findSeries, addSeries: addSeries, findBatch: findBatch, findBlocks: findBlocks,
            findNewest: findNewest, dropBlock: dropBlock, addBlock: addBlock, findAside: findAside,
            addRevision: addRevision,
            addRefused: addRefused, findCoverage: findCoverage, dropCoverage: dropCoverage, addCoverage: addCoverage)
    }
}

extension BarStore {
    /// Refuses to grow beyond so many pages, as a full disk would: for tests, and for a store with a quota.
    package func limit(pages: Int) throws(DatabaseError) { try database.execute("PRAGMA max_page_count=\(pages)") }
}
