import Jobs
import Market
import Store

/// Writes run.sqlite (DESIGN §7): results that anyone with the sqlite3 shell can read and check. The same input gives
/// the same bytes.
package enum RunDatabase {
    /// - Throws: when the answer contradicts itself, or the file cannot be written; then what was at `path` is as it was.
    package static func write(_ input: ReportInput, to path: String) throws(ReportError) {
        let view = try RunView(input)
        try write(view, to: path)
    }

    static func write(_ view: RunView, to path: String) throws(ReportError) {
        try FinishedFile.write(to: path) { temporary throws(ReportError) in
            do throws(DatabaseError) {
                let database = try Database(path: temporary, mode: .scratch)
                // Large pages: a row with five lists of tickers fits into one or two.
                try database.execute("PRAGMA page_size=32768; PRAGMA encoding='UTF-8'")
                try database.transaction { () throws(DatabaseError) in try fill(database, view) }
            } catch {
                // The name people know, not that of the unfinished file.
                throw ReportError(error.description.replacing(temporary, with: path))
            }
        }
    }

    private static func fill(_ database: borrowing Database, _ view: RunView) throws(DatabaseError) {
        try writeUniverse(database, view.input.universe)
        try writeWindows(database, view.input.universe)
        try VariationTables.write(database, view)
        try GroupTables.write(database, view)
        try database.execute("CREATE TABLE run_info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        let info = try database.prepare("INSERT INTO run_info VALUES (?, ?)")
        for (key, value) in view.runInfo {
            try info.bind(key, at: 1)
            try info.bind(value, at: 2)
            try info.run()
        }
    }

    private static func writeUniverse(_ database: borrowing Database, _ universe: Universe) throws(DatabaseError) {
        try database.execute("CREATE TABLE universe (symbol TEXT PRIMARY KEY, order_idx INTEGER NOT NULL)")
        let insert = try database.prepare("INSERT INTO universe VALUES (?, ?)")
        for (index, symbol) in universe.symbols.enumerated() {
            try insert.bind(symbol, at: 1)
            try insert.bind(index, at: 2)
            try insert.run()
        }
    }

    /// The bars of each symbol (31, or the run's `window`), by symbol, in five tables: day 5 is the newest.
    private static func writeWindows(_ database: borrowing Database, _ universe: Universe) throws(DatabaseError) {
        let dates = universe.dates.map { Array(MarketDate.text($0).utf8) }
        let symbols = universe.symbols.map { Array($0.utf8) }
        for window in 0..<Universe.windows {
            let table = "ds_day\(window + 1)"
            try database.execute(
                "CREATE TABLE \(table) (symbol TEXT NOT NULL, bar INTEGER NOT NULL, date TEXT NOT NULL, "
                    + "open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, "
                    + "volume REAL NOT NULL, PRIMARY KEY (symbol, bar)) WITHOUT ROWID")
            let insert = try database.prepare("INSERT INTO \(table) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            for ticker in symbols.indices {
                try insert.bind(utf8: symbols[ticker], at: 1)
                for bar in 1...universe.windowBars {
                    let day = window + bar - 1
                    let at = day * symbols.count + ticker
                    try insert.bind(bar, at: 2)
                    try insert.bind(utf8: dates[day], at: 3)
                    try insert.bind(universe.open[at], at: 4)
                    try insert.bind(universe.high[at], at: 5)
                    try insert.bind(universe.low[at], at: 6)
                    try insert.bind(universe.close[at], at: 7)
                    try insert.bind(universe.volume[at], at: 8)
                    try insert.run()
                }
            }
        }
    }
}
