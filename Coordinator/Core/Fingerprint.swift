import Messages

/// A running hash of what a core decided: two cores with the same fingerprints after each batch took the same decisions.
/// It mixes what each effect is about and how much it says, not every byte: cheap enough to be taken of every batch.
package struct Fingerprint: Sendable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325
    package init() {}

    /// One multiplication and a rotation for each word: order matters, and each bit reaches the upper half.
    private mutating func mix(_ word: UInt64) {
        let product = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value = product ^ (product >> 29)
    }
    private mutating func mix(_ run: ClaimRun) {
        mix(UInt64(run.job.number) << 32 | UInt64(run.first))
        mix(UInt64(run.count) << 32 | UInt64(run.epoch))
    }
    private mutating func mix(_ text: String) { for byte in text.utf8 { mix(UInt64(byte)) } }

    package mutating func mix(_ effect: Effect) {
        switch effect {
        case .record(let record): mix(record)
        case .send(let message, let worker):
            mix(1)
            mix(worker.incarnation)
            mix(message)
        case .reply(let reply, let client):
            mix(2)
            mix(client.connection)
            mix(client.number)
            if case .submitted(let job) = reply { mix(UInt64(job.number)) }
        case .plan(let job, let call):
            mix(3)
            mix(UInt64(job.number))
            if case .finished(let index, let result, let load) = call {
                for number in [Int(index), result.count, load.slots, load.idleSlots, load.queuedTasks] {
                    mix(UInt64(number))
                }
            }
        case .publish(_, _, let pictures):
            mix(4)
            mix(UInt64(pictures.count))
        case .log(let line): mix(line.event)
        }
    }

    private mutating func mix(_ message: Outbound) {
        switch message {
        case .assign(let number, let assignments):
            mix(number)
            for assignment in assignments {
                mix(assignment.run)
                mix(UInt64(assignment.sliceMilliseconds) << 32 | UInt64(assignment.payload.count))
            }
        case .accepted(let numbers): for number in numbers { mix(number) }
        case .cancel(let runs): for run in runs { mix(run) }
        default: mix(5)
        }
    }

    private mutating func mix(_ record: Record) {
        switch record {
        case .accepted(let job, let submission, let wall):
            for word in [16, UInt64(job.number), submission.token, wall] { mix(word) }
        case .state(let job, let state, let reason, let answer, let wall):
            let blob: UInt64 = answer?.words.0 ?? 0
            for word in [17, UInt64(job.number), UInt64(state.rawValue), blob, wall] { mix(word) }
            mix(reason)
        case .array(let job, let payload, let count):
            for word in [18, UInt64(job.number), UInt64(payload.count), UInt64(count)] { mix(word) }
        case .tasks(let job, let first, let tasks):
            for word in [19, UInt64(job.number), UInt64(first), UInt64(tasks.count)] { mix(word) }
            for task in tasks {
                mix(UInt64(task.payload.count) << 1 | (task.isBudgeted ? 1 : 0))
                if let known = task.known { mix(UInt64(known.count)) }
            }
        case .planStatus(let job, let status):
            let done: UInt64 = status.stages.last?.done ?? 0
            for word in [20, UInt64(job.number), done] { mix(word) }
        case .claimed(let run, let worker, let granted):
            for word in [21, worker.incarnation, UInt64(granted)] { mix(word) }
            mix(run)
        case .closed(let run, let allDone):
            mix(allDone ? 22 : 23)
            mix(run)
        case .done(let run, let bytes, let busy):
            for word in [24, UInt64(bytes.count), busy] { mix(word) }
            mix(run)
        case .attempts(let task, let failures, let deaths, let parked):
            for number in [25, task.job.number, task.index, failures, UInt32(deaths.count)] { mix(UInt64(number)) }
            for worker in deaths { mix(worker.incarnation) }
            if let parked { mix(parked) }
        case .ledger(let job, let entry):
            for word in [
                26, UInt64(job.number), entry.at, UInt64(entry.task), entry.granted, entry.spent, entry.donated,
            ] { mix(word) }
        case .heard(let job, let hearing):
            for word in [27, UInt64(job.number), UInt64(hearing.bytes.count), UInt64(hearing.afterResults)] {
                mix(word)
            }
        case .joined(let worker, let name):
            mix(worker.incarnation)
            mix(name)
        case .left(let worker): mix(~worker.incarnation)
        case .budget(let job, let budget):
            for word in [
                28, UInt64(job.number), budget.wallMilliseconds, budget.elapsedMilliseconds, budget.total,
                budget.mostSlots,
            ] { mix(word) }
        case .budgetAdded(let job, let token, let milliseconds):
            for word in [29, UInt64(job.number), token, milliseconds] { mix(word) }
        }
    }
}
