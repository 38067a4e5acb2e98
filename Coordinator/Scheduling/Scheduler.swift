import Schedules
import Store

/// One look at the clock: submits what is due, each run once.
package struct Scheduler {
    private let schedules: [Schedule]
    private let book: ScheduleBook

    package init(_ schedules: [Schedule], _ book: ScheduleBook, at now: Int64) throws(DatabaseError) {
        self.schedules = schedules
        self.book = book
        try book.update(schedules, at: now)
    }

    /// Further ahead than a clock is set in earnest: what was noted there was noted by a wrong clock, and counts no more.
    private static let clockSlack: Int64 = 2 * 86_400_000

    /// - Parameters: isOver: of a job, whether it has ended; jobs that nobody knows have. submit: hands a schedule to the
    ///   coordinator under a token and returns the job; it may be asked for the same token again.
    /// - Returns: how many runs were submitted.
    package func look(
        at now: Int64, isOver: (UInt32) throws -> Bool,
        submit: (Schedule, _ run: Int64, _ token: UInt64) throws -> UInt32
    ) throws -> Int {
        let entries = try book.entries()
        var count = 0
        var failure: (any Error)?
        for schedule in schedules {
            guard let entry = entries.first(where: { $0.name == schedule.name }) else { continue }
            if max(entry.state.since, entry.state.fired ?? .min) > now + Self.clockSlack {
                try book.anchor(schedule.name, at: now)
                continue
            }
            // Asked first without the job, so that the coordinator hears of it only when something is due.
            guard schedule.due(entry.state, isBusy: false, at: now) != nil else { continue }
            do {
                let isBusy = entry.job > 0 ? try !isOver(entry.job) : false
                guard let run = schedule.due(entry.state, isBusy: isBusy, at: now) else { continue }
                let job = try submit(schedule, run, ScheduleBook.token(schedule.name, run))
                try book.fired(schedule.name, run, job: job, next: schedule.next(after: now), at: now)
                count += 1
            } catch {
                // Told, and tried again at a later look: the run stays due. The schedules after it have their turn.
                try book.trouble(schedule.name, "\(error)")
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return count
    }
}
