import Foundation
import Jobs
import Market
import Messages

/// A job as words name it, understood before there is a coordinator: what a person submits and what a schedule submits
/// are read by the same code. Files are read, and blobs brought, when it is submitted.
struct JobRequest {
    /// Somebody wants to wait for it, or its JSON: of no use to a schedule.
    let isFollowed: Bool
    /// - Parameters: token: the same one again is the same job. name: what it is called where the words do not say.
    let submit: (_ client: Client, _ token: UInt64, _ name: String) throws -> JobID

    init(isFollowed: Bool, submit: @escaping (Client, UInt64, String) throws -> JobID) {
        self.isFollowed = isFollowed
        self.submit = submit
    }
    /// - Parameter prepare: brings the blobs to the coordinator and makes the submission, but for its token.
    init(isFollowed: Bool, prepare: @escaping (Client) throws -> Submission) {
        self.init(isFollowed: isFollowed) { client, token, name in
            var submission = try prepare(client)
            submission.token = token
            if submission.name.isEmpty { submission.name = name }
            return try client.submit(submission)
        }
    }

    /// What these words after `apex submit`, or `weekend …` and `study …`, name.
    /// - Parameters: state: the coordinator's own folder, where it is the coordinator that submits. isRehearsal: only
    ///   whether the words can be understood.
    init(words: [String], state: String? = nil, isRehearsal: Bool = false) throws {
        // Whoever submits by a schedule is the coordinator itself: what it looks at is its own.
        let isElsewhere = words.contains("--state") || words.contains("--coordinator")
        var arguments = Arguments(
            words.first == Ingest.name && !isElsewhere && state != nil
                ? words.prefix(1) + ["--state", state!] + words.dropFirst() : words)
        if arguments.take(Render.name) {
            self = try RenderCommand.request(&arguments)
        } else if arguments.take(Label.name) {
            self = try LabelCommand.request(&arguments)
        } else if arguments.take(Aggregate.name) {
            self = try AggregateCommand.request(&arguments)
        } else if arguments.take(WeekendCommand.name) {
            self = try WeekendCommand.request(&arguments, state: state)
        } else if arguments.take(StudyCommand.name) {
            self = try StudyCommand.request(&arguments, isRehearsal: isRehearsal)
        } else {
            self = try SubmitCommand.request(&arguments, isRehearsal: isRehearsal)
        }
        guard !isFollowed else {
            throw UsageError("--wait and --json are for a person that waits; a schedule does not.")
        }
    }

    /// `{date}` in a schedule's words is the day of the run by the schedule's clock.
    static func words(_ words: [String], date: Int32) -> [String] {
        words.map { $0.replacingOccurrences(of: "{date}", with: MarketDate.text(date)) }
    }
}
