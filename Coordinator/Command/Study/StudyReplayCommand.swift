import JSON
import Jobs
import Messages
import Planners

/// `apex study replay`.
enum StudyReplayCommand: Subcommand {
    static let name = "replay"
    static let summary = "check that a study's order of asks and tells gives the same trials again"
    static let help = """
        usage: apex study replay NAME [--json]

        Asks the sampler and the pruner everything again, in the order in which it happened, with the stored results.
        Nothing is evaluated. Exit code 0: every suggestion and every decision came out the same, bit for bit; 1: not.
          --json            {"study","asks","decisions","tells","same","differences":[{"trial","what"}]}
        \(whereHelp)

        example: apex study replay fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        let progress = Progress()
        let replay = try StudyReplay(study.spec, trials: try study.trials()) { done, total in
            progress.show("replay", done: UInt64(done), total: UInt64(total), unit: "events")
        }
        progress.end()
        let isSame = replay.differences.isEmpty
        if named.json {
            printJSON([
                "study": .string(named.name), "asks": JSONValue(replay.asks), "decisions": JSONValue(replay.decisions),
                "tells": JSONValue(replay.tells), "same": .bool(isSame),
                "differences": .array(
                    replay.differences.map { ["trial": JSONValue($0.trial), "what": .string($0.words)] }),
            ])
        } else {
            print(
                "study \(named.name): \(replay.asks) asks, \(replay.decisions) decisions and \(replay.tells) tells again: "
                    + (isSame ? "all the same" : "not the same"))
            for difference in replay.differences { print("  trial \(difference.trial): \(difference.words)") }
        }
        return isSame ? .done : .failed
    }
}
