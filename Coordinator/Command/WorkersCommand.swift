import JSON
import Messages

/// `apex workers`: who computes.
enum WorkersCommand: Subcommand {
    static let name = "workers"
    static let summary = "list the workers and what their machines are"
    static let help = """
        usage: apex workers [--json] [--state DIR | --coordinator ADDR --keys DIR]

          --json              {"workers":[{"id","name","slots","held","completed",…,"hardware":{…}}]}
        \(whereHelp)

        example: apex workers --json
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        let workers = try Client(place).status().workers
        if json {
            printJSON(["workers": .array(workers.map(\.json))])
        } else if workers.isEmpty {
            print("no workers; `apex-worker --coordinator \(place.endpoint)` adds this machine")
        } else {
            printTable(workerTable(workers))
        }
        return .done
    }
}
