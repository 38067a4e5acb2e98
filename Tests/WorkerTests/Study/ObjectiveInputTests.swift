import Foundation
import Glibc
import Jobs
import Messages
import TestSupport
import Testing

@testable import Runners

private let space: [StudyParameter] = [
    StudyParameter("lr", .float(low: 1e-5, high: 1, step: nil, log: true)),
    StudyParameter("layers", .int(low: 1, high: 8, step: 1, log: false)),
    StudyParameter("opt", .categorical([.string("sgd \"fast\""), .string("adam"), .null, .bool(true)])),
    StudyParameter(
        "momentum", .float(low: 0, high: 1, step: nil, log: false),
        when: [StudyParameter.Condition(parent: "opt", values: [.string("sgd \"fast\"")])]),
]

/// What programs are given.
/// Rules for programs are this process's: none runs beside a test that changes them.
extension ProgramSuites {
    @Suite struct ObjectiveInputTests {
        private func trials(momentum: Double? = nil) -> Trials {
            let trials = Trials()
            trials.parameters = space
            trials.values = [1e-05, 3, momentum == nil ? 1 : 0, momentum]
            return trials
        }

        @Test func `words take parameters, and what belongs to the trial`() throws {
            let trials = trials(momentum: 0.5)
            let script = #"for word in "$@"; do echo "$word"; done; echo 1"#
            let result = try trials.run(
                [
                    "sh", "-c", script, "sh", "--lr={lr}", "{layers}x{layers}", "{opt}", "{momentum}", "{trial.number}",
                    "{trial.dir}/model", "{params.json}", "{trial.attempt}/{trial.seed}/{study.name}",
                    #"{"a": {"b": 1}}"#,
                    "{{lr}}", "${HOME}", "{}", "{ x }", "{",
                ], trial: 12)
            let directory = trials.path(12)
            #expect(
                String(decoding: result.output, as: UTF8.self)
                    == """
                    --lr=1e-05
                    3x3
                    sgd "fast"
                    0.5
                    12
                    \(directory)/model
                    \(directory)/params.json
                    0/77/s
                    {"a": {"b": 1}}
                    {lr}
                    ${HOME}
                    {}
                    { x }
                    {
                    1

                    """)
        }

        @Test func `a parameter that the trial does not have leaves no word behind`() throws {
            let result = try trials().run(
                [
                    "sh", "-c", #"for word in "$@"; do echo "$word"; done; echo 1"#, "sh", "--momentum={momentum}",
                    "-m",
                    "{momentum}", "--opt", "{opt}", "last",
                ])
            #expect(String(decoding: result.output, as: UTF8.self) == "--opt\nadam\nlast\n1\n")
            let unknown = try trials().run(["echo", "{learning_rate}"])
            #expect(unknown.reason?.contains("asks for {learning_rate}, which the study does not have") == true)
            #expect(unknown.mayRetry == false)
        }

        @Test func `the environment and params json hold what the trial has`() throws {
            let trials = trials()
            let result = try trials.sh(
                "env | grep -E '^(APEX|HPO)_' | grep -v -e _OUT= -e ^APEX_PROGRAM= | sort; echo 1")
            let directory = trials.path()
            let shared = [
                "ATTEMPT=0", "PARAMS=\(directory)/params.json", "PARAM_LAYERS=3",
                "PARAM_LR=1e-05", "PARAM_OPT=adam", "SEED=77", "START_DIR=\(FileManager.default.currentDirectoryPath)",
                "STUDY=s", "TRIAL=0", "TRIAL_DIR=\(directory)",
            ]
            let expected = (shared.map { "APEX_" + $0 } + shared.map { "HPO_" + $0 }).sorted()
            let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n").map(String.init)
            // Whoever runs the tests may have settings of the same names' family.
            let inherited = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
            #expect(lines.dropLast().filter { !inherited.contains($0) }.sorted() == expected)
            #expect(trials.file("params.json") == #"{"lr": 1e-05, "layers": 3, "opt": "adam"}"# + "\n")
            let other = self.trials(momentum: 0.25)
            other.values[2] = 0
            _ = try other.sh("echo 1")
            #expect(
                other.file("params.json")
                    == #"{"lr": 1e-05, "layers": 3, "opt": "sgd \"fast\"", "momentum": 0.25}"# + "\n")
        }

        @Test func `two parameters of one name in capitals are in the file alone`() throws {
            let trials = Trials()
            trials.parameters = ["a.b", "a-b", "c"].map {
                StudyParameter($0, .int(low: 0, high: 9, step: 1, log: false))
            }
            trials.values = [1, 2, 3]
            let result = try trials.sh("env | grep APEX_PARAM_; echo 1")
            #expect(String(decoding: result.output, as: UTF8.self) == "APEX_PARAM_C=3\n1\n")
            #expect(trials.file("params.json") == #"{"a.b": 1, "a-b": 2, "c": 3}"# + "\n")
        }

