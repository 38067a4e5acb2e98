import Foundation
import Glibc
import Jobs
import Messages
import Testing

@testable import Runners

/// How programs end, and how they are ended.
/// Rules for programs are this process's: none runs beside a test that changes them.
extension ProgramSuites {
    @Suite struct ObjectiveProcessTests {
        @Test func `exit codes and signals say how an attempt ended`() throws {
            #expect(try Trials().sh("echo 0.5; exit 75").end == .pruned)
            #expect(try Trials().sh(#"echo '::apex {"prune": true}'; exit 0"#).end == .pruned)
            let failed = try Trials().sh("echo 0.5; echo 'no such file: data.csv' >&2; exit 3")
            #expect(
                failed.end
                    == .failed(
                        "it ended with exit code 3; last line of stderr: no such file: data.csv", mayRetry: true))
            let killed = try Trials().sh("echo 0.5; kill -SEGV $$")
            #expect(killed.end == .failed("it was ended by SIGSEGV; last line of stdout: 0.5", mayRetry: true))
            #expect(
                try Trials().sh(#"echo '::apex {"fail": {"reason": "no GPU", "retry": false}}'; echo 1"#).end
                    == .failed("it says: no GPU", mayRetry: false))
            #expect(try Trials().sh(#"echo '::apex {"fail": "no GPU"}'; exit 1"#).mayRetry == true)
            let missing = try Trials().run(["/nowhere/train"])
            #expect(
                missing.reason
                    == "/nowhere/train: no such program on this worker; give a full path, or install it there.")
            #expect(missing.mayRetry == true)
        }

        @Test func `a program that hangs is timed out with everything it started`() throws {
            let trials = Trials()
            trials.timeout = 300
            let started = ContinuousClock.now
            // It and its child shrug SIGTERM off; the child would go on after its parent.
            let result = try trials.sh("trap '' TERM; sleep 100 & echo $!; echo $$; while :; do sleep 0.05; done")
            #expect(result.end == .failed("it ran longer than its 300 ms and was stopped.", mayRetry: false))
            #expect(ContinuousClock.now - started > .milliseconds(600))
            #expect(ContinuousClock.now - started < .seconds(10))
            let processes = String(decoding: result.output, as: UTF8.self).split(separator: "\n").compactMap {
                Int32($0)
            }
            #expect(processes.count == 2 && processes.allSatisfy { ends($0) })
        }

        @Test func `what a program leaves running ends with it`() throws {
            let started = ContinuousClock.now
            let result = try Trials().sh("(sleep 100; echo 7) & echo $! ; echo 0.5")
            #expect(result.values == [0.5])
            #expect(ContinuousClock.now - started < .seconds(5))
            let left = try #require(Int32(String(decoding: result.output, as: UTF8.self).split(separator: "\n")[0]))
            #expect(ends(left))
        }

        @Test func `one that left the group and prints for ever holds nobody up`() throws {
            let started = ContinuousClock.now
            let trials = Trials()
            let result = try trials.sh("setsid sh -c 'echo $$; while echo log; do :; done' & sleep 0.2; exit 3")
            #expect(result.reason?.hasPrefix("it ended with exit code 3") == true)
            #expect(ContinuousClock.now - started < .seconds(10))
            // Nobody reads it any more, so it ends by itself.
            let first = try #require(trials.file("stdout.0")?.split(separator: "\n").first)
            #expect(ends(try #require(Int32(first))))
        }

        @Test func `a program is pruned by the line it reads`() throws {
            let trials = Trials()
            trials.grace = 20_000
            trials.decide = { $0.step == 3 }
            let started = ContinuousClock.now
            let result = try trials.sh(
                #"""
                trap 'echo terminated; exit 1' TERM
                for step in 1 2 3 4; do
                  echo "::apex {\"report\": {\"step\": $step, \"value\": $step}}"
                  read answer; echo "got $answer"
                  if [ "$answer" = prune ]; then sleep 0.5; echo saved > "$APEX_TRIAL_DIR/checkpoint"; exit 0; fi
                done
                echo 1
                """#)
            #expect(result.end == .pruned)
            #expect(ContinuousClock.now - started < .seconds(15))
            #expect(result.reports.map(\.step) == [1, 2, 3])
            #expect(trials.heard.map(\.step) == [1, 2, 3])
            #expect(trials.file("checkpoint") == "saved\n")
            let log = String(decoding: result.output, as: UTF8.self)
            #expect(log.contains("got continue") && log.contains("got prune") && !log.contains("terminated"))
        }

        @Test func `a program that reads nothing is pruned by SIGTERM, and by SIGKILL if it must be`() throws {
            let report = #"echo '::apex {"report": {"step": 1, "value": 1}}'"#
            for script in [
                "trap 'echo saved > $APEX_TRIAL_DIR/checkpoint; exit 9' TERM; \(report); while :; do sleep 0.05; done",
                "trap '' TERM; \(report); while :; do sleep 0.05; done", "exec 0<&-; \(report); sleep 30",
                "cat >/dev/null & \(report); sleep 30",
            ] {
                let trials = Trials()
                trials.decide = { _ in true }
                let started = ContinuousClock.now
                let result = try trials.sh(script)
                #expect(result.end == .pruned, "\(script)")
                #expect(ContinuousClock.now - started < .seconds(8))
                if script.contains("saved") { #expect(trials.file("checkpoint") == "saved\n") }
            }
        }

        @Test func `thousands of answers that nobody reads stop nobody`() throws {
            let trials = Trials()
            let result = try trials.sh(
                #"yes '::apex {"report": {"step": 5, "value": 1}}' | head -n 20000; exec 0<&-; echo 0.5"#)
            #expect(result.values == [0.5])
            #expect(result.reports.count == 20_000)
        }

        @Test func `a report that got lost is made again`() throws {
            let trials = Trials()
            var times = 0
            trials.decide = { _ in
                times += 1
                return times == 1 ? nil : false
            }
            let started = ContinuousClock.now
            let result = try trials.sh(
                #"echo '::apex {"report": {"step": 1, "value": 2}}'; read answer; [ "$answer" = continue ] && echo 4"#)
            #expect(result.values == [4])
            #expect(trials.heard.count == 2 && result.reports.count == 1)
            #expect(ContinuousClock.now - started >= .seconds(2))
        }

        @Test func `a cancelled trial is stopped and has no result`() throws {
            let started = ContinuousClock.now
            let trials = Trials(isCancelled: { ContinuousClock.now - started > .milliseconds(100) })
            #expect(throws: JobError("trial 0 of study s was stopped because its task was cancelled.")) {
                try trials.sh("sleep 30")
            }
            #expect(ContinuousClock.now - started < .seconds(5))
        }

        @Test func `nothing runs for a study that is evaluated elsewhere`() throws {
            let trials = Trials()
            let task = Study.Task(
                study: "s", trial: 0, attempt: 0, parameters: trials.parameters, values: trials.values,
                objective: .external, objectives: 1, seed: 0, draws: [])
            let result = try StudyRunner.run(task, index: 0, context: trials.context)
            #expect(result.reason?.contains("no objective") == true && result.mayRetry == false)
        }
    }
}
