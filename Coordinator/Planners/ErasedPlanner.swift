import Blobs
import Jobs
import Messages

/// A planner of any kind, in bytes: what the planning thread drives.
package protocol ErasedPlanner: Sendable {
    mutating func start() throws(JobError) -> PlannerOutput
    mutating func finished(_ index: UInt32, _ result: [UInt8], load: Load) throws(JobError) -> PlannerOutput
    mutating func idle(load: Load) throws(JobError) -> PlannerOutput
    mutating func budgetEnded() throws(JobError) -> PlannerOutput
    mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8], at moment: Moment) throws(JobError) -> PlannerOutput
    mutating func restore(
        tasks: [[UInt8]], results: [(index: UInt32, result: [UInt8])], hearings: [Hearing]
    ) throws(JobError) -> PlannerOutput
}

/// A plan, and the blobs that must be stored before it goes out.
package struct PlannerOutput: Sendable {
    package var plan = Plan()
    package var blobs: [(id: BlobID, bytes: [UInt8])] = []
    package init() {}

    /// Two answers in a row, as one.
    package mutating func append(_ next: PlannerOutput) {
        plan.array = plan.array ?? next.plan.array
        plan.tasks += next.plan.tasks
        if next.plan.status != PlanStatus() { plan.status = next.plan.status }
        plan.end = next.plan.end ?? plan.end
        plan.isResting = next.plan.isResting ?? plan.isResting
        plan.answers += next.plan.answers
        plan.publications += next.plan.publications
        blobs += next.blobs
    }
}

/// Wraps a planner: decodes what comes in, encodes what goes out.
struct Erased<P: Planner>: ErasedPlanner {
    private var planner: P

    init(spec: [UInt8], blobs: any BlobSource) throws(JobError) {
        planner = try P(try decode(spec, "a \(P.Kind.name) spec"), blobs: blobs)
    }

    mutating func start() throws(JobError) -> PlannerOutput { encode(try planner.start()) }
    mutating func finished(_ index: UInt32, _ result: [UInt8], load: Load) throws(JobError) -> PlannerOutput {
        let result: P.Kind.Result = try decode(result, "the result of task \(index)")
        return encode(try planner.finished(Int(index), with: result, load: load))
    }
    mutating func idle(load: Load) throws(JobError) -> PlannerOutput { encode(try planner.idle(load: load)) }
    mutating func budgetEnded() throws(JobError) -> PlannerOutput { encode(try planner.budgetEnded()) }
    mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8], at moment: Moment) throws(JobError) -> PlannerOutput
    { encode(try planner.heard(source, bytes, at: moment)) }

    mutating func restore(
        tasks: [[UInt8]], results: [(index: UInt32, result: [UInt8])], hearings: [Hearing]
    ) throws(JobError) -> PlannerOutput {
        var decodedTasks: [P.Kind.Task] = []
        for task in tasks { decodedTasks.append(try decode(task, "a stored task")) }
        var decodedResults: [(index: Int, result: P.Kind.Result)] = []
        for (index, result) in results {
            decodedResults.append((Int(index), try decode(result, "the stored result of task \(index)")))
        }
        return encode(try planner.restore(tasks: decodedTasks, results: decodedResults, hearings: hearings))
    }

    private func encode(_ step: Step<P.Kind.Task>) -> PlannerOutput {
        var output = PlannerOutput()
        output.plan.array = step.array.map { ($0.task.wireBytes, $0.count) }
        output.plan.tasks = step.tasks.map { PlannedTask(payload: $0.wireBytes, isBudgeted: step.isBudgeted) }
        output.plan.status = step.status ?? PlanStatus()
        output.plan.isResting = step.isResting
        output.plan.answers = step.answers
        output.plan.publications = step.publications
        output.blobs = step.blobs.map { (BlobID(of: $0), $0) }
        switch step.end {
        case .answer(let bytes):
            let id = BlobID(of: bytes)
            output.blobs.append((id, bytes))
            output.plan.end = .answer(id)
        case .unfinished(let bytes):
            let id = BlobID(of: bytes)
            output.blobs.append((id, bytes))
            output.plan.end = .unfinished(id)
        case nil: break
        }
        return output
    }
}

private func decode<Value: Wire>(_ bytes: [UInt8], _ what: String) throws(JobError) -> Value {
    do throws(WireError) { return try Value(wireBytes: bytes) } catch {
        throw JobError(error, while: "reading \(what)")
    }
}
