import CoordinatorShell
import Hardware
import JSON
import Messages

/// `apex doctor`: what this machine is, what each job kind will use of it, and what is set wrong.
enum DoctorCommand: Subcommand {
    static let name = "doctor"
    static let summary = "look at this machine: what it has, what jobs will use, what is set wrong"
    static let help = """
        usage: apex doctor [--json] [--state DIR] [--config FILE]

        Measures for a tenth of a second. Lines marked ! work less well than they could, lines marked ✗ will fail
        sooner or later; each says what to do.

          --json       {"hardware":{…},"findings":[{"level","subject","words","advice"}]}
          --state DIR  where a coordinator's state would lie (default $APEX_STATE, else ~/.local/state/apex)
          --config FILE  also look at what this cluster.yaml sets

        Exit code 1 where a line is marked ✗.

        example: apex doctor --config cluster.yaml
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let state = absolute(try arguments.value("--state") ?? Place.defaultState)
        let config = try arguments.value("--config").map(absolute)
        try arguments.finishWithoutTrailing()
        let report = detectHardware(measure: true)
        let lines =
            describe(report, settings: .here(stateFolder: state))
            + DoctorSettings.lines(state: StateFolder(state), config: config)
        if json { print(try doctorJSON(report, lines)) } else { print(doctorText(lines), terminator: "") }
        return lines.contains { $0.level == .problem } ? .failed : .done
    }
}
