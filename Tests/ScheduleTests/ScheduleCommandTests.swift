import Foundation
import TestSupport
import Testing

@Suite(.serialized)
struct ScheduleCommandTests {
    private let folder = TemporaryFolder("schedule")
    private var state: String { folder.path + "/s" }

    private func configuration(_ run: String = "[noop, --count, \"2\"]") throws -> String {
        let path = folder.path + "/cluster.yaml"
        try Data("schedules:\n  loop:\n    every: 1m\n    zone: UTC\n    run: \(run)\n".utf8).write(
            to: URL(fileURLWithPath: path))
        return path
    }
    private func schedule(_ words: [String]) throws -> Programs.Outcome {
        try Programs.run("apex", ["schedule"] + words + ["--state", state, "--json"])
    }
    private func first(_ outcome: Programs.Outcome) -> [String: Any] {
        (outcome.json["schedules"] as? [[String: Any]])?.first ?? [:]
    }

    @Test func `a coordinator with schedules lists them, runs one when asked, pauses and resumes it`() throws {
        let coordinator = try Programs.Running(
            "apex", ["coordinator", "--config", try configuration(), "--state", state, "--quiet"])
        #expect(Programs.eventually { (try? first(schedule(["list"]))["name"] as? String) == "loop" })
        let listed = first(try schedule(["list"]))
        #expect((listed["rhythm"] as? String)?.hasPrefix("every 1m") == true && listed["next"] is String)
        let job = try schedule(["run", "loop"])
        #expect(job.code == 0 && job.json["job"] as? Int == 1, "\(job.errors)")
        let jobs = try Programs.run("apex", ["jobs", "1", "--state", state, "--json"])
        #expect(jobs.json["kind"] as? String == "noop" && jobs.json["name"] as? String == "loop", "\(jobs.output)")
        #expect(first(try schedule(["pause", "loop"]))["paused"] as? Bool == true)
        #expect(first(try schedule(["resume", "loop"]))["paused"] as? Bool == false)
        #expect(try schedule(["pause", "other"]).errors.contains("there is no schedule other"))
        coordinator.send(SIGTERM)
        #expect(coordinator.wait().code == 0)
    }

    @Test func `a run is one job though the coordinator is killed all the while`() throws {
        let config = try configuration()
        // A minute's run begins at the full minute: killed and started again until it is there, and then some.
        let deadline = Date().addingTimeInterval(150)
        var seen = 0
        while seen < 1, Date() < deadline {
            let coordinator = try Programs.Running(
                "apex", ["coordinator", "--config", config, "--state", state, "--quiet"])
            _ = Programs.eventually(within: 2 + Double.random(in: 0..<4)) {
                guard let jobs = try? runs() else { return false }
                return jobs.count > 0
            }
            coordinator.send(SIGKILL)
            _ = coordinator.wait()
            seen = (try? runs().count) ?? 0
        }
        #expect(seen >= 1, "no run in two minutes")
        let last = try Programs.Running("apex", ["coordinator", "--config", config, "--state", state, "--quiet"])
        let status = try Programs.run("apex", ["jobs", "--state", state, "--json"])
        let jobs = (status.json["jobs"] as? [[String: Any]]) ?? []
        // No worker: the first run's job waits, so no second begins, and none is there twice.
        #expect(jobs.count == 1, "\(status.output) \(status.errors)")
        last.send(SIGTERM)
        #expect(last.wait().code == 0)
    }
    private func runs() throws -> [Any] {
        guard let job = first(try schedule(["list"]))["job"] as? Int, job > 0 else { return [] }
        return [job]
    }

