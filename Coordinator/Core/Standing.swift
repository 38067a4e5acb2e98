import Messages

/// Why a task is where it is.
package enum Standing: Sendable, Equatable {
    case noSuchTask
    case done
    case parked(String)
    /// With its worker; `isAwaited`: from before a restart, and not back yet.
    case held(WorkerID, isAwaited: Bool)
    /// It takes long, so a second worker runs it too.
    case heldTwice(WorkerID, WorkerID)
    /// Its job is not running: it waits, is paused or over.
    case job(JobState)
    case budgetUsed
    case noWorker
    case tooManyCores(largest: UInt32)
    case tooMuchMemory
    /// It goes out with the next tick, to this worker.
    case next(WorkerID)
    /// Others of its job go first; `next` of them.
    case inLine(next: UInt32)
    /// Every worker that fits it has as much as it should.
    case busy(fitting: Int)
    /// It was there when workers died, and another death would be its last: it runs alone, and none that fits it is empty.
    case alone
    /// There is room, and it goes to another job first, or is kept for one that needs much of a worker.
    case behind(JobID)
}

extension Core {
    /// How a task stands between two ticks. Whether it runs next is not guessed: the dispatch itself is tried on a copy.
    package func standing(of task: TaskID, at now: Milliseconds) -> Standing {
        guard knows(task.job), jobs[at(task.job)].tasks.contains(task.index) else { return .noSuchTask }
        let j = at(task.job)
        let job = jobs[j]
        switch job.tasks.phase(task.index) {
        case .done: return .done
        case .parked: return .parked(job.troubles[task.index]?.parked ?? "it failed")
        case .claimed:
            if let rivals = rivals(for: task) { return .heldTwice(rivals.first, rivals.second) }
            let owner = owner(of: task)
            return .held(owner, isAwaited: workerAt[owner].map { !workers[$0].isConnected } ?? false)
        case .queued: break
        }
        if job.state != .running { return .job(job.state) }
        if job.ledger?.isOver(at: now) == true { return .budgetUsed }
        let live = workers.indices.filter { workers[$0].isConnected && !workers[$0].isGone && !workers[$0].isDraining }
        guard !live.isEmpty else { return .noWorker }
        let needs = job.submission.needs
        let large = live.filter { workers[$0].slots >= needs.cores }
        guard !large.isEmpty else { return .tooManyCores(largest: live.map { workers[$0].slots }.max() ?? 0) }
        let fitting = large.filter {
            let memory = workers[$0].availableMemory
            return memory == 0 || memory >= needs.memoryBytes
        }
        guard !fitting.isEmpty else { return .tooMuchMemory }

        var tried = self
        tried.now = now
        tried.countBudgetSlots()
        tried.dispatch()
        if tried.jobs[j].tasks.phase(task.index) == .claimed { return .next(tried.jobs[j].tasks.owner(task.index)) }
        guard let next = tried.firstQueued(of: j) else { return .busy(fitting: fitting.count) }
        if next != task.index { return .inLine(next: next) }
        guard let free = fitting.first(where: { tried.room(on: $0, for: j, next) > 0 }) else {
            return company(of: next, j) == .nobody ? .alone : .busy(fitting: fitting.count)
        }
        // The rest of the budget is out with other tasks; or somebody else is next where there is room.
        guard let other = tried.rival(of: j, on: free) else { return .busy(fitting: fitting.count) }
        return .behind(jobs[other].id)
    }

    /// The job whose task is to come next to a worker, or for which it is being emptied, before one of job `j`.
    private mutating func rival(of j: Int, on w: Int) -> Int? {
        let memory = workers[w].availableMemory
        let candidates = open.map { at($0) }.filter { other in
            let needs = jobs[other].submission.needs
            return other != j && jobs[other].state == .running && needs.cores <= workers[w].slots
                && (memory == 0 || needs.memoryBytes <= memory)
        }.sorted { (-Int64(jobs[$0].submission.priority), $0) < (-Int64(jobs[$1].submission.priority), $1) }
        return candidates.first { firstQueued(of: $0) != nil }
    }

    /// The same in words.
    func why(_ task: TaskID, at now: Milliseconds) -> String {
        guard knows(task.job) else { return "There is no job \(task.job); `apex jobs` lists them." }
        let job = jobs[at(task.job)]
        switch standing(of: task, at: now) {
        case .noSuchTask: return "Job \(job.id) has \(job.tasks.count) tasks so far; there is no task \(task)."
        case .done: return "Task \(task) is done."
        case .parked(let reason): return "Task \(task) is not tried again: \(reason)."
        case .held(let owner, true):
            return "Task \(task) was with worker \(name(of: owner)) before the coordinator restarted; "
                + "it has time to return."
        case .held(let owner, false):
            return "Task \(task) is with worker \(name(of: owner)), attempt \(job.tasks.epoch(task.index))."
        case .heldTwice(let first, let second):
            return "Task \(task) takes long for its kind, so it is with worker \(name(of: first)) and with "
                + "\(name(of: second)) too; the first result counts."
        case .job: return why(job, at: now)
        case .budgetUsed:
            return "Task \(task) waits for budget: job \(job.id) has used its \(job.ledger?.wall ?? 0) ms."
        case .noWorker: return "Task \(task) waits for a worker: none is connected; start `apex-worker`."
        case .tooManyCores(let largest):
            let cores = job.submission.needs.cores
            return
                "Task \(task) needs \(counted(cores, "core")) at once and the largest worker has \(counted(largest, "slot")); "
                + "start one with --slots \(cores)."
        case .tooMuchMemory:
            return
                "Task \(task) needs \(job.submission.needs.memoryBytes >> 20) MiB of memory and no worker has as much."
        case .next(let worker): return "Task \(task) goes to worker \(name(of: worker)) now."
        case .inLine(let next): return "Task \(task) waits for its turn: \(why(TaskID(job.id, next), at: now))"
        case .busy(let fitting):
            let first = open.first {
                jobs[at($0)].submission.priority > job.submission.priority && jobs[at($0)].state == .running
                    && !jobs[at($0)].queue.isEmpty
            }
            let words = first.map { "; job \($0), which has a higher priority, goes first" } ?? ""
            return
                "Task \(task) waits for a free slot: \(fitting == 1 ? "1 worker fits it and is" : "\(fitting) workers fit it and all are") busy\(words)."
        case .alone:
            return "Task \(task) was there when workers died, so it waits for a worker with nothing else to do."
        case .behind(let other):
            let higher = jobs[at(other)].submission.priority > job.submission.priority
            return higher
                ? "Task \(task) waits behind job \(other), which has a higher priority."
                : "Task \(task) waits behind job \(other), whose turn it is or for which a worker is being emptied."
        }
    }

    private func name(of worker: WorkerID) -> String {
        guard let w = workerAt[worker] else { return "a worker" }
        return workers[w].hello.name.isEmpty ? "\(worker)" : workers[w].hello.name
    }
}
