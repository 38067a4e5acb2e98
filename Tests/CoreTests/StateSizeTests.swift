import CoordinatorCore
import CoordinatorShell
import Foundation
import Messages
import Store
import Testing

/// The tables of a `state.sqlite` follow what is live: written as the coordinator writes them, read by anybody.
struct StateSizeTests {
    private let path: String
    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("state-size-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appendingPathComponent("state.sqlite").path
    }
    private func forgetFolder() {
        try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
    }
    private func rows(_ table: String) throws -> Int {
        let database = try Database(path: path, mode: .readOnly)
        let rows = try database.prepare("SELECT count(*) FROM \(table)")
        return try rows.step() ? Int(rows.integer(0)) : -1
    }

    private let worker = WorkerID(7)
    private func start(_ job: JobID) -> [Record] {
        let submission = Submission(token: UInt64(job.number), kind: "noop", spec: [1, 2, 3])
        return [.accepted(job, submission, wall: 1), .state(job, .running, reason: "", answer: nil, wall: 1)]
    }
    private func run(_ job: JobID, _ first: UInt32, _ count: UInt32, epoch: Epoch = 1) -> ClaimRun {
        ClaimRun(job: job, first: first, count: count, epoch: epoch)
    }

    @Test func `a million tasks of a thousand jobs that ended leave a small record of each job`() throws {
        defer { forgetFolder() }
        let (jobs, tasks, batch): (UInt32, UInt32, UInt32) = (1000, 1000, 100)
        var database = try StateDatabase(path: path)
        var records: [Record] = []
        for number in 1...jobs {
            let job = JobID(number)
            records += start(job)
            records.append(.array(job, payload: [0], count: tasks))
            // One task fails at first, one for good, and one claim is lost: each leaves rows while the job lives.
            records.append(.attempts(TaskID(job, 1), failures: 1, deaths: [], parked: nil))
            records.append(.claimed(run(job, 0, tasks), by: worker, grantedMilliseconds: 0))
            records.append(.closed(run(job, 0, tasks), allDone: false))
            // The second half first: rows grow at both ends, and join.
            for at in (0..<tasks / batch).map({ ($0 + tasks / batch / 2) % (tasks / batch) }) {
                let claim = run(job, at * batch, batch, epoch: 2)
                records.append(.claimed(claim, by: worker, grantedMilliseconds: 0))
                records.append(.done(claim, [], busyMicroseconds: 1))
                if at.isMultiple(of: 2) { records.append(.closed(claim, allDone: true)) }
            }
            records.append(.state(job, .done, reason: "", answer: nil, wall: 2))
            guard number.isMultiple(of: 20) else { continue }
            try database.commit(records)
            records = []
        }
        #expect(try rows("jobs") == Int(jobs))
        #expect(try rows("done") == Int(jobs), "a job's tasks, all alike, are one row")
        #expect(try rows("claims") == 0)
        #expect(try rows("attempts") == 0)
        let stored = try database.load()
        #expect(stored.allSatisfy { $0.done.reduce(0) { $0 + $1.count } == tasks })
        let reader = try Database(path: path, mode: .readOnly)
        let pages = try reader.prepare(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        let bytes = try pages.step() ? Int(pages.integer(0)) : .max
        print("bytes of a job that ended: \(bytes / Int(jobs))")
        #expect(bytes <= Int(jobs) * 400)
    }

    @Test func `who died with a task is read again, and deaths of before names were kept stay counted`() throws {
        defer { forgetFolder() }
        let job = JobID(1)
        var database = try StateDatabase(path: path)
        let deaths = [WorkerID(3), WorkerID(.max)]
        try database.commit(
            start(job) + [
                .array(job, payload: [0], count: 9),
                .attempts(TaskID(job, 4), failures: 1, deaths: deaths, parked: nil),
                .attempts(TaskID(job, 5), failures: 0, deaths: [worker], parked: "poisoned"),
                .attempts(TaskID(job, 6), failures: 0, deaths: [worker], parked: nil),
            ])
        let other = try Database(path: path, mode: .durable)
        try other.execute("UPDATE attempts SET dead=x'', crashes=2 WHERE idx=6")
        let stored = try database.load()[0].attempts
        #expect(stored.map(\.index) == [4, 5, 6] && stored.map(\.failures) == [1, 0, 0])
        #expect(stored.map(\.deaths) == [deaths, [worker], [WorkerID(0), WorkerID(0)]])
        #expect(stored.map(\.parked) == [nil, "poisoned", nil])
    }

    @Test func `tasks handed out and handed back for ever keep few rows, and the newest epoch`() throws {
        defer { forgetFolder() }
        let job = JobID(1)
        var database = try StateDatabase(path: path)
        try database.commit(start(job) + [.array(job, payload: [0], count: 100)])
        let rounds: Epoch = 500
        for epoch in 1...rounds {
            // In runs of other lengths each time.
            let length = 1 + epoch * 7 % 50
            var records: [Record] = []
            for first in stride(from: 0, to: 100, by: Int(length)) {
                let claim = run(job, UInt32(first), min(length, 100 - UInt32(first)), epoch: epoch)
                records.append(.claimed(claim, by: worker, grantedMilliseconds: 0))
                records.append(.closed(claim, allDone: false))
            }
            try database.commit(records)
        }
        let kept = try rows("claims")
        print("claims kept of \(rounds) rounds: \(kept)")
        #expect(kept <= 200)
        // Rebuilt from what is left, the next claim's epoch is still above all that were handed out.
        var core = Core(restoring: try database.load(), names: [:], at: 0)
        #expect(core.brokenInvariant() == nil)
        core.wall = 1
        let hello = Inbound.Hello(
            worker: WorkerID(9), name: "w", codeVersion: codeVersion, slots: 4, hardware: HardwareReport(), seen: 0,
            held: [])
        let effects = core.handle(.hello(hello), at: 1) + core.handle(.ticked(wall: 2), at: 2)
        let epochs = effects.flatMap { effect -> [Epoch] in
            guard case .send(.assign(_, let assignments), _) = effect else { return [] }
            return assignments.map(\.run.epoch)
        }
        #expect(!epochs.isEmpty && epochs.allSatisfy { $0 == rounds + 1 })
    }
}
