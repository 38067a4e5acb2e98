import Foundation
import Jobs
import Messages
import Report
import Store
import TestSupport
import Testing

/// What the outsider reads with nothing but SQL and JSON.
private struct RunReader: ~Copyable {
    let database: Database
    init(_ path: String) throws { database = try Database(path: path, mode: .readOnly) }

    /// Rows as text, by column name.
    func rows(_ sql: String) throws -> [[String: String]] {
        let statement = try database.prepare(sql)
        var rows: [[String: String]] = []
        while try statement.step() {
            var row: [String: String] = [:]
            for column in 0..<statement.columnCount {
                row[statement.columnName(column)] = statement.text(column)
            }
            rows.append(row)
        }
        return rows
    }
    func number(_ column: String, of table: String, _ identifier: String) throws -> Double {
        let statement = try database.prepare("SELECT \(column) FROM \(table) WHERE identifier = ?")
        try statement.bind(identifier, at: 1)
        try #require(try statement.step() == true)
        return statement.double(0)
    }
    func hits() throws -> [Set<String>] {
        try (1...5).map { day in
            Set(try rows("SELECT symbol FROM ds_day\(day) WHERE bar = 31 AND close > open").map { $0["symbol"]! })
        }
    }
}
private func json<Value: Decodable>(_ text: String, _ type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}
private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1) }

@Test(arguments: seeds(2))
func `an outsider recomputes every number from run.sqlite alone`(seed: UInt64) throws {
    let folder = try Folder()
    let weekend = FakeWeekend(seed: seed)
    try RunDatabase.write(weekend.input, to: folder.file("run.sqlite"))
    #expect(folder.names == ["run.sqlite"])
    let run = try RunReader(folder.file("run.sqlite"))
    let hits = try run.hits()
    let universe = try run.rows("SELECT * FROM universe ORDER BY order_idx").map { $0["symbol"]! }
    #expect(universe == weekend.input.universe.symbols)

    var bought: [String: [Set<String>]] = [:]
    for algorithm in Algorithm.allCases.map(\.name) {
        let all = try run.rows("SELECT * FROM \(algorithm)")
        #expect(all.count == 8 && all.first?["identifier"] == algorithm + ".1")
        let pruned = try run.rows("SELECT * FROM pruned_\(algorithm)")
        #expect(pruned.count == 2)
        for row in pruned { #expect(all.contains(row)) }
        for row in all {
            let buys = try (1...5).map { Set(try json(row["day\($0)_buys_json"]!, [String].self)) }
            let sorted = try json(row["day1_buys_json"]!, [String].self)
            #expect(sorted == sorted.sorted())
            for (column, value) in Outsider.variation(buys: buys, hits: hits).sorted(by: { $0.key < $1.key }) {
                let stored = try run.number(column, of: algorithm, row["identifier"]!)
                #expect(close(stored, value), "\(row["identifier"]!) \(column)")
            }
            if pruned.contains(row) { bought[row["identifier"]!] = buys }
        }
    }

    let candidates = try run.rows("SELECT * FROM candidate_groups")
    #expect(candidates.count > 20)
    for row in candidates {
        let members = try json(row["members_json"]!, [String].self)
        #expect(members.count == Int(row["group_size"]!))
        let consensus = (0..<5).map { day in
            members.dropFirst().reduce(bought[members[0]]![day]) { $0.intersection(bought[$1]![day]) }
        }
        let shown = try json(row["day_buys_json"]!, [[String]].self)
        #expect(shown == consensus.map { $0.sorted() })
        let metrics = try #require(Outsider.group(consensus: consensus, hits: hits, universe: universe.count))
        for (column, value) in metrics.sorted(by: { $0.key < $1.key }) {
            let stored = try run.number(column, of: "candidate_groups", row["identifier"]!)
            #expect(close(stored, value), "\(row["identifier"]!) \(column)")
        }
        let pp = try json(row["day_pp_json"]!, [Double].self)
        let counts = try json(row["day_buy_counts_json"]!, [Double].self)
        let right = try json(row["day_hit_counts_json"]!, [Double].self)
        for day in 0..<5 { #expect(close(pp[day], 100 * right[day] / counts[day])) }
    }

    for size in [3, 4] {
        let ranked = try run.rows("SELECT * FROM candidate_groups WHERE group_size = \(size) ORDER BY score DESC")
        let chosen = try #require(
            Outsider.choose(
                scores: ranked.map { Double($0["score"]!)! }, stabilities: ranked.map { Double($0["stability"]!)! }))
        #expect(ranked.map { $0["chosen"] } == ranked.indices.map { $0 == chosen ? "1" : "0" })
        let final = try run.rows("SELECT * FROM final_groups WHERE group_size = \(size)")
        #expect(final == (chosen == 0 ? [ranked[0]] : [ranked[chosen], ranked[0]]))
        #expect(ranked[0]["identifier"] == "g\(size).1" && ranked[0]["best"] == "1")
    }
}

@Test func `bars, parameters and run_info are stored as DESIGN names them`() throws {
    let folder = try Folder()
    let weekend = FakeWeekend(seed: 3)
    let input = weekend.input
    try RunDatabase.write(input, to: folder.file("run.sqlite"))
    let run = try RunReader(folder.file("run.sqlite"))
    for day in 1...5 {
        let rows = try run.rows("SELECT * FROM ds_day\(day) WHERE symbol = 'AAC' ORDER BY bar")
        #expect(rows.map { $0["bar"]! } == (1...31).map(String.init))
        let dates = input.universe.dates[(day - 1)..<(day + 30)].map { String($0) }
        #expect(rows.map { $0["date"]!.replacingOccurrences(of: "-", with: "") } == dates)
        let at = (day + 29) * input.universe.symbols.count + 2
        #expect(
            Double(rows[30]["close"]!) == input.universe.close[at]
                || close(Double(rows[30]["close"]!)!, input.universe.close[at]))
        #expect(Double(rows[30]["volume"]!) == 300_000)
    }
    for algorithm in Algorithm.allCases {
        for (row, evaluation) in zip(
            try run.rows("SELECT params_json FROM \(algorithm.name)"), input.answer.evaluations[Int(algorithm.rawValue)]
        ) {
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(row["params_json"]!.utf8)) as? [String: Any])
            #expect(object.keys.sorted() == algorithm.parameters.map(\.name).sorted())
            for parameter in algorithm.parameters {
                let value = evaluation.variation.value(parameter.name)
                if case .choices(let names) = parameter.options {
                    #expect(object[parameter.name] as? String == names[Int(value)])
                } else {
                    #expect(object[parameter.name] as? Double == value)
                }
            }
        }
    }
    var info: [String: String] = [:]
    for row in try run.rows("SELECT * FROM run_info") { info[row["key"]!] = row["value"]! }
    #expect(info["week_ending"] == "2026-03-20" && info["seed"] == "7" && info["cycles"] == "200")
    #expect(info["budget_seconds"] == "60.0" && info["proved"] == "true" && info["code_version"] == "1.0.0")
    #expect(info["started"] == "2026-01-31T08:00:00.000Z" && info["ended"] == "2026-01-31T08:00:41.250Z")
    #expect(info["bars_hash"] == input.run.barsHash.description)
    let accounting = input.answer.groups.accounting
    #expect(info["nodes_visited"] == "\(accounting.visited)" && info["nodes_space"] == "\(accounting.visited)")
    #expect(info["nodes_cut"] == "0" && info["hardware"] == "2 cores <AVX2>")
    #expect(try json(info["budget_ledger"]!, [[String: Int]].self).count == 11)
    #expect(info["rejected_rows"]?.contains("\"count\":17,\"first_line\":4711") == true)
}

