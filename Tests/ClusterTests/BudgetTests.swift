import Foundation
import Store
import TestSupport
import Testing

/// Wall-clock budgets on spaces too large to exhaust.
@Suite(.serialized)
struct BudgetTests {
    /// Trillions of groups: no budget of seconds is enough.
    private static let endless = ["--demo", "--seed", "5", "--universe", "512", "--cycles", "12", "--sizes", "3..7"]

    private struct Spending {
        var total: Int64, granted: Int64, spent: Int64, pool: Int64, wall: Int64, elapsed: Int64
        /// Share of the slots' time, from the first slice to the deadline, that was spent computing.
        var used: Double

        init(_ outcome: Programs.Outcome, _ out: String, slots: Double) throws {
            let budget = outcome.json["budget"] as? [String: Any] ?? [:]
            func number(_ name: String) -> Int64 { (budget[name] as? NSNumber)?.int64Value ?? -1 }
            total = number("total_ms")
            granted = number("granted_ms")
            spent = number("spent_ms")
            pool = number("pool_ms")
            wall = number("wall_ms")
            elapsed = number("elapsed_ms")
            let state = try Database(path: out + "/state/state.sqlite", mode: .readOnly)
            let rows = try state.prepare("SELECT min(at - spent) FROM ledger")
            _ = try rows.step()
            used = Double(spent) / (slots * Double(wall - rows.integer(0)))
        }
    }

    @Test(arguments: [2, 5])
    func `a budget is used to its end, balanced, and hardly overrun`(seconds: Int) throws {
        let folder = TemporaryFolder("budget")
        let out = folder.path + "/w"
        let outcome = try Programs.run(
            "apex", ["weekend", "--out", out, "--workers", "2", "--budget", "\(seconds)s", "--json"] + Self.endless)
        #expect(outcome.code == 4, "\(outcome.errors)")
        #expect(outcome.json["proved"] as? Bool == false)
        let spending = try Spending(outcome, out, slots: 2)
        #expect(spending.granted + spending.spent + spending.pool == spending.total && spending.granted == 0)
        // The clock stops when the answer is in: not half a second after the deadline.
        let state = try Database(path: out + "/state/state.sqlite", mode: .readOnly)
        let rows = try state.prepare("SELECT max(at) FROM ledger")
        #expect(try rows.step())
        #expect(rows.integer(0) <= spending.wall + 500)
        print("budget of \(seconds) s: \(spending.used) of the slots' time spent, ended at \(rows.integer(0)) ms")
        // 0.99 on a quiet machine; a busy one answers each slice later.
        #expect(spending.used > 0.95)
        #expect(try unfinishedPieces(out) > 0)
    }

    @Test func `a worker killed and another joining leave the ledger exact and no piece behind`() throws {
        let folder = TemporaryFolder("budget-killed")
        let out = folder.path + "/w"
        let weekend = try Programs.Running(
            "apex", ["weekend", "--out", out, "--workers", "2", "--budget", "8s", "--json"] + Self.endless)
        #expect(Programs.eventually(within: 60) { slices(out) >= 2 || !weekend.process.isRunning })
        // Its supervisor starts another in its place, which joins the search.
        if let worker = Programs.processes(with: ["apex-worker", out, "local-1"]).first { kill(worker, SIGKILL) }
        let outcome = weekend.wait()
        #expect(outcome.code == 4, "\(outcome.errors)")
        let spending = try Spending(outcome, out, slots: 2)
        #expect(spending.granted + spending.spent + spending.pool == spending.total && spending.granted == 0)
        print("budget of 8 s, a worker killed: \(spending.used) of the slots' time spent")
        #expect(spending.used > 0.80)
        // Every piece handed out ended in a result, or waits with its cursor for more budget.
        let state = try Database(path: out + "/state/state.sqlite", mode: .readOnly)
        let rows = try state.prepare("SELECT count(*) FROM claims WHERE open = 1")
        #expect(try rows.step())
        #expect(rows.integer(0) == 0)
    }

    @Test func `more budget continues to the same end as one long run`() throws {
        let folder = TemporaryFolder("budget-more")
        let settings = ["--demo", "--seed", "5", "--universe", "256", "--cycles", "6", "--workers", "2", "--json"]
        let calm = try Programs.run("apex", ["weekend", "--out", folder.path + "/calm"] + settings)
        #expect(calm.code == 0, "\(calm.errors)")
        let out = folder.path + "/short"
        let short = try Programs.run("apex", ["weekend", "--out", out, "--budget", "50ms"] + settings)
        #expect(short.code == 4, "\(short.errors)")
        let first = try Programs.run("apex", ["resume", out, "--workers", "1", "--json"])
        #expect(first.code == 4, "without more budget it stays unproved: \(first.errors)")
        let more = try Programs.run("apex", ["resume", out, "--workers", "1", "--budget", "10m", "--json"])
        #expect(more.code == 0, "\(more.errors)")
        #expect(try dump(out) == dump(folder.path + "/calm"))
    }

    private func dump(_ out: String) throws -> [String] {
        let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
        var lines: [String] = []
        for table in ["candidate_groups", "final_groups"] {
            let rows = try database.prepare("SELECT * FROM \(table) ORDER BY rowid")
            while try rows.step() { lines.append((0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|")) }
        }
        return lines
    }
    private func unfinishedPieces(_ out: String) throws -> Int {
        let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
        let rows = try database.prepare("SELECT value FROM run_info WHERE key = 'pieces_left'")
        return try rows.step() ? Int(rows.text(0)) ?? 0 : 0
    }
    private func slices(_ out: String) -> Int {
        guard let database = try? Database(path: out + "/state/state.sqlite", mode: .readOnly),
            let rows = try? database.prepare("SELECT count(*) FROM ledger"), (try? rows.step()) == true
        else { return 0 }
        return Int(rows.integer(0))
    }
}
