import Foundation
import JSON
import Store
import TestSupport
import Testing

/// Studies by the programs, as a person runs them.
@Suite(.serialized)
struct StudyTests {
    private static let space = """
        parameters:
          x: {type: float, low: -2, high: 2}
          n: {type: int, low: 1, high: 8}
          mode: {type: categorical, choices: [plain, bent]}
          bend: {type: float, low: 0, high: 1, when: {mode: bent}}
        """
    /// A program that answers (x − 0.5)² + n, as a shell and awk compute it.
    private static let program = "sh -c 'echo working; awk \"BEGIN { print ({x} - 0.5) ^ 2 + {n} }\"'"

    private struct Place {
        let folder = TemporaryFolder("study")
        var state: String { folder.path + "/state" }
        var space: String { folder.path + "/space.yaml" }
        init() throws { try StudyTests.space.write(toFile: space, atomically: true, encoding: .utf8) }

        func apex(_ words: [String]) throws -> Programs.Outcome {
            try Programs.run("apex", ["study"] + words + ["--state", state])
        }
        func trials(_ name: String) throws -> [JSONValue] {
            let outcome = try apex(["trials", name, "--json"])
            #expect(outcome.code == 0, "\(outcome.errors)")
            return JSONValue(outcome.output)?["trials"]?.array ?? []
        }
    }

