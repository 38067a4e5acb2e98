import CoordinatorCore
import Messages

/// A worker process as the protocol describes it. It forgets everything when it dies.
struct SimulatedWorker {
    struct Work {
        var assignment: Assignment
        var run: ClaimRun
    }
    struct Running {
        var work: Work
        var started: UInt64
        var ends: UInt64
        /// Of this start: a completion event for an earlier one is void.
        var ticket: UInt64
    }
    let id: WorkerID
    let name: String
    let slots: UInt32
    let memory: UInt64
    var isAlive = true
    var isDraining = false
    var pausedUntil: UInt64 = 0
    var seen: UInt64 = 0
    var received: Set<UInt64> = []  // looked up, never iterated
    var queue: [Work] = []
    var running: [Running] = []
    var unacknowledged: [(number: UInt64, outcomes: [TaskOutcome], sent: UInt64)] = []
    var nextNumber: UInt64 = 1

    var held: [ClaimRun] {
        queue.map(\.run) + running.map(\.work.run) + unacknowledged.flatMap { $0.outcomes.map(\.run) }
    }
    var hello: Inbound.Hello {
        var hardware = HardwareReport()
        hardware.availableMemoryBytes = memory
        return Inbound.Hello(
            worker: id, name: name, codeVersion: "simulated", slots: slots, hardware: hardware, seen: seen, held: held)
    }

    /// Drops what is cancelled; what had not ended is handed back.
    mutating func cancel(_ runs: [ClaimRun]) -> [TaskOutcome] {
        var back: [TaskOutcome] = []
        func isCancelled(_ run: ClaimRun) -> Bool {
            runs.contains { $0.job == run.job && $0.epoch == run.epoch && $0.indices.overlaps(run.indices) }
        }
        for work in queue where isCancelled(work.run) {
            back.append(TaskOutcome(run: work.run, end: .returned, busyMicroseconds: 0))
        }
        for entry in running where isCancelled(entry.work.run) {
            back.append(TaskOutcome(run: entry.work.run, end: .returned, busyMicroseconds: 0))
        }
        queue.removeAll { isCancelled($0.run) }
        running.removeAll { isCancelled($0.work.run) }
        return back
    }
}

/// Which faults a seed brings, and how much of each.
package struct FaultMix: Sendable {
    /// In thousandths of all messages.
    package var loss = 0, duplication = 0, longDelay = 0
    package var delayMilliseconds: UInt64 = 2
    package var longDelayMilliseconds: UInt64 = 5000
    /// In ten-thousandths of a batch.
    package var coordinatorCrash = 0
    /// Mean milliseconds between faults of one worker of the whole cluster; 0: none.
    package var workerFaultEvery: UInt64 = 0

    package init(seed: UInt64) {
        var random = SplitMix(seed: seed ^ 0xFA17)
        if seed % 4 == 0 { return }  // calm: only what tasks do themselves
        loss = [0, 0, 10, 100, 300].randomElement(using: &random)!
        duplication = [0, 50, 300].randomElement(using: &random)!
        longDelay = [0, 10, 50].randomElement(using: &random)!
        delayMilliseconds = [1, 5, 50, 400].randomElement(using: &random)!
        longDelayMilliseconds = [5000, 60_000, 600_000].randomElement(using: &random)!
        coordinatorCrash = [0, 5, 40, 200].randomElement(using: &random)!
        workerFaultEvery = [0, 500, 3000, 20_000].randomElement(using: &random)!
    }
    package var isCalm: Bool { workerFaultEvery == 0 && coordinatorCrash == 0 && loss == 0 && longDelay == 0 }
}
