import Configuration
import CoordinatorShell
import Foundation
import Messages
import Schedules
import Scheduling

/// Looks at the clock beside a coordinator and submits what is due, as a client of it like any other. It keeps nothing
/// that is not in the book, so it may end with the process at any moment.
struct ScheduleThread {
    /// How often it looks.
    private static let interval: UInt32 = 500_000
    /// The same after something went wrong: each look may read whole files for what it cannot submit.
    private static let troubledInterval: UInt32 = 5_000_000

    private let schedules: [Schedule]
    private let folder: StateFolder

    /// - Throws: `ConfigurationError` for words that `apex submit` would refuse.
    init(_ entries: [Configuration.ScheduleEntry], file: String, _ folder: StateFolder) throws {
        for entry in entries {
            do {
                let today = entry.schedule.date(of: nowMilliseconds())
                _ = try JobRequest(
                    words: JobRequest.words(entry.schedule.words, date: today), state: folder.path, isRehearsal: true)
            } catch {
                throw ConfigurationError("\(file):\(entry.line): the schedule \(entry.schedule.name): \(error)")
            }
        }
        schedules = entries.map(\.schedule)
        self.folder = folder
    }

    /// Begins to look. Without schedules there is nothing to do but to say so to a book that knows some.
    func begin() {
        guard !schedules.isEmpty || FileManager.default.fileExists(atPath: folder.schedules) else { return }
        let thread = Thread { [schedules, folder] in Self.run(schedules, folder) }
        thread.name = "schedules"
        thread.start()
    }

    private static func run(_ schedules: [Schedule], _ folder: StateFolder) {
        var told = ""
        var scheduler: Scheduler?
        var client: Client?
        while true {
            var pause = interval
            do {
                try folder.create()
                if scheduler == nil {
                    scheduler = try Scheduler(
                        schedules, ScheduleBook(path: folder.schedules), at: nowMilliseconds())
                }
                if client == nil { client = try Client(.local(folder), patience: .seconds(30)) }
                guard let scheduler, let client else { continue }
                _ = try scheduler.look(at: nowMilliseconds()) { job in
                    try isOver(JobID(job), client)
                } submit: { schedule, run, token in
                    let words = JobRequest.words(schedule.words, date: schedule.date(of: run))
                    return try JobRequest(words: words, state: folder.path).submit(client, token, schedule.name).number
                }
                told = ""
            } catch {
                // Said once, and tried again: a full disk or a coordinator that is stopping.
                if told != "\(error)" { complain("apex coordinator: schedules: \(error)") }
                told = "\(error)"
                pause = troubledInterval
            }
            // Not until the next is due: the clock may be set, the book changed, and what a schedule waits for may end.
            usleep(pause)
        }
    }

    private static func isOver(_ job: JobID, _ client: Client) throws -> Bool {
        // A job that the coordinator does not know will not end either.
        do {
            let state = try client.job(job).state
            // A study whose trials are over is never over itself.
            return state.isOver || state == .resting
        } catch let error as JobError {
            if "\(error)".contains("no job") { return true }
            throw error
        }
    }
}
