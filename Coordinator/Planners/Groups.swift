import Jobs
import Messages

/// Plans the search for groups: a survey of the starters, then pieces of the space, the most promising first. A piece
/// whose slice ends comes back as its rest, which is queued behind the others, and split while slots are idle.
package struct GroupsPlanner: Planner {
    package typealias Kind = Groups

    private let spec: Groups.Spec
    private let space: GroupSpace
    /// Pieces of fewer nodes take about a millisecond: cutting them would cost more than it gains.
    package var fewestNodesPerPiece: UInt64 = 4_000_000
    /// Known once the survey is back.
    private var pieces: GroupPieces?
    /// What was handed out and is not finished, by task index.
    private var outstanding: [Int: Work] = [:]
    private var planned = 0
    private var top: [[GroupCandidate]]
    private var accounting = GroupAccounting()

    private enum Work {
        case survey
        case search(Groups.Piece, bound: Double)
    }
    /// Enough that slots end together although pieces differ, few enough to stay cheap.
    private static let piecesPerSlot = 32

    package init(_ spec: Groups.Spec, blobs: any BlobSource) throws(JobError) {
        let pool: VariationPool
        let bytes = try blobs.bytes(of: spec.pool)
        do throws(WireError) { pool = try VariationPool(wireBytes: bytes) } catch {
            throw JobError(error, while: "reading the pool of variations \(spec.pool)")
        }
        guard spec.keep > 0 else { throw JobError("a search that keeps 0 groups a size; keep at least 1") }
        self.spec = spec
        space = try GroupSpace(pool: pool, sizes: spec.sizes)
        top = spec.sizes.map { _ in [] }
    }

    package mutating func start() throws(JobError) -> Step<Groups.Task> { step([.survey]) }

    package mutating func finished(_ index: Int, with result: Groups.Result, load: Load) throws(JobError)
        -> Step<Groups.Task>
    {
        guard let work = outstanding.removeValue(forKey: index) else { return step([]) }
        try take(result, of: work)
        guard case .search = work else { return step(firstPieces(load)) }
        guard let rest = result.rest, let pieces else { return step([]) }
        let idle = max(0, load.idleSlots - load.queuedTasks)
        let parts = pieces.split(rest, into: idle + 1)
        return step(parts.map { .search($0, bound: min(result.restBound, pieces.bound(of: $0))) })
    }

    package mutating func budgetEnded() throws(JobError) -> Step<Groups.Task> {
        var step = Step<Groups.Task>()
        step.status = status
        step.end = outstanding.isEmpty ? .answer(answer.wireBytes) : .unfinished(answer.wireBytes)
        return step
    }

    /// By coverage: what no finished search covered and no waiting task will cover is planned now.
    package mutating func restore(tasks: [Groups.Task], results: [(index: Int, result: Groups.Result)])
        throws(JobError) -> Step<Groups.Task>
    {
        guard !tasks.isEmpty else { return try start() }
        planned = tasks.count
        var isFinished = tasks.map { _ in false }
        var covered: [Groups.Piece] = []
        for (index, result) in results where tasks.indices.contains(index) && !isFinished[index] {
            isFinished[index] = true
            switch tasks[index].work {
            case .survey: try take(result, of: .survey)
            case .search(let piece):
                try take(result, of: .search(piece, bound: 0))
                covered.append(Groups.Piece(start: piece.start, end: result.rest?.start ?? piece.end))
            }
        }
        for (index, task) in tasks.enumerated() where !isFinished[index] {
            switch task.work {
            case .survey: outstanding[index] = .survey
            case .search(let piece):
                covered.append(piece)
                outstanding[index] = .search(piece, bound: pieces?.bound(of: piece) ?? .infinity)
            }
        }
        guard let pieces else { return step([]) }
        guard !covered.isEmpty else { return step(firstPieces(Load(slots: 0, idleSlots: 0, queuedTasks: 0))) }
        var due: [Work] = []
        var next: Groups.Cursor? = Groups.Cursor()
        for piece in covered.sorted(by: { $0.start < $1.start }) {
            guard let from = next else { break }
            if from < piece.start {
                let gap = Groups.Piece(start: from, end: piece.start)
                due.append(.search(gap, bound: pieces.bound(of: gap)))
            }
            if let end = piece.end { next = max(from, end) } else { next = nil }
        }
        if let next, space.rank(next) < space.nodeCount {
            let gap = Groups.Piece(start: next, end: nil)
            due.append(.search(gap, bound: pieces.bound(of: gap)))
        }
        return step(due)
    }

    private func firstPieces(_ load: Load) -> [Work] {
        guard let pieces, space.nodeCount > 0 else { return [] }
        let count = Self.piecesPerSlot * max(2, load.slots)
        let parts =
            space.memberCount <= count
            ? pieces.starters : pieces.split(Groups.Piece(start: Groups.Cursor(), end: nil), into: count)
        let bounds = parts.map(pieces.bound)
        // Best bound first, so that thresholds rise early.
        return parts.indices.sorted { (-bounds[$0], $0) < (-bounds[$1], $1) }
            .map { .search(parts[$0], bound: bounds[$0]) }
    }

    /// The step that hands out `works`, or ends the job when nothing is left.
    private mutating func step(_ works: [Work]) -> Step<Groups.Task> {
        var step = Step<Groups.Task>()
        step.isBudgeted = true
        for work in works {
            outstanding[planned] = work
            planned += 1
            let task: Groups.Task.Work =
                switch work {
                case .survey: .survey
                case .search(let piece, _): .search(piece)
                }
            step.tasks.append(
                Groups.Task(
                    pool: spec.pool, sizes: spec.sizes, keep: spec.keep, work: task, thresholds: thresholds))
        }
        step.status = status
        if outstanding.isEmpty { step.end = .answer(answer.wireBytes) }
        return step
    }

    private mutating func take(_ result: Groups.Result, of work: Work) throws(JobError) {
        switch work {
        case .survey:
            guard result.starters.count == space.memberCount else {
                throw JobError("a survey of \(result.starters.count) starters; the pool has \(space.memberCount)")
            }
            pieces = GroupPieces(
                space: space, starters: result.starters, fewestNodes: fewestNodesPerPiece)
        case .search:
            guard result.top.count == top.count else {
                throw JobError("a search of \(result.top.count) sizes; the job has \(top.count)")
            }
            accounting = accounting + result.accounting
            for size in top.indices where !result.top[size].isEmpty {
                let merged = (top[size] + result.top[size]).sorted(by: GroupCandidate.ranksBefore)
                top[size] = Array(merged.prefix(Int(spec.keep)))
            }
        }
    }
}

