import CoordinatorCore
import Messages
import Testing

@testable import CoordinatorShell

/// What the coordinator keeps of what programs print.
struct OutputDeskTests {
    private var core = Core()
    private var desk = OutputDesk()
    private let worker = WorkerID(7)
    private var claims: [ClaimRun] = []

    /// A worker that runs so many tasks of one job.
    init() {
        let client = ClientRef(connection: 1, number: 1)
        let hello = Inbound.Hello(
            worker: worker, name: "w", codeVersion: codeVersion, slots: 64, hardware: HardwareReport(), seen: 0,
            held: [])
        var plan = Plan()
        plan.array = ([], 40)
        for event in [
            .hello(hello), .submitted(Submission(token: 1, kind: "noop", spec: []), by: client),
            .planned(JobID(1), plan), .ticked(wall: 1),
        ] as [Event] {
            for effect in core.handle(event, at: 10) {
                if case .send(.assign(_, let assignments), _) = effect { claims += assignments.map(\.run) }
            }
        }
    }
    private func part(_ task: UInt32, _ count: Int, offset: UInt64 = 0, epoch: Epoch? = nil) -> TaskOutput {
        let run = claims.first { $0.indices.contains(task) }
        return TaskOutput(
            run: ClaimRun(job: JobID(1), first: task, count: 1, epoch: epoch ?? run?.epoch ?? 0), isError: false,
            offset: offset, bytes: [UInt8](repeating: UInt8(task), count: count))
    }
    private func parts(_ task: UInt32? = nil, after: UInt64 = 0, maximumBytes: Int = 1 << 30) -> [OutputPart] {
        desk.parts(of: JobID(1), task: task, after: after, maximumBytes: maximumBytes)
    }

    @Test mutating func `parts are numbered as they come, and given out after the newest that is known`() {
        #expect(claims.reduce(0) { $0 + $1.count } == 40)
        desk.add([part(3, 10), part(4, 20)], from: worker, core)
        desk.add([part(3, 5, offset: 10)], from: worker, core)
        #expect(parts().map(\.number) == [1, 2, 3])
        #expect(parts(3).map(\.output.offset) == [0, 10])
        #expect(parts(after: 2).map(\.output.bytes.count) == [5])
        #expect(parts(after: 3).isEmpty && parts(after: 99).isEmpty)
        #expect(parts(maximumBytes: 200).map(\.number) == [1], "one at least, and no more than fit")
        #expect(desk.parts(of: JobID(2), task: nil, after: 0, maximumBytes: 1 << 20).isEmpty)
    }

    @Test mutating func `nobody prints for another worker's task, for an older claim or for none`() {
        desk.add([part(3, 10)], from: WorkerID(8), core)
        desk.add([part(3, 10, epoch: 9), part(77, 10)], from: worker, core)
        #expect(parts().isEmpty && desk.bytes == 0)
    }

    @Test mutating func `a task that prints for ever keeps its newest, and takes nobody else's room`() {
        desk.add([part(1, 100)], from: worker, core)
        for turn in 0..<5000 as Range<UInt64> {
            desk.add([part(2, 16 << 10, offset: turn * 16 << 10)], from: worker, core)
        }
        #expect(parts(1).count == 1)
        let kept = parts(2)
        #expect(kept.last?.output.offset == 4999 * 16 << 10)
        #expect(kept.reduce(0) { $0 + $1.output.bytes.count } <= OutputDesk.taskBytes)
        // Forty such tasks are bounded together.
        for turn in 0..<400 as Range<UInt64> {
            for task in 0..<40 as Range<UInt32> {
                desk.add([part(task, 1 << 10, offset: turn << 10)], from: worker, core)
            }
        }
        #expect(desk.bytes <= OutputDesk.totalBytes)
        for _ in 0..<300_000 { desk.add([part(5, 1)], from: worker, core) }
        #expect(desk.bytes <= OutputDesk.totalBytes)
        #expect(parts(5).count <= OutputDesk.taskBytes / 64)
    }
}
