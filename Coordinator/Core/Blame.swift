import Messages

// A worker died: which of its tasks killed it? Each is held against it, and tried again beside few others, then alone.
// So one that kills is found with its third worker, whatever stood beside it before; and what merely stood there runs
// again at once.
extension Core {
    /// Deaths that a task was there at before it is tried alone: fewer where fewer are allowed at all.
    private var deathsBeforeAlone: UInt32 { min(limits.crashes, 3) - 1 }

    /// With whom a task may be at a worker.
    func company(of index: UInt32, _ j: Int) -> Company {
        let crashes = jobs[j].crashes(of: index)
        if crashes == 0 { return .any }
        return crashes >= deathsBeforeAlone && plantedBug != .triesLastBesideOthers ? .nobody : .suspects
    }
    /// The same for a run that a worker has already: what is known of its tasks may have changed meanwhile.
    func company(of run: ClaimRun) -> Company {
        let j = at(run.job)
        guard !jobs[j].troubles.isEmpty else { return .any }
        let first = company(of: run.first, j)
        return first == .any && run.indices.contains { jobs[j].crashes(of: $0) > 0 } ? .suspects : first
    }

    /// How many suspects more a worker may have; topped up when half is answered, so that messages stay few.
    func roomForSuspects(_ w: Int) -> UInt32 {
        if plantedBug == .triesSuspectsTogether { return .max }
        let held = workers[w].heldSuspects
        return held <= limits.suspects / 2 ? limits.suspects - held : 0
    }

    /// The count is stored in the batch that closes the claim: before the next claim of the task goes out.
    mutating func crashed(_ index: UInt32, of j: Int, with worker: WorkerID, isCertain: Bool) {
        guard isCertain || jobs[j].crashes(of: index) + 1 < limits.crashes else { return requeue(index, of: j) }
        jobs[j].troubles[index, default: Job.Trouble()].deaths.append(worker)
        blamed[worker, default: []].append(TaskID(jobs[j].id, index))
        let crashes = jobs[j].crashes(of: index)
        if crashes >= (plantedBug == .blamesNeighbours ? 1 : limits.crashes), plantedBug != .retriesPoison {
            park(index, of: j, "poisoned: \(crashes) workers died while they ran it")
        } else {
            requeue(index, of: j)
            recordAttempts(index, of: j)
        }
    }

    /// A worker that was thought dead is here: what was held against the tasks it had is taken back, whoever has them
    /// now. What is over stays so, for its verdict was acknowledged.
    mutating func absolve(_ worker: WorkerID) {
        guard let tasks = blamed.removeValue(forKey: worker), plantedBug != .keepsBlame else { return }
        for task in tasks.sorted() {
            let j = at(task.job)
            guard let death = jobs[j].troubles[task.index]?.deaths.firstIndex(of: worker),
                [.queued, .claimed].contains(jobs[j].tasks.phase(task.index))
            else { continue }
            jobs[j].troubles[task.index]!.deaths.remove(at: death)
            recordAttempts(task.index, of: j)
        }
    }

    /// After a restart, or out of a snapshot.
    mutating func findBlame(of j: Int) {
        if plantedBug == .forgetsBlameInRestart { return }
        for (index, trouble) in jobs[j].troubles.sorted(by: { $0.key < $1.key }) {
            // Of some it was not written down who died.
            for worker in trouble.deaths where worker != WorkerID(0) {
                blamed[worker, default: []].append(TaskID(jobs[j].id, index))
            }
        }
    }
    /// Before a job's work is forgotten.
    mutating func forgetBlame(of j: Int) {
        for worker in Set(jobs[j].troubles.values.flatMap(\.deaths)).sorted() {
            let left = blamed[worker]?.filter { $0.job != jobs[j].id } ?? []
            blamed[worker] = left.isEmpty ? nil : left
        }
    }
}

/// With whom a task may be at a worker.
enum Company: UInt8, Sendable, Wire {
    case any
    /// With any, but few of those that are suspected too.
    case suspects
    case nobody

    func write(to writer: inout WireWriter) { writer.integer(rawValue) }
    init(from reader: inout WireReader) throws(WireError) {
        guard let company = Company(rawValue: try reader.integer()) else { throw WireError("no such company") }
        self = company
    }
}
