import Foundation
import TestSupport
import Testing

@testable import apex

/// Workers in allocations of a batch system, real where it can be started.
@Suite(.serialized) struct SlurmTests {
    private final class Cluster {
        let slurm: SlurmCluster
        let folder = TemporaryFolder("alloc")
        let coordinator: Programs.Running
        private(set) var alloc: Programs.Running?
        var state: String { folder.path + "/s" }

        init?(_ kind: SlurmCluster.Kind) throws {
            guard let slurm = try SlurmCluster(kind) else { return nil }
            self.slurm = slurm
            FileHandle.standardError.write(
                Data("SLURM: \(kind == .real ? try slurm.run("sinfo", ["--version"]) : "a stand-in\n")".utf8))
            coordinator = try Programs.Running("apex", ["coordinator", "--state", folder.path + "/s"])
            #expect(Programs.eventually { self.coordinator.errors.contains("listening") })
        }
        deinit {
            for program in [alloc, coordinator].compactMap({ $0 }) where program.process.isRunning {
                program.send(SIGTERM)
                _ = program.wait()
            }
        }
        func allocate(_ options: [String], _ sbatch: [String] = ["-t", "5"]) throws -> Programs.Running {
            let program = try Programs.Running(
                "apex",
                ["alloc", "slurm", "--state", state, "--every", "200ms", "--logs", folder.path] + options + ["--"]
                    + sbatch,
                environment: slurm.environment)
            alloc = program
            return program
        }
        func submit(_ words: [String]) throws -> Programs.Outcome {
            try Programs.run("apex", ["submit", "command", "--state", state] + words)
        }
        var logs: String {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter { $0.hasSuffix(".log") }.sorted().map {
                (try? String(contentsOfFile: folder.path + "/" + $0, encoding: .utf8)) ?? ""
            }.joined(separator: "\n")
        }
    }

    @Test(arguments: SlurmCluster.kinds) func `allocations come with work and go without it`(kind: SlurmCluster.Kind)
        throws
    {
        guard let cluster = try Cluster(kind) else { return }
        let alloc = try cluster.allocate(["--max", "2", "--idle", "1s", "--join-within", "30s"])
        let outcome = try cluster.submit(["--count", "8", "--wait", "--", "sleep", "0.5"])
        #expect(outcome.code == 0, "\(outcome.errors)\n\(alloc.errors)\n\(cluster.logs)")
        #expect(Programs.eventually(within: 30) { cluster.slurm.allocations.isEmpty }, "\(alloc.errors)")
        #expect(alloc.errors.contains("submitted 1") && alloc.errors.contains("gave back"), "\(alloc.errors)")
        #expect(!alloc.errors.contains("failed"), "\(alloc.errors)")
        #expect(cluster.logs.contains("event=allocation seconds_left=2"), "it knows when it ends: \(cluster.logs)")
        #expect(cluster.logs.contains("event=goodbye"), "it left in order")
    }

    @Test(arguments: SlurmCluster.kinds) func `a worker that is warned hands its task back, and another ends it`(
        kind: SlurmCluster.Kind
    ) throws {
        guard let cluster = try Cluster(kind) else { return }
        let alloc = try cluster.allocate(["--max", "1", "--lead", "2s", "--join-within", "30s"])
        let mark = cluster.folder.path + "/started"
        // The first attempt would take far too long, and is told to stop; the second finds the mark.
        let job = try Programs.Running(
            "apex",
            [
                "submit", "command", "--state", cluster.state, "--wait", "--", "sh", "-c",
                "test -e \(mark) && exit 0; touch \(mark); exec sleep 300",
            ])
        #expect(Programs.eventually { FileManager.default.fileExists(atPath: mark) }, "\(alloc.errors) \(cluster.logs)")
        let first = try #require(cluster.slurm.allocations.first)
        try cluster.slurm.run("scancel", ["--batch", "--signal=USR1", first])
        let outcome = job.wait()
        #expect(outcome.code == 0, "not failed, though nobody may retry it: \(outcome.errors) \(cluster.logs)")
        #expect(cluster.logs.contains("reason=allocation_warned"))
    }

    @Test(arguments: SlurmCluster.kinds) func `repeated failures end in quarantine, in words`(kind: SlurmCluster.Kind)
        throws
    {
        guard let cluster = try Cluster(kind) else { return }
        #expect(try cluster.submit(["--", "true"]).code == 0)
        let alloc = try cluster.allocate(["--max", "1", "--failures", "2", "--worker", "/bin/false"])
        #expect(Programs.eventually { alloc.errors.contains("quarantined: 2 failures in a row") }, "\(alloc.errors)")
        #expect(alloc.errors.contains("it ended before its worker joined"))
        let submitted = alloc.errors.split(separator: "\n").count { $0.contains("alloc: submitted") }
        #expect(submitted == 2, "\(alloc.errors)")
    }

