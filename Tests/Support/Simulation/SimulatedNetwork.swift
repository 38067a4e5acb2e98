import CoordinatorCore
import Messages

// Messages on their way: lost, doubled, late, out of order, or stopped by a link that is cut one way or both.
extension Simulation {
    private mutating func delay() -> UInt64 {
        guard faulty else { return 1 }
        if chance(mix.longDelay) {
            note(.longDelay)
            return UInt64.random(in: 1...mix.longDelayMilliseconds, using: &random)
        }
        if mix.allows(.jitter) { note(.jitter) }
        return UInt64.random(in: 1...mix.delayMilliseconds, using: &random)
    }
    private mutating func copies() -> Int {
        guard faulty else { return 1 }
        if chance(mix.loss) {
            note(.loss)
            return 0
        }
        guard chance(mix.duplication) else { return 1 }
        note(.duplication)
        return 2
    }
    mutating func sendUp(_ message: Inbound, from worker: Int) {
        guard links[worker].up else { return }
        for _ in 0..<copies() { schedule(.toCoordinator(message, worker: worker), at: now + delay()) }
    }
    mutating func sendDown(_ message: Outbound, to worker: Int) {
        guard links[worker].down else { return }
        for _ in 0..<copies() { schedule(.toWorker(message, worker: worker), at: now + delay()) }
    }

    /// As the shell sorts what comes in: a worker is heard after its hello, through its own connection.
    mutating func arrive(_ message: Inbound, from worker: Int) {
        guard isUp else { return }
        let id = workers[worker].id
        switch message {
        case .hello(let hello):
            routes.insert(id)
            inbox.append((.hello(hello), id))
        case _ where !routes.contains(id): return sendDown(.introduceYourself, to: worker)
        case .heartbeat(_, let seen, let held): inbox.append((.heartbeat(id, seen: seen, held: held), id))
        case .outcomes(_, let number, let outcomes): inbox.append((.outcomes(id, number: number, outcomes), id))
        case .draining: inbox.append((.draining(id), id))
        case .goodbye: inbox.append((.goodbye(id), id))
        case .reports(_, let reports): inbox.append((.reported(id, reports), id))
        case .wantBlob, .request, .enrol, .printed: return
        }
        wakeSoon()
    }
}
