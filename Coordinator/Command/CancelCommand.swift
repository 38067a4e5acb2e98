import JSON
import Messages

/// `apex cancel`.
enum CancelCommand: Subcommand {
    static let name = "cancel"
    static let summary = "cancel a job: what runs is stopped, what is queued is dropped"
    static let help = """
        usage: apex cancel JOB [--json] [--state DIR | --coordinator ADDR --keys DIR]

        Stops what the job runs, drops what it has queued and keeps its finished results. It cannot be taken back.

          --json              the job's object afterwards
        \(whereHelp)

        example: apex cancel 3
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        try act(on: &arguments, "cancelled") { .cancel($0) }
    }
}

/// Asks for something to be done to the job that the next word names, and says where it stands then.
func act(on arguments: inout Arguments, _ words: String, _ request: (JobID) -> Request) throws -> ExitCode {
    let json = arguments.flag("--json")
    let place = try Place.from(&arguments)
    let job = try JobID(argument: try arguments.word("the job's number"))
    try arguments.finishWithoutTrailing()
    let client = try Client(place)
    _ = try client.ask(request(job))
    if json { printJSON(try client.job(job).json) } else { print("job \(job) \(words)") }
    return .done
}