    @Test(arguments: SlurmCluster.kinds)
    func `a dry run shows the script and what Slurm says to it, and submits nothing`(
        kind: SlurmCluster.Kind
    ) throws {
        guard let cluster = try Cluster(kind) else { return }
        #expect(try cluster.submit(["--count", "5", "--", "true"]).code == 0)
        let outcome = try cluster.allocate(["--dry-run", "--max", "3", "--slots", "2"]).wait()
        #expect(outcome.code == 0, "\(outcome.output) \(outcome.errors)")
        for words in [
            "#SBATCH --signal=B:USR1@60", "--name \"slurm-$SLURM_JOB_ID\"", "exec ", "sbatch -t 5",
            "5 tasks could run now; 3 workers", "# Slurm: sbatch: Job ",
        ] { #expect(outcome.output.contains(words), "\(words): \(outcome.output)") }
        #expect(cluster.slurm.allocations.isEmpty)
    }

    @Test func `a worker leaves before its allocation ends, and nothing is killed by the end`() throws {
        let folder = TemporaryFolder("alloc")
        let state = folder.path + "/s"
        let coordinator = try Programs.Running("apex", ["coordinator", "--state", state])
        defer {
            coordinator.send(SIGTERM)
            _ = coordinator.wait()
        }
        #expect(Programs.eventually { coordinator.errors.contains("listening") })
        func worker(_ name: String, end: Double?) throws -> Programs.Running {
            var environment: [String: String] = [:]
            if let end { environment["SLURM_JOB_END_TIME"] = "\(Int(end))" }
            return try Programs.Running(
                "apex-worker",
                [
                    "--coordinator", "ipc://\(state)/ipc/coordinator", "--name", name, "--slots", "1", "--state",
                    folder.path + "/" + name,
                ], environment: environment)
        }
        let end = Date().timeIntervalSince1970 + 9
        let first = try worker("first", end: end)
        #expect(Programs.eventually { first.errors.contains("joined") })
        let mark = folder.path + "/started"
        let job = try Programs.Running(
            "apex",
            [
                "submit", "command", "--state", state, "--wait", "--", "sh", "-c",
                "test -e \(mark) && exit 0; touch \(mark); trap 'echo saved > \(mark).saved; exit 1' TERM; sleep 300 & wait",
            ])
        let outcome = first.wait()
        #expect(outcome.code == 0 && Date().timeIntervalSince1970 < end, "it left in time: \(outcome.errors)")
        #expect(outcome.errors.contains("reason=allocation_ends"), "\(outcome.errors)")
        #expect(FileManager.default.fileExists(atPath: mark + ".saved"), "the program had time to save")
        let second = try worker("second", end: nil)
        let done = job.wait()
        #expect(done.code == 0, "\(done.errors)")
        second.send(SIGTERM)
        _ = second.wait()
    }

    @Test func `in a real allocation of one minute no task is killed by its end`() throws {
        guard allFaults else { return skipped(because: "it takes more than a minute; make faults runs it") }
        guard SlurmCluster.kinds.contains(.real), let cluster = try Cluster(.real) else { return }
        let alloc = try cluster.allocate(["--max", "1", "--min", "1", "--lead", "15s"], ["-t", "1"])
        // Tasks of seven seconds: those that do not fit go to the next allocation.
        let outcome = try cluster.submit(["--count", "12", "--wait", "--", "sleep", "7"])
        #expect(outcome.code == 0, "\(outcome.errors) \(alloc.errors) \(cluster.logs)")
        #expect(!cluster.logs.contains("TIME LIMIT"), "\(cluster.logs)")
        let first = try cluster.slurm.run("scontrol", ["show", "job", "1"])
        #expect(first.contains("JobState=COMPLETED"), "\(first)")
    }
}

/// The decisions alone, without Slurm.
struct AllocationPlanTests {
    private typealias Plan = AllocationPlan
    private func seen(_ tasks: Int, _ allocations: [Plan.Allocation] = [], others: Int = 0) -> Plan.Seen {
        Plan.Seen(tasks: tasks, otherSlots: others, allocations: allocations)
    }
    private func running(_ id: String, held: Int?) -> Plan.Allocation {
        Plan.Allocation(id: id, isRunning: true, held: held)
    }
    private func pending(_ id: String) -> Plan.Allocation { Plan.Allocation(id: id, isRunning: false, held: nil) }
    private func plan(_ change: (inout Plan.Limits) -> Void = { _ in }) -> Plan {
        var limits = Plan.Limits()
        limits.maximum = 10
        limits.slots = 4
        change(&limits)
        return Plan(limits)
    }

