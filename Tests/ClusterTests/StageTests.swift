import Foundation
import JSON
import TestSupport
import Testing

/// Three-stage studies by the programs, as a person runs them.
@Suite(.serialized)
struct StageTests {
    private struct Place {
        let folder = TemporaryFolder("stages")
        var state: String { folder.path + "/state" }

        func apex(_ words: [String]) throws -> Programs.Outcome {
            try Programs.run("apex", ["study"] + words + ["--state", state])
        }
        func file(_ name: String, _ text: String) throws -> String {
            try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
            return folder.path + "/" + name
        }
        /// Without what depends on the clock and on who worked.
        func trials(_ name: String) throws -> [JSONValue] {
            let outcome = try apex(["trials", name, "--json"])
            #expect(outcome.code == 0, "\(outcome.errors)")
            return JSONValue(outcome.output)?["trials"]?.array ?? []
        }
    }
    private static let bars = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/us-daily-cut.csv.gz").standardizedFileURL.path
    private static let same = ["number", "state", "value", "params", "attributes", "constraints", "intermediate"]

    /// What was promoted, from `trials --json` alone.
    private func check(_ trials: [JSONValue], promoted: (Int, Int)) {
        func stage(_ name: String) -> [JSONValue] { trials.filter { $0["attributes"]?["apex:stage"]?.string == name } }
        #expect(stage("coarse").count + stage("refine").count + stage("forward").count == trials.count)
        for (before, after, count) in [("coarse", "refine", promoted.0), ("refine", "forward", promoted.1)] {
            var order: [(value: Double, number: Double, parameters: JSONValue, reported: JSONValue)] = []
            for trial in stage(before) where trial["state"]?.string == "COMPLETE" {
                guard trial["constraints"]?["infeasible"]?.double ?? 0 <= 0 else { continue }
                guard case .object(let attributes)? = trial["attributes"] else { continue }
                let reported = JSONValue.object(attributes.filter { !$0.key.hasPrefix("apex:") })
                let one = (trial["value"]!.double!, trial["number"]!.double!, trial["params"]!)
                let place =
                    order.firstIndex { $0.value < one.0 || $0.value == one.0 && $0.number > one.1 } ?? order.count
                order.insert((one.0, one.1, one.2, reported), at: place)
            }
            // Not the same parameters twice; the same metrics again only where places are left.
            var expected: [JSONValue] = []
            var parents: [Double] = []
            var reported: [JSONValue] = []
            for mayRepeat in [false, true] {
                for one in order where expected.count < count && !expected.contains(one.parameters) {
                    guard mayRepeat || !reported.contains(one.reported) else { continue }
                    expected.append(one.parameters)
                    parents.append(one.number)
                    reported.append(one.reported)
                }
            }
            #expect(!expected.isEmpty)
            let chosen = stage(after).prefix(expected.count)
            #expect(chosen.map { $0["params"] } == expected.map { Optional($0) })
            #expect(chosen.map { $0["attributes"]?["apex:promoted_from"]?.double } == parents.map { Optional($0) })
        }
        for trial in trials {
            let held =
                trial["attributes"]?["apex:stage"]?.string == "forward" && trial["state"]?.string == "COMPLETE"
                && (trial["value"]?.double ?? 0) > 0
            #expect((trial["attributes"]?["apex:candidate"] != nil) == held)
        }
    }