        @Test func `a retry finds what the attempt before it saved, and its own logs beside the old`() throws {
            let trials = Trials()
            let script =
                "echo attempt $APEX_ATTEMPT; [ -e $APEX_TRIAL_DIR/checkpoint ] && echo 5 && exit; "
                + "touch $APEX_TRIAL_DIR/checkpoint; kill -9 $$"
            #expect(try trials.sh(script).reason?.hasPrefix("it was ended by SIGKILL") == true)
            trials.attempt = 1
            #expect(try trials.sh(script).values == [5])
            #expect(trials.file("stdout.0") == "attempt 0\n")
            #expect(trials.file("stdout.1") == "attempt 1\n5\n")
            #expect(trials.file("stderr.1") == nil)  // nothing was printed there
        }

        @Test func `a later study of the same name does not find what an earlier one saved`() throws {
            let trials = Trials()
            let script = "[ -e $APEX_TRIAL_DIR/old ] && exit 1; touch $APEX_TRIAL_DIR/old; echo 1"
            #expect(try trials.sh(script).values == [1])
            // Whoever runs the same trial once more finds it, finished or not.
            #expect(try trials.sh(script).mayRetry == true)
            trials.made = 2
            #expect(try trials.sh("touch $APEX_TRIAL_DIR/old; exit 1").mayRetry == true)
            trials.made = 3
            #expect(try trials.sh(script).values == [1])  // the second one's trial failed
            trials.values = [0.75]
            #expect(try trials.sh(script).values == [1])  // other parameters
            let names = try FileManager.default.contentsOfDirectory(atPath: trials.folder + "/trials/s").sorted()
            #expect(names == ["0", "0.1", "0.2", "0.3"])
        }

        @Test func `a study's name is one safe component of a path`() throws {
            #expect(TrialFolder.safeName("../x y/é") == "%2E.%2Fx%20y%2F%C3%A9")
            #expect(TrialFolder.safeName("") == "%")
            #expect(TrialFolder.safeName("lr-2_a.b") == "lr-2_a.b")
            let long = TrialFolder.safeName(String(repeating: "é", count: 300))
            #expect(long.utf8.count <= 255 && long != TrialFolder.safeName(String(repeating: "é", count: 301)))
            let trials = Trials()
            trials.study = "../../up"
            let result = try trials.sh("echo $APEX_TRIAL_DIR; echo 1")
            #expect(String(decoding: result.output, as: UTF8.self) == trials.folder + "/trials/%2E.%2F..%2Fup/0\n1\n")
        }

        @Test func `a folder that cannot be made and a disk that is full are failures in words`() throws {
            let trials = Trials()
            let refused = try trials.run(["true"], folder: "/proc/nowhere")
            #expect(refused.reason?.hasPrefix("/proc/nowhere") == true && refused.mayRetry == true)
            // A disk of 64 KiB, where the log should go.
            try FileManager.default.createDirectory(atPath: trials.path(), withIntermediateDirectories: true)
            func disk(_ program: String, _ words: [String]) throws -> Programs.Outcome {
                try Programs.run("/usr/bin/env", [program] + words)
            }
            let mounted = try disk("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", trials.path()])
            guard mounted.code == 0 else {
                let words = "SKIPPED a full disk under a trial: \(mounted.errors)"
                return FileHandle.standardError.write(Data(words.utf8))
            }
            defer { _ = try? disk("umount", ["-l", trials.path()]) }
            let started = ContinuousClock.now
            let full = try trials.sh("head -c 200000 /dev/zero; sleep 30; echo 1")
            #expect(
                full.reason
                    == "\(trials.path())/stdout.0: No space left on device; make room on this worker's disk.")
            #expect(full.mayRetry == true)
            #expect(ContinuousClock.now - started < .seconds(10))
        }

        @Test func `a check evaluates one trial here`() throws {
            struct NoBlobs: BlobSource {
                func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
            }
            let trials = Trials()  // for its folder
            let script =
                #"echo "::apex {\"report\": {\"step\": 1, \"value\": $APEX_PARAM_LR}}"; read a; echo $a; echo 2"#
            let spec = Study.Spec(
                name: "checked", parameters: space, objective: .command(Study.Program(words: ["sh", "-c", script])))
            var heard: [Study.Report] = []
            let result = try StudyRunner.check(
                spec, values: [0.5, 3, 1, nil], folder: trials.folder, blobs: NoBlobs(), heard: { heard.append($0) })
            #expect(result.values == [2] && result.reports == heard)
            #expect(heard == [Study.Report(step: 1, value: 0.5)])
            #expect(String(decoding: result.output, as: UTF8.self).contains("continue\n"))
            #expect(throws: JobError.self) {
                try StudyRunner.check(spec, values: [0.5], folder: trials.folder, blobs: NoBlobs())
            }
        }
    }
}
