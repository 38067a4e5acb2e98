import Foundation
import TestSupport
import Testing

@Suite(.serialized)
struct ReplayTests {
    /// `apex replay --json`, which must have ended with `code`.
    private func replay(_ path: String, code: Int32 = 0) throws -> [String: Any] {
        let outcome = try Programs.run("apex", ["replay", path, "--json"])
        #expect(outcome.code == code, "\(outcome.output) \(outcome.errors)")
        return outcome.json
    }
    private func files(_ state: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: state + "/flight").sorted()
    }

    @Test func `a coordinator's decisions are replayed to the state it stored, through two deaths by kill -9`() throws {
        let cluster = try FaultCluster()
        for name in ["a", "b"] { try cluster.startWorker(name) }
        for job in 1...2 {
            try cluster.submit(60, "sleep 0.05")
            let kept = { (try? StateFile.number(cluster.state, "SELECT coalesce(sum(count), 0) FROM done")) ?? 0 }
            #expect(Programs.eventually { kept() >= 60 * (job - 1) + 20 })
            cluster.coordinator.send(SIGKILL)
            cluster.coordinator.process.waitUntilExit()
            try cluster.startCoordinator()
        }
        let noops = try Programs.run(
            "apex", ["submit", "noop", "--state", cluster.state, "--count", "20000", "--wait", "--json"])
        #expect(noops.code == 0, "\(noops.errors)")
        let count = { try? StateFile.number(cluster.state, "SELECT sum(count) FROM done") }
        #expect(Programs.eventually { count() == 20_120 })

        // While it runs: what is there so far.
        #expect(try replay(cluster.state)["same"] as? Bool == true)
        cluster.coordinator.send(SIGTERM)
        cluster.coordinator.process.waitUntilExit()
        let whole = try replay(cluster.state)
        #expect(whole["same"] as? Bool == true)
        #expect(whole["events"] as? Int ?? 0 > 100)
        #expect((whole["parts"] as? [Any])?.count == 3)
        print("replayed \(whole["events"] ?? 0) events of three lives, state \(whole["hash"] ?? "")")

        // Its owner's only, and what is changed in it is found.
        let first = cluster.state + "/flight/" + (try #require(try files(cluster.state).last))
        let mode = try FileManager.default.attributesOfItem(atPath: first)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: first))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: first))
        let damaged = try replay(cluster.state, code: 1)
        #expect(damaged["same"] as? Bool == false && damaged["difference"] is String)
    }

    @Test func `a weekend whose coordinator is killed is replayed, planner's steps and all`() throws {
        let folder = TemporaryFolder("replay")
        let out = folder.path + "/w"
        let weekend = try Programs.Running(
            "apex",
            [
                "weekend", "--demo", "--seed", "5", "--universe", "256", "--cycles", "6", "--workers", "2", "--budget",
                "10m", "--json", "--out", out,
            ])
        let isUnderWay = { (try? StateFile.number(out + "/state", "SELECT count(*) >= 10 FROM done")) == 1 }
        #expect(Programs.eventually(within: 60) { isUnderWay() || !weekend.process.isRunning })
        let coordinator = try #require(Programs.processes(with: ["apex coordinator", out + "/state"]).first)
        kill(coordinator, SIGKILL)
        let outcome = weekend.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        let replayed = try replay(out)
        #expect(replayed["same"] as? Bool == true)
        #expect((replayed["parts"] as? [Any])?.count == 2)
        print("replayed \(replayed["events"] ?? 0) events of a weekend, state \(replayed["hash"] ?? "")")
    }
}
