import Foundation
import TestSupport
import Testing
import ZeroMQ

/// A coordinator that listens on TCP of this machine, with keys, and nothing else yet.
final class KeyedCluster {
    let folder = TemporaryFolder("keyed")
    let address: String
    private(set) var coordinator: Programs.Running!
    var state: String { folder.path + "/s" }
    var log: String { (try? String(contentsOfFile: state + "/log.jsonl", encoding: .utf8)) ?? "" }

    init() throws {
        address = "tcp://127.0.0.1:\(UInt16.random(in: 20_000...60_000))"
        #expect(try keys("init").code == 0)
        try start()
    }
    deinit { if coordinator.process.isRunning { coordinator.send(SIGKILL) } }

    func start() throws {
        let started = try Programs.Running(
            "/usr/bin/env", [Programs.folder + "/apex", "coordinator", "--state", state, "--listen", address])
        coordinator = started
        #expect(Programs.eventually { started.errors.contains("listening") }, "\(started.errors)")
    }

    @discardableResult func keys(_ words: String...) throws -> Programs.Outcome {
        try Programs.run("apex", ["keys"] + words + ["--state", state])
    }
    /// The join line for a new worker, client or reader.
    func line(_ role: String, _ name: String, _ more: String...) throws -> String {
        let outcome = try Programs.run("apex", ["keys", "add-\(role)", name, "--state", state] + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return String(try #require(outcome.output.split(whereSeparator: \.isWhitespace).last))
    }
    func worker(_ name: String, _ words: [String]) throws -> Programs.Running {
        try Programs.Running("apex-worker", words + ["--name", name, "--state", "\(folder.path)/\(name)"])
    }
    /// As on this machine.
    func apex(_ words: String...) throws -> Programs.Outcome {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        return try Programs.run("apex", words[..<end] + ["--state", state] + words[end...])
    }
}

@Suite(.serialized)
struct JoinTests {
    @Test func `a second machine joins with one line, computes, and needs no line from then on`() throws {
        if let obstacle = FaultNetwork.obstacle { return skipped(because: obstacle) }
        let network = try FaultNetwork(["hub", "desk"])
        let folder = TemporaryFolder("join")
        let state = folder.path + "/s"
        func on(_ node: String, _ words: [String]) -> [String] {
            network.inside(node) + [Programs.folder + "/" + words[0]] + words.dropFirst()
        }
        func run(_ node: String, _ words: String...) throws -> Programs.Outcome {
            try Programs.run(FaultNetwork.ip, on(node, words))
        }
        #expect(try run("hub", "apex", "keys", "init", "--state", state).code == 0)
        let hub = try Programs.Running(
            FaultNetwork.ip, on("hub", ["apex", "coordinator", "--state", state, "--listen", "tcp://0.0.0.0:7117"]))
        #expect(Programs.eventually { hub.errors.contains("listening") }, "\(hub.errors)")
        // The address is this machine's own, found because the coordinator listens on all of them.
        let added = try run("hub", "apex", "keys", "add-worker", "desk", "--state", state)
        #expect(added.output.hasPrefix("apex-worker --join apex://\(network.address("hub")):7117/"), "\(added.errors)")
        let words = added.output.split(whereSeparator: \.isWhitespace).map(String.init)

        for start in [words, ["apex-worker"]] {
            let worker = try Programs.Running(
                FaultNetwork.ip, on("desk", start + ["--state", folder.path + "/desk", "--slots", "2"]))
            #expect(Programs.eventually { worker.errors.contains("event=joined") }, "\(worker.errors)")
            let job = try run(
                "hub", "apex", "submit", "command", "--state", state, "--count", "4", "--wait", "--json", "--", "sh",
                "-c",
                "ip -4 -o addr show dev e0 > '\(folder.path)/where-{index}'")
            #expect(job.code == 0, "\(job.errors)")
            for index in 0..<4 {
                let file = "\(folder.path)/where-\(index)"
                let place = try String(contentsOfFile: file, encoding: .utf8)
                #expect(place.contains(network.address("desk")), "task \(index) ran at \(place)")
                try FileManager.default.removeItem(atPath: file)
            }
            worker.send(SIGTERM)
            #expect(worker.wait().code == 0, "\(worker.errors)")
        }
        let key = folder.path + "/desk/keys/worker"
        #expect(try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int == 0o600)
        hub.send(SIGTERM)
        #expect(hub.wait().code == 0)
    }

    @Test func `a line works once, also after the coordinator was killed, and a second use says what to do`() throws {
        let cluster = try KeyedCluster()
        let line = try cluster.line("worker", "desk")
        cluster.coordinator.send(SIGKILL)
        cluster.coordinator.process.waitUntilExit()
        try cluster.start()
        let first = try cluster.worker("first", ["--join", line])
        #expect(Programs.eventually { first.errors.contains("event=joined") }, "\(first.errors)")
        // The same command on the same machine is a restart, not a second use.
        first.send(SIGTERM)
        _ = first.wait()
        let again = try cluster.worker("first", ["--join", line])
        #expect(Programs.eventually { again.errors.contains("event=joined") }, "\(again.errors)")
        cluster.coordinator.send(SIGKILL)
        cluster.coordinator.process.waitUntilExit()
        try cluster.start()
        let second = try cluster.worker("second", ["--join", line]).wait()
        #expect(second.code == 1 && second.errors.contains("apex keys add-worker"), "\(second.errors)")
        #expect(Programs.eventually { cluster.log.contains("the join line for desk was used") })
        #expect(!second.errors.contains(line.split(separator: "/").last!))
    }

    @Test func `a line that has expired is refused, and so is one that was not copied whole`() throws {
        let cluster = try KeyedCluster()
        let line = try cluster.line("worker", "desk", "--valid", "1s")
        usleep(1_100_000)  // the second in which it was good
        let late = try cluster.worker("late", ["--join", line]).wait()
        #expect(late.code == 1 && late.errors.contains("expired"), "\(late.errors)")
        #expect(Programs.eventually { cluster.log.contains("the join line for desk has expired") })
        for broken in [String(line.dropLast()), line + "x", "apex://nowhere", "tcp://127.0.0.1:1"] {
            let outcome = try cluster.worker("broken", ["--join", broken]).wait()
            #expect(outcome.code == 2 && outcome.errors.contains("join line"), "\(outcome.errors)")
        }
    }
}
