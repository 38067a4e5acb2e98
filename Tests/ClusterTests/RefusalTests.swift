import Foundation
import Messages
import TestSupport
import Testing
import ZeroMQ

struct RefusalTests {
    @Test func `a second coordinator on one state folder refuses, and the first serves on`() throws {
        let folder = TemporaryFolder("second")
        let first = try Programs.Running("apex", ["up", "--state", folder.path + "/s", "--workers", "0"])
        #expect(Programs.eventually { first.errors.contains("ready") }, "\(first.errors)")
        let second = try Programs.run("apex", ["coordinator", "--state", folder.path + "/s"])
        #expect(second.code == 1)
        #expect(second.errors.contains("another coordinator"), "\(second.errors)")
        #expect(first.process.isRunning)
        first.send(SIGTERM)
        #expect(first.wait().code == 0)
    }

    @Test func `a peer of another protocol version is told so and nobody else is disturbed`() throws {
        let folder = TemporaryFolder("version")
        let up = try Programs.Running("apex", ["up", "--state", folder.path + "/s", "--workers", "0"])
        #expect(Programs.eventually { up.errors.contains("ready") }, "\(up.errors)")
        var options = SocketOptions()
        options.queuesBeforeConnected = true
        let socket = try Socket(.dealer, options: options)
        try socket.connect("ipc://\(folder.path)/s/ipc/coordinator")
        var frame = Frame.encode(Inbound.request(number: 1, .status))
        frame[4] = 99
        _ = try socket.send([frame])
        var poller = Poller()
        let readable = poller.add(socket)
        try poller.wait(milliseconds: 10_000)
        let isAnswered = poller.isReadable(readable)
        #expect(isAnswered)
        guard case .message(let message) = try socket.receive() else {
            Issue.record("no answer")
            return
        }
        guard case .refused(let words) = try Frame.decode(Outbound.self, message.frames[0]) else {
            Issue.record("not refused")
            return
        }
        #expect(words.contains("99") && words.contains("version"))
        up.send(SIGTERM)
        #expect(up.wait().code == 0)
    }

    @Test func `wrong use says what, where and what to do, with exit code 2`() throws {
        let cases: [([String], String)] = [
            (["weekend", "--cycles", "none"], "--cycles is none"),
            (["weekend", "--budget", "soon"], "--budget is soon"),
            (["weekend", "--sizes", "1..4"], "--sizes is 1..4"),
            (["weekend", "--bars", "a.csv", "--demo"], "exclude"),
            (["weekend", "--frobnicate"], "--frobnicate"),
            (["resume"], "folder"),
            (["wekend"], "wekend"),
        ]
        for (arguments, words) in cases {
            let outcome = try Programs.run("apex", arguments)
            #expect(outcome.code == 2, "\(arguments)")
            #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
            #expect(outcome.output.isEmpty)
        }
    }

    @Test func `bad bars are named with file, reason and remedy`() throws {
        let folder = TemporaryFolder("bars")
        let missing = try Programs.run(
            "apex", ["weekend", "--bars", folder.path + "/no.csv", "--out", folder.path + "/o"])
        #expect(missing.code == 1)
        #expect(missing.errors.contains("no.csv"), "\(missing.errors)")
        let fake = folder.path + "/fake.csv.gz"
        try Data("symbol,date\n".utf8).write(to: URL(fileURLWithPath: fake))
        let notGzip = try Programs.run("apex", ["weekend", "--bars", fake, "--out", folder.path + "/o"])
        #expect(notGzip.code == 1)
        #expect(notGzip.errors.contains("gzip"), "\(notGzip.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/o"))
    }

    @Test func `an out folder that holds something else is left alone`() throws {
        let folder = TemporaryFolder("other")
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.path + "/thesis.txt"))
        let outcome = try Programs.run("apex", ["weekend", "--demo", "--out", folder.path])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("not empty"), "\(outcome.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["thesis.txt"])
    }
}
