import Messages

/// `apex unpause`.
enum UnpauseCommand: Subcommand {
    static let name = "unpause"
    static let summary = "let a paused job go on"
    static let help = """
        usage: apex unpause JOB [--json] [--state DIR | --coordinator ADDR --keys DIR]

        The job's tasks are handed out again.

          --json              the job's object afterwards
        \(whereHelp)

        example: apex unpause 3
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        try act(on: &arguments, "goes on") { .unpause($0) }
    }
}
