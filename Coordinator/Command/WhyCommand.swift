import JSON
import Messages

/// `apex why`: the scheduler's own reason.
enum WhyCommand: Subcommand {
    static let name = "why"
    static let summary = "say why a job or a task is not running"
    static let help = """
        usage: apex why JOB[.TASK] [--json] [--state DIR | --coordinator ADDR --keys DIR]

        Asks the scheduler itself. A task is written as its job and its number from 0: 3.17 is task 17 of job 3.

          --json              {"about","why"}
        \(whereHelp)

        example: apex why 3.17
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        let about = try arguments.word("the job or task, as 3 or 3.17,")
        try arguments.finishWithoutTrailing()
        _ = try JobOrTask(about)
        guard case .because(let words) = try Client(place).ask(.why(about)) else {
            throw JobError("the coordinator's answer does not fit the question; is it another version?")
        }
        if json { printJSON(["about": .string(about), "why": .string(words)]) } else { print(printable(words)) }
        return .done
    }
}
