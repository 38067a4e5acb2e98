import Blobs
import Jobs
import Market
import Messages

/// Runs one study an algorithm, all at once: a study waits for its own cycle in flight and for nobody else's.
package struct VariationsPlanner: Planner {
    package typealias Kind = Variations
    private let spec: Variations.Spec
    private var studies: [VariationStudy]
    /// Per task the position of its study.
    private var owners: [Int] = []

    package init(_ spec: Variations.Spec, blobs: any BlobSource) throws(JobError) {
        guard spec.cycles > 0, spec.batch > 0, UInt64(spec.cycles) * UInt64(spec.batch) <= UInt64(UInt32.max) else {
            throw JobError("\(spec.cycles) cycles of \(spec.batch) variations; give at least 1 of each.")
        }
        guard !spec.algorithms.isEmpty, zip(spec.algorithms, spec.algorithms.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw JobError(
                "algorithms \(spec.algorithms.map(\.name).joined(separator: ", ")); name at least one, each once, in the "
                    + "order of DESIGN §5.2.")
        }
        guard Universe.windowBarsAllowed.contains(Int(spec.windowBars)) else {
            throw JobError("windows of \(spec.windowBars) bars; give 31 to 120.")
        }
        self.spec = spec
        studies = spec.algorithms.map {
            VariationStudy(
                $0, seed: spec.seed, cycles: spec.cycles, batch: Int(spec.batch), windowBars: Int(spec.windowBars))
        }
    }

    package mutating func start() -> Step<Variations.Task> { step(after: studies.indices) }

    package mutating func finished(_ index: Int, with result: Variations.Result, load: Load) throws(JobError)
        -> Step<Variations.Task>
    {
        var step = try advance(index, with: result)
        if isDone { step.end = .answer(Variations.Answer(evaluations: evaluations).wireBytes) }
        return step
    }

    package mutating func restore(tasks: [Variations.Task], results: [(index: Int, result: Variations.Result)])
        throws(JobError) -> Step<Variations.Task>
    {
        var step = try resume(tasks: tasks, results: results)
        if isDone { step.end = .answer(Variations.Answer(evaluations: evaluations).wireBytes) }
        return step
    }

    /// `finished` without the answer, for a job of which this is a stage.
    mutating func advance(_ index: Int, with result: Variations.Result) throws(JobError) -> Step<Variations.Task> {
        guard owners.indices.contains(index) else {
            throw JobError("a result for variations task \(index) of \(owners.count)")
        }
        try studies[owners[index]].learn(result.evaluations)
        return step(after: owners[index]..<owners[index] + 1)
    }

    /// `restore` without the answer, for a job of which this is a stage.
    mutating func resume(tasks: [Variations.Task], results: [(index: Int, result: Variations.Result)]) throws(JobError)
        -> Step<Variations.Task>
    {
        var found: [Int: Variations.Result] = [:]  // looked up by index only
        for (index, result) in results { found[index] = result }
        // A study's cycles were planned one after the other, so their results come in task order too.
        for (index, task) in tasks.enumerated() {
            guard let algorithm = task.variations.first?.algorithm,
                let owner = studies.firstIndex(where: { $0.algorithm == algorithm }),
                task.cycle == studies[owner].cyclesPlanned
            else { throw JobError("variations task \(index) does not fit the job's spec; the state was edited.") }
            owners.append(owner)
            studies[owner].replan(task.variations)
            if let result = found[index] { try studies[owner].learn(result.evaluations) }
        }
        return step(after: studies.indices)
    }

    var isDone: Bool { studies.allSatisfy(\.isDone) }

    /// Per algorithm in `Algorithm` order.
    var evaluations: [[VariationEvaluation]] {
        Algorithm.allCases.map { algorithm in studies.first { $0.algorithm == algorithm }?.evaluations ?? [] }
    }

    var stage: PlanStatus.Stage {
        PlanStatus.Stage(
            name: "variations", done: UInt64(studies.reduce(0) { $0 + $1.evaluations.count }),
            total: UInt64(studies.reduce(0) { $0 + $1.total }), unit: "variations")
    }

    private mutating func step(after changed: Range<Int>) -> Step<Variations.Task> {
        var step = Step<Variations.Task>()
        for at in changed {
            let cycle = studies[at].cyclesPlanned
            guard let variations = studies[at].plan() else { continue }
            owners.append(at)
            step.tasks.append(Variations.Task(universe: spec.universe, cycle: cycle, variations: variations))
        }
        var status = PlanStatus()
        status.stages = [stage]
        step.status = status
        return step
    }
}
