import Foundation
import Jobs
import Messages
import TestSupport
import Testing

@testable import Runners

/// A trial's program is held to what a `command` task's is. Rules are this process's: one test at a time.
extension ProgramSuites {
    @Suite(.serialized) struct ObjectiveLimitTests {
        /// Runs a trial under rules, and takes the rules away again.
        private func trial(_ trials: Trials, _ script: String, rules: ProgramRules) throws -> Study.Result {
            let complaints = try Confinement.prepare(rules)
            defer { _ = try? Confinement.prepare(ProgramRules()) }
            #expect(complaints == [])
            return try trials.sh(script)
        }
        private func printed(_ result: Study.Result) -> String {
            String(decoding: result.output + result.errorOutput, as: UTF8.self)
        }

        @Test func `a trial's program cannot read keys, and is heard all the same`() throws {
            let keys = TemporaryFolder("keys")
            try Data("the secret".utf8).write(to: URL(fileURLWithPath: keys.path + "/coordinator"))
            var rules = ProgramRules()
            rules.hidden = [keys.path]
            let script = """
                cat \(keys.path)/coordinator; umount \(keys.path) 2>/dev/null; cat \(keys.path)/coordinator
                cat /proc/\(getpid())/root\(keys.path)/coordinator /proc/$PPID/root\(keys.path)/coordinator
                sh -c 'echo "{\\"attr\\": {\\"key\\": \\"heard\\", \\"value\\": 1}}" > "$APEX_OUT"'; echo 1
                """
            let kept = try trial(Trials(), script, rules: rules)
            #expect(kept.values == [1] && !printed(kept).contains("the secret"), "\(printed(kept))")
            // What it starts reaches the channel from inside the namespace too.
            #expect(kept.attributes.map(\.name) == ["heard"], "\(printed(kept))")
            #expect(try printed(trial(Trials(), script, rules: ProgramRules())).contains("the secret"))
        }

        @Test func `its environment has no secrets, its descriptors are its own, and it works in its trial's folder`()
            throws
        {
            unsafe setenv("APEX_TEST_PASSWORD", "hunter2", 1)
            unsafe setenv("APEX_TEST_DATA", "/data", 1)
            defer {
                unsafe unsetenv("APEX_TEST_PASSWORD")
                unsafe unsetenv("APEX_TEST_DATA")
            }
            var rules = ProgramRules()
            rules.environment = ["APEX_TEST_DATA"]
            let trials = Trials()
            let words = try printed(
                trial(
                    trials,
                    "pwd; env | grep ^APEX_TEST_; ls -l /proc/self/fd | grep -c -e ' [0-3] -> '; grep NoNew /proc/self/status; ulimit -c; echo 1",
                    rules: rules))
            // 0 to 2, the channel, and the folder that ls itself reads, which is its next one.
            #expect(words == "\(trials.path())\nAPEX_TEST_DATA=/data\n4\nNoNewPrivs:\t1\n0\n1\n")
        }

        @Test func `a word that names a file where the worker was started is found from the trial's folder`() throws {
            let name = "apex-objective-\(getpid()).sh"
            try "echo $1; echo 1".write(toFile: name, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(atPath: name) }
            let here = FileManager.default.currentDirectoryPath
            let result = try Trials().run(["sh", name, "./" + name])
            #expect(printed(result) == "\(here)/./\(name)\n1\n")
            // What is not there stays as it was written, and the failure says where to look.
            let lost = try Trials().run(["sh", "-c", "cat no-such.csv"])
            #expect(lost.reason?.contains("$APEX_START_DIR") == true, "\(lost.reason ?? "")")
        }

        @Test func `its children die with it, and its limits are in the words of its failure`() throws {
            let trials = Trials()
            trials.timeout = 400
            let slow = try trial(
                trials, "setsid sleep 300 & echo $!; sleep 300 & echo $!; wait", rules: ProgramRules())
            #expect(slow.reason == "it ran longer than its 400 ms and was stopped.")
            let left = printed(slow).split(separator: "\n").compactMap { Int32($0) }
            #expect(left.count == 2 && ends(left[1]))
            let greedy = "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c"
            let bounded = Trials()
            bounded.bounds.memoryBytes = 64 << 20
            // tail keeps all of it, or complains.
            #expect(try !printed(trial(bounded, greedy, rules: ProgramRules())).contains("300000000"))
            #expect(try printed(trial(Trials(), greedy, rules: ProgramRules())).contains("300000000"))
        }

        @Test func `as another user it writes its folder, and leads the worker nowhere`() throws {
            guard geteuid() == 0 else {
                FileHandle.standardError.write(Data("SKIPPED another user: these tests do not run as root\n".utf8))
                return
            }
            let precious = TemporaryFolder("precious")
            #expect(unsafe chmod(precious.path, 0o755) == 0)
            try Data("kept".utf8).write(to: URL(fileURLWithPath: precious.path + "/file"))
            var rules = ProgramRules()
            rules.user = "nobody"
            let trials = Trials()
            trials.study = "user-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: "/var/tmp/apex-trials-65534/user-\(getpid())") }
            // A link where the next attempt's output will be written, to a file of root's.
            let script = """
                id -un; pwd; echo saved > checkpoint; echo log; ln -sf \(precious.path)/file stdout.1; echo 1
                """
            let first = try trial(trials, script, rules: rules)
            #expect(
                printed(first)
                    == "nobody\n/var/tmp/apex-trials-65534/\(trials.study)/0\nlog\n1\n",
                "\(first.end) \(printed(first))")
            trials.attempt = 1
            let second = try trial(trials, "echo overwritten; cat checkpoint; echo 1", rules: rules)
            #expect(printed(second) == "overwritten\nsaved\n1\n", "\(second.end)")
            #expect(try String(contentsOfFile: precious.path + "/file", encoding: .utf8) == "kept")
        }

        @Test func `links and pipes that a program leaves lead its worker nowhere, and hold it up nowhere`() throws {
            let precious = TemporaryFolder("precious")
            try Data("kept".utf8).write(to: URL(fileURLWithPath: precious.path + "/file"))
            let trials = Trials()
            let script = """
                rm params.json; mkfifo params.json; mkfifo stderr.1; ln -s \(precious.path)/file stdout.1
                ln -s \(precious.path)/new stderr.0; echo broken >&2; exit 1
                """
            _ = try trial(trials, script, rules: ProgramRules())
            #expect(!FileManager.default.fileExists(atPath: precious.path + "/new"))
            trials.attempt = 1
            let started = ContinuousClock.now
            let second = try trial(trials, "echo out; echo err >&2; echo 1", rules: ProgramRules())
            #expect(printed(second) == "out\n1\nerr\n", "\(second.end)")
            #expect(ContinuousClock.now - started < .seconds(10))
            #expect(try String(contentsOfFile: precious.path + "/file", encoding: .utf8) == "kept")
        }

        @Test func `bounds travel beside a program, and one without them is as it always was`() throws {
            var program = Study.Program(words: ["train"])
            let plain = Study.Objective.command(program)
            #expect(plain.wireBytes.first == 0)
            #expect(try Study.Objective(wireBytes: plain.wireBytes) == plain)
            program.bounds.memoryBytes = 1 << 30
            program.bounds.processes = 9
            let bounded = Study.Objective.command(program)
            #expect(bounded.wireBytes.first == 4)
            #expect(try Study.Objective(wireBytes: bounded.wireBytes) == bounded)
        }
    }
}
