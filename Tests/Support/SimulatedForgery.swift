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
}
