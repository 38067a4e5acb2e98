import Foundation
import Jobs
import Messages
import Testing

@testable import Runners

/// What programs print, and what becomes of it.
/// Rules for programs are this process's: none runs beside a test that changes them.
extension ProgramSuites {
    @Suite struct ObjectiveResultTests {
        @Test func `the last line that is a bare number is the result`() throws {
            let result = try Trials().sh("echo start; echo 7; echo 0.125; echo 'took 3 s'; echo warn >&2")
            #expect(result.values == [0.125])
            #expect(String(decoding: result.output, as: UTF8.self) == "start\n7\n0.125\ntook 3 s\n")
            #expect(String(decoding: result.errorOutput, as: UTF8.self) == "warn\n")
            #expect(result.worker == "tested")
            #expect(result.started > 1_600_000_000_000 && result.ended >= result.started)
            #expect(try Trials().sh("printf '1\\n-2.5e3'").values == [-2500])  // no end of line
            #expect(try Trials().sh("printf ' .5 \\r\\n'").values == [0.5])
            #expect(try Trials().sh("printf '10%%\\r99%%\\r0.75\\n'").values == [0.75])  // a progress bar before it
            #expect(try Trials().sh("echo inf").values == [.infinity])
        }

        @Test func `no result, two results, NaN and a wrong count are failures in words`() throws {
            #expect(try Trials().sh("true").reason?.hasPrefix("it gave no result") == true)
            #expect(try Trials().sh("echo done; echo 1 2").reason?.hasPrefix("it gave no result") == true)
            #expect(try Trials().sh("echo 1; echo 3 >&2; echo NaN").reason == "its result is NaN.")
            let twice = try Trials().sh(#"for i in 1 2; do echo '::apex {"result": {"value": 1}}'; done"#)
            #expect(twice.reason == "it gave 2 results; a trial has one.")
            #expect(twice.mayRetry == false)
            #expect(
                try Trials().sh(#"echo '::apex {"result": {"values": [1, 2]}}'"#).reason
                    == "its result has 2 values; the study has 1.")
            #expect(try Trials().sh(#"echo '::apex {"result": {"value": "nan"}}'"#).reason == "its result is NaN.")
            let trials = Trials()
            trials.objectives = 2
            #expect(try trials.sh("echo 1, 2").values == [1, 2])
            #expect(try trials.sh("echo 1", trial: 1).reason == "its result has 1 value; the study has 2.")
            #expect(
                try trials.sh(#"echo '::hpo {"result": [1, NaN]}'"#, trial: 2).reason == "value 2 of its result is NaN."
            )
        }

        @Test func `lines of the protocol carry reports, constraints and attributes, among any log`() throws {
            let trials = Trials()
            let result = try trials.sh(
                #"""
                echo 'epoch 1'
                echo '::apex {"report": {"step": 1, "value": 0.5, "colour": "red"}, "unknown": [1, {"a": null}]}'
                echo '::hpo {"report": {"step": 2, "value": "-Infinity"}}'
                echo '::apex {"report": {"step": 3, "value": NaN}}'
                echo ' ::apex not at the start'
                echo '::apex {"constraint": {"name": "size", "value": 1.5}}'
                echo '::apex {"constraint": {"name": "size", "value": -1}}'
                printf '%s\n' '::apex {"attr": {"key": "note", "value": {"a": [1, 2.5, "\u00e9\n", true, null]}}}'
                echo '::apex {"result": {"value": 2.25}}'
                echo 99
                read a; read b; read c  # what nobody waits for may be heard of in the result alone
                """#)
            #expect(result.values == [2.25])
            #expect(result.reports.map(\.step) == [1, 2, 3])
            #expect(result.reports[0].value == 0.5 && result.reports[1].value == -.infinity)
            #expect(result.reports[2].value.isNaN)
            #expect(result.constraints == [Study.NamedNumber("size", -1)])
            #expect(result.attributes == [Study.NamedText("note", #"{"a": [1, 2.5, "é\n", true, null]}"#)])
            #expect(trials.heard.map(\.step) == [1, 2, 3])
        }

        @Test func `what is no message stops the program at once, with its line`() throws {
            let started = ContinuousClock.now
            for (line, why) in [
                (#"{"report": {"step": 1}}"#, "a report is"), (#"{"result": "x"}"#, "a result is"),
                ("{", "it ends too soon"),
                ("[1]", "no JSON object"), (#"{"report": {"step": 1.5, "value": 1}}"#, "a report is"),
                (#"{"attr": 1}"#, "an attr is"), (#"{"a": 1} 2"#, "something follows"),
            ] {
                let trials = Trials()
                let result = try trials.run(["sh", "-c", "echo \"::apex $0\"; sleep 30", line])
                #expect(result.reason?.contains(why) == true, "\(line): \(result.end)")
                #expect(result.mayRetry == true)
            }
            #expect(ContinuousClock.now - started < .seconds(15))
            let deep = try Trials().sh("printf '::apex '; head -c 100000 /dev/zero | tr '\\0' '['; echo; echo 1")
            #expect(deep.reason?.contains("longer than 64 KiB") == true)
            let nested = try Trials().sh("printf '::apex '; head -c 1000 /dev/zero | tr '\\0' '['; echo; echo 1")
            #expect(nested.reason?.contains("nested too deep") == true)
        }

        @Test func `a channel of its own serves a noisy program`() throws {
            let trials = Trials()
            let result = try trials.sh(
                #"""
                (echo '::apex {"report": {"step": 0, "value": 1}}'; echo '{"result": {"value": 3}}') > "$APEX_OUT"
                echo 5
                """#)
            #expect(result.values == [3])
            #expect(result.reports == [Study.Report(step: 0, value: 1)])
        }

        @Test func `a pattern finds the value`() throws {
            let trials = Trials()
            trials.pattern = "loss=([0-9.e-]+)"
            #expect(try trials.sh("echo 'loss=0.5 x'; echo 'loss=0.25 y'; echo 17").values == [0.25])
            #expect(try trials.sh("printf 'a\\0 loss=0.75\\n'", trial: 1).values == [0.75])
            #expect(
                try trials.sh("echo 17", trial: 2).reason
                    == "it gave no result: the pattern matches no line of what it printed.")
            #expect(
                try trials.sh("echo loss=e", trial: 3).reason == "the pattern found \"e\", which is no number.")
            trials.pattern = "^[0-9]+"
            #expect(try trials.sh("echo 12 apples", trial: 4).values == [12])
            trials.pattern = "("
            let result = try trials.sh("echo 1", trial: 5)
            #expect(result.reason?.hasPrefix("the pattern ( is no POSIX extended regular expression: ") == true)
            #expect(result.mayRetry == false)
        }

        @Test func `binary noise is log`() throws {
            let trials = Trials()
            let result = try trials.sh("head -c 300000 /dev/urandom; echo; echo 0.5; head -c 1000 /dev/urandom >&2")
            #expect(result.values == [0.5])
            #expect(result.errorOutput.count == 1000)
        }

        @Test func `100 MB of log are read, bounded on disk and counted`() throws {
            let trials = Trials()
            func residentKiB() throws -> Int {
                let lines = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
                return Int(try #require(lines.first { $0.hasPrefix("VmRSS") }).split(separator: " ")[1]) ?? 0
            }
            let before = try residentKiB()
            let result = try trials.sh(
                "yes 'a line of log that says nothing at all' | head -c 100000000; echo; echo 0.5; echo the end")
            #expect(result.values == [0.5])
            #expect(result.output.count == 4096)
            let size = try #require(
                try FileManager.default.attributesOfItem(atPath: trials.path() + "/stdout.0")[.size] as? Int)
            #expect(size > 16 << 20 && size < 17 << 20)
            let log = try #require(trials.file("stdout.0"))
            #expect(log.contains("of 100000013 bytes are left out here]\n") && log.hasSuffix("\n0.5\nthe end\n"))
            #expect(try residentKiB() - before < 100 << 10)
        }
    }
}