    @Test func `one worker, four, and one killed again and again make the same study of real bars`() throws {
        let place = Place()
        let settings = ["--objective", "algorithm:sma", "--bars", Self.bars, "--stages", "auto", "--seed", "5"]
        var all: [[JSONValue]] = []
        for slots in ["1", "4"] {
            #expect(try place.apex(["create", "s\(slots)"] + settings).code == 0)
            let run = try place.apex(["run", "s\(slots)", "--slots", slots, "--json"])
            #expect(run.code == 0, "\(run.errors)")
            all.append(try place.trials("s\(slots)"))
        }
        #expect(all[0].count == 265)
        check(all[0], promoted: (20, 5))

        // The coordinator alone, everything at once, inside stages and at their ends.
        #expect(try place.apex(["create", "killed"] + settings).code == 0)
        var chance = SplitMix(seed: seeds(1)[0])
        var kills = 0
        for target in [3, 90, 199, 201, 258, 261] {
            let run = try Programs.Running(
                "apex", ["study", "run", "killed", "--slots", "2", "--state", place.state])
            #expect(
                Programs.eventually(within: 60) {
                    lines("killed", place.state) >= target + Int.random(in: 0...2, using: &chance)
                        || !run.process.isRunning
                })
            guard run.process.isRunning else { break }
            #expect(run.killCluster(on: place.state))
            kills += 1
        }
        print("kills=\(kills)")
        #expect(kills >= 2)
        let rest = try place.apex(["resume", "killed", "--slots", "2", "--json"])
        #expect(rest.code == 0, "\(rest.errors)")
        all.append(try place.trials("killed"))
        for other in all.dropFirst() {
            #expect(other.count == all[0].count)
            for (a, b) in zip(all[0], other) { for key in Self.same { #expect(a[key] == b[key], "\(key)") } }
        }
        #expect(try place.apex(["replay", "killed"]).code == 0)
        let report = try place.apex(["report", "killed", "--out", place.folder.path + "/r.html"])
        #expect(report.code == 0, "\(report.errors)")
        let page = try String(contentsOfFile: place.folder.path + "/r.html", encoding: .utf8)
        for words in ["Stages", "Promotions and candidates", "2017-"] { #expect(page.contains(words), "\(words)") }
        let csv = try place.apex(["export", "killed"])
        #expect(csv.output.hasPrefix("number,state,stage,promoted_from,candidate,value,"))
    }

    /// Indicators, trades, scores, promotions and candidates once more, by a program that shares nothing with ours.
    @Test func `an outsider's slow arithmetic finds the same scores, promotions and candidates`() throws {
        guard try Programs.run("/usr/bin/env", ["python3", "-V"]).code == 0 else {
            print("MISSING PEER: there is no python3; a three-stage study was not computed again")
            return
        }
        let place = Place()
        let made = try place.apex([
            "create", "s", "--objective", "algorithm:sma", "--bars", Self.bars, "--stages", "auto", "--seed", "11",
            "--json",
        ])
        #expect(made.code == 0, "\(made.errors)")
        #expect(try place.apex(["run", "s", "--slots", "2"]).code == 0)
        let created = try place.file("created.json", made.output)
        let trials = try place.file("trials.json", try place.apex(["trials", "s", "--json"]).output)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("stages_outsider.py").path
        let said = try Programs.run("/usr/bin/env", ["python3", script, Self.bars, trials, created])
        #expect(said.code == 0, "\(said.output)\(said.errors)")
        print(said.output, terminator: "")
    }

    private func lines(_ study: String, _ state: String) -> Int {
        let text = try? String(contentsOfFile: state + "/studies/\(study)/trials.jsonl", encoding: .utf8)
        return text?.split(separator: "\n").count ?? 0
    }

    @Test func `a program is told its stage, and its attributes make the value`() throws {
        let place = Place()
        let stages = try place.file(
            "stages.yaml",
            """
            stages:
              coarse:  {symbols: [AA], window: 2023-01-02..2023-01-31, trials: 12}
              refine:  {symbols: [AA, BB], window: 2023-02-01..2023-03-31, trials: 6, promoted: 3}
              forward: {symbols: [AA, BB], window: 2023-04-03..2023-06-30, promoted: 2}
            weights: {drawdown: 2, reject: 10, turnover: 0.5}
            """)
        let space = try place.file("space.yaml", "parameters:\n  x: {type: float, low: 0, high: 1}\n")
        // With two symbols it says so for each; pnl is 100 x, and 50 x for the second.
        let program = try place.file(
            "trade.sh",
            """
            test "$APEX_STAGE_SYMBOLS" = "$2" || exit 9
            say() { echo "::apex {\\"attr\\": {\\"key\\": \\"$1\\", \\"value\\": $2}}"; }
            metrics() { echo "{\\"pnl\\": $1, \\"cost\\": 1, \\"max_drawdown\\": 3, \\"reject_rate\\": 0.5, \\"turnover\\": 4}"; }
            pnl=$(awk "BEGIN { printf \\"%.17g\\", 100 * $1 }")
            if [ "$2" = AA ]; then
                say pnl $pnl; say cost 1; say max_drawdown 3; say reject_rate 0.5; say turnover 4
            else
                say AA "$(metrics $pnl)"; say BB "$(metrics $(awk "BEGIN { printf \\"%.17g\\", 50 * $1 }"))"
            fi
            echo 12345
            """)
        let made = try place.apex([
            "create", "p", "--space", space, "--stages", stages, "--objective",
            "sh \(program) {x} {stage.symbols} {stage.first}..{stage.last}",
        ])
        #expect(made.code == 0, "\(made.errors)")
        let run = try place.apex(["run", "p", "--slots", "2", "--json"])
        #expect(run.code == 0, "\(run.errors)")
        let trials = try place.trials("p")
        #expect(trials.count == 20)
        for trial in trials {
            let x = try #require(trial["params"]?["x"]?.double)
            let isCoarse = trial["attributes"]?["apex:stage"]?.string == "coarse"
            let value = (isCoarse ? 100 : 75) * x - 1 - 2 * 3 - 10 * 0.5 - 0.5 * 4
            #expect(abs(try #require(trial["value"]?.double) - value) < 1e-9)
        }
        check(trials, promoted: (3, 2))
        let best = try place.apex(["best", "p", "--json"])
        #expect(JSONValue(best.output)?["candidates"]?.array?.count == 2)
        let check = try place.apex(["check", "p", "--stage", "forward", "x=0.5", "--json"])
        #expect(check.code == 0, "\(check.errors)")
        #expect(JSONValue(check.output)?["value"]?.double == 0.5 * 75 - 14)
    }

    @Test func `what is wrong with three stages is said before anything runs`() throws {
        let place = Place()
        func refused(_ words: [String], _ code: Int32, _ part: String) throws {
            let outcome = try place.apex(["create", "bad"] + words)
            #expect(
                outcome.code == code && outcome.errors.contains(part), "\(words): \(outcome.code) \(outcome.errors)")
        }
        try refused(["--objective", "function:branin", "--stages", "auto"], 2, "branin trades nothing")
        try refused(["--objective", "true", "--stages", "auto"], 2, "for algorithm:NAME")
        try refused(["--objective", "algorithm:sma", "--stages", "auto"], 2, "--bars FILE or --demo")
        try refused(
            ["--objective", "algorithm:sma", "--demo", "--stages", "auto", "--trials", "9"], 2,
            "the stages say how many")
        try refused(["--objective", "algorithm:sma", "--demo", "--stages", "none.yaml"], 1, "none.yaml")
        let unknown = try place.file(
            "unknown.yaml",
            """
            stages:
              coarse:  {symbols: [NOBODY], window: 2017-02-21..2017-02-23, trials: 2}
              refine:  {symbols: [A, CMI], window: 2017-02-24..2017-03-03, trials: 2, promoted: 1}
              forward: {symbols: [A, CMI], window: 2017-03-06..2017-03-31, promoted: 1}
            """)
        try refused(
            ["--objective", "algorithm:sma", "--bars", Self.bars, "--stages", unknown], 1, "has no bars of NOBODY")
        try refused(
            ["--objective", "algorithm:sma", "--demo", "--stages", "auto", "--direction", "minimize"], 1, "maximise")
    }
}
