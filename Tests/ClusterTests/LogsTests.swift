import Foundation
import TestSupport
import Testing

/// What programs print, as people see it while they run.
@Suite(.serialized) struct LogsTests {
    private let folder = TemporaryFolder("logs")
    private var state: String { folder.path + "/s" }

    private func up() throws -> Programs.Running {
        let cluster = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"])
        #expect(Programs.eventually { cluster.errors.contains("ready") }, "\(cluster.errors)")
        return cluster
    }
    private func end(_ cluster: Programs.Running) {
        cluster.send(SIGTERM)
        _ = cluster.wait()
    }
    private func submit(_ script: String, _ options: [String] = []) throws -> String {
        let outcome = try Programs.run(
            "apex",
            ["submit", "command", "--state", state, "--json"] + options + ["--", "sh", "-c", script])
        return "\(try #require(outcome.json["job"] as? Int, "\(outcome.errors)"))"
    }
    private func follow(_ about: String) throws -> Programs.Running {
        try Programs.Running("apex", ["logs", about, "--follow", "--state", state])
    }

    @Test func `a task that runs is seen while it runs, and to its last line`() throws {
        let cluster = try up()
        defer { end(cluster) }
        let gate = folder.path + "/gate"
        let job = try submit("echo begun; echo oops >&2; while [ ! -e \(gate) ]; do sleep 0.05; done; printf ended")
        let logs = try follow(job)
        #expect(Programs.eventually { logs.output == "begun\n" && logs.errors == "oops\n" }, "\(logs.output)")
        #expect(logs.process.isRunning)
        let now = try Programs.run("apex", ["logs", job + ".0", "--state", state])
        #expect(now.output == "begun\n" && now.code == 0)
        _ = FileManager.default.createFile(atPath: gate, contents: nil)
        let outcome = logs.wait()
        #expect(outcome.code == 0 && outcome.output == "begun\nended", "\(outcome)")
        let after = try Programs.run("apex", ["logs", job, "--state", state, "--json"])
        let parts = try #require(after.json["parts"] as? [[String: Any]])
        #expect(parts.compactMap { $0["text"] as? String } == ["begun\nended", "oops\n"])
    }

    @Test func `tasks of one job are told apart, quick ones come from their results, and a failure has words`() throws {
        let cluster = try up()
        defer { end(cluster) }
        let job = try submit(
            "echo hello {index}; [ {index} != 2 ] || { printf 'half a li'; exit 3; }", ["--count", "4"])
        let outcome = try follow(job).wait()
        #expect(outcome.code == 1)
        let lines = outcome.output.split(separator: "\n").map(String.init).sorted()
        #expect(lines == ["0: hello 0", "1: hello 1", "2: half a li", "2: hello 2", "3: hello 3"], "\(outcome)")
        #expect(outcome.errors.contains("task \(job).2 failed: sh ended with exit code 3"), "\(outcome.errors)")
    }

    @Test func `a program that prints for ever is shown in part, says so, and is cut in its result`() throws {
        let cluster = try up()
        defer { end(cluster) }
        let job = try submit("yes abcdefg", ["--timeout", "3s"])
        let outcome = try follow(job).wait()
        #expect(outcome.code == 1 && outcome.errors.contains("ran longer than its 3000 ms"), "\(outcome.errors)")
        #expect(outcome.output.contains("abcdefg\n") && outcome.output.contains(" bytes are left out here]\n"))
        // About 64 KiB a second, and what is on its way.
        #expect(outcome.output.utf8.count < 1 << 20, "\(outcome.output.utf8.count)")
        let finite = try submit("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end", ["--name", "finite"])
        _ = try follow(finite).wait()
        let kept = try Programs.run("apex", ["logs", finite, "--state", state]).output
        #expect(kept.hasPrefix("[apex: \(1_000_005 - (64 << 10)) of 1000005 bytes are left out here]\n"))
        #expect(kept.hasSuffix("xxx\nend\n"))
        #expect(kept.utf8.count < 66 << 10)
    }

    @Test func `wrong words are refused with what to do`() throws {
        let cluster = try up()
        defer { end(cluster) }
        for (words, reason, code) in [
            (["logs", "x"], "x is no job and no task", 2), (["logs", "9"], "there is no job 9", 1),
            (["logs"], "the job or task", 2), (["logs", "1", "--follow", "--json"], "does not go with", 2),
        ] as [([String], String, Int32)] {
            let outcome = try Programs.run("apex", words + ["--state", state])
            #expect(outcome.code == code && outcome.errors.contains(reason), "\(words): \(outcome.errors)")
        }
        let noop = try Programs.run("apex", ["submit", "noop", "--count", "3", "--wait", "--json", "--state", state])
        let job = try #require(noop.json["job"] as? Int)
        let refused = try Programs.run("apex", ["logs", "\(job)", "--state", state])
        #expect(refused.code == 1 && refused.errors.contains("kind noop"))
    }
}
