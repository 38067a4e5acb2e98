import CoordinatorShell
import Glibc
import Messages

/// Follows a job to its end, with progress on standard error. Survives a coordinator that restarts.
struct JobFollower {
    private let client: Client
    private let stop: StopSignal
    private static let patience: Duration = .seconds(60)

    init(_ client: Client, _ stop: StopSignal) {
        self.client = client
        self.stop = stop
    }

    /// - Returns: how it ended; nil when the person stopped following.
    /// - Throws: when the coordinator stays away for a minute.
    func follow(_ job: JobID) throws -> JobStatus? {
        let progress = Progress()
        var pause = Duration.milliseconds(5)
        var awaySince: ContinuousClock.Instant?
        client.patience = .seconds(2)
        while stop.count == 0 {
            do {
                let status = try client.job(job)
                awaySince = nil
                if status.state.isOver {
                    progress.end()
                    return status
                }
                let stage = status.stage
                progress.show(
                    "job \(job)", done: stage.done, total: stage.total, unit: stage.unit,
                    note: status.state == .running ? "" : status.state.name)
            } catch {
                if awaySince == nil {
                    progress.end()
                    complain("the coordinator does not answer; waiting up to a minute for it to come back.")
                }
                let since = awaySince ?? .now
                awaySince = since
                if ContinuousClock.now - since > Self.patience {
                    throw JobError("\(error) Job \(job) goes on when it is back; follow it with `apex jobs \(job)`.")
                }
            }
            stop.waits(pause)
            pause = min(pause * 2, .milliseconds(100))
        }
        progress.end()
        complain(
            "stopped following; job \(job) goes on. See it with `apex jobs \(job)`, end it with `apex cancel \(job)`.")
        return nil
    }
}

extension Client {
    /// Every stored result in order of index, a page at a time, until `body` returns false.
    func eachResult(of job: JobID, _ body: (TaskRecord) throws -> Bool) throws {
        var from: UInt32 = 0
        while true {
            guard case .results(let records) = try ask(.results(job, from: from)) else {
                throw JobError("the coordinator's answer does not fit the question; is it another version?")
            }
            guard let last = records.last else { return }
            for record in records where !(try body(record)) { return }
            guard last.index >= from, last.index < UInt32.max else { return }
            from = last.index + 1
        }
    }

    /// The first tasks that failed, in their own words.
    func failures(of job: JobID, limit: Int) throws -> [(index: UInt32, words: String)] {
        var failures: [(index: UInt32, words: String)] = []
        try eachResult(of: job) { record in
            if !record.succeeded {
                failures.append((record.index, printable(String(decoding: record.bytes, as: UTF8.self))))
            }
            return failures.count < limit
        }
        return failures
    }
}
