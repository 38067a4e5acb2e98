import CoordinatorCore
import Messages

// What is held against the core itself, and at the end. The rules of records are in SimulatedStore.swift.
extension Simulation {
    mutating func checkState(rebuild: Bool) {
        if let words = core.brokenInvariant() { fail(.oneState, words) }
        guard rebuild else { return }
        let twin = Core(limits: limits, restoring: store.load(), at: 0, plantedBug: plantedBug)
        if twin.stateHash != core.stateHash {
            fail(.rebuilt, "the rebuilt state is not the live one: \(twin.difference(from: core) ?? "")")
        }
        if let words = twin.brokenInvariant() { fail(.rebuilt, "after a rebuild: \(words)") }
        // Places of workers that are gone are taken again.
        if core.workerPlaces > workers.count { fail(.tables, "\(core.workerPlaces) places for workers") }
    }

    /// With nothing lost or late, a worker never holds more memory, nor more cores of large tasks, than it has.
    mutating func checkRoomOfWorker(_ w: Int) {
        var memory: UInt64 = 0
        var cores: UInt64 = 0
        for run in workers[w].queue.map(\.run) + workers[w].running.map(\.work.run)
        where !store.state(of: run.job).isOver {
            let needs = store.submission(of: run.job).needs
            memory += needs.memoryBytes * UInt64(run.count)
            if needs.cores > 1 { cores += UInt64(needs.cores) * UInt64(run.count) }
        }
        if memory > workers[w].memory { fail(.resources, "\(workers[w].name) holds tasks of \(memory >> 20) MiB") }
        if cores > workers[w].slots { fail(.resources, "\(workers[w].name) holds tasks of \(cores) cores") }
    }

    mutating func checkOneWhy() {}
    mutating func checkAfterTick() {
        for job in core.overrunJobs(at: coordinatorNow) { fail(.budget, "job \(job) runs past its deadline") }
    }

    // MARK: - The end

    var isFinished: Bool {
        isUp && wanted.allSatisfy { $0.job.map(isSettled) ?? false } && wishes.isEmpty
    }
    /// Over, or waiting for one that wants more budget.
    private func isSettled(_ job: JobID) -> Bool {
        let state = store.state(of: job)
        guard state == .waiting else { return state.isOver }
        return store.submission(of: job).after.contains { store.state(of: $0) == .unfinished || isBlocked($0) }
    }
    private func isBlocked(_ job: JobID) -> Bool { store.state(of: job) == .waiting && isSettled(job) }
    var unfinished: String {
        wanted.compactMap { entry in
            guard let job = entry.job else { return "a job not accepted" }
            return store.state(of: job).isOver ? nil : core.why("\(job)", at: coordinatorNow)
        }.joined(separator: " ") + " \(wishes.count) wishes open"
    }

    mutating func checkEnds() {
        for entry in wanted {
            let job = entry.job!
            let spec = SimulatedJob(spec: entry.submission.spec)
            let state = store.state(of: job)
            let mayFail =
                (spec.poison != .max || spec.failing != .max || spec.plannerFailsAt != .max || !mix.isCalm)
                || entry.submission.after.contains { store.state(of: $0) != .done }
            let isWell =
                state == .done || (state == .failed && mayFail) || cancelled.contains(job)
                || (state == .unfinished && entry.submission.budgetMilliseconds > 0) || isBlocked(job)
            if !isWell { fail(.ends, "job \(job) ended \(state)") }
            for (index, reason) in store.parked(of: job) where mix.isCalm {
                if index != spec.poison, index != spec.failing, spec.kind != .fan || index < spec.count {
                    fail(.blame, "a neighbour was blamed: \(job).\(index): \(reason)")
                }
            }
            if spec.poison != .max, kills[TaskID(job, spec.poison)] ?? 0 > limits.crashes {
                fail(.blame, "task \(job).\(spec.poison) killed \(kills[TaskID(job, spec.poison)]!) workers")
            }
        }
        // A message that was minutes late may have brought a dead one back for a moment.
        if !mix.allows(.longDelay), core.livingWorkers > workers.count(where: \.isAlive) {
            fail(.tables, "\(core.livingWorkers) workers live for the core")
        }
    }
}
