import Foundation
import TestSupport
import Testing

/// A batch system to ask for machines: Slurm itself on this machine alone, with its own keys, ports and folders; or a
/// stand-in that answers as it does.
final class SlurmCluster {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case real, standIn
        var testDescription: String { rawValue }
    }
    /// What can be started here; says by name what is missing.
    static var kinds: [Kind] {
        let programs = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch"]
        let missing = programs.filter { !FileManager.default.isExecutableFile(atPath: $0) }
        if missing.isEmpty, geteuid() == 0 { return Kind.allCases }
        let why = missing.isEmpty ? "these tests do not run as root" : "\(missing.joined(separator: ", ")) not here"
        FileHandle.standardError.write(
            Data("MISSING PEER: Slurm (\(why)); only a stand-in that answers like Slurm 22.05 was tested\n".utf8))
        return [.standIn]
    }

    let folder: TemporaryFolder
    /// For whoever is to find this Slurm.
    let environment: [String: String]
    private var daemons: [Programs.Running] = []

    /// Nil, with an issue, when Slurm does not start.
    init?(_ kind: Kind) throws {
        folder = TemporaryFolder("slurm")
        let root = folder.path
        guard kind == .real else {
            let stand = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/slurm_stand_in.py"
            try FileManager.default.createDirectory(atPath: root + "/bin", withIntermediateDirectories: true)
            for name in ["sbatch", "squeue", "scancel"] {
                let path = root + "/bin/" + name
                try "#!/bin/sh\nexec python3 '\(stand)' '\(root)' \(name) \"$@\"\n".write(
                    toFile: path, atomically: true, encoding: .utf8)
                #expect(unsafe chmod(path, 0o755) == 0)
            }
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            environment = ["PATH": "\(root)/bin:\(path)"]
            return
        }
        environment = ["SLURM_CONF": root + "/slurm.conf"]
        for name in ["state", "spool", "munge"] {
            try FileManager.default.createDirectory(
                atPath: root + "/" + name, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let key = Data((0..<128).map { _ in UInt8.random(in: 0...255) })
        try key.write(to: URL(fileURLWithPath: root + "/munge/key"))
        #expect(unsafe chmod(root + "/munge/key", 0o400) == 0)
        let host = ProcessInfo.processInfo.hostName.split(separator: ".").first.map(String.init) ?? "localhost"
        let port = 20_000 + Int(getpid() % 20_000)
        try """
        ClusterName=apex
        SlurmctldHost=\(host)(127.0.0.1)
        SlurmUser=root
        SlurmdUser=root
        SlurmctldPort=\(port)
        SlurmdPort=\(port + 1)
        AuthType=auth/munge
        CredType=cred/munge
        AuthInfo=socket=\(root)/munge/socket
        StateSaveLocation=\(root)/state
        SlurmdSpoolDir=\(root)/spool
        SlurmctldPidFile=\(root)/slurmctld.pid
        SlurmdPidFile=\(root)/slurmd.pid
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        JobAcctGatherType=jobacct_gather/none
        AccountingStorageType=accounting_storage/none
        SelectType=select/cons_tres
        SelectTypeParameters=CR_Core
        SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
        KillWait=5
        ReturnToService=2
        MpiDefault=none
        SwitchType=switch/none
        NodeName=\(host) NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
        PartitionName=main Nodes=\(host) Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
        """.write(toFile: root + "/slurm.conf", atomically: true, encoding: .utf8)
        try start(
            "/usr/sbin/munged",
            [
                "--foreground", "--force", "--key-file=\(root)/munge/key", "--socket=\(root)/munge/socket",
                "--pid-file=\(root)/munge/pid", "--log-file=\(root)/munge/log", "--seed-file=\(root)/munge/seed",
                "--num-threads=1",
            ])
        #expect(Programs.eventually { FileManager.default.fileExists(atPath: root + "/munge/socket") })
        try start("/usr/sbin/slurmctld", ["-D", "-i", "-f", root + "/slurm.conf"])
        try start("/usr/sbin/slurmd", ["-D", "-f", root + "/slurm.conf"])
        let isUp = Programs.eventually(within: 30) {
            (try? run("sinfo", ["-h", "-o", "%T"]))?.hasPrefix("idle") == true
        }
        guard isUp else {
            Issue.record("Slurm is installed and does not start: \(daemons.map(\.errors).joined(separator: "\n"))")
            stop()
            return nil
        }
    }
    deinit { stop() }

    /// Behind a process that stays: a daemon closes every descriptor, and Foundation then takes its child for dead and
    /// waits for it. The threads of tests block signals, which that process takes back too.
    private func start(_ program: String, _ arguments: [String]) throws {
        let script = """
            import signal, subprocess, sys
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            daemon = subprocess.Popen(sys.argv[1:])
            def end(*_):
                daemon.terminate()
                try: daemon.wait(5)
                except subprocess.TimeoutExpired: daemon.kill()
                sys.exit(0)
            signal.signal(signal.SIGTERM, end)
            daemon.wait()
            """
        daemons.append(
            try Programs.Running("/usr/bin/python3", ["-c", script, program] + arguments, environment: environment))
    }
    /// Only what this object started.
    private func stop() {
        for job in (try? run("squeue", ["--noheader", "--format=%i %T"]))?.split(separator: "\n") ?? [] {
            _ = try? run("scancel", [String(job.prefix { $0 != " " })])
        }
        for daemon in daemons.reversed() where daemon.process.isRunning {
            daemon.send(SIGTERM)
            _ = daemon.wait()
        }
        daemons = []
    }

    @discardableResult func run(_ command: String, _ arguments: [String]) throws -> String {
        try Programs.run("/usr/bin/env", [command] + arguments, environment: environment).output
    }
    /// Numbers of allocations that wait or run.
    var allocations: [String] {
        ((try? run("squeue", ["--noheader", "--format=%i %T"])) ?? "").split(separator: "\n").filter {
            !$0.contains("COMPLET")
        }.map { String($0.prefix { $0 != " " }) }
    }
}