@Test func `the same input gives the same bytes`() throws {
    let folder = try Folder()
    let weekend = FakeWeekend(seed: 4)
    for name in ["a", "b"] { try RunDatabase.write(weekend.input, to: folder.file(name)) }
    let (a, b) = (
        FileManager.default.contents(atPath: folder.file("a")), FileManager.default.contents(atPath: folder.file("b"))
    )
    #expect(a != nil && a == b)
}

@Test func `an answer that contradicts itself is refused, and what was there stays`() throws {
    let folder = try Folder()
    let path = folder.file("run.sqlite")
    try Data("older".utf8).write(to: URL(fileURLWithPath: path))
    let good = FakeWeekend(seed: 5).input
    func refused(_ change: (inout ReportInput) -> Void) -> Bool {
        var input = good
        change(&input)
        let error = #expect(throws: ReportError.self) { try RunDatabase.write(input, to: path) }
        return error?.description.contains("contradicts itself") == true
    }
    #expect(refused { $0.answer.groups.top[0][1].score *= 1 + 1e-8 })
    #expect(refused { $0.answer.groups.top[1][0].buys[2] += 1 })
    #expect(refused { $0.answer.groups.top[0][0].members[2] = 999 })
    #expect(refused { $0.answer.pruned[0] = [9] })
    #expect(refused { $0.answer.evaluations[1][0] = $0.answer.evaluations[0][0] })
    #expect(FileManager.default.contents(atPath: path) == Data("older".utf8))
    #expect(folder.names == ["run.sqlite"])
}

@Test func `a write that fails halfway leaves no partial file and the old one as it was`() throws {
    let folder = try Folder()
    let path = folder.file("run.sqlite")
    let good = FakeWeekend(seed: 6).input
    // What an earlier run that was killed left behind is replaced.
    try Data("half".utf8).write(to: URL(fileURLWithPath: folder.file(".run.sqlite.partial")))
    try RunDatabase.write(good, to: path)
    let before = FileManager.default.contents(atPath: path)
    // A metric that is no number is refused by the table long after the bars were written.
    var bad = good
    bad.answer.evaluations[5][3].metrics.mad = .nan
    let error = #expect(throws: ReportError.self) { try RunDatabase.write(bad, to: path) }
    #expect(error?.description.hasPrefix(path) == true, "\(error?.description ?? "")")
    #expect(folder.names == ["run.sqlite"])
    #expect(FileManager.default.contents(atPath: path) == before)
    #expect(throws: ReportError.self) { try RunDatabase.write(good, to: folder.file("none/run.sqlite")) }
}
