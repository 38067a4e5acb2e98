import Analysis
import JSON
import Jobs
import Messages
import Planners
import Samplers

/// `apex study importance`.
enum StudyImportance: Subcommand {
    static let name = "importance"
    static let summary = "how much each parameter matters (PED-ANOVA)"
    static let help = """
        usage: apex study importance NAME [--json]

        The share of each parameter in what tells the best tenth of the complete trials from all of them (PED-ANOVA,
        Watanabe, Bansal and Hutter 2023, as in Optuna 5). The shares add up to 1. A parameter that only some trials
        have is judged among those. Of three stages the coarse one counts: values of other days do not compare.
          --json            {"study","trials","importance":[{"parameter","share"}]}, the most important first
        \(whereHelp)

        example: apex study importance fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        let trials = try study.trials().filter { study.spec.stages == nil || $0.stage == .coarse }
        let shares = Importance.all(
            of: trials.compactMap { AnalysisTrial($0, space: study.spec.parameters) },
            directions: study.spec.directions.map { Direction($0) })
        let complete = trials.count { $0.state == .complete }
        guard complete > 1 else {
            throw JobError(
                "study \(named.name) has \(counted(complete, "complete trial")); importance wants at least two.")
        }
        if named.json {
            printJSON([
                "study": .string(named.name), "trials": JSONValue(complete),
                "importance": .array(shares.map { ["parameter": .string($0.name), "share": .number($0.share)] }),
            ])
            return .done
        }
        let width = shares.map(\.name.count).max() ?? 0
        for share in shares {
            let bar = String(repeating: "#", count: Int((share.share * 40).rounded()))
            print(
                share.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + fixed(share.share, 3) + "  "
                    + bar)
        }
        return .done
    }
}
