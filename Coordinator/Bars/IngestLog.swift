import Jobs
import Store

/// Every call that was made for bars, in `data_ingest_log`: with a batch's identifier it says which request brought a
/// bar, and what the others came to.
extension BarStore {
    /// - Parameters: identifier: the batch's. wall: milliseconds since 1970.
    package func log(
        _ calls: [Ingest.Call], of identifier: String, provider: String, symbols: [String], wall: UInt64
    ) throws(DatabaseError) {
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS data_ingest_log(batch TEXT NOT NULL, call INTEGER NOT NULL, at INTEGER NOT NULL,
                provider TEXT NOT NULL, target TEXT NOT NULL, symbols TEXT NOT NULL, units INTEGER NOT NULL,
                status INTEGER NOT NULL, milliseconds INTEGER NOT NULL, bars INTEGER NOT NULL, refusal TEXT NOT NULL,
                PRIMARY KEY(batch, call)) WITHOUT ROWID
            """)
        try database.transaction { () throws(DatabaseError) in
            let add = try database.prepare(
                "INSERT OR IGNORE INTO data_ingest_log VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            for (at, call) in calls.enumerated() {
                try add.bind(identifier, at: 1)
                try add.bind(at, at: 2)
                try add.bind(Int64(wall), at: 3)
                try add.bind(provider, at: 4)
                try add.bind(call.target, at: 5)
                try add.bind(symbols.joined(separator: ","), at: 6)
                try add.bind(Int(call.units), at: 7)
                try add.bind(Int(call.status), at: 8)
                try add.bind(Int(call.milliseconds), at: 9)
                try add.bind(Int(call.bars), at: 10)
                try add.bind(call.refusal, at: 11)
                try add.run()
            }
        }
    }

    /// Symbols that a provider said do not exist.
    /// - Parameter wall: milliseconds since 1970.
    package func remember(unknown symbols: [String], to provider: String, wall: UInt64) throws(DatabaseError) {
        guard !symbols.isEmpty else { return }
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS data_unknown(provider TEXT NOT NULL, symbol TEXT NOT NULL, at INTEGER NOT NULL,
                PRIMARY KEY(provider, symbol)) WITHOUT ROWID
            """)
        try database.transaction { () throws(DatabaseError) in
            let add = try database.prepare("INSERT OR REPLACE INTO data_unknown VALUES(?, ?, ?)")
            for symbol in symbols {
                try add.bind(provider, at: 1)
                try add.bind(symbol, at: 2)
                try add.bind(Int64(wall), at: 3)
                try add.run()
            }
        }
    }

    /// What `remember(unknown:to:wall:)` was told since a moment, by provider.
    package func unknown(to provider: String, since wall: UInt64) throws(DatabaseError) -> Set<String> {
        let has = try database.prepare("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'data_unknown'")
        _ = try has.step()
        guard has.integer(0) > 0 else { return [] }
        let find = try database.prepare("SELECT symbol FROM data_unknown WHERE provider = ? AND at >= ?")
        try find.bind(provider, at: 1)
        try find.bind(Int64(wall), at: 2)
        var symbols: Set<String> = []
        while try find.step() { symbols.insert(find.text(0)) }
        return symbols
    }
}
