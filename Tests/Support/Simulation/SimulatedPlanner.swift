import CoordinatorCore
import Messages

/// What a simulated job does, as its spec's bytes: kind, count, and which task misbehaves.
package struct SimulatedJob: Sendable {
    package enum Kind: UInt8, Sendable { case array, fan, search }
    package var kind: Kind
    package var count: UInt32
    /// Kills every worker that runs it; `.max`: none.
    package var poison: UInt32 = .max
    /// Fails every time; `.max`: none. With `isFlaky` only the first time.
    package var failing: UInt32 = .max
    package var isFlaky = false
    /// Of an array's or a fan's task; of one unit of a search.
    package var taskMilliseconds: UInt32 = 10
    /// Its planner fails when it has heard this many results; `.max`: never.
    package var plannerFailsAt: UInt32 = .max

    package init(kind: Kind, count: UInt32) {
        self.kind = kind
        self.count = count
    }
    package var spec: [UInt8] {
        [kind.rawValue, isFlaky ? 1 : 0] + [count, poison, failing, taskMilliseconds, plannerFailsAt].flatMap(bytes)
    }
    package init(spec: [UInt8]) {
        kind = Kind(rawValue: spec[0])!
        isFlaky = spec[1] == 1
        count = number(spec, 2)
        poison = number(spec, 6)
        failing = number(spec, 10)
        taskMilliseconds = number(spec, 14)
        plannerFailsAt = number(spec, 18)
    }

    /// Milliseconds that a run takes: a piece of a search ends with its slice.
    func length(of assignment: Assignment, _ run: ClaimRun) -> UInt64 {
        guard kind == .search else { return UInt64(taskMilliseconds) * UInt64(run.count) }
        let (from, to) = Self.piece(assignment.payload)
        let slice = max(assignment.sliceMilliseconds, 1)
        return min(UInt64(slice), UInt64(max(taskMilliseconds, 1)) * UInt64(to - from))
    }
    /// Where a piece of a search stands after its slice; it always gets on.
    func cursor(after assignment: Assignment) -> UInt32 {
        let (from, to) = Self.piece(assignment.payload)
        return min(to, from + max(1, assignment.sliceMilliseconds / max(taskMilliseconds, 1)))
    }
    static func piece(_ payload: [UInt8]) -> (from: UInt32, to: UInt32) {
        (number(payload, payload.count - 8), number(payload, payload.count - 4))
    }
}

func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
func number(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
}

/// A planner as the planning thread would drive it: an array; a fan-out whose last result fans in; and a search over
/// `count` units of work in slices, whose cursors must conserve the work.
struct SimulatedPlanner: Sendable {
    let job: SimulatedJob
    private var results = 0
    private var covered: UInt32 = 0
    /// Pieces given out, by task index.
    private var pieces: [Range<UInt32>] = []
    private(set) var broken: String?
    /// As it was told to.
    var hasFailed: Bool { results >= job.plannerFailsAt }

    init(_ job: SimulatedJob) { self.job = job }

    private var answer: Plan.End { .answer(BlobID(hash: [UInt8](repeating: job.kind.rawValue, count: 32))!) }
    private var fanIn: UInt32 { job.count / 2 + 1 }

    mutating func start() -> Plan {
        var plan = Plan()
        switch job.kind {
        case .array: plan.array = (job.spec, job.count)
        case .fan: plan.tasks = (0..<job.count).map { _ in PlannedTask(payload: job.spec) }
        case .search:
            let half = job.count / 2
            plan.tasks = [give(0..<half), give(half..<job.count)]
        }
        return plan
    }

    private mutating func give(_ piece: Range<UInt32>) -> PlannedTask {
        pieces.append(piece)
        return PlannedTask(payload: job.spec + bytes(piece.lowerBound) + bytes(piece.upperBound), isBudgeted: true)
    }

    /// - Returns: what `result` adds, before anything is planned from it.
    private mutating func note(_ index: UInt32, _ result: [UInt8]) -> Range<UInt32>? {
        results += 1
        guard job.kind == .search else { return nil }
        guard result.count == 4 else {
            broken = "a forged result was accepted"
            return nil
        }
        let piece = pieces[Int(index)]
        let cursor = number(result, 0)
        guard cursor > piece.lowerBound, cursor <= piece.upperBound else {
            broken = "a cursor left its piece"
            return nil
        }
        covered += cursor - piece.lowerBound
        return cursor < piece.upperBound ? cursor..<piece.upperBound : nil
    }

    mutating func finished(_ index: UInt32, _ result: [UInt8], _ load: Load) -> Plan {
        var plan = Plan()
        let rest = note(index, result)
        if let rest {
            let middle = rest.lowerBound + UInt32(rest.count) / 2
            if load.idleSlots > load.queuedTasks, rest.count > 1 {
                plan.tasks = [give(rest.lowerBound..<middle), give(middle..<rest.upperBound)]
            } else {
                plan.tasks = [give(rest)]
            }
        }
        endIfComplete(&plan)
        return plan
    }

    private mutating func endIfComplete(_ plan: inout Plan) {
        switch job.kind {
        case .array: break
        case .fan:
            if results == Int(job.count), fanIn > 0 {
                plan.tasks = (0..<fanIn).map { _ in PlannedTask(payload: job.spec) }
            }
            if results == Int(job.count + fanIn) { plan.end = answer }
        case .search:
            if covered > job.count { broken = "more work was done than there is" }
            if covered == job.count { plan.end = answer }
        }
    }

    func budgetEnded() -> Plan {
        var plan = Plan()
        plan.end = .unfinished(BlobID(hash: [UInt8](repeating: 9, count: 32))!)
        return plan
    }

    mutating func restore(tasks: [PlannedTask], results stored: [(index: UInt32, result: [UInt8])]) -> Plan {
        guard !tasks.isEmpty else { return start() }
        var plan = Plan()
        if job.kind == .search {
            for task in tasks {
                let at = task.payload.count - 8
                pieces.append(number(task.payload, at)..<number(task.payload, at + 4))
            }
            let begun = Set(pieces.map(\.lowerBound))  // looked up, never iterated
            for (index, result) in stored {
                if let rest = note(index, result), !begun.contains(rest.lowerBound) { plan.tasks.append(give(rest)) }
            }
            endIfComplete(&plan)
        } else {
            for (index, result) in stored { _ = note(index, result) }
            var due = Plan()
            endIfComplete(&due)
            if results < Int(job.count) || tasks.count > Int(job.count) { due.tasks = [] }
            plan = due
        }
        return plan
    }
}
