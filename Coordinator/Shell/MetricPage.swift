import Foundation
import Glibc
import Messages
import Metrics
import Planners

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
        writeSources(planning.sources(), to: &page)
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

    /// Providers of bars that were asked since this coordinator began, by all jobs together.
    private func writeSources(_ sources: [SourceStatus], to page: inout MetricText) {
        typealias Series = [(labels: MetricText.Labels, value: Double)]
        func each(_ name: String, _ help: String, _ value: (SourceStatus) -> Double) {
            page.family(
                name, name.hasSuffix("_total") ? .counter : .gauge, help,
                sources.map { (["source": $0.name], value($0)) })
        }
        var (calls, latencies, fresh, quotas): (Series, Series, Series, Series) = ([], [], [], [])
        for source in sources {
            let (name, record) = (source.name, source.record)
            for (outcome, count) in [
                ("success", record.succeeded), ("empty", record.empty), ("rate_limited", record.limited),
                ("failure", record.failed), ("declined", record.declined), ("key_refused", record.refusedKeys),
                ("abandoned", record.abandoned),
            ] {
                calls.append((["source": name, "outcome": outcome], Double(count)))
            }
            for (quantile, percent) in [("0.5", 50), ("0.95", 95)] {
                guard let milliseconds = record.latency(percentile: percent) else { continue }
                latencies.append((["source": name, "quantile": quantile], Double(milliseconds) / 1000))
            }
            if let since = source.sinceSuccess { fresh.append((["source": name], Double(since) / 1000)) }
            for quota in source.quotas {
                quotas.append(
                    (
                        ["source": name, "window_seconds": "\(Double(quota.milliseconds) / 1000)"],
                        Double(quota.used) / Double(max(quota.allowed, 1))
                    ))
            }
        }
        page.family(
            "apex_source_calls_total", .counter,
            "Calls of a provider of bars by how they ended; abandoned ones were given up for a faster provider's.",
            calls)
        page.family(
            "apex_source_latency_seconds", .gauge, "Time that a provider's latest 256 answers took: percentiles.",
            latencies)
        page.family("apex_source_freshness_seconds", .gauge, "Time since a provider last answered.", fresh)
        each("apex_source_units_total", "Units of its quota that a provider's calls used.") { Double($0.record.units) }
        each("apex_source_hedges_total", "Batches asked of a provider beside another's slow call.") {
            Double($0.record.hedges)
        }
        page.family(
            "apex_source_quota_used_ratio", .gauge, "Share of each window of a provider's quota that is in use.",
            quotas)
        page.family(
            "apex_source_circuit", .gauge, "1 for the state that a provider's circuit breaker is in.",
            sources.map { (["source": $0.name, "state": $0.circuit], 1) })
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
