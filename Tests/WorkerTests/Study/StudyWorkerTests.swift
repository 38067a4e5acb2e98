import Foundation
import Glibc
import Jobs
import Messages
import TestSupport
import Testing

private func trial(_ number: UInt32, epoch: Epoch = 1, _ script: String, grace: UInt64 = 10_000) -> Assignment {
    let task = Study.Task(
        study: "live", trial: number, attempt: 0, parameters: [], values: [],
        objective: .command(Study.Program(words: ["sh", "-c", script], graceMilliseconds: grace)), objectives: 1,
        seed: 1, draws: [])
    return Assignment(
        run: ClaimRun(job: JobID(1), first: number, count: 1, epoch: epoch), kind: "study", payload: task.wireBytes)
}

private func result(_ end: TaskOutcome.End?) throws -> Study.Result {
    guard case .done(let bytes)? = end else {
        Issue.record("no result: \(String(describing: end))")
        throw JobError("no result")
    }
    return try Study.Result(wireBytes: bytes)
}

/// Trials in real workers.
@Suite(.serialized) struct StudyWorkerTests {
    @Test func `reports go to the coordinator at once, and its answers to the program that waits for them`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 2, ["--name", "tested"])
        _ = try coordinator.greeted()
        let script = #"""
            for step in 1 2 3; do
              echo "::apex {\"report\": {\"step\": $step, \"value\": $APEX_TRIAL}}"; read answer
              [ $answer = prune ] && exit 0
            done
            echo $APEX_TRIAL_DIR >&2; echo 0.5
            """#
        try coordinator.assign([trial(0, script), trial(1, script)])
        var ends: [UInt32: TaskOutcome.End] = [:]
        var reports: [UInt32: [Study.Report]] = [:]
        _ = try coordinator.until { inbound -> Bool? in
            switch inbound {
            case .reports(_, let messages):
                for message in messages {
                    let report = try Study.Report(wireBytes: message.bytes)
                    reports[message.run.first, default: []].append(report)
                    // Trial 1 is pruned at its second step. Answers to others, and unreadable ones, reach nobody.
                    let isPruned = message.run.first == 1 && report.step == 2
                    let decision = Study.Trial.Decision(
                        step: report.step, isPruned: isPruned, reason: "", order: 0)
                    var stranger = message
                    stranger.run.epoch += 1
                    stranger.bytes =
                        Study.Trial.Decision(
                            step: report.step, isPruned: true, reason: "", order: 0
                        ).wireBytes
                    try coordinator.send(
                        .answers([
                            stranger, TaskMessage(run: message.run, bytes: [1, 2, 3]),
                            TaskMessage(run: message.run, bytes: decision.wireBytes),
                        ]))
                }
            case .outcomes(_, _, let outcomes):
                for outcome in outcomes { for index in outcome.run.indices { ends[index] = outcome.end } }
            default: break
            }
            return ends.count == 2 ? true : nil
        }
        let first = try result(ends[0])
        #expect(first.end == .complete([0.5]))
        #expect(first.reports == reports[0] && first.reports.map(\.step) == [1, 2, 3])
        #expect(first.worker == "tested")
        #expect(
            String(decoding: first.errorOutput, as: UTF8.self) == coordinator.folder + "/worker/trials/live/0\n")
        let second = try result(ends[1])
        #expect(second.end == .pruned)
        #expect(second.reports == reports[1] && second.reports.map(\.step) == [1, 2])
        worker.signal(SIGTERM)
        #expect(try worker.exitCode(coordinator) == 0)
    }

    @Test func `a cancelled trial is told at once, not at the next look`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 1)
        _ = try coordinator.greeted()
        try coordinator.assign([trial(0, #"echo '::apex {"report": {"step": 1, "value": 1}}'; exec sleep 60"#)])
        let heard = try coordinator.until { inbound -> Bool? in if case .reports = inbound { true } else { nil } }
        #expect(heard == true)
        let started = ContinuousClock.now
        try coordinator.send(.cancel([ClaimRun(job: JobID(1), first: 0, count: 1, epoch: 1)]))
        #expect(try coordinator.ends(1)[0] == .returned)
        #expect(ContinuousClock.now - started < .seconds(2))
        worker.signal(SIGKILL)
    }

    @Test func `what left its trial's group ends with the trial, and with no other's`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 2)
        _ = try coordinator.greeted()
        let folder = coordinator.folder
        // A daemon of a daemon, and one without our mark; the other trial's goes on until that ends.
        func daemon(_ name: String, _ before: String = "") -> String {
            "\(before) setsid sh -c 'trap \"\" TERM HUP; (setsid sleep 1000 & echo $! >> \(folder)/\(name)); "
                + "echo $$ >> \(folder)/\(name); while :; do sleep 0.1; done' > /dev/null 2>&1 &"
        }
        func processes(_ name: String) -> [Int32] {
            let text = (try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").compactMap { Int32($0) }
        }
        let wait = "while [ $(cat \(folder)/$name | wc -l) -lt 2 ]; do sleep 0.01; done;"
        try coordinator.assign([
            trial(0, "name=long; \(daemon("long")) \(wait) while [ ! -e \(folder)/go ]; do sleep 0.01; done; echo 1")
        ])
        #expect(Programs.eventually(within: 20) { processes("long").count == 2 })
        try coordinator.assign([trial(1, "name=short; \(daemon("short")) \(wait) echo 2")])
        #expect(try result(try coordinator.ends(1)[1]).end == .complete([2]))
        #expect(processes("short").count == 2 && processes("short").allSatisfy { ends($0) })
        #expect(processes("long").allSatisfy { kill($0, 0) == 0 })
        #expect(FileManager.default.createFile(atPath: folder + "/go", contents: nil))
        _ = try coordinator.ends(1)
        #expect(processes("long").allSatisfy { ends($0) })
        try coordinator.assign([trial(2, "name=bare; \(daemon("bare", "env -i PATH=$PATH")) \(wait) echo 3")])
        _ = try coordinator.ends(1)
        #expect(processes("bare").count == 2 && processes("bare").allSatisfy { ends($0) })
        worker.signal(SIGKILL)
    }

    @Test func `a worker killed with -9 leaves no objective behind, nor what that started`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 2)
        _ = try coordinator.greeted()
        let mark = coordinator.folder + "/processes"
        // One stays in the group, one leaves it.
        let script =
            "trap '' TERM HUP; sleep 1000 & a=$!; setsid sleep 1000 & echo $a $! $$ >> \(mark); "
            + "while :; do sleep 0.1; done"
        try coordinator.assign([trial(0, script), trial(1, script)])
        var processes: [Int32] = []
        let started = Programs.eventually(within: 20) {
            let text = (try? String(contentsOfFile: mark, encoding: .utf8)) ?? ""
            processes = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int32($0) }
            return processes.count == 6 && text.hasSuffix("\n")
        }
        #expect(started)
        // One process that looks after the programs, under a name of its own.
        #expect(Programs.processes(with: ["apex-worker", coordinator.address]) == [worker.process.processIdentifier])
        worker.signal(SIGKILL)
        #expect(processes.allSatisfy { ends($0) })
    }
}
