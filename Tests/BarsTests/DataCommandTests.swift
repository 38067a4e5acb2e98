import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

@Suite(.serialized)
struct DataCommandTests {
    private let folder = TemporaryFolder("data")
    private var store: String { folder.path + "/bars.sqlite" }

    private func file(_ csv: [UInt8], _ name: String = "bars.csv") throws -> String {
        let path = folder.path + "/" + name
        try Data(csv).write(to: URL(fileURLWithPath: path))
        return path
    }
    private func data(_ words: [String]) throws -> Programs.Outcome {
        try Programs.run("apex", ["data"] + words, environment: ["APEX_STORE": store])
    }

    @Test func `what is imported is listed, checked, traced and exported to the same bars`() throws {
        let csv = DemoMarket.csv(seed: 3, symbolCount: 40, dayCount: 50)
        let bars = try DailyBars(csv: csv, name: "demo")
        let imported = try data(["import", try file(csv), "--json"])
        #expect(imported.code == 0, "\(imported.errors)")
        #expect(imported.json["added"] as? Int == bars.count)
        #expect(
            try data(["import", try file(csv), "--json"]).json["added"] as? Int == bars.count, "said again, not done")
        let listed = try data(["list", "--all", "--json"])
        let series = try #require(listed.json["series"] as? [[String: Any]])
        #expect(series.map { $0["symbol"] as? String } == bars.symbols)
        #expect(series.reduce(0) { $0 + ($1["bars"] as? Int ?? 0) } == bars.count)

        let out = folder.path + "/out.csv"
        #expect(try data(["export", "--out", out]).code == 0)
        let back = try DailyBars.read(path: out)
        #expect(back.symbols == bars.symbols && back.dates == bars.dates && back.starts == bars.starts)
        #expect(back.open == bars.open && back.high == bars.high && back.low == bars.low && back.close == bars.close)
        #expect(back.volume == bars.volume && back.rejected.total == 0)

        let origin = try data(["origin", bars.symbols[0], MarketDate.text(bars.dates[0]), "--json"])
        #expect((origin.json["current"] as? [String: Any])?["provider"] as? String == "file", "\(origin.errors)")
        let checked = try data(["check", "--json"])
        #expect(checked.code == 0 && checked.json["faults"] as? Int == 0, "\(checked.errors)")
        #expect(checked.json["bars"] as? Int == bars.count)
        #expect(try data(["check"]).output.contains("0 faults"))
    }

    @Test func `a weekend from the store alone finds what a weekend from the file finds`() throws {
        let csv = DemoMarket.csv(seed: 5)
        #expect(try data(["import", try file(csv)]).code == 0)
        let settings = ["--seed", "5", "--universe", "128", "--cycles", "3", "--workers", "1", "--json"]
        let fromFile = try Programs.run(
            "apex", ["weekend", "--bars", folder.path + "/bars.csv", "--out", folder.path + "/a"] + settings)
        #expect(fromFile.code == 0, "\(fromFile.errors)")
        let fromStore = try Programs.run(
            "apex", ["weekend", "--store", store, "--out", folder.path + "/b"] + settings)
        #expect(fromStore.code == 0, "\(fromStore.errors)")
        #expect(try tables(folder.path + "/a") == tables(folder.path + "/b"))
    }

    private func tables(_ out: String) throws -> [String] {
        let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
        var lines: [String] = []
        for table in ["universe", "ds_day5", "candidate_groups", "final_groups"] {
            let rows = try database.prepare("SELECT * FROM \(table) ORDER BY 1, 2")
            while try rows.step() { lines.append((0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|")) }
        }
        #expect(lines.count > 128)
        return lines
    }

    @Test func `an import killed at any moment leaves whole batches, and the next goes on to the same bars`() throws {
        // 2,000 symbols in ten batches.
        let csv = DemoMarket.csv(seed: 9, symbolCount: 2000, dayCount: 60)
        let bars = try DailyBars(csv: csv, name: "demo")
        let path = try file(csv)
        var kills = 0
        for round in 0..<6 {
            let target = folder.path + "/killed-\(round).sqlite"
            let running = try Programs.Running("apex", ["data", "import", path, "--store", target])
            // Somewhere between the first batch and the last.
            _ = Programs.eventually { (try? batches(target)) ?? 0 > round }
            running.send(SIGKILL)
            if running.wait().code != 0 { kills += 1 }
            let store = try BarStore(path: target, access: .read)
            let held = try store.dailyBars(.init(adjustment: .split, feed: "sip"))
            let whole = try batches(target)
            #expect(held.symbols == Array(bars.symbols.prefix(min(200 * whole, bars.symbols.count))), "batches whole")
            #expect(held.count == bars.starts[held.symbols.count])
            let again = try Programs.run("apex", ["data", "import", path, "--store", target])
            #expect(again.code == 0, "\(again.errors)")
            let all = try BarStore(path: target, access: .read).dailyBars(.init(adjustment: .split, feed: "sip"))
            #expect(all.close == bars.close && all.symbols == bars.symbols && all.volume == bars.volume)
        }
        #expect(kills > 0, "every import ended before it was killed")
    }
    private func batches(_ path: String) throws -> Int {
        let rows = try Database(path: path, mode: .readOnly).prepare("SELECT count(*) FROM batch")
        return try rows.step() ? Int(rows.integer(0)) : 0
    }

    @Test func `wrong use is said in words`() throws {
        for (words, said) in [
            (["list"], "unable to open"), (["check"], "no such store"), (["lost"], "no data command"), ([], "which of"),
            (["import"], "the file of bars is missing"), (["list", "--timeframe", "9x"], "--timeframe is 9x"),
            (["export", "--from", "yesterday"], "--from is yesterday"),
        ] {
            let outcome = try data(words)
            #expect(outcome.code != 0 && (outcome.errors).contains(said), "\(words): \(outcome.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: store), "asking makes no store")
        let both = try Programs.run("apex", ["weekend", "--store", store, "--demo"])
        #expect(both.code == 2 && both.errors.contains("exclude"))
    }
}
