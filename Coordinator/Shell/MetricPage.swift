import Foundation
import Glibc
import Messages
import Metrics

// What a page of metrics says of the cluster, besides what is counted (Measures) and what lies on the disk (MetricDesk).
// A subject is one function here; `metricPage` lists them.
extension Coordinator {
    func metricPage(_ measures: Measures) -> String {
        let now = milliseconds
        let (jobs, workers) = (core.jobStatuses(at: now), core.workerStatuses(at: now))
        var page = MetricText()
        writeProgram(to: &page)
        writeJobs(jobs, to: &page)
        writeBudgets(jobs, to: &page)
        writeWorkers(workers, to: &page)
        measures.write(to: &page)
        return page.text
    }

    private func writeProgram(to page: inout MetricText) {
        let status = coordinatorStatus()
        page.family("apex_build_info", .gauge, "The version of this coordinator.", [(["version": codeVersion], 1)])
        page.gauge(
            "process_start_time_seconds", "When this coordinator started, in seconds since 1970.",
            (Date().timeIntervalSince1970 - Double(status.uptimeMilliseconds) / 1000).rounded())
        page.gauge("process_resident_memory_bytes", "Resident memory.", Double(status.residentBytes))
        var usage = rusage()
        if unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0 {
            let times = [usage.ru_utime, usage.ru_stime].map { Double($0.tv_sec) + Double($0.tv_usec) / 1e6 }
            page.counter("process_cpu_seconds_total", "Processor time used.", times[0] + times[1])
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            page.gauge("process_open_fds", "Open file descriptors.", Double(open))
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            page.gauge("process_max_fds", "File descriptors allowed.", Double(limit.rlim_cur))
        }
    }

    private func writeJobs(_ jobs: [JobStatus], to page: inout MetricText) {
        var counts: [String: [String: Double]] = [:]  // written sorted
        var tasks: [String: [String: Double]] = [:]
        for job in jobs {
            counts[job.kind, default: [:]][job.state.name, default: 0] += 1
            let numbers = [
                ("queued", job.queued), ("running", job.running), ("done", job.done), ("failed", job.failed),
                ("reused", job.reused),
            ]
            for (state, number) in numbers { tasks[job.kind, default: [:]][state, default: 0] += Double(number) }
        }
        func series(_ table: [String: [String: Double]]) -> [(labels: MetricText.Labels, value: Double)] {
            table.sorted { $0.key < $1.key }.flatMap { kind, states in
                states.sorted { $0.key < $1.key }.map { (["kind": kind, "state": $0.key], $0.value) }
            }
        }
        page.family("apex_jobs", .gauge, "Jobs by kind and state.", series(counts))
        page.family(
            "apex_tasks", .gauge,
            "Tasks by kind and state; reused ones are among those done, and parked ones count as failed.", series(tasks)
        )
    }

    /// Of jobs that are not over: ended ones say nothing new.
    private func writeBudgets(_ jobs: [JobStatus], to page: inout MetricText) {
        let open = jobs.compactMap { job in job.budget.map { (job, $0) } }.filter { !$0.0.state.isOver }
        page.family(
            "apex_budget_slot_seconds", .gauge,
            "A job's budget in seconds of one slot: granted, spent and pool add up to total; donated is what was given back.",
            open.flatMap { job, budget in
                [
                    ("total", budget.total), ("granted", budget.granted), ("spent", budget.spent),
                    ("pool", budget.pool),
                    ("donated", budget.donated),
                ].map { (["job": "\(job.id)", "kind": job.kind, "account": $0.0], Double($0.1) / 1000) }
            })
        page.family(
            "apex_budget_wall_seconds", .gauge, "A job's wall-clock time: allowed and elapsed.",
            open.flatMap { job, budget in
                [("allowed", budget.wallMilliseconds), ("elapsed", budget.elapsedMilliseconds)].map {
                    (["job": "\(job.id)", "kind": job.kind, "account": $0.0], Double($0.1) / 1000)
                }
            })
    }

    private func writeWorkers(_ workers: [WorkerStatus], to page: inout MetricText) {
        page.gauge("apex_workers", "Workers connected.", Double(workers.count))
        page.gauge("apex_slots", "Slots of connected workers.", workers.reduce(0) { $0 + Double($1.slots) })
        // Two processes may have one name for a moment; two series may not.
        var seen: Set<String> = []
        let named = workers.map { worker in
            (seen.insert(worker.name).inserted ? worker.name : "\(worker.name)@\(worker.id)", worker)
        }
        func each(_ name: String, _ help: String, _ value: (WorkerStatus) -> Double) {
            page.family(
                name, name.hasSuffix("_total") ? .counter : .gauge, help, named.map { (["worker": $0.0], value($0.1)) })
        }
        page.family(
            "apex_worker_info", .gauge, "What a worker's machine is.",
            named.map { name, worker in
                let machine = worker.hardware
                return (
                    ["worker": name, "host": machine.hostname, "cpu": machine.cpuModel, "simd": machine.simd], 1
                )
            })
        each("apex_worker_slots", "Tasks a worker runs at once.") { Double($0.slots) }
        each("apex_worker_held_tasks", "Tasks a worker holds, running or queued there.") { Double($0.held) }
        each("apex_worker_completed_tasks_total", "Tasks a worker has completed.") { Double($0.completed) }
        each("apex_worker_silence_seconds", "Time since a worker's last word.") { Double($0.silentMilliseconds) / 1000 }
        each("apex_worker_draining", "1 for a worker that leaves.") { $0.isDraining ? 1 : 0 }
        each("apex_worker_usable_cores", "Cores a worker may use.") { Double($0.hardware.usableMillicores) / 1000 }
        each("apex_worker_memory_bytes", "Memory of a worker's machine.") { Double($0.hardware.memoryBytes) }
        each("apex_worker_available_memory_bytes", "Memory a worker may use, when it joined.") {
            Double($0.hardware.availableMemoryBytes)
        }
        each("apex_worker_free_disk_bytes", "Disk free for a worker, when it joined.") {
            Double($0.hardware.freeDiskBytes)
        }
        each("apex_worker_gpus", "GPUs of a worker's machine.") { Double($0.hardware.gpus.count) }
        each("apex_worker_dgemm_flops", "Floating-point operations a second of one core, measured.") {
            Double($0.hardware.dgemmMegaflops) * 1e6
        }
        each("apex_worker_memory_bandwidth_bytes_per_second", "Bytes one core copies a second, measured.") {
            Double($0.hardware.memoryMegabytesPerSecond) * 1e6
        }
    }
}
