import Foundation
import Jobs
import Messages
import TestSupport
import Testing

private func noop(job: UInt32 = 1, first: UInt32 = 0, count: UInt32, epoch: Epoch = 1, bytes: UInt32 = 0) -> Assignment
{
    Assignment(
        run: ClaimRun(job: JobID(job), first: first, count: count, epoch: epoch), kind: "noop",
        payload: Noop.Spec(count: count, resultBytes: bytes).wireBytes)
}

private func command(
    job: UInt32 = 1, first: UInt32 = 0, count: UInt32 = 1, epoch: Epoch = 1, _ program: String, _ arguments: [String],
    timeout: UInt64 = 0
) -> Assignment {
    Assignment(
        run: ClaimRun(job: JobID(job), first: first, count: count, epoch: epoch), kind: "command",
        payload: Command.Spec(program: program, arguments: arguments, count: count, timeoutMilliseconds: timeout)
            .wireBytes)
}

/// Real processes over real sockets, one after another: they share two cores.
@Suite(.serialized) struct WorkerProcessTests {
    @Test func `a worker says hello with its hardware and runs what it is assigned`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 2, ["--name", "tested"])
        let hello = try coordinator.greeted()
        #expect(hello.name == "tested")
        #expect(hello.slots == 2)
        #expect(hello.codeVersion == codeVersion)
        #expect(hello.hardware.logicalCores > 0)
        #expect(hello.held.isEmpty)
        try coordinator.assign([noop(count: 1000, bytes: 3)])
        let ends = try coordinator.ends(1000)
        let expected = TaskOutcome.End.done(Noop.Result(bytes: [0, 0, 0]).wireBytes)
        #expect(ends.values.allSatisfy { $0 == expected })
        worker.signal(SIGTERM)
        #expect(try worker.exitCode(coordinator) == 0)
    }

    @Test func `an outcome message is repeated until it is accepted`() throws {
        let coordinator = try FakeCoordinator()
        coordinator.accepts = false
        let worker = try WorkerProcess(coordinator)
        _ = try coordinator.greeted()
        try coordinator.assign([noop(count: 10)])
        var times: [UInt64: Int] = [:]
        var isHeld = false
        _ = try coordinator.until { inbound -> Bool? in
            switch inbound {
            case .outcomes(_, let number, _): times[number, default: 0] += 1
            case .heartbeat(_, let seen, let held):
                // Finished and not accepted: still the worker's to answer for.
                if seen == 1 && held == [ClaimRun(job: JobID(1), first: 0, count: 10, epoch: 1)] { isHeld = true }
            default: break
            }
            return isHeld && times[1] == 2 ? true : nil
        }
        #expect(times[1] == 2)
        #expect(isHeld)
        coordinator.accepts = true
        try coordinator.send(.accepted(times.keys.sorted()))
        try coordinator.send(.accepted(times.keys.sorted()))  // a repeated acceptance changes nothing
        let emptied = try coordinator.until { inbound -> Bool? in
            if case .heartbeat(_, _, let held) = inbound, held.isEmpty { true } else { nil }
        }
        #expect(emptied == true)
        #expect(worker.process.isRunning)
    }

    @Test func `a repeated assignment runs once`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            let message = Outbound.assign(number: 1, [noop(count: 5)])
            try coordinator.send(message)
            try coordinator.send(message)
            try coordinator.send(.assign(number: 2, [noop(job: 2, count: 1)]))
            var tasks: [JobID: UInt32] = [:]
            _ = try coordinator.until { inbound -> Bool? in
                guard case .outcomes(_, _, let outcomes) = inbound else { return nil }
                for outcome in outcomes { tasks[outcome.run.job, default: 0] += outcome.run.count }
                return tasks[JobID(2)] != nil && tasks[JobID(1), default: 0] >= 5 ? true : nil
            }
            // What would run twice would have ended before the next heartbeats.
            var heartbeats = 0
            _ = try coordinator.until { inbound -> Bool? in
                if case .outcomes(_, _, let outcomes) = inbound {
                    for outcome in outcomes { tasks[outcome.run.job, default: 0] += outcome.run.count }
                }
                if case .heartbeat = inbound { heartbeats += 1 }
                return heartbeats == 3 ? true : nil
            }
            #expect(tasks == [JobID(1): 5, JobID(2): 1])
        }
    }

    @Test func `cancelled tasks come back, queued at once and running ones as soon as they can stop`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator, slots: 1).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([command(count: 4, "sleep", ["30"]), command(first: 4, "true", [])])
            // Told a moment later, when the first is running: the command's own process shows that.
            _ = try coordinator.until(0.3) { _ -> Bool? in nil }
            let started = ContinuousClock.now
            // Another epoch is another claim: nothing to cancel there.
            try coordinator.send(.cancel([ClaimRun(job: JobID(1), first: 4, count: 1, epoch: 2)]))
            try coordinator.send(.cancel([ClaimRun(job: JobID(1), first: 0, count: 4, epoch: 1)]))
            let ends = try coordinator.ends(5)
            #expect((0..<4).allSatisfy { ends[$0] == .returned })
            if case .done? = ends[4] {
            } else {
                Issue.record("task 4 was not cancelled: \(String(describing: ends[4]))")
            }
            #expect(ContinuousClock.now - started < .seconds(5))
        }
    }

    @Test func `commands see their index, and their failures come back in words`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            try coordinator.assign([
                command(count: 20, "sh", ["-c", "echo $APEX_TASK_INDEX {index}"]),
                command(first: 20, "sh", ["-c", "echo no luck >&2; exit 3"]),
                command(first: 21, "/no/such/program", []),
                command(first: 22, "sh", ["-c", "kill -9 $$"]),
                command(first: 23, "sleep", ["30"], timeout: 200),
            ])
            let ends = try coordinator.ends(24)
            for index in UInt32(0)..<20 {
                guard case .done(let bytes)? = ends[index] else {
                    Issue.record("\(index) failed")
                    continue
                }
                let result = try Command.Result(wireBytes: bytes)
                #expect(String(decoding: result.output, as: UTF8.self) == "\(index) \(index)\n")
            }
            #expect(ends[20] == .failed("sh ended with exit code 3; last line of stderr: no luck"))
            #expect(
                ends[21]
                    == .failed(
                        "/no/such/program: no such program on this worker; give a full path, or install it there."))
            #expect(words(ends[22]).contains("SIGKILL"))
            #expect(words(ends[23]).contains("200 ms"))
        }
    }

    @Test func `a drained worker finishes what runs, returns what is queued and says goodbye`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 1)
        _ = try coordinator.greeted()
        try coordinator.assign([command("sleep", ["0.5"]), command(first: 1, count: 50, "sleep", ["0.5"])])
        _ = try coordinator.until(0.2) { _ -> Bool? in nil }
        worker.signal(SIGTERM)
        var events: [String] = []
        var ends: [UInt32: TaskOutcome.End] = [:]
        _ = try coordinator.until { inbound -> Bool? in
            switch inbound {
            case .draining: events.append("draining")
            case .goodbye: events.append("goodbye")
            case .outcomes(_, _, let outcomes):
                for outcome in outcomes { for index in outcome.run.indices { ends[index] = outcome.end } }
            default: break
            }
            return events.last == "goodbye" ? true : nil
        }
        #expect(events == ["draining", "goodbye"])
        #expect(ends.count == 51)
        if case .done? = ends[0] {} else { Issue.record("the running task did not finish: \(ends)") }
        #expect((1...50).allSatisfy { ends[$0] == .returned })
        #expect(try worker.exitCode(coordinator) == 0)
    }

    @Test func `a worker that may not wait stops its tasks`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 1, ["--drain-seconds", "0"])
        _ = try coordinator.greeted()
        try coordinator.assign([command("sleep", ["60"])])
        _ = try coordinator.until(0.2) { _ -> Bool? in nil }
        worker.signal(SIGINT)
        #expect(try coordinator.ends(1) == [0: .returned])
        #expect(try worker.exitCode(coordinator) == 0)
    }

    @Test func `a worker whose coordinator restarts goes on computing and hands in what it did meanwhile`() throws {
        let coordinator = try FakeCoordinator()
        let marks = coordinator.folder + "/marks"
        _ = try WorkerProcess(coordinator, slots: 2).alive(coordinator) {
            let first = try coordinator.greeted()
            try coordinator.assign([
                command("sh", ["-c", "echo x >> \(marks); sleep 1"]), command(first: 1, "sleep", ["0.3"]),
            ])
            _ = try coordinator.until(0.2) { _ -> Bool? in nil }
            coordinator.close()
            Thread.sleep(forTimeInterval: 0.4)  // the time the coordinator is away
            coordinator.incarnation = 8
            try coordinator.open()
            var ends: [UInt32: TaskOutcome.End] = [:]
            _ = try coordinator.until { inbound -> Bool? in
                if case .outcomes(_, _, let outcomes) = inbound {
                    for outcome in outcomes { for index in outcome.run.indices { ends[index] = outcome.end } }
                }
                return ends.count == 2 ? true : nil
            }
            let again = try #require(coordinator.hellos.dropFirst().first)
            #expect(again.worker == first.worker)
            #expect(again.held == [ClaimRun(job: JobID(1), first: 0, count: 2, epoch: 1)])
            #expect(again.seen == 1)
            for index in UInt32(0)..<2 {
                if case .done? = ends[index] {
                } else {
                    Issue.record("task \(index): \(String(describing: ends[index]))")
                }
            }
            // Once: the running task was not started again.
            #expect(try String(contentsOfFile: marks, encoding: .utf8) == "x\n")
            // The new incarnation counts its messages on from what the worker saw.
            try coordinator.assign([noop(job: 2, count: 1)])
            #expect(try coordinator.ends(1).count == 1)
        }
    }

    @Test func `a coordinator that falls silent without closing is left for a fresh connection`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            Thread.sleep(forTimeInterval: 1)  // longer than ten heartbeats: nobody answers
            #expect(try coordinator.until { _ in coordinator.hellos.count >= 2 ? true : nil } == true)
        }
    }

    @Test(arguments: seeds(1)) func `hostile frames change nothing`(seed: UInt64) throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            var generator = SplitMix(seed: seed)
            let good = Frame.encode(Outbound.assign(number: 1, [noop(count: 100)]))
            for round in 0..<300 {
                var bytes = good
                switch round % 3 {
                case 0:
                    bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in generator.next() & 255 }.map {
                        UInt8($0)
                    }
                case 1: bytes.removeLast(Int.random(in: 1..<good.count, using: &generator))
                default: bytes = Array(bytes[0..<6]) + (0..<40).map { _ in UInt8(generator.next() & 255) }
                }
                // A frame that decodes by chance is a message, not an attack.
                if (try? Frame.decode(Outbound.self, bytes)) == nil { try coordinator.send(bytes: bytes) }
            }
            try coordinator.send(
                .assign(
                    number: 1,
                    [
                        Assignment(
                            run: ClaimRun(job: JobID(9), first: 0, count: 1, epoch: 1), kind: "nonsense",
                            payload: [1, 2, 3])
                    ]))
            #expect(words(try coordinator.ends(1)[0]).contains("nonsense"))
            try coordinator.send(
                .assign(
                    number: 2,
                    [
                        Assignment(
                            run: ClaimRun(job: JobID(9), first: 1, count: 1, epoch: 1), kind: "command",
                            payload: [255, 2, 3])
                    ]))
            #expect(words(try coordinator.ends(1)[1]).contains("reading a command task"))
        }
    }

    @Test func `a refused worker says why and ends with 1`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator)
        _ = try coordinator.greeted()
        try coordinator.send(.refused("version 0.0.9 does not mix with 0.1.0"))
        #expect(try worker.exitCode(coordinator) == 1)
    }

    @Test func `programs do not outlive a worker that is refused or told twice to stop`() throws {
        for isRefused in [true, false] {
            let coordinator = try FakeCoordinator()
            let worker = try WorkerProcess(coordinator, slots: 1)
            _ = try coordinator.greeted()
            let mark = coordinator.folder + "/process"
            try coordinator.assign([command("sh", ["-c", "echo $$ > \(mark); exec sleep 60"])])
            _ = try coordinator.until { _ in FileManager.default.fileExists(atPath: mark) ? true : nil }
            _ = try coordinator.until(0.1) { _ -> Bool? in nil }
            if isRefused {
                try coordinator.send(.refused("its key was revoked"))
            } else {
                worker.signal(SIGTERM)
                _ = try coordinator.until { inbound -> Bool? in if case .draining = inbound { true } else { nil } }
                worker.signal(SIGTERM)
            }
            #expect(try worker.exitCode(coordinator, seconds: 5) == (isRefused ? 1 : 143))
            let text = try String(contentsOfFile: mark, encoding: .utf8)
            let process = try #require(Int32(text.dropLast()))
            let deadline = ContinuousClock.now + .seconds(5)
            func isOver() -> Bool {
                ((try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? "gone Z").contains(" Z")
            }
            while !isOver(), ContinuousClock.now < deadline { usleep(1000) }
            #expect(isOver())
        }
    }

    @Test func `programs and what they started do not outlive a worker that is killed`() throws {
        let coordinator = try FakeCoordinator()
        let worker = try WorkerProcess(coordinator, slots: 1)
        _ = try coordinator.greeted()
        let mark = coordinator.folder + "/processes"
        // One that ended before: its number must not be killed again, nor its place in the books be missed.
        try coordinator.assign([command("true", [])])
        _ = try coordinator.ends(1)
        let script = "trap '' TERM HUP; sleep 60 & echo $$ $! > \(mark).new; mv \(mark).new \(mark); wait; sleep 60"
        try coordinator.assign([command(job: 2, "sh", ["-c", script])])
        _ = try coordinator.until { _ in FileManager.default.fileExists(atPath: mark) ? true : nil }
        let processes = try String(contentsOfFile: mark, encoding: .utf8).split { $0.isWhitespace }.compactMap {
            Int32($0)
        }
        try #require(processes.count == 2)
        func isOver(_ process: Int32) -> Bool {
            ((try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? "gone Z").contains(" Z")
        }
        #expect(!processes.contains(where: isOver))
        worker.signal(SIGKILL)
        let deadline = ContinuousClock.now + .seconds(10)
        while !processes.allSatisfy(isOver), ContinuousClock.now < deadline { usleep(1000) }
        #expect(processes.allSatisfy(isOver))
    }

    @Test func `a worker leaves when the process that started it has ended`() throws {
        let coordinator = try FakeCoordinator()
        // A shell that starts the worker and ends.
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        let worker = try WorkerProcess.executable().path
        shell.arguments = [
            "-c", "'\(worker)' --coordinator \(coordinator.address) --slots 1 --parent-pid $$ 2>/dev/null & sleep 0.5",
        ]
        try shell.run()
        _ = try coordinator.greeted()
        let left = try coordinator.until { inbound -> Bool? in if case .goodbye = inbound { true } else { nil } }
        #expect(left == true)
    }

    @Test func `two thousand processes run faster than one a millisecond a slot`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            let started = ContinuousClock.now
            try coordinator.assign([command(count: 2000, "true", [])])
            let ends = try coordinator.ends(2000, seconds: 60)
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            print("2,000 processes in \(seconds) s: \(Int(2000 / seconds)) a second")
            let done = TaskOutcome.End.done(Command.Result(exitCode: 0, output: [], errorOutput: []).wireBytes)
            #expect(ends.values.allSatisfy { $0 == done })
            // Far above what it takes, because the machine may be busy.
            #expect(seconds < 10)
        }
    }

    @Test func `a million no-op tasks in runs of a thousand`() throws {
        let coordinator = try FakeCoordinator()
        _ = try WorkerProcess(coordinator).alive(coordinator) {
            _ = try coordinator.greeted()
            let runs = 1000
            let started = ContinuousClock.now
            var sent = 0
            func sendMore(upTo: Int) throws {
                while sent < min(upTo, runs) {
                    try coordinator.assign((0..<10).map { noop(first: UInt32((sent + $0) * 1000), count: 1000) })
                    sent += 10
                }
            }
            try sendMore(upTo: 100)
            var done = 0
            _ = try coordinator.until(60) { inbound -> Bool? in
                guard case .outcomes(_, _, let outcomes) = inbound else { return nil }
                for outcome in outcomes {
                    #expect(outcome.end == .done(Noop.Result().wireBytes))
                    done += Int(outcome.run.count)
                }
                try sendMore(upTo: done / 1000 + 100)
                return done >= runs * 1000 ? true : nil
            }
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            print("\(done) no-op tasks in \(seconds) s: \(Int(Double(done) / seconds)) a second")
            #expect(done == runs * 1000)
        }
    }
}

private func words(_ end: TaskOutcome.End?) -> String {
    if case .failed(let reason)? = end { reason } else { "not failed: \(String(describing: end))" }
}

extension WorkerProcess {
    /// Runs `body` and checks that the worker lived through it.
    func alive(_ coordinator: FakeCoordinator, _ body: () throws -> Void) throws {
        try body()
        #expect(process.isRunning, "the worker ended")
    }
}
