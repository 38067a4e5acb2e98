import CoordinatorCore
import Messages
import Store

/// On the planning thread: finds the results of tasks that were computed before, and remembers those that come in.
struct KnownResults: ~Copyable {
    /// Nil when results are not reused, or no longer can be.
    private var store: ReuseStore?
    /// Looked up, never iterated.
    private var jobs: [JobID: Job] = [:]
    private let log: @Sendable (LogLine) -> Void

    private struct Job {
        var kind: String
        var planned: UInt32
        /// Of tasks without a result. Looked up, never iterated.
        var keys: [UInt32: BlobID] = [:]
    }

    /// - Parameter path: of the store's file; nil: nothing is reused.
    init(path: String?, log: @escaping @Sendable (LogLine) -> Void) {
        self.log = log
        guard let path else { return }
        do throws(DatabaseError) { store = try ReuseStore(path: path) } catch { stop(error) }
    }

    /// - Parameters:
    ///   - tasks: planned so far, in order.
    ///   - finished: those of them that have results.
    mutating func begin(_ id: JobID, kind: String, tasks: [[UInt8]] = [], finished: Set<UInt32> = []) {
        guard store != nil, ReuseStore.key(kind: kind, task: []) != nil else { return }
        var job = Job(kind: kind, planned: UInt32(tasks.count))
        for (index, task) in tasks.enumerated() where !finished.contains(UInt32(index)) {
            job.keys[UInt32(index)] = ReuseStore.key(kind: kind, task: task)
        }
        jobs[id] = job
    }

    /// Says of newly planned tasks what their results are, where that is known.
    mutating func complete(_ plan: inout Plan, of id: JobID) {
        guard store != nil, var job = jobs.removeValue(forKey: id) else { return }
        defer { jobs[id] = job }
        for at in plan.tasks.indices {
            let key = ReuseStore.key(kind: job.kind, task: plan.tasks[at].payload)
            if let key, let result = find(key) { plan.tasks[at].known = result } else { job.keys[job.planned] = key }
            job.planned += 1
        }
    }
    private mutating func find(_ key: BlobID) -> [UInt8]? {
        do throws(DatabaseError) { return try store?.result(of: key) } catch {
            stop(error)
            return nil
        }
    }

    mutating func finished(_ index: UInt32, of id: JobID, _ result: [UInt8]) {
        guard store != nil, let key = jobs[id]?.keys.removeValue(forKey: index) else { return }
        do throws(DatabaseError) { try store?.keep(result, of: key) } catch { stop(error) }
    }
    mutating func forget(_ id: JobID) { jobs[id] = nil }
    mutating func flush() { do throws(DatabaseError) { try store?.flush() } catch { stop(error) } }

    private mutating func stop(_ error: DatabaseError) {
        store = nil
        jobs = [:]
        log(LogLine(.warning, "reuse_stopped", [("why", "\"\(error)\"")]))
    }
}
