/// How many workers to ask a batch system for, and which to give back. Pure: what is seen goes in, what to do comes out;
/// times are seconds of any clock that only rises.
struct AllocationPlan {
    struct Limits: Equatable {
        var minimum = 0, maximum = 1
        /// Tasks at once on one worker.
        var slots = 1
        /// Allocations that wait for the batch system at once, at most.
        var backlog = 2
        /// So long fewer must be enough before any is given back: asking again costs a wait in the queue.
        var idleSeconds = 60.0
        /// So many failures in a row, and nothing is asked for a while.
        var failures = 3
        /// So long a worker may take to join after its allocation began.
        var joinSeconds = 120.0
        /// How long nothing is asked for, the first, second, … time.
        var pauses: [Double] = [60, 300, 900, 1800, 3600]
    }
    /// One allocation as the batch system tells it.
    struct Allocation: Equatable {
        var id: String
        var isRunning: Bool
        /// Of its worker: nil before it joined.
        var held: Int?
        var isDraining = false
    }
    struct Seen {
        /// Tasks that could run now or do: those of jobs that are paused, or wait for others, do not count.
        var tasks = 0
        /// Slots of workers that did not come through here.
        var otherSlots = 0
        /// In order of submission.
        var allocations: [Allocation] = []
    }
    enum Action: Equatable {
        case submit(Int)
        /// It has not begun.
        case cancel(String)
        /// Its worker hands in what it holds and leaves.
        case retire(String)
        /// Nothing is asked for, for so many seconds.
        case quarantine(Double)
        case lost(String, String)
    }

    let limits: Limits
    /// Those seen last time: when each began, and whether its worker ever joined.
    private var known: [(id: String, began: Double?, joined: Bool)] = []
    private var retired: Set<String> = []
    private var fewerSince: Double?
    private(set) var failuresInARow = 0
    private var pausesTaken = 0
    private(set) var pausedUntil = -Double.infinity

    init(_ limits: Limits) { self.limits = limits }

    func wanted(_ seen: Seen) -> Int {
        let missing = max(0, seen.tasks - seen.otherSlots)
        return min(limits.maximum, max(limits.minimum, (missing + limits.slots - 1) / limits.slots))
    }

    mutating func step(_ seen: Seen, at now: Double) -> [Action] {
        var actions = follow(seen, at: now)
        let live = seen.allocations.filter { !retired.contains($0.id) && !$0.isDraining }
        let pending = live.filter { !$0.isRunning }
        let wanted = wanted(seen)
        if live.count >= wanted + 1 {
            fewerSince = fewerSince ?? now
        } else {
            fewerSince = nil
        }
        if live.count < wanted, now >= pausedUntil {
            let more = min(wanted - live.count, max(0, limits.backlog - pending.count))
            if more > 0 { actions.append(.submit(more)) }
        } else if let since = fewerSince, now - since >= limits.idleSeconds {
            actions += giveBack(live.count - wanted, of: live)
        }
        return actions
    }

    /// It was submitted: it may be over before anybody looks.
    mutating func submitted(_ id: String) { known.append((id, nil, false)) }
    /// One that could not even be submitted.
    mutating func submissionFailed(at now: Double) -> [Action] { failed(at: now) }

    /// Those that wait go first, the newest of them; then workers with nothing to do. One that works goes on.
    private mutating func giveBack(_ count: Int, of live: [Allocation]) -> [Action] {
        let pending = live.reversed().filter { !$0.isRunning }.map { Action.cancel($0.id) }
        let idle = live.reversed().filter { $0.isRunning && $0.held == 0 }.map { Action.retire($0.id) }
        let chosen = Array((pending + idle).prefix(count))
        for case .retire(let id) in chosen { retired.insert(id) }
        for case .cancel(let id) in chosen { retired.insert(id) }
        return chosen
    }

    private mutating func follow(_ seen: Seen, at now: Double) -> [Action] {
        var actions: [Action] = []
        var next: [(id: String, began: Double?, joined: Bool)] = []
        for allocation in seen.allocations {
            let before = known.first { $0.id == allocation.id }
            let joined = before?.joined == true || allocation.held != nil
            if joined, before?.joined != true {
                failuresInARow = 0
                pausesTaken = 0
            }
            let began = allocation.isRunning ? before?.began ?? now : nil
            if let began, !joined, now - began > limits.joinSeconds, retired.insert(allocation.id).inserted {
                actions.append(.lost(allocation.id, "its worker has not joined in \(Int(limits.joinSeconds)) s"))
                actions.append(.cancel(allocation.id))
                actions += failed(at: now)
            }
            next.append((allocation.id, began, joined))
        }
        for gone in known where !seen.allocations.contains(where: { $0.id == gone.id }) {
            let wasOurs = retired.remove(gone.id) != nil
            guard !gone.joined, !wasOurs else { continue }
            actions.append(.lost(gone.id, "it ended before its worker joined"))
            actions += failed(at: now)
        }
        known = next
        return actions
    }

    private mutating func failed(at now: Double) -> [Action] {
        failuresInARow += 1
        guard failuresInARow >= limits.failures else { return [] }
        let pause = limits.pauses[min(pausesTaken, limits.pauses.count - 1)]
        pausesTaken += 1
        failuresInARow = 0
        pausedUntil = now + pause
        return [.quarantine(pause)]
    }
}
