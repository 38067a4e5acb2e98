import Messages
import Synchronization

/// What the worker holds and has not handed to its outbox: queued, running, finished. Shared by the network thread, which
/// adds and collects, and the compute threads, which take and finish. A claim is in exactly one of the three places.
final class WorkQueue: @unchecked Sendable {
    /// Runs queued at most: payloads are in memory. The coordinator keeps two seconds of work here, far less than this;
    /// what is beyond goes straight back.
    static let maximumRuns = 1 << 16
    /// A compute thread takes as many tasks of a run as it expects to do in this time, so that the others share the run
    /// and the lock is taken rarely.
    private static let chunkNanoseconds: Int64 = 2_000_000

    // All below is touched only inside `monitor.locked`, which is why the class may call itself Sendable.
    private let monitor = Monitor()
    private var queue: [Assignment] = []
    /// Taken from `queue[head]` on: removing from the front of an array costs its length.
    private var head = 0
    private var slots: [Slot]
    private var finished: [TaskOutcome] = []
    private var finishedBytes = 0
    /// What a task of a job took lately, in nanoseconds. Forgotten when it holds more jobs than a worker meets at once.
    private var pace: [JobID: Int64] = [:]
    private var hasTold = false
    private var hasToldUrgently = false
    private var isPaused = false
    private var isClosed = false
    /// Called, with the lock held, when there is something to collect.
    private let tell: @Sendable () -> Void
    /// Called when a slot should look at its flag, in case its task waits for something.
    private let ring: @Sendable (Int) -> Void

    /// Raised when a slot should ask `isCancelled`: one load a task instead of a lock.
    final class Flag: Sendable { let isRaised = Atomic<Bool>(false) }
    let flags: [Flag]
    /// Set when the worker leaves: a budgeted task ends its slice then, and its cursor is handed in.
    let isLeaving = Atomic<Bool>(false)

    private struct Slot {
        /// What it took and has not finished.
        var taken: ClaimRun?
        var cancelled: [ClaimRun] = []
    }

    init(slots: Int, ring: @escaping @Sendable (Int) -> Void = { _ in }, tell: @escaping @Sendable () -> Void) {
        self.slots = Array(repeating: Slot(), count: slots)
        flags = (0..<slots).map { _ in Flag() }
        self.ring = ring
        self.tell = tell
    }

    // MARK: - The network thread

    func add(_ assignments: [Assignment]) {
        monitor.locked {
            for assignment in assignments {
                if isClosed || queue.count - head >= Self.maximumRuns {
                    put(TaskOutcome(run: assignment.run, end: .returned, busyMicroseconds: 0))
                } else {
                    queue.append(assignment)
                }
            }
            tellIfNeeded()
            monitor.broadcast()
        }
    }

    /// Takes what is queued of these back at once, and tells the threads that run the rest to stop.
    func cancel(_ runs: [ClaimRun]) {
        monitor.locked {
            for run in runs { cancel(run) }
            tellIfNeeded()
        }
    }

    private func cancel(_ run: ClaimRun) {
        var left: [Assignment] = []
        left.reserveCapacity(queue.count - head)
        for assignment in queue[head...] {
            guard let shared = assignment.run.intersection(run) else {
                left.append(assignment)
                continue
            }
            put(TaskOutcome(run: shared, end: .returned, busyMicroseconds: 0))
            for rest in assignment.run.subtracting(run) {
                var kept = assignment
                kept.run = rest
                left.append(kept)
            }
        }
        queue = left
        head = 0
        for slot in slots.indices {
            guard let shared = slots[slot].taken?.intersection(run) else { continue }
            slots[slot].cancelled.append(shared)
            flags[slot].isRaised.store(true, ordering: .releasing)
            ring(slot)
        }
    }

    /// Everything queued goes back, and nothing is taken any more; what runs goes on.
    func close() {
        monitor.locked {
            isClosed = true
            isLeaving.store(true, ordering: .releasing)
            for assignment in queue[head...] {
                put(TaskOutcome(run: assignment.run, end: .returned, busyMicroseconds: 0))
            }
            queue = []
            head = 0
            tellIfNeeded()
            monitor.broadcast()
        }
    }

    /// Stops what runs.
    func cancelRunning() {
        monitor.locked {
            for slot in slots.indices {
                guard let taken = slots[slot].taken else { continue }
                slots[slot].cancelled.append(taken)
                flags[slot].isRaised.store(true, ordering: .releasing)
                ring(slot)
            }
        }
    }

    /// While paused, no thread takes work: the coordinator does not take our results.
    func pause(_ paused: Bool) {
        monitor.locked {
            isPaused = paused
            monitor.broadcast()
        }
    }

