import Foundation
import Jobs
import Messages
import TestSupport
import Testing

@testable import Runners

private struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
}

/// Runs a shell script under rules, and takes the rules away again.
private func shell(
    _ script: String, rules: ProgramRules = ProgramRules(), folder: String = "", memory: UInt64 = 0,
    processes: UInt32 = 0
) throws -> String {
    let complaints = try Confinement.prepare(rules)
    defer { _ = try? Confinement.prepare(ProgramRules()) }
    #expect(complaints == [])
    let context = RunContext(blobs: NoBlobs())
    context.folder = folder
    let result = try CommandRunner.run(
        Command.Spec(
            program: "sh", arguments: ["-c", script], count: 1, timeoutMilliseconds: 20_000, memoryBytes: memory,
            processes: processes), index: 0, context: context)
    return String(decoding: result.output + result.errorOutput, as: UTF8.self)
}

/// Rules are this process's: one test at a time, and none beside those of other suites that run programs.
extension ProgramSuites {
    @Suite(.serialized) struct CommandLimitTests {
        private static let isRoot = geteuid() == 0

        @Test func `a program has an empty folder of its own, which goes with it`() throws {
            let root = TemporaryFolder("limits")
            let words = try shell("ls -A; mkdir -p a/b; ln -s / a/root; echo x > a/b/c; pwd", folder: root.path + "/w")
            let folder = try #require(words.split(separator: "\n").first.map(String.init))
            #expect(words.split(separator: "\n").count == 1)
            #expect(folder.hasPrefix(root.path + "/w/tasks/apex-task-"))
            #expect(!FileManager.default.fileExists(atPath: folder))
            #expect(FileManager.default.fileExists(atPath: "/bin"))
        }

        @Test func `of the worker's environment a program gets what is no secret, and what the rules name`() throws {
            unsafe setenv("APEX_TEST_PASSWORD", "hunter2", 1)
            unsafe setenv("APEX_TEST_DATA", "/data", 1)
            defer {
                unsafe unsetenv("APEX_TEST_PASSWORD")
                unsafe unsetenv("APEX_TEST_DATA")
            }
            #expect(try shell("env").contains("PATH="))
            #expect(try !shell("env").contains("APEX_TEST_"))
            var rules = ProgramRules()
            rules.environment = ["APEX_TEST_DATA"]
            let told = try shell("env", rules: rules)
            #expect(told.contains("APEX_TEST_DATA=/data") && !told.contains("hunter2"))
        }

        @Test func `a program that takes more memory than it asked for fails, and its neighbour does not`() throws {
            let greedy = "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c; test ${PIPESTATUS:-0} -eq 0"
            #expect(try shell(greedy, memory: 2 << 30).contains("300000000"))
            // tail keeps all of it; what it cannot keep it complains about.
            #expect(try !shell(greedy, memory: 64 << 20).contains("300000000"))
        }

        @Test func `a program cannot get more rights, and leaves no core file`() throws {
            let words = try shell("grep NoNewPrivs /proc/self/status; ulimit -c; ls /proc/self/fd")
            #expect(words == "NoNewPrivs:\t1\n0\n0\n1\n2\n3\n")
        }

        @Test func `hidden folders are empty for programs, who cannot uncover them or look into this process`() throws {
            let keys = TemporaryFolder("keys")
            try Data("the secret".utf8).write(to: URL(fileURLWithPath: keys.path + "/coordinator"))
            var rules = ProgramRules()
            rules.hidden = [keys.path, keys.path + "/is-not-there"]
            let words = try shell(
                """
                cat \(keys.path)/coordinator; ls -A \(keys.path)
                umount \(keys.path); unshare -m umount \(keys.path); unshare -Ur true && echo may-nest
                cat /proc/\(getpid())/root\(keys.path)/coordinator; cat /proc/\(getpid())/environ | wc -c
                nsenter -t \(getpid()) -m cat \(keys.path)/coordinator; true
                """, rules: rules)
            #expect(!words.contains("the secret"), "\(words)")
            #expect(words.contains("\n0\n") || words.hasPrefix("0\n"), "no environment of ours: \(words)")
            #expect(try shell("cat \(keys.path)/coordinator") == "the secret", "without the rule it is read")
            // What is not hidden is as it was, and can be written.
            let other = TemporaryFolder("other")
            _ = try shell("echo hello > \(other.path)/file", rules: rules)
            #expect(try String(contentsOfFile: other.path + "/file", encoding: .utf8) == "hello\n")
        }

        @Test func `programs run as another user when root says so, and cannot read what is root's`() throws {
            guard Self.isRoot else {
                FileHandle.standardError.write(Data("SKIPPED another user: these tests do not run as root\n".utf8))
                return
            }
            let keys = TemporaryFolder("keys")
            #expect(unsafe chmod(keys.path, 0o700) == 0)
            try Data("the secret".utf8).write(to: URL(fileURLWithPath: keys.path + "/coordinator"))
            var rules = ProgramRules()
            rules.user = "nobody"
            let words = try shell(
                "id -un; id -G; pwd; touch mine && echo wrote; cat \(keys.path)/coordinator; true", rules: rules)
            #expect(words.hasPrefix("nobody\n65534\n/tmp/apex-task-") && words.contains("\nwrote\n"), "\(words)")
            #expect(!words.contains("the secret"))
            rules.hidden = [keys.path]
            #expect(try shell("id -un", rules: rules) == "nobody\n")
            // Of root nobody counts the processes.
            let forks = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all"
            #expect(throws: JobError.self) { try shell(forks, rules: rules, processes: 4) }
        }

        @Test func `a user that is not there is refused in words`() {
            var rules = ProgramRules()
            rules.user = "no-such-user"
            #expect(throws: JobError.self) { try Confinement.prepare(rules) }
        }

        @Test func `a control group is given what the task asked for`() {
            let all = TaskGroups.settings(ProgramLimits(memoryBytes: 1 << 29, cores: 2, processes: 7), processes: 4096)
            #expect(
                all.map { "\($0.file)=\($0.value)" } == [
                    "pids.max=7", "memory.max=536870912", "memory.swap.max=0", "memory.oom.group=1",
                    "cpu.max=200000 100000",
                ])
            #expect(TaskGroups.settings(ProgramLimits(), processes: 9).map(\.value) == ["9"])
        }

        @Test func `the worker's own group is found in the kernel's lists`() throws {
            let folder = TemporaryFolder("groups")
            try "36 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n".write(
                toFile: folder.path + "/mounts", atomically: true, encoding: .utf8)
            for (text, expected) in [
                ("0::/system.slice/apex-worker.service\n", "/sys/fs/cgroup/system.slice/apex-worker.service"),
                ("5:memory:/x\n0::/\n", "/sys/fs/cgroup"),
            ] {
                try text.write(toFile: folder.path + "/groups", atomically: true, encoding: .utf8)
                #expect(TaskGroups.own(mounts: folder.path + "/mounts", groups: folder.path + "/groups") == expected)
            }
            // A group that is somebody else's too is left alone.
            try "1\n".write(toFile: folder.path + "/cgroup.procs", atomically: true, encoding: .utf8)
            #expect(TaskGroups(at: folder.path) == nil)
        }
    }
}
