import JSON
import Messages

/// `apex status`: everything at a glance.
enum StatusCommand: Subcommand {
    static let name = "status"
    static let summary = "show the jobs, the workers and the coordinator"
    static let help = """
        usage: apex status [--json] [--state DIR | --coordinator ADDR --keys DIR]

          --json              {"jobs":[{"id","kind","state","tasks","done","failed",…}],"workers":[…],"coordinator":{…}}
        \(whereHelp)

        example: apex status --json
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        let status = try Client(place).status()
        if json {
            printJSON(status.json)
            return .done
        }
        let coordinator = status.coordinator
        print(
            "coordinator  apex \(coordinator.codeVersion), process \(coordinator.process), up "
                + durationText(milliseconds: coordinator.uptimeMilliseconds)
                + ", \(bytesText(coordinator.residentBytes)), state in \(printable(coordinator.state))")
        print("")
        if status.jobs.isEmpty {
            print("no jobs yet; `apex submit --help` shows how to submit one")
        } else {
            printTable(jobTable(status.jobs))
        }
        print("")
        if status.workers.isEmpty {
            print("no workers; `apex-worker --coordinator \(place.endpoint)` adds this machine")
        } else {
            printTable(workerTable(status.workers))
        }
        return .done
    }
}

/// The lines of a command's help that say how it finds its coordinator.
let whereHelp = """
      --state DIR         the coordinator on this machine (default $APEX_STATE, else ~/.local/state/apex)
      --coordinator ADDR  one elsewhere, tcp://HOST:PORT (default $APEX_COORDINATOR), with the keys in --keys DIR
    """
