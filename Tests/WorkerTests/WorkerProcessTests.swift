import Foundation
import Jobs
import Messages
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
}
