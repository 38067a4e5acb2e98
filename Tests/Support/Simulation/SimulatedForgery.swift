import CoordinatorCore
import Messages

// What a broken or hostile worker says: well-formed frames with claims that are not its own, are too old, or never were.
extension Simulation {
    /// One forged event from a live worker, about claims whose results may not be accepted from it.
    mutating func forgery(by worker: WorkerID) -> Event {
        var runs: [ClaimRun] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let run = forgedRun()
            // What happens to be its own claim would be no forgery.
            if !store.isOwed(run, to: worker) { runs.append(run) }
        }
        let endings: [TaskOutcome.End] = [.done([]), .done([]), .failed("forged"), .returned]
        switch random.next() % 8 {
        case 0: return .planned(JobID(UInt32.max), Plan())
        case 1: return .heartbeat(WorkerID(random.next() | 1), seen: random.next(), held: runs)
        case 2: return .draining(WorkerID(random.next() | 1))
        case 3: return .goodbye(WorkerID(random.next() | 1))
        default:
            let outcomes = runs.map {
                TaskOutcome(run: $0, end: endings.randomElement(using: &random)!, busyMicroseconds: random.next())
            }
            // Number 0 is nobody's message, so its acknowledgement acknowledges nothing.
            return .outcomes(worker, number: 0, outcomes)
        }
    }

    private mutating func forgedRun() -> ClaimRun {
        let job = JobID(UInt32.random(in: 0...UInt32(store.jobCount + 1), using: &random))
        // Epochs as other workers and earlier claims have them: small, and a task's newest among them.
        let epoch = random.next() % 8 == 0 ? UInt32.max : UInt32.random(in: 0...4, using: &random)
        let count = store.taskCount(of: job)
        guard count > 0, random.next() % 8 > 0 else {
            let first = UInt32(truncatingIfNeeded: random.next()) >> 1
            return ClaimRun(job: job, first: first, count: UInt32.random(in: 1...1000, using: &random), epoch: epoch)
        }
        let first = UInt32.random(in: 0..<count, using: &random)
        let length = random.next() % 2 == 0 ? 1 : UInt32.random(in: 1...count, using: &random)
        return ClaimRun(job: job, first: first, count: length, epoch: epoch)
    }

    /// A real frame of a live worker, broken or altered on its way. Nearly all are refused; what can still be read comes
    /// from a connection that speaks for nobody, or says what may not be believed.
    mutating func hostileFrame(near w: Int) -> Event? {
        let worker = workers[w]
        let messages: [Inbound] = [
            .heartbeat(worker: worker.id, seen: worker.seen, held: worker.held),
            .outcomes(
                worker: worker.id, number: 0,
                worker.held.map { TaskOutcome(run: $0, end: .done([]), busyMicroseconds: 1) }),
            .goodbye(worker: worker.id),
        ]
        var frame = Frame.encode(messages.randomElement(using: &random)!)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            switch random.next() % 3 {
            case 0: frame.removeLast(Int.random(in: 0...frame.count, using: &random))
            case 1: frame.append(UInt8(truncatingIfNeeded: random.next()))
            default:
                guard !frame.isEmpty else { return nil }
                frame[Int.random(in: 0..<frame.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        guard let message = try? Frame.decode(Inbound.self, frame) else { return nil }
        switch message {
        case .heartbeat(let id, let seen, let held): return .heartbeat(id, seen: seen, held: held)
        case .outcomes(let id, _, let outcomes):
            return .outcomes(id, number: 0, outcomes.filter { !store.isOwed($0.run, to: id) })
        case .goodbye(let id): return .goodbye(id)
        case .draining(let id): return .draining(id)
        case .reports(let id, let reports): return .reported(id, reports)
        case .hello, .wantBlob, .request, .enrol, .printed: return nil
        }
    }
}
