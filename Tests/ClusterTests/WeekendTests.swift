import Foundation
import Store
import TestSupport
import Testing

/// A weekend small enough for a debug build: a made-up market, few tickers, few cycles.
private enum SmallWeekend {
    static let settings = ["--demo", "--seed", "5", "--universe", "256", "--cycles", "6", "--json"]

    static func run(_ out: String, _ more: [String] = []) throws -> Programs.Outcome {
        try Programs.run("apex", ["weekend", "--out", out] + settings + more)
    }

    /// Every value of the two tables of groups, in order: equal dumps are equal tables.
    static func groups(_ out: String) throws -> [String] {
        let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
        var lines: [String] = []
        for table in ["candidate_groups", "final_groups"] {
            let rows = try database.prepare("SELECT * FROM \(table) ORDER BY rowid")
            while try rows.step() {
                lines.append(table + ":" + (0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|"))
            }
        }
        return lines
    }
}

@Suite(.serialized)
struct WeekendTests {
    @Test func `one worker and four give the same groups, locally and over TCP`() throws {
        let folder = TemporaryFolder("weekend")
        let one = try SmallWeekend.run(folder.path + "/one", ["--workers", "1"])
        #expect(one.code == 0, "\(one.errors)")
        let expected = try SmallWeekend.groups(folder.path + "/one")
        #expect(expected.count > 4)

        let four = try SmallWeekend.run(folder.path + "/four", ["--workers", "4"])
        #expect(four.code == 0, "\(four.errors)")
        #expect(try SmallWeekend.groups(folder.path + "/four") == expected)

        let state = folder.path + "/state"
        let address = "tcp://127.0.0.1:\(UInt16.random(in: 20_000...40_000))"
        let keys = try Programs.makeKeys(state: state)
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "0", "--listen", address])
        #expect(Programs.eventually { up.errors.contains("ready") })
        let workers = try (1...2).map {
            try Programs.Running(
                "apex-worker", ["--coordinator", address, "--keys", keys, "--slots", "1", "--name", "remote-\($0)"])
        }
        let remote = try SmallWeekend.run(folder.path + "/remote", ["--coordinator", address, "--keys", keys])
        #expect(remote.code == 0, "\(remote.errors)")
        #expect(try SmallWeekend.groups(folder.path + "/remote") == expected)
        for program in workers + [up] { program.send(SIGTERM) }
        for program in workers + [up] { #expect(program.wait().code == 0, "\(program.errors)") }
    }

    @Test(arguments: seeds(3))
    func `killing coordinator, worker or both at random moments changes no byte`(seed: UInt64) throws {
        let folder = TemporaryFolder("killed")
        let calm = try SmallWeekend.run(folder.path + "/calm", ["--workers", "2"])
        #expect(calm.code == 0, "\(calm.errors)")

        var chance = SplitMix(seed: seed)
        let out = folder.path + "/killed"
        let weekend = try Programs.Running("apex", ["weekend", "--out", out, "--workers", "2"] + SmallWeekend.settings)
        for victims in [["coordinator"], ["local-"], ["coordinator", "local-"]] {
            // A random moment, counted in finished tasks so that it falls inside the run on a slow machine too.
            let before = finishedTasks(out)
            let wanted = before + Int.random(in: 1...8, using: &chance)
            #expect(Programs.eventually(within: 120) { finishedTasks(out) >= wanted || !weekend.process.isRunning })
            guard weekend.process.isRunning else { break }
            for victim in victims {
                let words = victim == "coordinator" ? ["apex", "coordinator", out] : ["apex-worker", out, victim]
                if let process = Programs.processes(with: words).first { kill(process, SIGKILL) }
            }
        }
        let outcome = weekend.wait()
        #expect(outcome.code == 0, "seed \(seed): \(outcome.errors)")
        #expect(try SmallWeekend.groups(out) == SmallWeekend.groups(folder.path + "/calm"), "seed \(seed)")
        // Each task has one accepted result, and no more were handed out again than could be in flight.
        let state = try Database(path: out + "/state/state.sqlite", mode: .readOnly)
        let rows = try state.prepare("SELECT count(*), count(DISTINCT first), sum(count) FROM done")
        #expect(try rows.step())
        #expect(rows.integer(0) == rows.integer(1) && rows.integer(0) == rows.integer(2))
    }

    @Test func `a killed weekend resumes and ends as if undisturbed`() throws {
        let folder = TemporaryFolder("resumed")
        let calm = try SmallWeekend.run(folder.path + "/calm", ["--workers", "2"])
        #expect(calm.code == 0, "\(calm.errors)")
        let out = folder.path + "/killed"
        let weekend = try Programs.Running("apex", ["weekend", "--out", out, "--workers", "2"] + SmallWeekend.settings)
        #expect(Programs.eventually(within: 120) { finishedTasks(out) >= 12 || !weekend.process.isRunning })
        weekend.send(SIGKILL)
        _ = weekend.wait()
        // Its coordinator and workers end with it.
        #expect(Programs.eventually { Programs.processes(with: ["apex", out]).isEmpty })
        let resumed = try Programs.run("apex", ["resume", out, "--workers", "2", "--json"])
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try SmallWeekend.groups(out) == SmallWeekend.groups(folder.path + "/calm"))
        // Once more: nothing is left to do, and nothing changes.
        let again = try SmallWeekend.run(out, ["--workers", "2"])
        #expect(again.code == 0, "\(again.errors)")
        #expect(try SmallWeekend.groups(out) == SmallWeekend.groups(folder.path + "/calm"))
    }

    @Test func `Ctrl-C checkpoints and says how to go on`() throws {
        let folder = TemporaryFolder("interrupted")
        let out = folder.path + "/run"
        let weekend = try Programs.Running("apex", ["weekend", "--out", out, "--workers", "1"] + SmallWeekend.settings)
        #expect(Programs.eventually(within: 120) { finishedTasks(out) >= 3 || !weekend.process.isRunning })
        weekend.send(SIGINT)
        let outcome = weekend.wait()
        #expect(outcome.code == 3, "\(outcome.errors)")
        #expect(outcome.errors.contains("apex resume \(out)"))
        #expect(try Programs.run("apex", ["resume", out, "--json"]).code == 0)
    }

    private func finishedTasks(_ out: String) -> Int {
        guard let database = try? Database(path: out + "/state/state.sqlite", mode: .readOnly),
            let rows = try? database.prepare("SELECT count(*) FROM done"), (try? rows.step()) == true
        else { return 0 }
        return Int(rows.integer(0))
    }
}
