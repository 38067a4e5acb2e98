import Foundation
import TestSupport
import Testing

/// Programs that people submit, on a cluster as `apex up` starts it.
struct CommandLimitTests {
    /// What `script` prints, as a task of its own cluster.
    private func run(_ script: String, _ options: [String] = [], config: String? = nil) throws -> Programs.Outcome {
        let folder = TemporaryFolder("limits")
        let state = folder.path + "/s"
        // Rights that would let anybody in, so that only what is tested keeps a program out.
        for path in [folder.path, state, state + "/keys"] {
            try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        try Data("the coordinator's secret".utf8).write(to: URL(fileURLWithPath: state + "/keys/coordinator"))
        var arguments = ["up", "--state", state, "--workers", "1"]
        if let config {
            try config.write(toFile: folder.path + "/c.yaml", atomically: true, encoding: .utf8)
            arguments += ["--config", folder.path + "/c.yaml"]
        }
        let cluster = try Programs.Running(
            "apex", arguments, environment: ["SECRET_OF_THE_WORKER": "hunter2", "HOME": folder.path])
        defer {
            cluster.send(SIGTERM)
            _ = cluster.wait()
        }
        #expect(Programs.eventually { cluster.errors.contains("ready") }, "\(cluster.errors)")
        return try Programs.run(
            "apex",
            ["submit", "command", "--state", state, "--wait", "--output"] + options
                + ["--", "sh", "-c", script.replacingOccurrences(of: "STATE", with: state)])
    }

    @Test func `a task cannot read the coordinator's keys, nor what its worker was told in confidence`() throws {
        let script = "cat STATE/keys/coordinator 2>&1; cat /proc/$PPID/root/STATE/keys/coordinator 2>&1; env; true"
        let kept = try run(script)
        #expect(kept.code == 0 && !kept.output.contains("secret"), "\(kept.output) \(kept.errors)")
        #expect(kept.output.contains("APEX_TASK_INDEX=0") && !kept.output.contains("hunter2"))
        // The same task reads them where the setting says so: it was the setting that kept them.
        let open = try run(
            script, config: "worker: {hide_keys: off, environment: [SECRET_OF_THE_WORKER]}\n")
        #expect(open.output.contains("the coordinator's secret") && open.output.contains("hunter2"), "\(open.output)")
    }

    @Test func `memory that a task declares is memory it is held to`() throws {
        let script = "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c"
        let greedy = try run(script, ["--memory", "64M"])
        #expect(!greedy.output.contains("300000000"), "\(greedy.output)")
        #expect(try run(script, ["--memory", "1G"]).output.contains("300000000"))
    }

    /// What a task declares stands in its group, as far as this machine's version 2 has the controllers.
    private func checkLimits(of group: String, _ state: String) throws {
        let offered = try String(contentsOfFile: group + "/cgroup.controllers", encoding: .utf8)
            .split(whereSeparator: \.isWhitespace).map(String.init)
        let outcome = try Programs.run(
            "apex",
            [
                "submit", "command", "--state", state, "--wait", "--output", "--memory", "96M", "--processes", "7",
                "--",
                "sh", "-c",
                "cd \(group)/task-*; for f in memory.max memory.swap.max pids.max cpu.max; do echo $f=$(cat $f 2>&1); done",
            ])
        for (controller, file) in [
            ("memory", "memory.max=100663296"), ("memory", "memory.swap.max=0"), ("pids", "pids.max=7"),
            ("cpu", "cpu.max=100000 100000"),
        ] {
            if offered.contains(controller) {
                #expect(outcome.output.contains(file + "\n"), "\(outcome.output) \(outcome.errors)")
            } else {
                skipped(because: "\(file): version 2 has no controller \(controller) here, version 1 holds it")
            }
        }
    }

    @Test func `a worker alone in its control group gives each task one of its own, and ends all that is in it`() throws
    {
        let mount = "/sys/fs/cgroup/unified"
        let place = [mount, "/sys/fs/cgroup"].first {
            FileManager.default.isWritableFile(atPath: $0 + "/cgroup.procs")
                && FileManager.default.fileExists(atPath: $0 + "/cgroup.subtree_control")
        }
        let group = (place ?? mount) + "/apex-test-\(getpid())"
        guard place != nil, unsafe mkdir(group, 0o755) == 0 else {
            return skipped(because: "no control groups of version 2 that may be written here")
        }
        let folder = TemporaryFolder("groups")
        let state = folder.path + "/s"
        let coordinator = try Programs.Running("apex", ["coordinator", "--state", state])
        #expect(Programs.eventually { coordinator.errors.contains("listening") })
        // As a unit of systemd starts it: alone in a group of its own.
        let worker = try Programs.Running(
            "/bin/sh",
            [
                "-c", "echo $$ > \(group)/cgroup.procs; exec \"$@\"", "sh", Programs.folder + "/apex-worker",
                "--coordinator", "ipc://\(state)/ipc/coordinator", "--state", folder.path + "/w",
            ])
        defer {
            for program in [worker, coordinator] {
                program.send(SIGTERM)
                _ = program.wait()
            }
            #expect(Programs.eventually(within: 5) { unsafe rmdir(group + "/worker") == 0 || errno == ENOENT })
            #expect(unsafe rmdir(group) == 0, "groups of tasks are left")
        }
        #expect(Programs.eventually { worker.errors.contains("joined") }, "\(worker.errors)")
        // What it leaves behind takes its mark and its group of processes away, and is found all the same.
        let outcome = try Programs.run(
            "apex",
            [
                "submit", "command", "--state", state, "--wait", "--output", "--", "sh", "-c",
                "grep ^0:: /proc/self/cgroup; env -i setsid sleep 300 & echo $!",
            ])
        try checkLimits(of: group, state)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.first?.contains("/apex-test-\(getpid())/task-\(worker.process.processIdentifier)-1") == true)
        let left = try #require(lines.dropFirst().first.flatMap { Int32($0) }, "\(outcome.output) \(outcome.errors)")
        #expect(
            Programs.eventually(within: 5) {
                ((try? String(contentsOfFile: "/proc/\(left)/stat", encoding: .utf8)) ?? "gone Z").contains(" Z")
            })
        let own = try String(contentsOfFile: "/proc/\(worker.process.processIdentifier)/cgroup", encoding: .utf8)
        #expect(own.contains("/apex-test-\(getpid())/worker"))
    }
}
