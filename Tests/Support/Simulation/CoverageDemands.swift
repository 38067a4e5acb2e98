import CoordinatorCore

/// What is asked of the simulator about one cell of the coverage table.
package enum Demand: Sendable, Equatable {
    case required
    /// No history reaches it: one that does shows that the reason is wrong.
    case impossible(String)
    /// Some do, too few to ask for it in each run.
    case rare(String)
}

extension Coverage {
    /// Required is whatever is neither impossible nor rare.
    package static func demand(_ cell: Cell) -> Demand {
        switch cell.kind {
        case .submitted:
            cell.task == .none && cell.worker == .nobody
                ? .required : .impossible("a submission is about no task and no worker")
        case .planned, .planFailed, .cancel, .pause, .unpause, .addBudget, .told, .ticked, .stopping, .restart:
            demandOfJobs(cell)
        case .hello, .heartbeat, .done, .failed, .returned, .reported: demandOfClaims(cell)
        case .draining, .goodbye, .silence: demandOfWorkers(cell)
        }
    }

    private static func demandOfJobs(_ cell: Cell) -> Demand {
        switch (cell.task, cell.worker) {
        case (.lost, _), (.elsewhere, _): return .impossible("a task is seen so with a claim in hand only")
        case (.unknown, .nobody) where cell.kind == .planned: return .required  // a forged answer
        case (.unknown, _): return .impossible("people name jobs that they know")
        case (.none, .nobody), (.fresh, .nobody): break
        case (.none, _), (.fresh, _): return .impossible("what was never handed out has no owner")
        case (.claimed, .nobody), (.claimed, .stranger), (.doubled, .nobody), (.doubled, .stranger):
            return .impossible("the owner of a claim is known")
        case (.done, .awaited): return .impossible("the store keeps no owner of a result")
        case (_, .connected) where cell.kind == .restart, (_, .draining) where cell.kind == .restart,
            (_, .reserved) where cell.kind == .restart:
            return .impossible("after a restart nobody has said hello yet")
        case (.done, .stranger) where cell.kind == .restart: return .impossible("the store keeps no owner of a result")
        case (.parked, _) where cell.kind == .planned || cell.kind == .planFailed:
            return .impossible("a job with a planner ends when one of its tasks is given up")
        case (.none, _) where cell.kind == .planFailed: return .impossible("the made-up planners fail after a result")
        default: break
        }
        if cell.task == .doubled {
            let isCommon: [Coverage.Kind: WorkerCondition] = [.ticked: .connected, .restart: .awaited]
            return isCommon[cell.kind] == cell.worker
                ? .required : .rare("few tasks are claimed twice, and not for long")
        }
        if cell.kind == .planFailed, cell.worker != .connected || cell.task == .again {
            return .rare("planners seldom fail, and at no chosen moment")
        }
        if cell.kind == .stopping, cell.worker != .connected || cell.task == .again || cell.task == .parked {
            return .rare("a coordinator seldom stops in order")
        }
        if cell.task == .parked, cell.worker != .stranger || cell.kind == .cancel {
            return .rare("few tasks are given up, and those that killed their workers have none left")
        }
        if cell.worker == .draining, cell.task == .again || (cell.task == .over && cell.kind == .planned) {
            return .rare("one that leaves soon has left")
        }
        if cell.worker == .reserved, cell.task == .again, ![.planned, .ticked].contains(cell.kind) {
            return .rare("few tasks run alone, and people seldom ask just when one ended so")
        }
        return .required
    }

    private static func demandOfClaims(_ cell: Cell) -> Demand {
        if cell.worker == .nobody { return .impossible("somebody sent it") }
        if cell.worker == .awaited, cell.kind != .hello {
            return .impossible("after a restart a worker is heard after its hello")
        }
        if cell.task == .none, ![.hello, .heartbeat].contains(cell.kind) {
            return .impossible("what ends or is reported is a task's")
        }
        if cell.task == .doubled {
            if cell.worker == .stranger || cell.worker == .reserved {
                return cell.worker == .stranger
                    ? .impossible("the owner of a claim is known") : .rare("what runs alone is seldom one of two")
            }
            return [.heartbeat, .done, .returned].contains(cell.kind) && cell.worker == .connected
                ? .required : .rare("few tasks are claimed twice, and not for long")
        }
        switch cell.kind {
        case .reported:
            return cell.task == .claimed && cell.worker == .connected
                ? .required : .rare("few tasks report, and only while they run")
        case .hello:
            if cell.task == .fresh || cell.task == .unknown {
                return .impossible("what was handed out is stored before, and nobody forges a hello")
            }
            if cell.worker == .stranger, cell.task == .claimed {
                return .impossible("the owner of a claim is known")
            }
            if cell.worker == .draining, cell.task != .claimed, cell.task != .done {
                return .rare("one that leaves seldom has to say hello again")
            }
            if [.again, .parked].contains(cell.task) {
                return .rare("it must have been away while others failed at it")
            }
            if cell.task == .lost, cell.worker == .reserved {
                return .rare("one that has a worker for itself is awaited")
            }
        case .heartbeat:
            if cell.worker != .stranger, cell.task == .unknown || cell.task == .fresh {
                return .rare("only a frame broken in the right place says so")
            }
        case .failed, .returned:
            if cell.task == .lost { return .rare("its worker was away for a moment, and just then it failed") }
        default: break
        }
        if cell.worker == .stranger, cell.task == .claimed { return .impossible("the owner of a claim is known") }
        if cell.task == .parked { return .rare("it must end after it was given up") }
        if cell.worker != .connected, [.fresh, .again, .lost, .elsewhere, .done].contains(cell.task),
            cell.kind != .heartbeat
        {
            return .rare("late or forged, and from a worker in an unusual state")
        }
        if cell.worker != .connected, cell.task == .claimed, cell.kind == .failed || cell.kind == .returned {
            return .rare("late or forged, and from a worker in an unusual state")
        }
        return .required
    }

    private static func demandOfWorkers(_ cell: Cell) -> Demand {
        guard [.none, .claimed, .done, .doubled].contains(cell.task) else {
            return .impossible("it is about what its worker holds: runs of jobs that go on, with holes of what is done")
        }
        switch (cell.worker, cell.task) {
        case (.nobody, _): return .impossible("somebody sent it")
        case (.awaited, _) where cell.kind != .silence:
            return .impossible("after a restart a worker is heard after its hello")
        case (.stranger, _) where cell.kind == .silence: return .impossible("nobody waits for a stranger")
        case (.stranger, .claimed), (.stranger, .done), (.stranger, .doubled):
            return .impossible("a stranger holds nothing")
        case (.reserved, .none): return .impossible("reserved: it holds a task that is not done")
        case (_, .done): return .rare("a run must be open in part")
        case (_, .doubled) where cell.kind != .silence || cell.worker != .connected:
            return .rare("few tasks are claimed twice, and not for long")
        case (.reserved, _) where cell.kind == .goodbye: return .rare("it leaves while it has a task for itself")
        default: return .required
        }
    }
}
