import CoordinatorCore
import Messages

/// How often the simulator met each (kind of event × state of a task × state of a worker), and each fault.
///
/// An event that names claims is counted once for each claim's first task, seen with that claim, and its sender. One that
/// is about a job is counted for the tasks of the job, at most 32 of them evenly spread, and the owner of each one's
/// newest claim. One about a worker is counted for what that worker holds.
package struct Coverage: Sendable {
    package enum Kind: Int, Sendable, CaseIterable {
        case submitted, planned, planFailed, hello, heartbeat, done, failed, returned, reported, draining, goodbye
        case cancel, pause, unpause, addBudget, told, ticked
        /// A worker was silent for too long. The coordinator stops in order. It was rebuilt, after that or after a death.
        case silence, stopping, restart
    }
    package struct Cell: Hashable, Sendable, CustomStringConvertible {
        package var kind: Kind, task: TaskCondition, worker: WorkerCondition
        package init(_ kind: Kind, _ task: TaskCondition, _ worker: WorkerCondition) {
            self.kind = kind
            self.task = task
            self.worker = worker
        }
        package var description: String { "\(kind) × \(task) × \(worker)" }
        package static let all = Kind.allCases.flatMap { kind in
            TaskCondition.allCases.flatMap { task in WorkerCondition.allCases.map { Cell(kind, task, $0) } }
        }
    }

    private static let conditions = TaskCondition.allCases.count * WorkerCondition.allCases.count
    private var cells = [UInt64](repeating: 0, count: Kind.allCases.count * Self.conditions)
    package private(set) var faults: [Fault: UInt64] = [:]
    /// What `why` answered, by its first word.
    package private(set) var standings: [String: UInt64] = [:]
    package init() {}

    private static func place(_ cell: Cell) -> Int {
        cell.kind.rawValue * conditions + cell.task.rawValue * WorkerCondition.allCases.count + cell.worker.rawValue
    }
    package mutating func note(_ kind: Kind, _ task: TaskCondition, _ worker: WorkerCondition) {
        cells[Self.place(Cell(kind, task, worker))] += 1
    }
    package mutating func note(_ fault: Fault) { faults[fault, default: 0] += 1 }
    package mutating func note(_ standing: Standing) {
        standings[String("\(standing)".prefix { $0 != "(" }), default: 0] += 1
    }
    package func count(_ cell: Cell) -> UInt64 { cells[Self.place(cell)] }

    package mutating func add(_ other: Coverage) {
        for at in cells.indices { cells[at] += other.cells[at] }
        faults.merge(other.faults) { $0 + $1 }
        standings.merge(other.standings) { $0 + $1 }
    }

    // MARK: - In words

    /// One line for each kind of event and state of a worker, one column for each state of a task.
    package var table: String {
        var lines = [row("event", "worker", TaskCondition.allCases.map { "\($0)" })]
        for kind in Kind.allCases {
            for worker in WorkerCondition.allCases {
                let counts = TaskCondition.allCases.map { count(Cell(kind, $0, worker)) }
                guard counts.contains(where: { $0 > 0 }) else { continue }
                lines.append(row("\(kind)", "\(worker)", counts.map { $0 == 0 ? "·" : "\($0)" }))
            }
        }
        lines.append("faults: " + Fault.allCases.map { "\($0) \(faults[$0] ?? 0)" }.joined(separator: ", "))
        lines.append(
            "why: " + standings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        return lines.joined(separator: "\n")
    }
    private func row(_ kind: String, _ worker: String, _ columns: [String]) -> String {
        func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        return pad(kind, 11) + pad(worker, 11) + columns.map { pad($0, 10) }.joined()
    }
}

extension Simulation {
    /// Counts what an event is about to meet.
    mutating func cover(_ event: Event) {
        switch event {
        case .submitted: coverage.note(.submitted, .none, .nobody)
        case .planned(let job, _): cover(.planned, job)
        case .planFailed(let job, _): cover(.planFailed, job)
        case .hello(let hello): cover(.hello, hello.held, of: hello.worker)
        case .heartbeat(let worker, _, let held): cover(.heartbeat, held, of: worker)
        case .outcomes(let worker, _, let outcomes):
            for outcome in outcomes {
                let kind: Coverage.Kind =
                    switch outcome.end {
                    case .done: .done
                    case .failed: .failed
                    case .returned: .returned
                    }
                cover(kind, [outcome.run], of: worker)
            }
        case .reported(let worker, let reports): cover(.reported, reports.map(\.run), of: worker)
        case .draining(let worker): coverHeld(.draining, worker)
        case .goodbye(let worker): coverHeld(.goodbye, worker)
        case .cancel(let job, _): cover(.cancel, job)
        case .pause(let job, _): cover(.pause, job)
        case .unpause(let job, _): cover(.unpause, job)
        case .addBudget(let job, _, _, _): cover(.addBudget, job)
        case .told(let job, _, _, _): cover(.told, job)
        case .stopping: for job in 0..<store.jobCount { cover(.stopping, JobID(UInt32(job) + 1)) }
        case .ticked:
            // One job of one tick in sixteen: there are far more ticks than anything else.
            if store.jobCount > 0, eventCount % 16 == 0 {
                cover(.ticked, JobID(UInt32(eventCount / 16 % store.jobCount) + 1))
            }
        }
    }

    private mutating func cover(_ kind: Coverage.Kind, _ runs: [ClaimRun], of worker: WorkerID) {
        let state = core.condition(of: worker)
        if runs.isEmpty { coverage.note(kind, .none, state) }
        for run in runs {
            coverage.note(
                kind, core.condition(of: TaskID(run.job, run.first), for: (run.epoch, worker)), state)
        }
    }
    mutating func coverHeld(_ kind: Coverage.Kind, _ worker: WorkerID) {
        let state = core.condition(of: worker)
        let held = core.held(by: worker)
        if held.isEmpty { coverage.note(kind, .none, state) }
        for task in held.prefix(8) { coverage.note(kind, core.condition(of: task), state) }
    }
    mutating func cover(_ kind: Coverage.Kind, _ job: JobID) {
        let count = core.taskCount(of: job)
        if count == 0 { return coverage.note(kind, core.knows(job) ? .none : .unknown, .nobody) }
        for index in stride(from: 0, to: count, by: max(1, Int(count / 32))) {
            let task = TaskID(job, UInt32(index))
            coverage.note(kind, core.condition(of: task), core.condition(of: core.owner(of: task)))
        }
    }
}
