import Foundation
import Messages
import TestSupport
import Testing
import ZeroMQ

@Suite(.serialized)
struct KeyTests {
    // MARK: - Fail closed

    @Test func `a coordinator that cannot trust its keys does not start, and says what, where and what to do`() throws {
        let folder = TemporaryFolder("closed")
        let state = folder.path + "/s"
        let keys = state + "/keys"
        func start() throws -> Programs.Outcome {
            try Programs.run("apex", ["coordinator", "--state", state, "--listen", "tcp://127.0.0.1:*"])
        }
        func expectRefusal(_ words: String...) throws {
            let outcome = try start()
            #expect(outcome.code == 1)
            for word in words { #expect(outcome.errors.contains(word), "\(word) in: \(outcome.errors)") }
            #expect(!outcome.errors.contains("listening"))
        }
        try expectRefusal(keys + "/coordinator", "is missing", "apex keys init")
        #expect(try Programs.run("apex", ["keys", "init", "--state", state]).code == 0)
        #expect(
            try Programs.run("apex", ["keys", "add-worker", "a", "--out", folder.path + "/a", "--state", state]).code
                == 0
        )
        let listed = keys + "/workers/a.pub"
        for (path, mode, right, words) in [
            (keys, 0o755, 0o700, "chmod 700"), (keys + "/coordinator", 0o640, 0o600, "chmod 600"),
            (listed, 0o666, 0o644, "chmod 644"), (keys + "/workers", 0o770, 0o700, "chmod 700"),
        ] as [(String, mode_t, mode_t, String)] {
            _ = unsafe chmod(path, mode)
            try expectRefusal(path, "too open", words)
            _ = unsafe chmod(path, right)
        }
        try FileManager.default.copyItem(atPath: listed, toPath: keys + "/workers/b.pub")
        try expectRefusal("listed twice", "b.pub")
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: keys + "/workers/b.pub"))
        try expectRefusal("holds no key", "b.pub")
        try FileManager.default.removeItem(atPath: keys + "/workers/b.pub")
        if geteuid() == 0 {
            _ = unsafe chown(keys + "/coordinator", 12345, 12345)
            try expectRefusal("belongs to another user", "12345", "chown")
            _ = unsafe chown(keys + "/coordinator", 0, 0)
        } else {
            skipped("a key of another user", because: "only root can give files away")
        }
        // Mended, it starts.
        let running = try Programs.Running(
            "apex", ["coordinator", "--state", state, "--listen", "tcp://127.0.0.1:*"])
        #expect(Programs.eventually { running.errors.contains("listening") }, "\(running.errors)")
        running.send(SIGTERM)
        #expect(running.wait().code == 0)
    }

    @Test func `a running coordinator admits nobody while its folder of keys is open to others`() throws {
        let cluster = try KeyedCluster()
        let worker = try cluster.worker("desk", ["--join", try cluster.line("worker", "desk")])
        #expect(Programs.eventually { worker.errors.contains("event=joined") }, "\(worker.errors)")
        _ = unsafe chmod(cluster.state + "/keys", 0o777)
        #expect(Programs.eventually { cluster.log.contains("\"event\":\"worker_lost\"") }, "\(cluster.log)")
        #expect(cluster.log.contains("too open"))
        _ = unsafe chmod(cluster.state + "/keys", 0o700)
        #expect(Programs.eventually { worker.errors.components(separatedBy: "event=joined").count == 3 })
    }

    @Test func `one box alone handles no keys`() throws {
        let folder = TemporaryFolder("alone")
        let up = try Programs.Running("apex", ["up", "--state", folder.path + "/s", "--workers", "1"])
        #expect(Programs.eventually { up.errors.contains("ready") }, "\(up.errors)")
        let job = try Programs.run("apex", ["submit", "noop", "--count", "3", "--wait", "--state", folder.path + "/s"])
        #expect(job.code == 0, "\(job.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/s/keys").isEmpty)
        up.send(SIGTERM)
        #expect(up.wait().code == 0)
    }

    // MARK: - Roles

    @Test func `a reader may look, a client may submit, a worker may compute, and none of them anything else`() throws {
        let cluster = try KeyedCluster()
        func remote(_ name: String, _ words: String...) throws -> Programs.Outcome {
            try Programs.run(
                "apex", words + ["--coordinator", cluster.address, "--keys", "\(cluster.folder.path)/\(name)"])
        }
        for (role, name) in [("client", "ada"), ("reader", "wall")] {
            let line = try cluster.line(role, name)
            let joined = try Programs.run("apex", ["keys", "join", line, "--keys", "\(cluster.folder.path)/\(name)"])
            #expect(joined.code == 0 && joined.output.contains("as \(name)"), "\(joined.errors)")
        }
        #expect(try remote("ada", "submit", "noop", "--count", "3").code == 0)
        #expect(try remote("ada", "status").code == 0)
        #expect(try remote("wall", "status").code == 0)
        #expect(try remote("wall", "why", "1").code == 0)
        let refused = try remote("wall", "submit", "noop", "--count", "3")
        #expect(refused.code == 1 && refused.errors.contains("wall is a reader's"), "\(refused.errors)")
        #expect(try remote("wall", "cancel", "1").code == 1)

        // What only hostile programs would say.
        for role in ["worker", "client", "reader"] {
            let name = "bad-\(role)"
            let folder = "\(cluster.folder.path)/\(name)"
            #expect(try cluster.keys("add-\(role)", name, "--out", folder).code == 0)
            for (kind, message) in zip(FrameFuzz.inbound.indices, FrameFuzz.inbound) {
                let isAllowed = isGranted(message, role)
                if isAllowed { continue }
                let peer = try HostilePeer(cluster.address, folder, role == "worker" ? "worker" : "client")
                try peer.send(message)
                let answer = try #require(try peer.answer(), "\(role), message \(kind)")
                switch answer {
                case .refused(let words), .reply(_, .refused(let words)):
                    #expect(words.contains("\(name) is a \(role)'s") || words.contains("enrols itself"), "\(words)")
                default: Issue.record("a \(role) got \(answer) for \(message)")
                }
            }
        }
        #expect(!cluster.log.contains("\"event\":\"worker_joined\""))
        #expect(!cluster.log.contains("job=2"))
        #expect(try cluster.apex("status", "--json").output.contains("\"id\":1"))
        #expect(!(try cluster.apex("status", "--json").output.contains("\"id\":2")))
    }

    private func isGranted(_ message: Inbound, _ role: String) -> Bool {
        switch message {
        case .hello, .heartbeat, .outcomes, .draining, .goodbye, .reports, .printed: role == "worker"
        case .wantBlob: true
        case .enrol: false
        case .request(_, let request):
            switch request {
            case .status, .job, .why, .results, .ledger, .output: role != "worker"
            default: role == "client"
            }
        }
    }

    @Test func `a token joins and does nothing else`() throws {
        let cluster = try KeyedCluster()
        let line = try JoinLine(try cluster.line("client", "ada"))
        for message in FrameFuzz.inbound {
            if case .enrol = message { continue }
            let peer = try HostilePeer(cluster.address, keys: line.token!, server: line.coordinator)
            try peer.send(message)
            switch try peer.answer() {
            case .refused(let words), .reply(_, .refused(let words)):
                #expect(words.contains("good for joining"), "\(words)")
            case let other: Issue.record("a token got \(String(describing: other)) for \(message)")
            }
        }
    }

    // MARK: - Revocation

    @Test func `a revoked worker's live connection is cut within a second and its tasks run elsewhere`() throws {
        let cluster = try KeyedCluster()
        var workers: [String: Programs.Running] = [:]
        for name in ["a", "b"] {
            let worker = try cluster.worker(name, ["--join", try cluster.line("worker", name), "--slots", "2"])
            workers[name] = worker
            #expect(Programs.eventually { worker.errors.contains("event=joined") }, "\(worker.errors)")
        }
        let starts = cluster.folder.path + "/starts"
        let script =
            "read up rest < /proc/uptime; echo \"{index} $up $PPID\" >> '\(starts)'; "
            + FaultProcesses.longOnce(cluster.folder.path)
        #expect(try cluster.apex("submit", "command", "--count", "2", "--", "sh", "-c", script).code == 0)
        func lines() -> [[String]] {
            ((try? String(contentsOfFile: starts, encoding: .utf8)) ?? "").split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
        }
        #expect(Programs.eventually { lines().count == 2 }, "\(lines())")
        let process = try #require(lines().first?[2])
        let victim = try #require(workers.first { "\($0.value.process.processIdentifier)" == process }).key
        let held = lines().filter { $0[2] == process }.map { $0[0] }
        let revoked = uptimeSeconds()
        #expect(try cluster.keys("revoke", victim).code == 0)
        let said = uptimeSeconds()
        #expect(Programs.eventually(within: 10) { cluster.log.contains("\"event\":\"worker_lost\"") })
        print("revocation seconds=\(fixed(uptimeSeconds() - revoked)) after_command=\(fixed(uptimeSeconds() - said))")
        #expect(uptimeSeconds() - said <= 1)
        // What it held is tried again by the other, at once.
        #expect(Programs.eventually(within: 10) { lines().count == 2 + held.count }, "\(lines())")
        for again in lines().dropFirst(2) {
            #expect(held.contains(again[0]) && again[2] != process)
            #expect(Double(again[1])! - said <= 1.5)
        }
        #expect(Programs.eventually { ((try? StateFile.accepted(cluster.state)) ?? []).sorted() == [0, 1] })
        // It does not come back.
        #expect(Programs.eventually { cluster.log.contains("\"event\":\"peer_denied\"") })
        #expect(cluster.log.components(separatedBy: "\"event\":\"worker_joined\"").count == 3)
        expectLeft(try #require(workers[victim]))
        // One that was never let in, or is not when it starts, leaves as well; the other one stays.
        #expect(try cluster.keys("add-worker", "c", "--out", cluster.folder.path + "/c").code == 0)
        #expect(try cluster.keys("revoke", "c").code == 0)
        expectLeft(
            try cluster.worker(
                "d", ["--coordinator", cluster.address, "--keys", cluster.folder.path + "/c"]))
        #expect(workers.filter { $0.key != victim }.allSatisfy { $0.value.process.isRunning })
    }

    /// A worker whose key is refused says what, why and what to do, and leaves with a code of its own.
    private func expectLeft(_ worker: Programs.Running) {
        #expect(Programs.eventually(within: 15) { !worker.process.isRunning }, "\(worker.errors)")
        guard !worker.process.isRunning else { return }
        let left = worker.wait()
        #expect(left.code == 77 && left.errors.contains("event=not_admitted"), "\(left.code) \(left.errors)")
        #expect(left.errors.contains("revoked") && left.errors.contains("apex keys add-worker"), "\(left.errors)")
    }

    @Test func `a client whose key was revoked is told so, and not that nobody answers`() throws {
        let cluster = try KeyedCluster()
        let folder = cluster.folder.path + "/c"
        #expect(try cluster.keys("add-client", "c", "--out", folder).code == 0)
        let words = ["status", "--coordinator", cluster.address, "--keys", folder]
        #expect(try Programs.run("apex", words).code == 0)
        #expect(try cluster.keys("revoke", "c").code == 0)
        let refused = try Programs.run("apex", words)
        #expect(refused.code == 1 && refused.errors.contains("revoked"), "\(refused.errors)")
    }

    @Test func `after a rotation one line without a secret brings every machine back`() throws {
        let cluster = try KeyedCluster()
        let worker = try cluster.worker("a", ["--join", try cluster.line("worker", "a")])
        #expect(Programs.eventually { worker.errors.contains("event=joined") }, "\(worker.errors)")
        worker.send(SIGTERM)
        _ = worker.wait()
        let rotated = try cluster.keys("rotate")
        #expect(rotated.code == 0 && rotated.errors.contains("Start the coordinator again"), "\(rotated.errors)")
        let words = rotated.output.split(whereSeparator: \.isWhitespace).map(String.init)
        cluster.coordinator.send(SIGTERM)
        _ = cluster.coordinator.wait()
        try cluster.start()
        let stale = try cluster.worker("a", [])
        #expect(Programs.eventually { stale.errors.contains("event=no_") }, "\(stale.errors)")
        #expect(!stale.errors.contains("event=joined"))
        stale.send(SIGKILL)
        _ = stale.wait()
        let back = try cluster.worker("a", Array(words.dropFirst()))
        #expect(Programs.eventually { back.errors.contains("event=joined") }, "\(back.errors)")
        // For a machine that never joined, the line opens nothing.
        let stranger = try cluster.worker("stranger", Array(words.dropFirst())).wait()
        #expect(stranger.code == 1 && stranger.errors.contains("add-worker"), "\(stranger.errors)")
    }

    // MARK: - Secrets

    @Test func `no secret is in any log, state, output or spec`() throws {
        let cluster = try KeyedCluster()
        let line = try cluster.line("worker", "a")
        let worker = try cluster.worker("a", ["--join", line])
        #expect(Programs.eventually { worker.errors.contains("event=joined") }, "\(worker.errors)")
        let job = try cluster.apex(
            "submit", "command", "--count", "2", "--wait", "--json", "--", "sh", "-c", "env; true")
        #expect(job.code == 0, "\(job.errors)")
        _ = try cluster.worker("late", ["--join", line]).wait()
        for words in [["status", "--json"], ["workers", "--json"], ["why", "1"]] {
            _ = try Programs.run("apex", words + ["--state", cluster.state])
        }
        let listing = try cluster.keys("list", "--json").output
        worker.send(SIGTERM)
        let told = worker.wait().errors + cluster.coordinator.errors + job.output + listing
        cluster.coordinator.send(SIGTERM)
        _ = cluster.coordinator.wait()

        // The secrets, as text and as bytes, and where each may be.
        let token = try #require(JoinLine(line).token)
        var secrets: [(name: String, bytes: [UInt8], home: String)] = [
            ("token", Array(line.split(separator: "/").last!.utf8), "")
        ]
        for home in ["s/keys/coordinator", "a/keys/worker"] {
            let text = try String(contentsOfFile: cluster.folder.path + "/" + home, encoding: .utf8)
            let z85 = text.trimmingCharacters(in: .whitespacesAndNewlines)
            secrets.append((home, Array(z85.utf8), home))
        }
        #expect(!listing.contains("\(token)") || "\(token.secretKey)" == "(secret key)")
        for secret in secrets {
            #expect(!told.utf8.contains(secret.bytes), "\(secret.name) was printed")
        }
        let files = try #require(FileManager.default.enumerator(atPath: cluster.folder.path))
        var looked = 0
        while let file = files.nextObject() as? String {
            guard let data = FileManager.default.contents(atPath: cluster.folder.path + "/" + file) else { continue }
            looked += 1
            for secret in secrets where file != secret.home {
                #expect(data.range(of: Data(secret.bytes)) == nil, "\(secret.name) is in \(file)")
            }
        }
        #expect(looked > 5)
    }
}

extension Sequence where Element == UInt8 {
    fileprivate func contains(_ bytes: [UInt8]) -> Bool { Data(self).range(of: Data(bytes)) != nil }
}
