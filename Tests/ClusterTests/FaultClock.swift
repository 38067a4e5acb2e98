import Foundation
import TestSupport
import Testing

/// The wall clock set forwards and backwards by hours, through libfaketime (Debian package faketime).
@Suite(.serialized)
struct FaultClock {
    /// The library's path; nil when it is not installed.
    private static let library: String? = {
        for machine in ["x86_64-linux-gnu", "aarch64-linux-gnu"] {
            let path = "/usr/lib/\(machine)/faketime/libfaketimeMT.so.1"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        return nil
    }()
    private static let missing = "libfaketime is not installed (Debian package faketime)"

    /// A clock that a test sets, and the environment of programs that read it.
    private struct WallClock {
        let folder = TemporaryFolder("clock")
        let environment: [String: String]
        init(_ library: String) throws {
            environment = [
                "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": folder.path + "/time", "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            ]
            try set("+0")
        }
        /// - Parameter offset: from the true time, as `+3600` seconds.
        func set(_ offset: String) throws {
            try (offset + "\n").write(toFile: folder.path + "/time", atomically: true, encoding: .utf8)
        }
    }

    @Test func `steps of the wall clock by an hour lose no worker and restart no task`() throws {
        guard let library = Self.library else { return skipped(because: Self.missing) }
        let clock = try WallClock(library)
        let cluster = try FaultCluster(environment: clock.environment)
        for name in ["a", "b"] { try cluster.startWorker(name) }
        try cluster.submit(40, "sleep 0.3")
        for (count, offset) in [(4, "+3600"), (12, "-3600"), (24, "+0")] {
            #expect(Programs.eventually { cluster.accepted.count >= count })
            try clock.set(offset)
        }
        cluster.expectDone(40, within: 30)
        #expect(cluster.repeatedIndices.isEmpty && cluster.events("worker_lost") == 0)
        // The clock did step: what is written for people to read says so.
        let log = try String(contentsOfFile: cluster.state + "/log.jsonl", encoding: .utf8)
        #expect(log.contains("job_accepted"))
        let span = try StateFile.number(cluster.state, "SELECT ended - submitted FROM jobs")
        #expect(abs(span) < 3_000_000, "from the first to the last moment the clock was right")
    }

    @Test func `a weekend's budget does not notice that the wall clock jumps an hour ahead and back`() throws {
        guard let library = Self.library else { return skipped(because: Self.missing) }
        let clock = try WallClock(library)
        let folder = TemporaryFolder("budget")
        let settings = ["--demo", "--seed", "5", "--universe", "256", "--cycles", "6", "--workers", "2", "--json"]
        let calm = try Programs.run("apex", ["weekend", "--out", folder.path + "/calm"] + settings)
        #expect(calm.code == 0, "\(calm.errors)")
        let out = folder.path + "/w"
        let weekend = try Programs.Running(
            "apex", ["weekend", "--out", out, "--budget", "10m"] + settings, environment: clock.environment)
        // A budget that believed the wall clock would be over at the first step.
        for (count, offset) in [(3, "+3600"), (9, "-3600"), (15, "+7200"), (25, "+0")] {
            _ = Programs.eventually(within: 60) {
                ((try? StateFile.accepted(out + "/state"))?.count ?? 0) >= count || !weekend.process.isRunning
            }
            try clock.set(offset)
        }
        let outcome = weekend.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try groups(out) == groups(folder.path + "/calm"))
    }
}
