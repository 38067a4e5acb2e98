import Foundation
import Jobs
import Messages
import Testing

@testable import Runners

private struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
}
private func run(
    _ program: String, _ arguments: [String] = [], index: UInt32 = 0, timeout: UInt64 = 0,
    isCancelled: @escaping () -> Bool = { false }
) throws(JobError) -> Command.Result {
    try CommandRunner.run(
        Command.Spec(program: program, arguments: arguments, count: 1, timeoutMilliseconds: timeout), index: index,
        context: RunContext(blobs: NoBlobs(), isCancelled: isCancelled))
}

/// Suites that run programs under rules of the whole process: one at a time.
@Suite(.serialized) struct ProgramSuites {}

extension ProgramSuites {
    @Suite(.serialized) struct CommandRunnerTests {
        @Test func `the last 64 KiB of each stream are kept`() throws {
            let result = try run("sh", ["-c", "seq 1 40000; seq 1 100 >&2"])
            let whole = (1...40_000).map { "\($0)\n" }.joined().utf8
            let note = "[apex: \(whole.count - (64 << 10)) of \(whole.count) bytes are left out here]\n"
            #expect(result.output == Array(note.utf8) + Array(whole.suffix(64 << 10)))
            #expect(String(decoding: result.errorOutput, as: UTF8.self) == (1...100).map { "\($0)\n" }.joined())
        }

        @Test func `standard input is empty, and no descriptor of ours is open`() throws {
            let result = try run("sh", ["-c", "cat; ls /proc/self/fd"])
            #expect(String(decoding: result.output, as: UTF8.self) == "0\n1\n2\n3\n")  // 3 is ls's own
        }

        @Test func `the index stands in the environment and in every argument`() throws {
            let result = try run("sh", ["-c", "echo $0 $APEX_TASK_INDEX", "a{index}b{index}{inde"], index: 41)
            #expect(String(decoding: result.output, as: UTF8.self) == "a41b41{inde 41\n")
        }

        @Test func `a timeout ends the whole group, stubborn members too`() throws {
            let mark = NSTemporaryDirectory() + "apex-command-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: mark) }
            let started = ContinuousClock.now
            // The shell shrugs SIGTERM off; its grandchild would write the mark after 3 s.
            let script = "trap '' TERM; (sleep 3; echo late > \(mark)) & while :; do sleep 0.1; done"
            #expect(throws: JobError.self) { try run("sh", ["-c", script], timeout: 100) }
            let took = ContinuousClock.now - started
            #expect(took > .seconds(2) && took < .seconds(6))
            Thread.sleep(forTimeInterval: 1.2)
            #expect(!FileManager.default.fileExists(atPath: mark))
        }

        @Test func `what a program leaves running ends with it and holds nobody up`() throws {
            let started = ContinuousClock.now
            let result = try run("sh", ["-c", "sleep 60 & echo $!"])
            #expect(ContinuousClock.now - started < .seconds(5))
            let left = try #require(Int32(String(decoding: result.output, as: UTF8.self).dropLast()))
            // Gone, or a zombie that nobody has reaped yet; the kernel takes a moment to end what was killed.
            func isOver() -> Bool {
                ((try? String(contentsOfFile: "/proc/\(left)/stat", encoding: .utf8)) ?? "gone Z").contains(" Z")
            }
            while !isOver(), ContinuousClock.now - started < .seconds(5) { usleep(1000) }
            #expect(isOver())
        }

        @Test func `a cancelled command is stopped`() throws {
            let started = ContinuousClock.now
            #expect(throws: JobError("sleep was stopped because its task was cancelled.")) {
                try run("sleep", ["30"], isCancelled: { ContinuousClock.now - started > .milliseconds(100) })
            }
            #expect(ContinuousClock.now - started < .seconds(3))
        }

        @Test func `failures say what happened and what the program said last`() {
            #expect(throws: JobError("sh ended with exit code 7; it printed nothing.")) {
                try run("sh", ["-c", "exit 7"])
            }
            #expect(throws: JobError("sh ended with exit code 1; last line of stdout: bye")) {
                try run("sh", ["-c", "echo hello; echo bye; echo ' '; exit 1"])
            }
            #expect(throws: JobError("/etc/passwd: this worker may not run it; check that it is executable.")) {
                try run("/etc/passwd")
            }
            #expect(throws: JobError("a\u{0}b: an argument holds a zero byte, which no program can be given.")) {
                try run("a\u{0}b")
            }
        }

        @Test func `an unknown kind and a damaged task are refused in words`() throws {
            #expect(throws: JobError.self) { try RunnerList.runner(of: "astrology") }
            let noop = try RunnerList.runner(of: "noop")
            #expect(throws: JobError.self) { try noop.prepare([1, 2, 3]) }
            let result = try noop.run(
                Noop.Spec(count: 5, resultBytes: 4).wireBytes, index: 2, context: RunContext(blobs: NoBlobs()))
            #expect(try Noop.Result(wireBytes: result) == Noop.Result(bytes: [0, 0, 0, 0]))
            #expect(Set(RunnerList.names).count == RunnerList.names.count)
        }
    }
}