    /// What finished since the last call.
    func collect() -> [TaskOutcome] {
        monitor.locked {
            hasTold = false
            hasToldUrgently = false
            finishedBytes = 0
            let taken = finished
            finished = []
            return taken
        }
    }

    enum Readiness { case nothing, some, urgent }
    /// Whether there is something to collect; urgent when there is much of it, or the worker is about to run dry.
    var readiness: Readiness { monitor.locked { finished.isEmpty ? .nothing : urgent ? .urgent : .some } }

    /// Everything held here; with the outbox, everything the worker answers for.
    var held: [ClaimRun] {
        monitor.locked { queue[head...].map(\.run) + slots.compactMap(\.taken) + finished.map(\.run) }
    }

    /// A `take` would not wait.
    var hasWork: Bool { monitor.locked { head < queue.count && !isPaused } }

    /// What a task of the jobs that wait here takes, at most, as far as tasks of them ended here before; in milliseconds.
    var longestQueued: Int64 {
        monitor.locked { (queue[head...].compactMap { pace[$0.run.job] }.max() ?? 0) / 1_000_000 }
    }

    /// Nothing runs, and everything finished was collected.
    var isDone: Bool {
        monitor.locked { head == queue.count && slots.allSatisfy { $0.taken == nil } && finished.isEmpty }
    }

    // MARK: - A compute thread

    /// Waits for work: part of a run, as much as keeps this slot busy for a few milliseconds.
    func take(slot: Int) -> Assignment {
        monitor.locked {
            while head == queue.count || isPaused { monitor.wait() }
            var assignment = queue[head]
            let paceOfTask = max(pace[assignment.run.job] ?? Self.chunkNanoseconds, 1)
            let wanted = UInt32(clamping: max(1, Self.chunkNanoseconds / paceOfTask))
            if wanted < assignment.run.count {
                assignment.run.count = wanted
                queue[head].run.first += wanted
                queue[head].run.count -= wanted
            } else {
                queue[head].payload = []  // the memory goes with the last task
                head += 1
                if head == queue.count || head >= 1024 {
                    queue.removeFirst(head)
                    head = 0
                }
            }
            slots[slot].taken = assignment.run
            return assignment
        }
    }

    /// Whether this task of what the slot took is no longer wanted.
    func isCancelled(slot: Int, index: UInt32) -> Bool {
        monitor.locked { slots[slot].cancelled.contains { $0.indices.contains(index) } }
    }

    /// Hands in what the slot took: ends of its first tasks, and the rest back for whoever is free.
    /// - Parameter nanoseconds: what the tasks took together.
    func finish(slot: Int, _ outcomes: [TaskOutcome], rest: Assignment?, tasks: UInt32, nanoseconds: Int64) {
        monitor.locked {
            for outcome in outcomes { put(outcome) }
            let cancelled = slots[slot].cancelled
            slots[slot] = Slot()
            flags[slot].isRaised.store(false, ordering: .releasing)
            if let rest {
                if isClosed {
                    put(TaskOutcome(run: rest.run, end: .returned, busyMicroseconds: 0))
                } else {
                    if head > 0 {
                        head -= 1
                        queue[head] = rest
                    } else {
                        queue.insert(rest, at: 0)
                    }
                    for run in cancelled { cancel(run) }
                    monitor.signal()
                }
            }
            if tasks > 0, let job = outcomes.first?.run.job {
                if pace.count > 64 { pace = [:] }
                let now = nanoseconds / Int64(tasks)
                pace[job] = pace[job].map { ($0 * 3 + now) / 4 } ?? now
            }
            tellIfNeeded()
        }
    }

    // MARK: - With the lock held

    private func put(_ outcome: TaskOutcome) {
        finishedBytes += outcome.wireSize
        // Mostly the next part of the run before.
        if let last = finished.last, last.run.isContinued(by: outcome.run), last.end == outcome.end {
            finished[finished.count - 1].run.count += outcome.run.count
            finished[finished.count - 1].busyMicroseconds += outcome.busyMicroseconds
        } else {
            finished.append(outcome)
        }
    }

    private var urgent: Bool {
        finishedBytes >= 1 << 18 || finished.count >= 512 || queue.count - head < slots.count
    }

    private func tellIfNeeded() {
        guard !finished.isEmpty else { return }
        let isUrgent = urgent
        guard !hasTold || (isUrgent && !hasToldUrgently) else { return }
        hasTold = true
        hasToldUrgently = hasToldUrgently || isUrgent
        tell()
    }
}