    @Test func `a schedule submits every kind that a person can, read by the same code`() throws {
        // Daily bars of a made-up market, and programs for every kind; none of them falls due while the test runs.
        var csv = "symbol,date,open,high,low,close,volume\n"
        for day in 20_400..<20_560 where EmulatedMarket.isSession(day: day) {
            for (symbol, price) in [("AAA", 20 + day % 7), ("BBB", 30 + day % 5)] {
                csv += "\(symbol),\(EmulatedMarket.text(day: day)),\(price),\(price + 1),\(price - 1),\(price),500000\n"
            }
        }
        let bars = folder.path + "/bars.csv"
        try csv.write(toFile: bars, atomically: true, encoding: .utf8)
        let out = folder.path + "/out"
        let runs = [
            ("one-noop", "[noop, --count, \"3\"]"),
            ("program", "[command, --, sh, -c, \"echo {date}\"]"),
            ("charts", "[render, --daily, \(bars), --out, \"\(out)-charts-{date}\", --size, \"128\", --every, \"40\"]"),
            ("labels", "[label, --daily, \(bars), --out, \"\(out)-labels\"]"),
            ("training", "[aggregate, --from, \"\(out)-labels\", --out, \"\(out)-training\"]"),
            ("study", "[study, create, \"fit-{date}\", --objective, function:branin, --trials, \"6\"]"),
            (
                "weekend",
                "[weekend, --demo, --universe, \"40\", --cycles, \"2\", --budget, 20s, --out, \"\(out)-weekend\"]"
            ),
        ]
        var yaml = "schedules:\n"
        for (name, words) in runs { yaml += "  \(name):\n    weekly: sunday 03:33\n    run: \(words)\n" }
        let config = folder.path + "/all.yaml"
        try yaml.write(toFile: config, atomically: true, encoding: .utf8)
        let up = try Programs.Running("apex", ["up", "--config", config, "--state", state, "--workers", "2"])
        defer {
            up.send(SIGTERM)
            _ = up.wait()
        }
        #expect(
            Programs.eventually {
                ((try? schedule(["list"]))?.json["schedules"] as? [Any])?.count == runs.count || !up.process.isRunning
            }, "\(up.errors)")
        let kinds = ["noop", "command", "render", "label", "aggregate", "study", "weekend"]
        for ((name, _), kind) in zip(runs, kinds) {
            let submitted = try schedule(["run", name])
            let job = try #require(submitted.json["job"] as? Int, "\(name): \(submitted.errors) \(up.errors)")
            func status() throws -> [String: Any] {
                try Programs.run("apex", ["jobs", "\(job)", "--state", state, "--json"]).json
            }
            // The next one may need its files.
            #expect(
                Programs.eventually(within: 60) {
                    ["done", "resting", "unfinished"].contains((try? status())?["state"] as? String)
                }, "\(name): \(String(describing: try? status()))")
            #expect(try status()["kind"] as? String == kind, "\(name)")
        }
        for file in ["-labels/manifest.json", "-training/manifest.json"] {
            #expect(FileManager.default.fileExists(atPath: out + file), "\(file)")
        }
        let named = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(named.contains { $0.hasPrefix("out-charts-20") }, "\(named)")
        // What a scheduled weekend found is written by the command that resumes any.
        let resumed = try Programs.run("apex", ["resume", out + "-weekend", "--json"])
        #expect([0, 4].contains(resumed.code), "\(resumed.errors)")
        #expect(FileManager.default.fileExists(atPath: out + "-weekend/run.sqlite"))
    }

    @Test(arguments: [
        ("[render, --out, x]", "give the bars to draw"), ("[label, --daily, x]", "--out is missing"),
        ("[aggregate, --out, x]", "--from is missing"), ("[study, list]", "create NAME"),
        ("[study, create, x, --objective, function:branin]", "--trials is missing"),
        ("[study, create, x, --bars, y]", "--objective is missing"),
        ("[weekend, --demo, --bars, x]", "exclude each other"),
        ("[noop, --count, \"1\", --wait]", "a schedule does not"),
        ("[weekend, --demo, --workers, \"2\"]", "uses those that are there"),
    ]) func `words of any kind that cannot be understood are refused before anything starts`(
        words: String, why: String
    ) throws {
        let refused = try Programs.run(
            "apex", ["coordinator", "--config", try configuration(words), "--state", state])
        #expect(
            refused.code != 0 && refused.errors.contains("cluster.yaml:2: the schedule loop: "), "\(refused.errors)")
        #expect(refused.errors.contains(why), "\(refused.errors)")
    }

    @Test func `a schedule that could not be submitted is refused before anything starts`() throws {
        let refused = try Programs.run(
            "apex", ["coordinator", "--config", try configuration("[nonsense]"), "--state", state])
        #expect(refused.code != 0)
        #expect(refused.errors.contains("cluster.yaml:2: the schedule loop: nonsense"), "\(refused.errors)")
    }
}
