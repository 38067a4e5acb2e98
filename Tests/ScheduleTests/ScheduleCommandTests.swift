import Foundation
import TestSupport
import Testing

@Suite(.serialized)
struct ScheduleCommandTests {
    private let folder = TemporaryFolder("schedule")
    private var state: String { folder.path + "/s" }

    private func configuration(_ run: String = "[noop, --count, \"2\"]") throws -> String {
        let path = folder.path + "/cluster.yaml"
        try Data("schedules:\n  loop:\n    every: 1m\n    zone: UTC\n    run: \(run)\n".utf8).write(
            to: URL(fileURLWithPath: path))
        return path
    }
    private func schedule(_ words: [String]) throws -> Programs.Outcome {
        try Programs.run("apex", ["schedule"] + words + ["--state", state, "--json"])
    }
    private func first(_ outcome: Programs.Outcome) -> [String: Any] {
        (outcome.json["schedules"] as? [[String: Any]])?.first ?? [:]
    }

    @Test func `a coordinator with schedules lists them, runs one when asked, pauses and resumes it`() throws {
        let coordinator = try Programs.Running(
            "apex", ["coordinator", "--config", try configuration(), "--state", state, "--quiet"])
        #expect(Programs.eventually { (try? first(schedule(["list"]))["name"] as? String) == "loop" })
        let listed = first(try schedule(["list"]))
        #expect((listed["rhythm"] as? String)?.hasPrefix("every 1m") == true && listed["next"] is String)
        let job = try schedule(["run", "loop"])
        #expect(job.code == 0 && job.json["job"] as? Int == 1, "\(job.errors)")
        let jobs = try Programs.run("apex", ["jobs", "1", "--state", state, "--json"])
        #expect(jobs.json["kind"] as? String == "noop" && jobs.json["name"] as? String == "loop", "\(jobs.output)")
        #expect(first(try schedule(["pause", "loop"]))["paused"] as? Bool == true)
        #expect(first(try schedule(["resume", "loop"]))["paused"] as? Bool == false)
        #expect(try schedule(["pause", "other"]).errors.contains("there is no schedule other"))
        coordinator.send(SIGTERM)
        #expect(coordinator.wait().code == 0)
    }

    @Test func `a run is one job though the coordinator is killed all the while`() throws {
        let config = try configuration()
        // A minute's run begins at the full minute: killed and started again until it is there, and then some.
        let deadline = Date().addingTimeInterval(150)
        var seen = 0
        while seen < 1, Date() < deadline {
            let coordinator = try Programs.Running(
                "apex", ["coordinator", "--config", config, "--state", state, "--quiet"])
            _ = Programs.eventually(within: 2 + Double.random(in: 0..<4)) {
                guard let jobs = try? runs() else { return false }
                return jobs.count > 0
            }
            coordinator.send(SIGKILL)
            _ = coordinator.wait()
            seen = (try? runs().count) ?? 0
        }
        #expect(seen >= 1, "no run in two minutes")
        let last = try Programs.Running("apex", ["coordinator", "--config", config, "--state", state, "--quiet"])
        let status = try Programs.run("apex", ["jobs", "--state", state, "--json"])
        let jobs = (status.json["jobs"] as? [[String: Any]]) ?? []
        // No worker: the first run's job waits, so no second begins, and none is there twice.
        #expect(jobs.count == 1, "\(status.output) \(status.errors)")
        last.send(SIGTERM)
        #expect(last.wait().code == 0)
    }
    private func runs() throws -> [Any] {
        guard let job = first(try schedule(["list"]))["job"] as? Int, job > 0 else { return [] }
        return [job]
    }

    @Test func `a schedule that could not be submitted is refused before anything starts`() throws {
        let refused = try Programs.run(
            "apex", ["coordinator", "--config", try configuration("[nonsense]"), "--state", state])
        #expect(refused.code != 0)
        #expect(refused.errors.contains("cluster.yaml:2: the schedule loop: nonsense"), "\(refused.errors)")
    }
}
