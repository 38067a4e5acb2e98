import Glibc
import Messages

/// When the machine this worker was lent is taken away again: the end of its allocation, as Slurm tells it.
package struct Allocation: Sendable, Equatable {
    /// Between the last moment for tasks and the end: time to tell programs, hand in cursors and say goodbye.
    static let parting: Int64 = 10_000

    /// Milliseconds since 1970; nil: nobody takes it away.
    package var endsAt: Int64?
    /// So long before the end the worker takes no more tasks, in milliseconds.
    package var lead: Int64

    /// - Parameters:
    ///   - lead: cut to a quarter of an allocation that is short.
    package init(endsAt: Int64?, lead: Int64, now: Int64) {
        self.endsAt = endsAt
        self.lead = endsAt.map { min(lead, max(0, $0 - now) / 4) } ?? lead
    }

    /// Newer Slurms say it in the environment; older ones are asked.
    package static func end(now: Int64) -> Int64? {
        if let text = setting("SLURM_JOB_END_TIME"), let seconds = Int64(text), seconds > 0 { return seconds * 1000 }
        guard let job = setting("SLURM_JOB_ID"), !job.isEmpty, job.utf8.allSatisfy({ (48...57).contains($0) }),
            let left = secondsLeft(of: job)
        else { return nil }
        return now + left * 1000
    }

    private static func setting(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

    private static func secondsLeft(of job: String) -> Int64? {
        guard let pipe = unsafe popen("timeout 10 squeue --noheader --jobs=\(job) --format=%L 2>/dev/null", "re") else {
            return nil
        }
        var line = [CChar](repeating: 0, count: 64)
        let isRead = unsafe fgets(&line, Int32(line.count), pipe) != nil
        unsafe pclose(pipe)
        guard isRead else { return nil }
        return seconds(
            String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// `1-02:03:04`, `02:03:04`, `3:04` or `4`; nil for `UNLIMITED`, `NOT_SET` and `INVALID`.
    package static func seconds(_ text: String) -> Int64? {
        let trimmed = text.filter { $0 != " " }
        let parts = trimmed.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let days = parts.count == 2 ? Int64(parts[0]) : 0
        let clock = parts[parts.count - 1].split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard let days, !clock.isEmpty, clock.count <= 3, days >= 0, days < 100_000 else { return nil }
        var seconds: Int64 = 0
        for part in clock {
            guard let part, part >= 0, part < 100_000 else { return nil }
            seconds = seconds * 60 + part
        }
        return days * 86_400 + seconds
    }

    /// Why the worker is to take no more tasks now; nil while it may.
    /// - Parameter longest: of the tasks it holds, what one is expected to take, in milliseconds; 0 when not known.
    package func reason(now: Int64, longest: Int64) -> String? {
        guard let endsAt else { return nil }
        if now >= endsAt - lead { return "allocation_ends" }
        return longest > 0 && now + longest > endsAt - min(Self.parting, lead) ? "tasks_do_not_fit_allocation" : nil
    }

    /// How long tasks may run on from now, in seconds.
    package func secondsForTasks(now: Int64) -> Int64 {
        guard let endsAt else { return lead / 1000 }
        return max(0, (endsAt - min(Self.parting, lead / 2) - now) / 1000)
    }
}
