import Foundation
import Messages
import TestSupport
import Testing
import ZeroMQ

/// A worker and a coordinator of different versions: it works, or both say why not and the worker does not try for ever.
@Suite(.serialized) struct UpgradeTests {
    private let folder = TemporaryFolder("upgrade")
    private var state: String { folder.path + "/s" }

    private func coordinator() throws -> Programs.Running {
        let program = try Programs.Running("apex", ["coordinator", "--state", state])
        #expect(Programs.eventually { program.errors.contains("listening") }, "\(program.errors)")
        return program
    }
    private func worker(_ pretended: [String: String]) throws -> Programs.Running {
        try Programs.Running(
            "apex-worker",
            ["--coordinator", "ipc://\(state)/ipc/coordinator", "--state", folder.path + "/w", "--slots", "1"],
            environment: pretended)
    }

    @Test(arguments: ["1", "3"])
    func `a worker that speaks an older or a newer protocol works, programs included`(version: String) throws {
        let coordinator = try coordinator()
        let worker = try worker(["APEX_TEST_PROTOCOL": version])
        defer {
            for program in [worker, coordinator] {
                program.send(SIGTERM)
                _ = program.wait()
            }
        }
        let outcome = try Programs.run(
            "apex",
            ["submit", "command", "--state", state, "--wait", "--output", "--", "sh", "-c", "sleep 0.6; echo done"])
        #expect(outcome.code == 0 && outcome.output.hasPrefix("done\n"), "\(outcome) \(worker.errors)")
        #expect(version == "1" || worker.errors.contains("event=older_coordinator"), "\(worker.errors)")
    }

    @Test(arguments: [
        ["APEX_TEST_CODE_VERSION": "0.0.9"], ["APEX_TEST_CODE_VERSION": "9.9", "APEX_TEST_PROTOCOL": "1"],
    ])
    func `a worker whose results may differ is told so, ends with a code of its own, and the log names it`(
        pretended: [String: String]
    ) throws {
        let coordinator = try coordinator()
        defer {
            coordinator.send(SIGTERM)
            _ = coordinator.wait()
        }
        let version = pretended["APEX_TEST_CODE_VERSION"]!
        let outcome = try worker(pretended).wait()
        #expect(outcome.code == 5, "\(outcome)")
        #expect(
            outcome.errors.contains("this one is \(version). Install that version here"), "\(outcome.errors)")
        let log = try String(contentsOfFile: state + "/log.jsonl", encoding: .utf8)
        #expect(log.contains("is apex-worker \(version), served are \(codeVersion)"), "\(log)")
    }

    @Test(arguments: [0, 1] as [UInt16])
    func `a worker talks to an older coordinator in its words, and leaves one whose words it does not know`(
        past: UInt16
    ) throws {
        // A coordinator of a few lines that speaks one version alone: the one before ours, or the one after it.
        let spoken = past == 1 ? Frame.protocolVersion - 1 : Frame.protocolVersion + 1
        var options = SocketOptions()
        options.lingerMilliseconds = 0
        let socket = try Socket(.router, options: options)
        try FileManager.default.createDirectory(
            atPath: state + "/ipc", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try socket.bind("ipc://\(state)/ipc/coordinator")
        let worker = try worker([:])
        defer {
            worker.send(SIGKILL)
            _ = worker.wait()
        }
        var poller = Poller()
        _ = poller.add(socket)
        var hellos: [UInt16] = []
        var beats = 0
        let deadline = ContinuousClock.now + .seconds(15)
        while ContinuousClock.now < deadline, worker.process.isRunning, beats < 3 {
            try poller.wait(milliseconds: 50)
            while case .message(let message)? = try socket.receive(), let peer = message.peer {
                let version = try #require(Frame.version(of: message.frames[0]))
                let answer: Outbound
                if version != spoken {
                    hellos.append(version)
                    answer = .refused("protocol version \(version); this side speaks \(spoken)")
                } else if case .heartbeat = try Frame.decode(Inbound.self, message.frames[0]) {
                    beats += 1
                    answer = .accepted([])
                } else {
                    hellos.append(version)
                    answer = .welcome(coordinator: 1, heartbeatMilliseconds: 50, hostID: "", blobFolder: "")
                }
                _ = try socket.send([Frame.encode(answer, version: spoken)], to: peer)
            }
        }
        if past == 1 {
            #expect(hellos == [Frame.protocolVersion, spoken] && beats == 3, "\(worker.errors)")
        } else {
            let outcome = worker.wait()
            // Its hello, and its goodbye.
            #expect(outcome.code == 5 && hellos.count <= 2, "\(hellos) \(outcome)")
            #expect(outcome.errors.contains("speaks version \(spoken)"), "\(outcome.errors)")
        }
    }
}