    @Test func `a study of a command runs in two commands, and every trial is there`() throws {
        let place = try Place()
        let made = try place.apex(
            [
                "create", "fit", "--space", place.space, "--objective", Self.program, "--trials", "24", "--seed", "3",
                "--folder", place.folder.path + "/trials",
            ])
        #expect(made.code == 0, "\(made.errors)")
        let run = try place.apex(["run", "fit", "--slots", "2", "--json"])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.json["complete"] as? Int == 24)
        let trials = try place.trials("fit")
        #expect(trials.count == 24)
        for trial in trials {
            let x = try #require(trial["params"]?["x"]?.double)
            let n = try #require(trial["params"]?["n"]?.double)
            // awk prints six digits.
            #expect(abs(try #require(trial["value"]?.double) - ((x - 0.5) * (x - 0.5) + n)) < 1e-4)
            #expect((trial["params"]?["bend"] != nil) == (trial["params"]?["mode"]?.string == "bent"))
        }
        let logs = try FileManager.default.contentsOfDirectory(atPath: place.folder.path + "/trials/fit")
        #expect(Set(logs) == Set((0..<24).map { "\($0)" }))
        // One line a trial, written as it ended.
        let lines = try String(contentsOfFile: place.state + "/studies/fit/trials.jsonl", encoding: .utf8)
        #expect(Set(lines.split(separator: "\n").compactMap { JSONValue(String($0))?["number"]?.double }).count == 24)
        #expect(try place.apex(["replay", "fit"]).code == 0)
        for words in [["status", "fit"], ["best", "fit"], ["importance", "fit"], ["list"], ["export", "fit"]] {
            #expect(try place.apex(words).code == 0, "\(words)")
        }
        let report = try place.apex(["report", "fit", "--out", place.folder.path + "/fit.html"])
        #expect(report.code == 0, "\(report.errors)")
    }

    /// Kills coordinator and workers again and again: no trial is lost or doubled, and a study in a fixed order is, byte
    /// for byte, what it would have been.
    @Test func `kill -9 of everything in the middle of 500 trials loses and doubles none`() throws {
        let place = try Place()
        let settings = [
            "--space", place.space, "--objective", Self.program, "--trials", "500", "--seed", "11", "--parallel", "6",
            "--reproducible", "--sampler", "random",
        ]
        #expect(try place.apex(["create", "calm"] + settings).code == 0)
        #expect(try place.apex(["run", "calm", "--slots", "2"]).code == 0)
        #expect(try place.apex(["create", "killed"] + settings).code == 0)

        var chance = SplitMix(seed: seeds(1)[0])
        var kills = 0
        while kills < 6 {
            let before = finished("killed", place.state)
            guard before < 480 else { break }
            let run = try Programs.Running(
                "apex", ["study", "run", "killed", "--slots", "2", "--state", place.state])
            let wanted = before + Int.random(in: 5...60, using: &chance)
            #expect(
                Programs.eventually(within: 60) { finished("killed", place.state) >= wanted || !run.process.isRunning })
            guard run.process.isRunning else { break }
            #expect(run.killCluster(on: place.state))
            kills += 1
        }
        print("study=killed kills=\(kills)")
        #expect(kills >= 3)
        let rest = try place.apex(["resume", "killed", "--slots", "2", "--json"])
        #expect(rest.code == 0, "\(rest.errors)")
        let (calm, killed) = (try place.trials("calm"), try place.trials("killed"))
        #expect(killed.count == 500)
        for (a, b) in zip(calm, killed) {
            #expect(a["number"] == b["number"] && a["state"] == b["state"])
            #expect(a["params"] == b["params"] && a["value"] == b["value"])
        }
        // The files that others read hold each trial once, too.
        let database = try Database(path: place.state + "/studies.sqlite", mode: .readOnly)
        let rows = try database.prepare(
            """
            SELECT COUNT(*), COUNT(DISTINCT number) FROM trials JOIN studies USING(study_id)
            WHERE study_name='killed' AND state='COMPLETE'
            """)
        #expect(try rows.step())
        #expect(rows.integer(0) == 500 && rows.integer(1) == 500)
        let lines = try String(contentsOfFile: place.state + "/studies/killed/trials.jsonl", encoding: .utf8)
            .split(separator: "\n")
        #expect(lines.count == 500)
        #expect(try place.apex(["replay", "killed"]).code == 0)
    }

    private func finished(_ study: String, _ state: String) -> Int {
        guard let database = try? Database(path: state + "/state.sqlite", mode: .readOnly),
            let rows = try? database.prepare(
                "SELECT COUNT(*) FROM done JOIN jobs ON jobs.id = done.job WHERE instr(jobs.submission, ?1) > 0")
        else { return 0 }
        try? rows.bind(blob: Array(study.utf8), at: 1)
        guard (try? rows.step()) == true else { return 0 }
        return Int(rows.integer(0))
    }

    @Test func `one worker and four give the same trials in a fixed order, pruned ones too`() throws {
        var all: [[JSONValue]] = []
        for slots in ["1", "4"] {
            let place = try Place()
            let made = try place.apex([
                "create", "curve", "--objective", "function:curve", "--trials", "60", "--parallel", "8", "--seed", "2",
                "--reproducible", "--pruner", "asha:min=1,eta=3",
            ])
            #expect(made.code == 0, "\(made.errors)")
            #expect(try place.apex(["run", "curve", "--slots", slots]).code == 0)
            all.append(try place.trials("curve"))
        }
        #expect(all[0].count == 60)
        #expect(all[0].contains { $0["state"]?.string == "PRUNED" })
        for (a, b) in zip(all[0], all[1]) {
            for key in ["number", "state", "value", "params"] { #expect(a[key] == b[key]) }
        }
    }

    @Test func `wrong input is named, with what would be right`() throws {
        let place = try Place()
        func refused(_ words: [String], _ code: Int32, _ part: String) throws {
            let outcome = try place.apex(words)
            #expect(
                outcome.code == code && outcome.errors.contains(part), "\(words): \(outcome.code) \(outcome.errors)")
        }
        func space(_ text: String) throws -> String {
            let path = place.folder.path + "/bad.yaml"
            try "parameters:\n  x: {\(text)}\n".write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let bad: [(String, String)] = [
            ("type: float, low: 2, high: 1", "above high"), ("type: float, low: 0, high: 1, log: true", "above 0"),
            ("type: float, low: 0, high: 1, step: 0", "above 0"), ("type: int, low: 1, high: 2, step: -1", "above 0"),
            ("type: float, low: 0, high: 1, when: {y: 1}", "no parameter"),
            ("type: number, low: 0, high: 1", "float, int"),
            ("type: categorical, choices: []", "choices"), ("low: 0, high: 1", "missing"),
        ]
        for (text, part) in bad {
            try refused(["create", "bad", "--space", try space(text), "--objective", "true"], 1, part)
        }
        try refused(
            ["create", "bad", "--space", place.space, "--objective", "true", "--sampler", "magic"], 1, "magic")
        try refused(
            ["create", "bad", "--space", place.space, "--objective", "true", "--pruner", "magic"], 1, "magic")
        try refused(["create", "bad", "--objective", "true"], 2, "--space")
        try refused(["create", "bad", "--objective", "function:branin", "--folder", "x"], 2, "--folder")
        try refused(["run", "nothing"], 1, "there is no study nothing")
        try refused(["fly", "nothing"], 2, "fly")
        #expect(try place.apex(["create", "fit", "--space", place.space, "--objective", "true"]).code == 0)
        try refused(["create", "fit", "--objective", "function:branin"], 1, "another space")
        try refused(["tell", "fit", "7", "--value", "1"], 1, "there is no trial 7")
        try refused(["enqueue", "fit", "x=red"], 2, "number")
    }

    @Test func `a study told by hand keeps its attributes, and its name when cancelled goes to another`() throws {
        let place = try Place()
        func create(_ seed: String) throws -> Int32 {
            try place.apex(["create", "hand", "--space", place.space, "--objective", "external", "--seed", seed]).code
        }
        #expect(try create("1") == 0)
        let asked = try #require(JSONValue(try place.apex(["ask", "hand", "--json"]).output))
        #expect(asked["number"]?.double == 0 && asked["state"]?.string == "RUNNING")
        let words = ["colour=red", "share=0.25", "hex=0x10", "odd=nan", "equals=a=b"]
        let told = try place.apex(
            ["tell", "hand", "0", "--value", "1.5", "--constraint", "room=-1"] + words.flatMap { ["--attr", $0] })
        #expect(told.code == 0, "\(told.errors)")
        let trial = try #require(try place.trials("hand").first)
        #expect(trial["state"]?.string == "COMPLETE" && trial["value"]?.double == 1.5)
        #expect(trial["constraints"]?["room"]?.double == -1)
        // What is no number of JSON stays a text, so that other programs can read it.
        let kept = trial["attributes"]
        #expect(kept?["colour"]?.string == "red" && kept?["share"]?.double == 0.25 && kept?["equals"]?.string == "a=b")
        #expect(kept?["hex"]?.string == "0x10" && kept?["odd"]?.string == "nan")

        #expect(try place.apex(["cancel", "hand"]).code == 0)
        for words in [["ask", "hand"], ["tell", "hand", "0", "--value", "1"], ["cancel", "hand"]] {
            let refused = try place.apex(words)
            #expect(refused.code == 1 && refused.errors.contains("hand is cancelled"), "\(words): \(refused.errors)")
        }
        #expect(try create("2") == 0)
        let next = try #require(JSONValue(try place.apex(["ask", "hand", "--json"]).output))
        #expect(next["number"]?.double == 0 && next["params"] != asked["params"])
        // Both are there for Optuna, the old one under a name of its own.
        let database = try Database(path: place.state + "/studies.sqlite", mode: .readOnly)
        let rows = try database.prepare(
            """
            SELECT study_name, state, COALESCE((SELECT value_json FROM trial_user_attributes AS a
                WHERE a.trial_id = trials.trial_id AND key = 'odd'), '') FROM trials JOIN studies USING(study_id)
            ORDER BY trials.trial_id
            """)
        var found: [[String]] = []
        while try rows.step() { found.append((0..<3).map { rows.text($0) }) }
        #expect(found == [["hand~1", "COMPLETE", "\"nan\""], ["hand", "RUNNING", ""]])
    }

    /// Optuna reads the live file and the finished one. Where Python has no Optuna this says so.
    @Test func `Optuna reads a study while it runs and after`() throws {
        let place = try Place()
        let python = ProcessInfo.processInfo.environment["APEX_PEERS"].map { $0 + "/bin/python3" } ?? "python3"
        let probe = try Programs.run("/usr/bin/env", [python, "-c", "import optuna; print(optuna.__version__)"])
        guard probe.code == 0 else {
            print("MISSING PEER: \(python) has no optuna; `optuna.load_study` of a live study was not checked")
            return
        }
        let slow = "sh -c 'sleep 0.05; echo {x}'"
        #expect(
            try place.apex(["create", "live", "--space", place.space, "--objective", slow, "--trials", "40"]).code == 0)
        let run = try Programs.Running("apex", ["study", "run", "live", "--slots", "2", "--state", place.state])
        #expect(Programs.eventually { finished("live", place.state) >= 5 })
        let script = """
            import json, sys, optuna
            optuna.logging.set_verbosity(optuna.logging.ERROR)
            study = optuna.load_study(study_name="live", storage="sqlite:///" + sys.argv[1])
            print(json.dumps({"trials": [{"number": t.number, "state": t.state.name, "value": t.value,
                "params": t.params} for t in study.trials]}))
            """
        let live = try Programs.run("/usr/bin/env", [python, "-c", script, place.state + "/studies.sqlite"])
        #expect(live.code == 0, "\(live.errors)")
        #expect((JSONValue(live.output)?["trials"]?.array ?? []).count >= 5)
        #expect(run.wait().code == 0)
        let after = try Programs.run("/usr/bin/env", [python, "-c", script, place.state + "/studies.sqlite"])
        let theirs = JSONValue(after.output)?["trials"]?.array ?? []
        let ours = try place.trials("live")
        #expect(theirs.count == 40 && ours.count == 40)
        for (a, b) in zip(theirs, ours) {
            for key in ["number", "state", "value"] { #expect(a[key] == b[key]) }
            for name in ["x", "n"] { #expect(a["params"]?[name]?.double == b["params"]?[name]?.double) }
        }
    }
}
