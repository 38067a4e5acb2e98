import JSON
import Messages

// What `--json` prints of jobs, workers and the coordinator. Times of day are milliseconds since 1970, durations
// milliseconds.

extension JobStatus {
    var json: JSONValue {
        .object(present: [
            "id": JSONValue(id.number), "kind": .string(kind), "name": name.isEmpty ? nil : .string(name),
            "state": .string(state.name), "priority": .integer(Int64(priority)), "tasks": JSONValue(tasks),
            "done": JSONValue(done), "failed": JSONValue(failed), "running": JSONValue(running),
            "reused": JSONValue(reused), "on_two_workers": JSONValue(doubled), "queued": JSONValue(queued),
            "reason": reason.isEmpty ? nil : .string(reason),
            "stages": plan.stages.isEmpty ? nil : .array(plan.stages.map(\.json)),
            "incumbent": plan.incumbent.map { .number($0) }, "bound": plan.bound.map { .number($0) },
            "gap": gap.map { .number($0) }, "budget": budget?.json, "answer": answer.map { .string("\($0)") },
            "submitted": JSONValue(submitted), "ended": ended > 0 ? JSONValue(ended) : nil,
        ])
    }

    /// How much better than the best so far anything left could be, at most; 0 is a proof.
    var gap: Double? {
        guard let incumbent = plan.incumbent, let bound = plan.bound else { return nil }
        return max(0, bound - incumbent)
    }

    /// What a person follows: the current stage where its size is known, else the tasks.
    var stage: PlanStatus.Stage {
        if let stage = plan.stages.last, stage.total > 0 { return stage }
        return PlanStatus.Stage(name: kind, done: UInt64(done + failed), total: UInt64(tasks), unit: "tasks")
    }
}

extension PlanStatus.Stage {
    var json: JSONValue {
        ["name": .string(name), "done": JSONValue(done), "total": JSONValue(total), "unit": .string(unit)]
    }
}

extension BudgetStatus {
    var json: JSONValue {
        [
            "wall": JSONValue(wallMilliseconds), "elapsed": JSONValue(elapsedMilliseconds), "total": JSONValue(total),
            "granted": JSONValue(granted), "spent": JSONValue(spent), "pool": JSONValue(pool),
            "donated": JSONValue(donated),
        ]
    }
}

extension WorkerStatus {
    var json: JSONValue {
        [
            "id": .string("\(id)"), "name": .string(name), "slots": JSONValue(slots), "held": JSONValue(held),
            "completed": JSONValue(completed), "silent": JSONValue(silentMilliseconds), "draining": .bool(isDraining),
            "hardware": hardware.json,
        ]
    }
}

extension HardwareReport {
    var json: JSONValue {
        [
            "hostname": .string(hostname), "cpu": .string(cpuModel), "simd": .string(simd),
            "physical_cores": JSONValue(physicalCores), "logical_cores": JSONValue(logicalCores),
            "usable_millicores": JSONValue(usableMillicores), "numa_nodes": JSONValue(numaNodes),
            "memory_bytes": JSONValue(memoryBytes), "available_memory_bytes": JSONValue(availableMemoryBytes),
            "free_disk_bytes": JSONValue(freeDiskBytes), "gpus": .array(gpus.map { .string($0) }),
            "dgemm_megaflops": JSONValue(dgemmMegaflops),
            "memory_megabytes_per_second": JSONValue(memoryMegabytesPerSecond),
        ]
    }
}

extension CoordinatorStatus {
    var json: JSONValue {
        [
            "version": .string(codeVersion), "process": JSONValue(process), "state": .string(state),
            "listen": .array(listen.map { .string($0) }), "uptime": JSONValue(uptimeMilliseconds),
            "resident_bytes": JSONValue(residentBytes),
        ]
    }
}

extension ClusterStatus {
    var json: JSONValue {
        [
            "jobs": .array(jobs.map(\.json)), "workers": .array(workers.map(\.json)),
            "coordinator": coordinator.json,
        ]
    }
}
