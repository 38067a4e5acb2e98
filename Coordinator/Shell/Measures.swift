import CoordinatorCore
import Messages
import Metrics

/// What the coordinator's thread counts of its own work, from what it stores anyway. Nothing here decides anything.
struct Measures {
    private struct Kind {
        var taskSeconds = Histogram()
        var failures: UInt64 = 0, parked: UInt64 = 0
    }
    private var kinds: [String: Kind] = [:]  // written sorted
    private var kindOf: [JobID: String] = [:]
    /// When jobs came that none of whose tasks was handed out yet, in milliseconds since 1970.
    private var waiting: [JobID: UInt64] = [:]
    private var claims: UInt64 = 0, batches: UInt64 = 0, records: UInt64 = 0
    private var jobStart = Histogram(), batch = Histogram(), commit = Histogram()

    /// - Parameter jobs: those that are there already.
    init(_ jobs: [JobStatus]) {
        for job in jobs where !job.state.isOver { kindOf[job.id] = job.kind }
    }

    mutating func count(_ records: [Record], wall: UInt64) {
        self.records += UInt64(records.count)
        for record in records {
            switch record {
            case .accepted(let job, let submission, let wall):
                kindOf[job] = submission.kind
                waiting[job] = wall
            case .claimed(let run, _, _):
                claims += UInt64(run.count)
                if let since = waiting.removeValue(forKey: run.job) {
                    jobStart.add(Double(wall - min(wall, since)) / 1000)
                }
            case .done(let run, _, let busy):
                guard let kind = kindOf[run.job] else { continue }
                kinds[kind, default: Kind()].taskSeconds.add(
                    Double(busy) / 1e6 / Double(max(run.count, 1)), times: UInt64(run.count))
            case .attempts(let task, let failures, _, let parked) where failures > 0 || parked != nil:
                guard let kind = kindOf[task.job] else { continue }
                kinds[kind, default: Kind()].failures += 1
                if parked != nil { kinds[kind, default: Kind()].parked += 1 }
            case .state(let job, let state, _, _, _) where state.isOver && state != .unfinished:
                kindOf[job] = nil
                waiting[job] = nil
            default: break
            }
        }
    }
    mutating func batch(_ time: Duration, commit committed: Duration?) {
        batches += 1
        batch.add(time / .seconds(1))
        if let committed { commit.add(committed / .seconds(1)) }
    }

    func write(to page: inout MetricText) {
        page.counter("apex_claims_total", "Tasks handed to workers, each time counted.", Double(claims))
        page.counter("apex_batches_total", "Batches of events the coordinator handled.", Double(batches))
        page.counter("apex_records_total", "Records stored.", Double(records))
        page.histogram("apex_batch_seconds", "Time to handle one batch, its commit included.", [([:], batch)])
        page.histogram("apex_commit_seconds", "Time until one batch is safe on the disk.", [([:], commit)])
        page.histogram(
            "apex_job_start_seconds", "Time from a job's submission to its first claim.", [([:], jobStart)])
        let sorted = kinds.sorted { $0.key < $1.key }
        page.histogram(
            "apex_task_seconds", "Time that tasks took on their workers.",
            sorted.map { (["kind": $0.key], $0.value.taskSeconds) })
        page.family(
            "apex_task_failures_total", .counter, "Attempts that did not end in a result.",
            sorted.map { (["kind": $0.key], Double($0.value.failures)) })
        page.family(
            "apex_tasks_parked_total", .counter, "Tasks that were given up.",
            sorted.map { (["kind": $0.key], Double($0.value.parked)) })
    }
}
