import Messages

// Jobs and workers as tables for people: the same in `status`, `jobs`, `workers` and `watch`.

func jobTable(_ jobs: [JobStatus]) -> Table {
    var table = Table([
        .init("JOB", .right), .init("KIND"), .init("NAME"), .init("STATE"), .init("DONE", .right),
        .init("TASKS", .right), .init("FAILED", .right), .init("PROGRESS"),
    ])
    for job in jobs {
        table.add([
            "\(job.id)", job.kind, job.name.isEmpty ? "-" : job.name, job.state.name, "\(job.done)", "\(job.tasks)",
            "\(job.failed)", progressText(job),
        ])
    }
    return table
}

/// As `groups 43% 1.2G/2.8G nodes`, or why it ended as it did.
func progressText(_ job: JobStatus) -> String {
    if job.state.isOver && job.state != .done && !job.reason.isEmpty { return job.reason }
    let stage = job.stage
    guard stage.total > 0 else { return stage.done > 0 ? "\(stage.name) \(short(stage.done)) \(stage.unit)" : "" }
    let percent = UInt64(min(1, Double(stage.done) / Double(stage.total)) * 100)
    return "\(stage.name) \(percent)% of \(short(stage.total)) \(stage.unit)"
}

func workerTable(_ workers: [WorkerStatus]) -> Table {
    var table = Table([
        .init("WORKER"), .init("HOST", isOptional: true), .init("SLOTS", .right), .init("HOLDS", .right),
        .init("COMPLETED", .right), .init("HEARD", .right, isOptional: true), .init("MEMORY", .right, isOptional: true),
        .init("CPU", isOptional: true),
    ])
    for worker in workers {
        table.add([
            (worker.name.isEmpty ? "\(worker.id)" : worker.name) + (worker.isDraining ? " (leaving)" : ""),
            worker.hardware.hostname, "\(worker.slots)", "\(worker.held)", "\(worker.completed)",
            durationText(milliseconds: worker.silentMilliseconds) + " ago",
            bytesText(worker.hardware.availableMemoryBytes), "\(worker.hardware.simd) \(worker.hardware.cpuModel)",
        ])
    }
    return table
}

/// Prints a table as wide as the terminal, or whole when the output is none.
func printTable(_ table: Table) {
    let width = isTerminal(1) ? terminalSize(of: 1).columns : Int.max
    for line in table.lines(width: width) { print(line) }
}
