import Foundation
import Store
import TestSupport
import Testing

/// What keeps a cluster running for years: copies, upgrades, a service manager, advice.
struct OperatingTests {
    private let folder = TemporaryFolder("operating")
    private var state: String { folder.path + "/s" }

    private func coordinator(_ options: [String] = [], environment: [String: String] = [:]) throws -> Programs.Running {
        let coordinator = try Programs.Running(
            "apex", ["coordinator", "--state", state] + options, environment: environment)
        #expect(Programs.eventually { coordinator.errors.contains("listening") }, "\(coordinator.errors)")
        return coordinator
    }
    private func end(_ program: Programs.Running) {
        program.send(SIGTERM)
        _ = program.wait()
    }

    // MARK: - Backup

    @Test func `a backup of a coordinator at work is whole, and its restored copy goes on with the jobs`() throws {
        let first = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"])
        #expect(Programs.eventually { first.errors.contains("ready") }, "\(first.errors)")
        let done = try Programs.run("apex", ["submit", "noop", "--count", "2000", "--wait", "--state", state])
        #expect(done.code == 0)
        // Busy while it is copied: a result every few milliseconds.
        let submitted = try Programs.run(
            "apex", ["submit", "command", "--count", "400", "--state", state, "--", "true"])
        #expect(submitted.code == 0)
        let backup = folder.path + "/b"
        let copied = try Programs.run("apex", ["backup", backup, "--state", state, "--json"])
        #expect(copied.code == 0 && (copied.json["files"] as? Int ?? 0) >= 1, "\(copied.output) \(copied.errors)")
        #expect(try StateFile.integrity(backup + "/state.sqlite") == "ok")
        #expect(try Programs.run("apex", ["backup", backup, "--state", state]).code == 1, "never over another")
        let inside = try Programs.run("apex", ["backup", state + "/b", "--state", state])
        #expect(inside.code == 1 && inside.errors.contains("lies inside the state"), "\(inside.errors)")
        let over = try Programs.run("apex", ["restore", backup, "--state", state])
        #expect(over.code == 1 && over.errors.contains("a coordinator runs there"), "\(over.errors)")
        end(first)
        let other = folder.path + "/r"
        let restored = try Programs.run("apex", ["restore", backup, "--state", other])
        #expect(restored.code == 0, "\(restored.errors)")
        #expect(try Programs.run("apex", ["restore", backup, "--state", other]).code == 1, "never over a state")
        let second = try Programs.Running("apex", ["up", "--state", other, "--workers", "2"])
        defer { end(second) }
        #expect(
            Programs.eventually(within: 60) {
                let jobs = (try? Programs.run("apex", ["jobs", "--state", other, "--json"]))?.json["jobs"]
                return (jobs as? [[String: Any]])?.count { $0["state"] as? String == "done" } == 2
            }, "\(second.errors)")
    }

    @Test func `a damaged backup is not restored`() throws {
        end(try coordinator())
        let backup = folder.path + "/b"
        #expect(try Programs.run("apex", ["backup", backup, "--state", state]).code == 0)
        let file = try #require(FileHandle(forUpdatingAtPath: backup + "/state.sqlite"))
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 8192))
        try file.close()
        let outcome = try Programs.run("apex", ["restore", backup, "--state", folder.path + "/r"])
        #expect(outcome.code == 1, "\(outcome.output)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/r"), "nothing half-made is left")
    }

    // MARK: - Upgrades

    @Test func `a state of the version before is carried over, and one of a later version is refused in words`() throws
    {
        end(try coordinator())
        func execute(_ sql: String) throws {
            try Database(path: state + "/state.sqlite", mode: .durable).execute(sql)
        }
        // As version 3 left it.
        try execute("DROP TABLE written_by; ALTER TABLE attempts DROP COLUMN dead; PRAGMA user_version = 3")
        end(try coordinator())
        let writer = "SELECT count(*) FROM written_by"
        #expect(try StateFile.number(state, "PRAGMA user_version") == 5)
        #expect(try StateFile.number(state, writer) == 1)
        try execute("PRAGMA user_version = 99; UPDATE written_by SET version = '7.1.0'")
        let refused = try Programs.run("apex", ["coordinator", "--state", state])
        #expect(refused.code == 1, "\(refused.errors)")
        #expect(refused.errors.contains("7.1.0") && refused.errors.contains("99"), "\(refused.errors)")
        #expect(try StateFile.number(state, "PRAGMA user_version") == 99, "untouched")
    }

    // MARK: - A service manager

    @Test func `the service manager hears that it is ready, that it lives and that it stops`() throws {
        let path = folder.path + "/notify"
        let listener = try Programs.Running(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("bound", flush=True)
                while True: print(repr(s.recv(4096).decode()), flush=True)
                """, path,
            ])
        defer {
            listener.send(SIGKILL)
            _ = listener.wait()
        }
        #expect(Programs.eventually { listener.output.contains("bound") })
        let environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "600000"]
        let coordinator = try coordinator(environment: environment)
        #expect(Programs.eventually { listener.output.contains("READY=1") }, "\(listener.output)")
        #expect(
            Programs.eventually(within: 5) { listener.output.components(separatedBy: "WATCHDOG=1").count > 4 },
            "\(listener.output)")
        let before = listener.output.components(separatedBy: "READY=1").count
        let worker = try Programs.Running(
            "apex-worker", ["--coordinator", "ipc://\(state)/ipc/coordinator", "--state", folder.path + "/w"],
            environment: environment)
        #expect(Programs.eventually { listener.output.components(separatedBy: "READY=1").count > before })
        end(worker)
        end(coordinator)
        #expect(Programs.eventually { listener.output.components(separatedBy: "STOPPING=1").count > 2 })
        // Programs of tasks are not to speak for the service.
        #expect(!listener.output.contains("task"))
    }

    @Test func `the units are as systemd wants them`() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze") else {
            return skipped(because: "systemd-analyze is not here")
        }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        for unit in ["Coordinator/Service/apex-coordinator.service", "Worker/Service/apex-worker.service"] {
            let text = try String(contentsOfFile: root + "/" + unit, encoding: .utf8)
                .replacingOccurrences(of: "@BIN@", with: Programs.folder)
                .replacingOccurrences(of: "@ETC@", with: "/etc").replacingOccurrences(of: "=apex\n", with: "=root\n")
            let path = folder.path + "/" + unit.split(separator: "/").last!
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let outcome = try Programs.run("/usr/bin/systemd-analyze", ["verify", path])
            let complaints = (outcome.errors + outcome.output).split(separator: "\n").filter {
                $0.contains("apex-") && !$0.contains("apex-coordinator.service: Failed to")
            }
            #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
            for setting in ["NoNewPrivileges=yes", "ProtectSystem=strict", "WatchdogSec=", "Type=notify"] {
                #expect(text.contains(setting), "\(unit): \(setting)")
            }
        }
    }

    @Test func `a program whose libraries are missing says which packages bring them`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let place = folder.path + "/bin"
        try FileManager.default.createDirectory(atPath: place + "/programs", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: root + "/.ci/launcher", toPath: place + "/apex")
        try "libelsewhere.so.7 libelsewhere7\nlibother.so.1 libother1\n".write(
            toFile: place + "/libraries", atomically: true, encoding: .utf8)
        // A real program that asks for a library which is not where it looks.
        let script = """
            cd "$0"; echo 'int elsewhere(void) { return 0; }' >e.c
            echo '#include <stdio.h>' >p.c
            echo 'int elsewhere(void); int main(int c, char **v) { puts(v[1]); return elsewhere(); }' >>p.c
            cc -shared -o libelsewhere.so.7 -Wl,-soname,libelsewhere.so.7 e.c && cc -o programs/apex p.c ./libelsewhere.so.7
            """
        let made = try Programs.run("/bin/sh", ["-c", script, place])
        #expect(made.code == 0, "\(made.errors)")
        let refused = try Programs.run(place + "/apex", ["version"])
        #expect(refused.code == 1 && refused.errors.contains("apt-get install libelsewhere7\n"), "\(refused.errors)")
        let started = try Programs.run(place + "/apex", ["version"], environment: ["LD_LIBRARY_PATH": place])
        #expect(started.code == 0 && started.output == "version\n", "\(started.errors)")
    }

    // MARK: - Advice

    /// Each is planted alone; the doctor names it and what to do, and does not without it.
    @Test func `the doctor finds what is set wrong, and says what to do`() throws {
        func findings(_ config: String? = nil) throws -> [String] {
            var arguments = ["doctor", "--state", state, "--json"]
            if let config {
                try config.write(toFile: folder.path + "/c.yaml", atomically: true, encoding: .utf8)
                arguments += ["--config", folder.path + "/c.yaml"]
            }
            let outcome = try Programs.run("apex", arguments)
            let lines = try #require(outcome.json["findings"] as? [[String: String]], "\(outcome.errors)")
            #expect(outcome.code == (lines.contains { $0["level"] == "problem" } ? 1 : 0), "\(outcome.errors)")
            return lines.filter { $0["level"] != "fact" }.map { line in
                #expect(line["advice"] != "", "\(line)")
                return "\(line["subject"] ?? ""): \(line["words"] ?? "")"
            }
        }
        _ = try Programs.makeKeys(state: state)
        end(try coordinator(["--listen", "tcp://127.0.0.1:0"]))
        let healthy = try findings("worker: {slots: 2}\n")
        for subject in ["cluster.yaml", "keys", "state", "listen", "metrics", "worker.user", "worker.hide_keys"] {
            #expect(!healthy.contains { $0.hasPrefix(subject + ":") }, "\(healthy)")
        }
        func expect(_ words: String, _ found: [String]) { #expect(found.contains { $0.contains(words) }, "\(found)") }
        expect("cluster.yaml: c.yaml:1: ", try findings("worker: {slots: many}\n"))
        expect(
            "keys: other machines are listened to, and \(folder.path)/none/coordinator is missing",
            try findings("coordinator: {listen: [\"tcp://127.0.0.1:7117\"], keys: \(folder.path)/none}\n"))
        expect("listen: tcp://*:7117 is every network", try findings("coordinator: {listen: [\"tcp://*:7117\"]}\n"))
        expect(
            "worker.user: there is no user nobody-of-that-name", try findings("worker: {user: nobody-of-that-name}\n"))
        expect("worker.hide_keys: programs", try findings("worker: {hide_keys: off}\n"))
        let taken = try Programs.Running(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import socket, time
                s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)
                """,
            ])
        #expect(Programs.eventually { taken.output.hasSuffix("\n") })
        let port = taken.output.dropLast()
        expect("metrics: port \(port) of 127.0.0.1 is taken", try findings("coordinator: {metrics_port: \(port)}\n"))
        taken.send(SIGKILL)
        _ = taken.wait()
        #expect(unsafe chmod(state + "/keys/coordinator", 0o644) == 0)
        expect("keys: the secret in \(state)/keys/coordinator can be read by others", try findings())
        #expect(unsafe chmod(state + "/keys/coordinator", 0o600) == 0)
        #expect(unsafe chmod(state + "/keys", 0o755) == 0)
        expect("keys: \(state)/keys is open to others", try findings())
        #expect(unsafe chmod(state, 0o777) == 0)
        expect("state: \(state) may be written by others", try findings())
        let few = try Programs.run(
            "/bin/sh", ["-c", "ulimit -n 256; exec \(Programs.folder)/apex doctor --json --state \(state)"])
        #expect(few.output.contains("at most 256 files"))
        let narrow = try Programs.run(
            "/usr/bin/env", ["taskset", "-c", "0", Programs.folder + "/apex", "doctor", "--json", "--state", state])
        if ProcessInfo.processInfo.processorCount > 1 { #expect(narrow.output.contains("are allowed")) }
    }

    @Test func `what local workers say stays bounded while they run`() throws {
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "1"])
        defer { end(up) }
        #expect(Programs.eventually { up.errors.contains("ready") })
        let log = state + "/workers.log"
        let file = try #require(FileHandle(forWritingAtPath: log))
        try file.seekToEnd()
        try file.write(contentsOf: Data(repeating: 10, count: 17 << 20))
        func size(_ path: String) -> Int {
            (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? -1
        }
        #expect(Programs.eventually(within: 20) { size(log) < 1 << 20 && size(log + ".1") >= 17 << 20 })
    }
}
