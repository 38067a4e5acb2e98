import CoordinatorCore
import Messages

/// A history told to a fresh core again, event by event, without the cluster around it: whether it breaks the same rule.
/// Parts may be left out; what the core then decides otherwise is decided by the same rules.
package struct Retelling {
    private var core: Core
    private var store = SimulatedStore()
    private var decided: [(effect: Effect, sender: WorkerID?)] = []
    private let plantedBug: PlantedBug?
    private var last: Milliseconds = 0
    private var violation: Violation?

    private init(_ plantedBug: PlantedBug?) {
        self.plantedBug = plantedBug
        core = Core(limits: Simulation.limits)
        core.plantedBug = plantedBug
    }

    /// - Returns: the first broken rule; `liveness` when a healthy worker that joins at the end cannot finish the work.
    package static func violation(in history: [Told], plantedBug: PlantedBug?) -> Violation? {
        var retelling = Retelling(plantedBug)
        for (at, told) in history.enumerated() {
            retelling.tell(told, checksState: history.count < 500 || at % 32 == 0)
            if let violation = retelling.violation { return violation }
        }
        retelling.check()
        if retelling.violation == nil { retelling.finish() }
        return retelling.violation
    }

    private mutating func tell(_ told: Told, checksState: Bool) {
        switch told {
        case .event(let event, let at, let sender):
            if case .hello(let hello) = event {
                store.capacity[hello.worker] = (hello.hardware.availableMemoryBytes, hello.slots)
            }
            // Time never goes back, whatever was left out.
            last = max(last, at)
            store.note(event)
            for effect in core.handle(event, at: last) { decided.append((effect, sender)) }
        case .stored:
            keep()
            if checksState { check() }
        case .restarted:
            decided = []
            store.coordinatorRestarts()
            core = Core(
                limits: Simulation.limits, restoring: store.load(), names: store.names, at: 0, plantedBug: plantedBug)
            last = 0
        }
    }

    private mutating func keep() {
        for (effect, sender) in decided {
            if case .record(let record) = effect { store.apply(record, from: sender) }
        }
        decided = []
        store.endBatch()
        violation = violation ?? store.broken
    }

    private mutating func check() {
        guard violation == nil, decided.isEmpty else { return }
        if let words = core.brokenInvariant() { violation = Violation(rule: .oneState, words: words) }
        let twin = Core(limits: Simulation.limits, restoring: store.load(), at: 0, plantedBug: plantedBug)
        if twin.stateHash != core.stateHash {
            violation = violation ?? Violation(rule: .rebuilt, words: twin.difference(from: core) ?? "other hash")
        }
    }

    // MARK: - The end

    /// A worker that does everything at once joins, planners answer, paused jobs go on: all that can end must.
    private mutating func finish() {
        keep()
        guard violation == nil else { return }
        var planners: [JobID: SimulatedPlanner] = [:]
        var next: [Event] = []
        let hardware: HardwareReport = {
            var report = HardwareReport()
            report.availableMemoryBytes = 64 << 30
            return report
        }()
        let worker = WorkerID(.max)
        next.append(
            .hello(
                Inbound.Hello(
                    worker: worker, name: "finisher", codeVersion: "", slots: 64, hardware: hardware, seen: 0, held: [])
            ))
        for stored in store.load() {
            if stored.state == .paused {
                next.append(.unpause(stored.id, by: ClientRef(connection: 0, number: 0)))
            }
            guard stored.array == nil, !stored.state.isOver else { continue }
            var planner = SimulatedPlanner(SimulatedJob(spec: stored.submission.spec))
            if stored.state != .waiting || core.openPlannerCalls(of: stored.id) > 0 {
                let plan = planner.restore(tasks: stored.tasks, results: store.results(of: stored.id))
                next.append(.planned(stored.id, plan))
                for _ in 1..<max(1, core.openPlannerCalls(of: stored.id)) { next.append(.planned(stored.id, Plan())) }
            }
            planners[stored.id] = planner
        }
        for step in 0..<6000 as Range<UInt64> {
            let now = last + step * 100
            next.append(.heartbeat(worker, seen: .max, held: []))
            next.append(.ticked(wall: 0))
            var effects: [Effect] = []
            for event in next {
                for effect in core.handle(event, at: now) {
                    effects.append(effect)
                    decided.append((effect, worker))
                }
            }
            keep()
            next = effects.flatMap { answers(to: $0, worker, &planners) }
            if violation != nil || isFinished { return }
        }
        let words = store.load().filter { !$0.state.isOver }.map { core.why("\($0.id)", at: last + 600_000) }
        violation = Violation(rule: .liveness, words: words.joined(separator: " "))
    }

    private var isFinished: Bool {
        store.load().allSatisfy { job in
            job.state.isOver || job.submission.after.contains { store.state(of: $0) != .done }
        }
    }

    private func answers(to effect: Effect, _ worker: WorkerID, _ planners: inout [JobID: SimulatedPlanner]) -> [Event]
    {
        switch effect {
        case .send(.assign(_, let assignments), worker):
            return assignments.map { assignment in
                let job = SimulatedJob(spec: assignment.payload)
                let result = job.kind == .search ? bytes(job.cursor(after: assignment)) : []
                return .outcomes(
                    worker, number: 0,
                    [TaskOutcome(run: assignment.run, end: .done(result), busyMicroseconds: 1000)])
            }
        case .plan(let job, .start(_, let spec)):
            var planner = SimulatedPlanner(SimulatedJob(spec: spec))
            let plan = planner.start()
            planners[job] = planner
            return [.planned(job, plan)]
        case .plan(let job, let call):
            guard var planner = planners.removeValue(forKey: job) else { return [] }
            defer { planners[job] = planner }
            switch call {
            case .finished(let index, let result, let load):
                return [.planned(job, planner.finished(index, result, load))]
            case .budgetEnded: return [.planned(job, planner.budgetEnded())]
            case .idle, .heard: return [.planned(job, Plan())]
            case .start, .forget: return []
            }
        default: return []
        }
    }
}
