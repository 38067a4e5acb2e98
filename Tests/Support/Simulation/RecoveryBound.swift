import CoordinatorCore
import Messages

/// How long what remains may take once nothing goes wrong any more.
package struct RecoveryBound: Sendable, CustomStringConvertible {
    /// No schedule is shorter: all work that remains over all slots, or that of one shape over its places; the longest chain of jobs that wait for each other.
    /// In milliseconds.
    package var area: UInt64 = 0, path: UInt64 = 0
    /// What doubt may cost before work goes on: see `Simulation.boundOfRecovery`.
    package var lease: UInt64 = 0
    package var lower: UInt64 { max(area, path) }
    package var milliseconds: UInt64 { lower + lower / 2 + lease }
    package var description: String {
        "lower bound \(lower) ms (area \(area), path \(path)), lease \(lease) ms"
    }
}

extension Simulation {
    /// A message each way, and the coordinator's waking between them, when nothing is late.
    private static let turn: UInt64 = 4

    /// Every task without a result counts in full, whether or not it runs: after the last fault it may have to begin
    /// again.
    func boundOfRecovery() -> RecoveryBound {
        var bound = RecoveryBound()
        let live = workers.filter { $0.isAlive && !$0.isDraining }
        var paths: [UInt64] = []
        var work: UInt64 = 0
        var shapes: [(needs: TaskNeeds, places: UInt64, load: UInt64)] = []
        var longest: UInt64 = 0
        for entry in wanted {
            let job = SimulatedJob(spec: entry.submission.spec)
            let own = remainder(of: entry.submission, entry.job, job, live)
            work += own.work
            let needs = entry.submission.needs
            let places = max(Self.places(for: needs, on: live).reduce(0, +), 1)
            shapes.append((needs, places, own.work / UInt64(max(needs.cores, 1))))
            longest = max(longest, job.kind == .search ? limits.slice : UInt64(job.taskMilliseconds))
            let before = entry.submission.after.map { paths[Int($0.number) - 1] }.max() ?? 0
            paths.append(before + own.path)
        }
        let slots = live.reduce(0) { $0 + UInt64($1.slots) }
        // Tasks of a shape, and larger ones, have so many places and no more, however many slots there are.
        let crowded = shapes.map { shape in
            shapes.filter { $0.needs.cores >= shape.needs.cores && $0.needs.memoryBytes >= shape.needs.memoryBytes }
                .reduce(0) { $0 + $1.load } / shape.places
        }
        bound.area = max(work / max(slots, 1), crowded.max() ?? 0)
        bound.path = paths.max() ?? 0
        // A claim of one that died unheard is given back after its silence, and its task begins again; a claim or an
        // answer whose message was lost, after three heartbeats and after two seconds; a planner's last answer under
        // the faults is at most two seconds late.
        bound.lease = limits.silence + 3 * limits.heartbeat + 2000 + 2000 + longest
        // A straggler is waited for, may be thought to stand behind others, and begins again elsewhere.
        let patience = workers.filter(\.isAlive).flatMap(\.running).filter(\.isStraggler)
            .compactMap { core.patience(with: $0.work.run.job) }.max()
        if let patience { bound.lease += patience + limits.queuedMaximum + longest }
        return bound
    }

    private func isWithTheDead(_ task: TaskID) -> Bool {
        store.isHeld(task) && workerAt[store.owner(of: task)].map { !workers[$0].isAlive } ?? true
    }

    /// How many such tasks fit each worker that fits any.
    private static func places(for needs: TaskNeeds, on live: [SimulatedWorker]) -> [UInt64] {
        live.map { worker in
            let byMemory = needs.memoryBytes > 0 ? worker.memory / needs.memoryBytes : UInt64(worker.slots)
            return min(UInt64(worker.slots / max(needs.cores, 1)), byMemory)
        }.filter { $0 > 0 }
    }

    /// - Returns: slot-milliseconds of the job, and milliseconds if it had all workers that fit it for itself.
    private func remainder(
        of submission: Submission, _ id: JobID?, _ job: SimulatedJob, _ live: [SimulatedWorker]
    ) -> (work: UInt64, path: UInt64) {
        if let id, store.state(of: id).isOver { return (0, 0) }
        let needs = submission.needs
        let fitting = Self.places(for: needs, on: live)
        let places = max(fitting.reduce(0, +), 1)
        guard job.kind != .search else { return searchRemainder(submission, id, job, places) }
        let length = max(UInt64(job.taskMilliseconds), 1)
        let waves = { (tasks: UInt64) in (tasks + places - 1) / places }
        let known = id.map { store.taskCount(of: $0) } ?? 0
        let open = id.map { store.open(of: $0) } ?? []
        // Tasks that saw so many workers die that the next is their last take a whole worker each, and of those that saw
        // any a worker has few at a time; so it will be with those that a dead one still holds.
        var (alone, suspects): (UInt64, UInt64) = (0, 0)
        if let id {
            for task in open.map({ TaskID(id, $0) }) {
                let deaths = store.crashes(of: task) + (isWithTheDead(task) ? 1 : 0)
                if deaths + 1 >= limits.crashes { alone += 1 } else if deaths > 0 { suspects += 1 }
            }
        }
        let workersFit = UInt64(max(fitting.count, 1))
        var first = known == 0 ? UInt64(job.count) : UInt64(open.count) - alone
        var path: UInt64 = 0
        if job.kind == .fan, known <= job.count {
            path += waves(UInt64(job.count / 2 + 1)) * (length + Self.turn)
            first += UInt64(job.count / 2 + 1)
        }
        path += waves(min(first, known == 0 ? UInt64(job.count) : first)) * length
        path += (alone + workersFit - 1) / workersFit * (length + Self.turn)
        let partly = UInt64(limits.suspects / 2) * workersFit
        path += (suspects + partly - 1) / partly * Self.turn
        if job.failing < .max { path += UInt64(submission.retries) * (length + Self.turn) }
        let slotsOfAWorker = places * UInt64(needs.cores) / workersFit + 1
        let work = first * length * UInt64(needs.cores) + alone * (length + Self.turn) * slotsOfAWorker
        return (work, path)
    }

    /// A search begins with few pieces, each of which may split in two when a slice of it ends.
    private func searchRemainder(_ submission: Submission, _ id: JobID?, _ job: SimulatedJob, _ places: UInt64)
        -> (work: UInt64, path: UInt64)
    {
        let unit = UInt64(max(job.taskMilliseconds, 1))
        var pieces: [UInt64] = [UInt64(job.count + 1) / 2, UInt64(job.count) / 2]
        if let id, store.taskCount(of: id) > 0 {
            pieces = store.open(of: id).map {
                let piece = SimulatedJob.piece(store.payload(of: TaskID(id, $0)))
                return UInt64(piece.to - piece.from)
            }
        }
        let units = pieces.reduce(0, +)
        var left = units * unit
        var width = UInt64(max(pieces.count, 1))
        var path: UInt64 = 0
        while left > 0 {
            path += min(limits.slice, max(left / width, unit)) + Self.turn
            left -= min(left, width * limits.slice)
            width = min(width * 2, places)
        }
        if submission.budgetMilliseconds > 0 {
            let budget = id.flatMap { core.status(of: $0, at: coordinatorNow)?.budget }
            let wall = budget.map { $0.wallMilliseconds - min($0.wallMilliseconds, $0.elapsedMilliseconds) }
            path = min(path, wall ?? submission.budgetMilliseconds)
        }
        return (units * unit * UInt64(submission.needs.cores), path)
    }
}
