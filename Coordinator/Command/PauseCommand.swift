import Messages

/// `apex pause`.
enum PauseCommand: Subcommand {
    static let name = "pause"
    static let summary = "hand out no more tasks of a job"
    static let help = """
        usage: apex pause JOB [--json] [--state DIR | --coordinator ADDR --keys DIR]

        Running tasks finish; no more are handed out until `apex unpause JOB`.

          --json              the job's object afterwards
        \(whereHelp)

        example: apex pause 3
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        try act(on: &arguments, "paused") { .pause($0) }
    }
}
