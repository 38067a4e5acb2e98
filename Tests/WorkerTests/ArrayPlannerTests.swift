import Jobs
import Messages
import Planners
import Testing

private struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
}
private let load = Load(slots: 2, idleSlots: 0, queuedTasks: 0)

private func isAnswer<Task>(_ step: Step<Task>, _ count: UInt32) -> Bool {
    if case .answer(let bytes)? = step.end, let number = try? WireReader.number(bytes) {
        number == count
    } else {
        false
    }
}
extension WireReader {
    fileprivate static func number(_ bytes: [UInt8]) throws(WireError) -> UInt32 {
        var reader = WireReader(bytes)
        let number: UInt32 = try reader.integer()
        try reader.finish()
        return number
    }
}

@Test func `no-op tasks are planned as one array and end with their number`() throws {
    var planner = try NoopPlanner(Noop.Spec(count: 1_000_000, resultBytes: 2), blobs: NoBlobs())
    let start = try planner.start()
    #expect(start.array?.count == 1_000_000)
    #expect(start.tasks.isEmpty && start.end == nil)
    for index in 0..<999_999 {
        let step = try planner.finished(index, with: Noop.Result(), load: load)
        guard step.end == nil else {
            Issue.record("it ended after \(index)")
            return
        }
    }
    #expect(isAnswer(try planner.finished(999_999, with: Noop.Result(), load: load), 1_000_000))
}

@Test func `a restored planner knows what is done`() throws {
    let spec = Command.Spec(program: "true", arguments: [], count: 3, timeoutMilliseconds: 0)
    let result = Command.Result(exitCode: 0, output: [], errorOutput: [])
    var planner = try CommandPlanner(spec, blobs: NoBlobs())
    let step = try planner.restore(tasks: [spec, spec, spec], results: [(2, result), (0, result)])
    #expect(step.array == nil && step.end == nil)
    #expect(isAnswer(try planner.finished(1, with: result, load: load), 3))
    // Died after the last result was stored, before the answer was.
    var late = try CommandPlanner(spec, blobs: NoBlobs())
    #expect(
        isAnswer(try late.restore(tasks: [spec, spec, spec], results: [(0, result), (1, result), (2, result)]), 3))
    // Died before anything was planned.
    var early = try CommandPlanner(spec, blobs: NoBlobs())
    #expect(try early.restore(tasks: [], results: []).array?.count == 3)
}

@Test func `a spec that makes no sense is refused in words`() {
    #expect(throws: JobError("0 no-op tasks; give --count of at least 1.")) {
        try NoopPlanner(Noop.Spec(count: 0), blobs: NoBlobs())
    }
    #expect(throws: JobError("no program is named; give one after --.")) {
        try CommandPlanner(
            Command.Spec(program: "", arguments: [], count: 1, timeoutMilliseconds: 0), blobs: NoBlobs())
    }
}
