import Blobs
import Jobs
import Market
import Messages

/// Variations, prune and group search as one job. Its tasks are first those of the variations, then those of the groups:
/// no group task is planned before the last variation is tested, so a group task's index in its own search is its index
/// here less the number of variation tasks.
///
/// `Search` plans the groups: a parameter so that this file can be tested without a search.
package struct WeekendStages<Search: Planner>: Planner where Search.Kind == Groups {
    package typealias Kind = Weekend
    private let spec: Weekend.Spec
    private let hits: [TickerSet]
    private let symbolCount: Int
    private var variations: VariationsPlanner
    private var variationTaskCount = 0
    private var pruned: Prune?
    private var search: Search?
    private var searchStatus = PlanStatus()

    package init(_ spec: Weekend.Spec, blobs: any BlobSource) throws(JobError) {
        guard let smallest = spec.sizes.first, smallest >= 2, spec.sizes.last! <= 10, spec.keep > 0,
            zip(spec.sizes, spec.sizes.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw JobError(
                "groups of sizes \(spec.sizes), \(spec.keep) kept; give ascending sizes of 2…10, and keep 1.")
        }
        let universe: Universe
        do {
            universe = try Universe(wireBytes: try blobs.bytes(of: spec.variations.universe))
        } catch let error as WireError {
            throw JobError(error, while: "reading universe \(spec.variations.universe)")
        } catch let error as JobError {
            throw error
        } catch {
            throw JobError("reading universe \(spec.variations.universe): \(error)")
        }
        guard universe.windowBars == Int(spec.variations.windowBars) else {
            throw JobError(
                "windows of \(spec.variations.windowBars) bars on a universe cut for \(universe.windowBars)")
        }
        // What a worker answers travels in one frame; half of it, so that nothing else in it matters.
        let evaluationBytes = Universe.windows * (8 * ((universe.symbols.count + 63) / 64) + 4) + 256
        guard Int(spec.variations.batch) <= Frame.maximumBytes / 2 / evaluationBytes else {
            throw JobError(
                "cycles of \(spec.variations.batch) variations on \(universe.symbols.count) tickers are too large for "
                    + "one answer; give a batch of at most \(Frame.maximumBytes / 2 / evaluationBytes).")
        }
        let groupBytes = 96 * spec.sizes.count
        guard Int(spec.keep) <= Frame.maximumBytes / 2 / groupBytes else {
            throw JobError(
                "\(spec.keep) groups kept of each of \(spec.sizes.count) sizes are too many for one answer; keep at "
                    + "most \(Frame.maximumBytes / 2 / groupBytes).")
        }
        self.spec = spec
        hits = universe.hits
        symbolCount = universe.symbols.count
        variations = try VariationsPlanner(spec.variations, blobs: blobs)
    }

    package mutating func start() throws(JobError) -> Step<Weekend.Task> { stepped(variations.start()) }

    package mutating func finished(_ index: Int, with result: Weekend.Result, load: Load) throws(JobError)
        -> Step<Weekend.Task>
    {
        switch result {
        case .variations(let result):
            guard search == nil, index < variationTaskCount else {
                throw JobError("task \(index) of the weekend searches groups but was answered with variations")
            }
            try check(result)
            var step = stepped(try variations.advance(index, with: result))
            if variations.isDone { join(&step, try startSearch()) }
            return step
        case .groups(let result):
            guard var search = self.search, index >= variationTaskCount else {
                throw JobError("task \(index) of the weekend tests variations but was answered with groups")
            }
            self.search = nil  // so that `search` is the only holder and is changed in place
            let step = try search.finished(index - variationTaskCount, with: result, load: load)
            self.search = search
            return try searched(step)
        }
    }

    package mutating func idle(load: Load) throws(JobError) -> Step<Weekend.Task> {
        guard var search = self.search else { return Step() }
        self.search = nil
        let step = try search.idle(load: load)
        self.search = search
        return try searched(step)
    }

    package mutating func budgetEnded() throws(JobError) -> Step<Weekend.Task> {
        guard var search = self.search else {
            var step = Step<Weekend.Task>()
            step.status = status
            step.end = .unfinished(answer(.notBegun(sizes: spec.sizes), pool: BlobID(of: [])).wireBytes)
            return step
        }
        self.search = nil
        let step = try search.budgetEnded()
        self.search = search
        return try searched(step)
    }

    package mutating func restore(tasks: [Weekend.Task], results: [(index: Int, result: Weekend.Result)])
        throws(JobError) -> Step<Weekend.Task>
    {
        var variationTasks: [Variations.Task] = []
        var groupTasks: [Groups.Task] = []
        for (index, task) in tasks.enumerated() {
            switch task {
            case .variations(let task):
                guard groupTasks.isEmpty else {
                    throw JobError("weekend task \(index) tests variations after the group search began")
                }
                variationTasks.append(task)
            case .groups(let task): groupTasks.append(task)
            }
        }
        var variationResults: [(index: Int, result: Variations.Result)] = []
        var groupResults: [(index: Int, result: Groups.Result)] = []
        for (index, result) in results {
            switch result {
            case .variations(let result):
                try check(result)
                variationResults.append((index, result))
            case .groups(let result): groupResults.append((index - variationTasks.count, result))
            }
        }
        variationTaskCount = variationTasks.count
        var step = stepped(try variations.resume(tasks: variationTasks, results: variationResults))
        guard variations.isDone else {
            guard groupTasks.isEmpty else { throw JobError("the group search began before the variations were tested") }
            return step
        }
        if groupTasks.isEmpty {
            join(&step, try startSearch())
            return step
        }
        let (pool, source) = pruneNow()
        guard var search = try makeSearch(pool, source) else {
            throw JobError("the pruned pool allows no groups, yet group tasks were planned; the state was edited.")
        }
        let restored = try search.restore(tasks: groupTasks, results: groupResults)
        self.search = search
        return try searched(restored)
    }

    // MARK: the stages

    private func check(_ result: Variations.Result) throws(JobError) {
        let words = (symbolCount + 63) / 64
        guard result.evaluations.allSatisfy({ $0.buys.allSatisfy { $0.words.count == words } }) else {
            throw JobError("an evaluation whose buy lists do not fit the \(symbolCount) symbols of the universe")
        }
    }

    /// A variations step as a step of the weekend.
    private mutating func stepped(_ inner: Step<Variations.Task>) -> Step<Weekend.Task> {
        variationTaskCount += inner.tasks.count
        var step = Step(tasks: inner.tasks.map(Weekend.Task.variations))
        step.status = status
        return step
    }

    private mutating func pruneNow() -> (pool: BlobID, source: JustThePool) {
        let pruned = Prune(evaluations: variations.evaluations, hits: hits, symbolCount: symbolCount)
        let bytes = pruned.pool.wireBytes
        let pool = BlobID(of: bytes)
        self.pruned = pruned
        return (pool, JustThePool(pool: pool, bytes: bytes))
    }

    /// Nil when the pool has fewer algorithms than the smallest group has members: then there is nothing to search.
    private func makeSearch(_ pool: BlobID, _ source: JustThePool) throws(JobError) -> Search? {
        let algorithms = pruned?.numbers.count { !$0.isEmpty } ?? 0
        guard algorithms >= Int(spec.sizes[0]) else { return nil }
        return try Search(Groups.Spec(pool: pool, sizes: spec.sizes, keep: spec.keep), blobs: source)
    }

    private mutating func startSearch() throws(JobError) -> Step<Weekend.Task> {
        let (pool, source) = pruneNow()
        var step: Step<Weekend.Task>
        if var search = try makeSearch(pool, source) {
            let first = try search.start()
            self.search = search
            step = try searched(first)
        } else {
            step = Step()
            let nothing = GroupsAnswer(
                sizes: spec.sizes, top: spec.sizes.map { _ in [] }, chosen: spec.sizes.map { _ in nil },
                accounting: GroupAccounting(), space: 0, proved: true, bound: -.infinity, rest: [])
            step.end = .answer(answer(nothing, pool: pool).wireBytes)
            step.status = status(isSelected: true)
        }
        // The pool goes out before the tasks that read it; a group task may be re-run long after this planner forgot it.
        step.blobs.insert(source.bytes, at: 0)
        return step
    }

    /// A group step as a step of the weekend.
    private mutating func searched(_ inner: Step<Groups.Task>) throws(JobError) -> Step<Weekend.Task> {
        var step = Step<Weekend.Task>()
        if let (task, count) = inner.array {
            // An array job's tasks can only be planned at a job's start; here they come one by one.
            step.tasks = Array(repeating: .groups(task), count: Int(count))
        }
        step.tasks += inner.tasks.map(Weekend.Task.groups)
        step.isBudgeted = inner.isBudgeted
        step.blobs = inner.blobs
        if let status = inner.status { searchStatus = status }
        switch inner.end {
        case .answer(let bytes)?: step.end = .answer(try answer(bytes))
        case .unfinished(let bytes)?: step.end = .unfinished(try answer(bytes))
        case nil: break
        }
        step.status = status(isSelected: step.end != nil)
        return step
    }

    private func answer(_ bytes: [UInt8]) throws(JobError) -> [UInt8] {
        do {
            let groups = try GroupsAnswer(wireBytes: bytes)
            return answer(groups, pool: BlobID(of: pruned?.pool.wireBytes ?? [])).wireBytes
        } catch {
            throw JobError(error, while: "reading the group search's answer")
        }
    }

    private func answer(_ groups: GroupsAnswer, pool: BlobID) -> Weekend.Answer {
        Weekend.Answer(
            evaluations: variations.evaluations, pruned: pruned?.numbers ?? [], rejections: pruned?.rejections ?? [],
            pool: pool, groups: groups)
    }

    private func join(_ step: inout Step<Weekend.Task>, _ next: Step<Weekend.Task>) {
        step.tasks += next.tasks
        step.isBudgeted = next.isBudgeted
        step.blobs += next.blobs
        step.status = next.status ?? step.status
        step.end = next.end
    }

    // MARK: what people see

    private var status: PlanStatus { status(isSelected: false) }

    private func status(isSelected: Bool) -> PlanStatus {
        var status = PlanStatus()
        status.stages = [variations.stage]
        guard let pruned else { return status }
        let tested = UInt64(variations.evaluations.reduce(0) { $0 + $1.count })
        status.stages.append(.init(name: "prune", done: tested, total: tested, unit: "variations"))
        status.stages += searchStatus.stages
        status.incumbent = searchStatus.incumbent
        status.bound = searchStatus.bound
        if isSelected {
            if searchStatus.stages.isEmpty {
                let members = UInt64(pruned.pool.members.count)
                status.stages.append(.init(name: "groups", done: members, total: members, unit: "starters"))
            }
            let sizes = UInt64(spec.sizes.count)
            status.stages.append(.init(name: "select", done: sizes, total: sizes, unit: "sizes"))
        }
        return status
    }
}

/// The pool this planner has just made, before anybody stored it: all that a group search reads.
private struct JustThePool: BlobSource {
    let pool: BlobID
    let bytes: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard blob == pool else { throw JobError("a group search reads its pool \(pool), not \(blob)") }
        return bytes
    }
}

/// The planner of the kind `weekend`.
package typealias WeekendPlanner = WeekendStages<GroupsPlanner>
