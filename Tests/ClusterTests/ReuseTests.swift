import Foundation
import Store
import TestSupport
import Testing

@Suite(.serialized)
struct ReuseTests {
    private func weekend(_ out: String, on state: String) throws -> Programs.Outcome {
        let outcome = try Programs.run(
            "apex",
            [
                "weekend", "--out", out, "--coordinator", "ipc://\(state)/ipc/coordinator", "--demo", "--seed", "5",
                "--universe", "256", "--cycles", "6", "--json",
            ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome
    }
    /// Every value of every table that holds an answer, in order.
    private func tables(_ out: String) throws -> [String] {
        let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
        var lines: [String] = []
        for table in ["candidate_groups", "final_groups"] {
            let rows = try database.prepare("SELECT * FROM \(table) ORDER BY rowid")
            while try rows.step() {
                lines.append(table + ":" + (0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|"))
            }
        }
        return lines
    }
    private func answer(of job: Int, _ state: String) throws -> [UInt8] {
        let database = try Database(path: state + "/state.sqlite", mode: .readOnly)
        let rows = try database.prepare("SELECT answer FROM jobs WHERE id=\(job)")
        return try rows.step() ? rows.blob(0) : []
    }

    @Test func `the second same weekend on one state computes nothing and gives the same bytes`() throws {
        let cluster = try FaultCluster()
        for name in ["a", "b"] { try cluster.startWorker(name, slots: 1) }
        _ = try weekend(cluster.folder.path + "/one", on: cluster.state)
        // Another life of the coordinator: what it knows is on the disk.
        cluster.coordinator.send(SIGTERM)
        cluster.coordinator.process.waitUntilExit()
        try cluster.startCoordinator()
        let ready = {
            (try? Programs.run("apex", ["workers", "--state", cluster.state, "--json"]).output.contains("\"b\""))
                == true
        }
        #expect(Programs.eventually { ready() })
        _ = try weekend(cluster.folder.path + "/two", on: cluster.state)
        let first = try tables(cluster.folder.path + "/one")
        #expect(first.count > 4)
        #expect(try tables(cluster.folder.path + "/two") == first)
        #expect(try answer(of: 1, cluster.state) == answer(of: 2, cluster.state))
        let ran = try StateFile.number(
            cluster.state, "SELECT coalesce(sum(count), 0) FROM done WHERE job=2 AND epoch>0")
        let reused = try StateFile.number(cluster.state, "SELECT sum(count) FROM done WHERE job=2 AND epoch=0")
        #expect(ran == 0, "\(ran) tasks ran, \(reused) were reused")
        #expect(reused > 20)
        let status = try Programs.run("apex", ["jobs", "--state", cluster.state, "--json"])
        #expect(status.output.contains("\"reused\":\(reused)"), "\(status.output)")
    }

    @Test func `with reuse switched off every task runs`() throws {
        let folder = TemporaryFolder("reuse-off")
        let settings = folder.path + "/cluster.yaml"
        try "tasks:\n  reuse: off\n  speculation: off\n".write(toFile: settings, atomically: true, encoding: .utf8)
        let state = folder.path + "/s"
        let coordinator = try Programs.Running("apex", ["coordinator", "--state", state, "--config", settings])
        #expect(Programs.eventually { coordinator.errors.contains("listening") })
        let worker = try Programs.Running(
            "apex-worker",
            ["--coordinator", "ipc://\(state)/ipc/coordinator", "--slots", "2", "--state", folder.path + "/w"])
        for out in ["/one", "/two"] { _ = try weekend(folder.path + out, on: state) }
        #expect(try StateFile.number(state, "SELECT count(*) FROM done WHERE epoch=0") == 0)
        #expect(!FileManager.default.fileExists(atPath: state + "/reuse.sqlite"))
        for program in [worker, coordinator] {
            program.send(SIGTERM)
            program.process.waitUntilExit()
        }
    }
}
