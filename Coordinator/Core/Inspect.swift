import Messages

// What tests and the simulator ask about the core: reading only.

/// How a task stands, for whoever asks about it with a claim in hand.
package enum TaskCondition: Int, Sendable, CaseIterable {
    /// There is no task in question, or none of that name.
    case none, unknown
    /// Waiting: never handed out; handed out before; or for the very claim that asks, which was thought lost.
    case fresh, again, lost
    /// With a worker: by the claim that asks, or by any when none does; by another claim.
    case claimed, elsewhere
    /// With two workers: the claim that asks is one of both, or none asks.
    case doubled
    case done, parked
    /// Its job is over.
    case over
}

/// How a worker stands.
package enum WorkerCondition: Int, Sendable, CaseIterable {
    case nobody
    /// Not known: never came, or is gone.
    case stranger
    /// Known from stored claims only, until it says hello.
    case awaited
    case connected, draining
    /// Runs something alone.
    case reserved
}

extension Core {
    package func condition(of worker: WorkerID) -> WorkerCondition {
        if worker == WorkerID(0) { return .nobody }
        guard let w = workerAt[worker] else { return .stranger }
        if !workers[w].isConnected { return .awaited }
        if workers[w].isDraining { return .draining }
        return workers[w].isReserved ? .reserved : .connected
    }

    /// - Parameter claim: nil to ask without one.
    package func condition(of task: TaskID, for claim: (epoch: Epoch, owner: WorkerID)? = nil) -> TaskCondition {
        guard knows(task.job) else { return .unknown }
        let job = jobs[at(task.job)]
        guard job.tasks.contains(task.index) else { return .unknown }
        if job.state.isOver { return .over }
        let isNewest = claim.map { job.unanswered(task.index, epoch: $0.epoch, owner: $0.owner) != nil } ?? false
        switch job.tasks.phase(task.index) {
        case .done: return .done
        case .parked: return .parked
        case .queued: return job.tasks.epoch(task.index) == 0 ? .fresh : isNewest ? .lost : .again
        case .claimed:
            guard claim == nil || isNewest else { return .elsewhere }
            return job.hasTwoClaims(task.index) ? .doubled : .claimed
        }
    }

    /// Of the newest open claim, or the newest of all; 0 when there was none or it has been answered.
    package func owner(of task: TaskID) -> WorkerID {
        let job = jobs[at(task.job)]
        guard job.tasks.epoch(task.index) > 0 else { return WorkerID(0) }
        let owner = job.tasks.owner(task.index)
        return owner == WorkerID(0) ? job.earlier[task.index]?.owner ?? owner : owner
    }

    /// Of all jobs, ended ones included.
    package var taskTotal: Int { jobs.reduce(0) { $0 + $1.tasks.count } }

    /// Questions to its planner without an answer.
    package func openPlannerCalls(of job: JobID) -> Int { knows(job) ? jobs[at(job)].openPlannerCalls : 0 }

    package func taskCount(of job: JobID) -> UInt32 { knows(job) ? jobs[at(job)].taskCount : 0 }

    /// Tasks that a worker holds.
    package func held(by worker: WorkerID) -> [TaskID] {
        guard let w = workerAt[worker] else { return [] }
        return workers[w].held.flatMap { held in held.run.indices.map { TaskID(held.run.job, $0) } }
    }

    /// Workers that are lost unless they speak before the next tick.
    package func overdueWorkers(at now: Milliseconds) -> [WorkerID] {
        workers.filter { !$0.isGone && $0.deadline <= now }.map(\.id)
    }

    /// Places in the table of workers, those of workers that are gone included.
    package var workerPlaces: Int { workers.count }
    package var livingWorkers: Int { workers.count { !$0.isGone } }

    /// Jobs past the deadline of their budget by more than the grace, of which tasks are with workers.
    /// There are none after a tick.
    package func overrunJobs(at now: Milliseconds) -> [JobID] {
        open.filter {
            let job = jobs[at($0)]
            return job.state == .running && job.claimed > 0
                && (job.ledger?.overrun(at: now) ?? 0) > limits.deadlineGrace
        }
    }
}
