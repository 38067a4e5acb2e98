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

    /// A clock that a test sets, and the environment of programs that read it. Start them through `env`: the library
    /// adds a variable of its own when it is loaded first, which moves the environment away from the arguments, and
    /// Swift then finds no arguments.
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
        var later = 0
        for (count, offset) in [(4, "+3600"), (12, "-3600"), (24, "+0")] {
            #expect(Programs.eventually { cluster.accepted.count >= count })
            try clock.set(offset)
            guard offset == "+3600" else { continue }
            // The coordinator does see the step: it writes down the moment, for people to read.
            let second = try Programs.run(
                "apex", ["submit", "noop", "--state", cluster.state, "--count", "1", "--wait", "--json"])
            #expect(second.code == 0, "\(second.errors)")
            later = try StateFile.number(cluster.state, "SELECT (max(submitted) - min(submitted)) / 1000 FROM jobs")
        }
        #expect(later > 3000)
        cluster.expectDone(40, within: 30)
        #expect(cluster.repeatedIndices.isEmpty && cluster.events("worker_lost") == 0)
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
            "/usr/bin/env", [Programs.folder + "/apex", "weekend", "--out", out, "--budget", "10m"] + settings,
            environment: clock.environment)
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