// What there is to say so far. It depends on which results are in, not on their order.
extension GroupsPlanner {
    private var thresholds: [Double] {
        top.map { $0.count >= Int(spec.keep) ? $0[$0.count - 1].score : -.infinity }
    }

    /// Upper bound on every retained group not searched yet; −∞ when there is none.
    private var bound: Double {
        outstanding.sorted { $0.key < $1.key }.reduce(-.infinity) { highest, entry in
            switch entry.value {
            case .survey: .infinity
            case .search(_, let bound): max(highest, bound)
            }
        }
    }

    /// What is left, in search order.
    private var rest: [Groups.Piece] {
        outstanding.sorted { $0.key < $1.key }.map { entry in
            switch entry.value {
            case .survey: Groups.Piece(start: Groups.Cursor(), end: nil)
            case .search(let piece, _): piece
            }
        }.sorted { $0.start < $1.start }
    }

    private var answer: GroupsAnswer {
        GroupsAnswer(
            sizes: spec.sizes, top: top, chosen: top.map(GroupSelection.choose), accounting: accounting,
            space: space.nodeCount, proved: outstanding.isEmpty, bound: bound, rest: rest)
    }

    private var status: PlanStatus {
        var status = PlanStatus()
        let done = accounting.visited + accounting.cutByRail + accounting.cutByBound
        status.stages = [.init(name: "groups", done: done, total: space.nodeCount, unit: "nodes")]
        guard pieces != nil else { return status }
        status.incumbent = top.compactMap { $0.first?.score }.max()
        status.bound = outstanding.isEmpty ? status.incumbent : bound
        return status
    }
}
