import Messages

// A task whose result is known from before is never handed out: whoever planned it found the result and said so.
extension Core {
    /// Of tasks just planned, those whose results are known are done. Epoch 0 says that nobody claimed them.
    mutating func takeKnown(_ tasks: [PlannedTask], from first: UInt32, of id: JobID) {
        let j = at(id)
        // Nothing ran, so that nothing is idle for want of work: a search is not cut up because of it.
        let load = Load(slots: index.liveSlots, idleSlots: 0, queuedTasks: 0)
        for (offset, task) in tasks.enumerated() {
            guard let result = task.known else { continue }
            let index = first + UInt32(offset)
            jobs[j].tasks.set(index, .done)
            jobs[j].forgetPayload(index)
            jobs[j].done += 1
            jobs[j].reused += 1
            if plantedBug != .forgetsReused {
                let run = ClaimRun(job: id, first: index, count: 1, epoch: 0)
                effects.append(.record(.done(run, result, busyMicroseconds: 0)))
            }
            ask(id, .finished(index: index, result: result, load: load))
        }
    }
}

/// What a task's result depends on, in bytes: tasks that are alike in it have the same result, of kinds that are
/// reusable. A task's bytes name its inputs by their hashes.
package enum ReuseKey {
    package static func bytes(
        kind: String, codeVersion: UInt32, task: [UInt8], plantedBug: PlantedBug? = nil
    ) -> [UInt8] {
        var writer = WireWriter()
        writer.string(kind)
        writer.integer(plantedBug == .reusesOldCode ? 0 : codeVersion)
        writer.blob(task)
        return writer.bytes
    }
}
