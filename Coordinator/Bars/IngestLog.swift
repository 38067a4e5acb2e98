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

    /// What was used of each provider since a moment.
    /// - Parameter wall: milliseconds since 1970.
    package func spent(since wall: UInt64) throws(DatabaseError) -> [Ingest.Spent] {
        let has = try database.prepare("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'data_ingest_log'")
        _ = try has.step()
        guard has.integer(0) > 0 else { return [] }
        let find = try database.prepare(
            "SELECT provider, at, SUM(units) FROM data_ingest_log WHERE at >= ? GROUP BY provider, at ORDER BY provider, at"
        )
        try find.bind(Int64(wall), at: 1)
        var spent: [Ingest.Spent] = []
        while try find.step() {
            spent.append(
                Ingest.Spent(
                    provider: find.text(0), wall: UInt64(find.integer(1)), units: UInt32(clamping: find.integer(2))))
        }
        return spent
    }
}