    @Test func `as many are asked for as tasks need, within the bounds and never many at once`() {
        var plan = plan { $0.backlog = 3 }
        #expect(plan.step(seen(0), at: 0) == [])
        #expect(plan.step(seen(5), at: 1) == [.submit(2)], "five tasks, four slots each")
        #expect(plan.step(seen(5, others: 4), at: 1) == [.submit(1)], "four run elsewhere")
        #expect(plan.step(seen(1000), at: 2) == [.submit(3)])
        #expect(plan.step(seen(1000, [pending("1"), pending("2")]), at: 3) == [.submit(1)])
        #expect(plan.step(seen(1000, (1...10).map { running("\($0)", held: 4) }), at: 4) == [])
    }

    @Test func `one goes when fewer were enough for a while, and never one that works`() {
        var plan = plan { $0.idleSeconds = 60 }
        let three = [running("1", held: 4), running("2", held: 0), pending("3")]
        #expect(plan.step(seen(4, three), at: 0) == [])
        #expect(plan.step(seen(9, three), at: 50) == [], "there was work again")
        #expect(plan.step(seen(4, three), at: 70) == [])
        #expect(plan.step(seen(4, three), at: 130) == [.cancel("3"), .retire("2")])
        #expect(plan.step(seen(0, [running("1", held: 4)]), at: 131) == [])
        #expect(plan.step(seen(0, [running("1", held: 4)]), at: 300) == [], "it works")
        #expect(plan.step(seen(0, [running("1", held: 0)]), at: 301) == [.retire("1")])
        #expect(plan.step(seen(0, []), at: 302) == [], "given back is not failed")
    }

    @Test func `the minimum stays`() {
        var plan = plan { $0.minimum = 1 }
        #expect(plan.step(seen(0), at: 0) == [.submit(1)])
        #expect(plan.step(seen(0, [running("1", held: 0)]), at: 10_000) == [])
    }

    @Test func `failures pause it, longer each time, and a worker that joins ends that`() {
        var plan = plan { $0.failures = 2 }
        func failOnce(_ id: String, at now: Double) -> [Plan.Action] {
            _ = plan.step(seen(1, [running(id, held: nil)]), at: now)
            return plan.step(seen(0), at: now)
        }
        #expect(failOnce("1", at: 0) == [.lost("1", "it ended before its worker joined")])
        #expect(failOnce("2", at: 1).contains(.quarantine(60)))
        #expect(plan.step(seen(1), at: 60) == [])
        #expect(plan.step(seen(1), at: 61) == [.submit(1)])
        _ = failOnce("3", at: 62)
        #expect(failOnce("4", at: 63).contains(.quarantine(300)))
        _ = plan.step(seen(1, [running("5", held: 1)]), at: 400)
        _ = failOnce("6", at: 401)
        #expect(failOnce("7", at: 402).contains(.quarantine(60)))
        plan.submitted("8")
        #expect(plan.step(seen(0), at: 403) == [.lost("8", "it ended before its worker joined")], "never seen")
        #expect(plan.submissionFailed(at: 500) == [.quarantine(300)])
        #expect(plan.submissionFailed(at: 500) == [])
        #expect(plan.submissionFailed(at: 501) == [.quarantine(900)])
    }

    @Test func `an allocation whose worker never joins is given up once`() {
        var plan = plan { $0.joinSeconds = 100 }
        let stuck = [running("1", held: nil)]
        #expect(plan.step(seen(4, stuck), at: 0) == [])
        #expect(plan.step(seen(4, stuck), at: 100) == [])
        #expect(
            plan.step(seen(4, stuck), at: 101) == [
                .lost("1", "its worker has not joined in 100 s"), .cancel("1"), .submit(1),
            ])
        #expect(plan.step(seen(4, stuck + [pending("2")]), at: 102) == [])
        #expect(plan.failuresInARow == 1)
    }

    @Test func `squeue's states are waiting, running or over`() throws {
        let text = "1 RUNNING\n2 PENDING\n3 COMPLETING\n4 NODE_FAIL\n5 CONFIGURING\n"
        #expect(
            try Slurm.parse(text) == [
                Slurm.Listed(id: "1", isRunning: true), Slurm.Listed(id: "2", isRunning: false),
                Slurm.Listed(id: "5", isRunning: false),
            ])
        #expect(throws: (any Error).self) { try Slurm.parse("slurm_load_jobs error: none") }
    }
}
