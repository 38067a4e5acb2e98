import JSON
import Jobs
import Messages

/// `apex study stop`.
enum StudyStop: Subcommand {
    static let name = "stop"
    static let summary = "start no more trials; those that run end"
    static let help = """
        usage: apex study stop NAME

        `apex study run NAME --trials N` goes on later.
        \(whereHelp)

        example: apex study stop fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        _ = try study.say(.stop(token: StudyHost.token))
        let running = try study.counts().running
        if named.json {
            printJSON(["study": .string(named.name), "running": JSONValue(running)])
        } else {
            print("study \(named.name) starts no more trials\(running > 0 ? "; \(running) run to their end" : "")")
        }
        return .done
    }
}

/// `apex study cancel`.
enum StudyCancel: Subcommand {
    static let name = "cancel"
    static let summary = "end a study for good, and free its name"
    static let help = """
        usage: apex study cancel NAME

        Stops what it runs. Its trials stay in studies.sqlite, where Optuna reads them, and `apex study import` makes a
        new study of them; here nobody can go on with it.
        \(whereHelp)

        example: apex study cancel fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        _ = try study.host.client.ask(.cancel(study.job))
        if named.json {
            printJSON(["study": .string(named.name), "job": JSONValue(study.job.number)])
        } else {
            print("study \(named.name) is over; another may have its name")
        }
        return .done
    }
}
