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
        have is judged among those.
          --json            {"study","trials","importance":[{"parameter","share"}]}, the most important first
        \(whereHelp)

        example: apex study importance fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        let name = try arguments.word("the study's NAME")
        try arguments.finishWithoutTrailing()
        let study = try StudyHost(place).study(name)
        let trials = try study.trials()
        let shares = try importances(study.spec, trials)
        let complete = trials.count { $0.state == .complete }
        guard complete > 1 else {
            throw JobError("study \(name) has \(counted(complete, "complete trial")); importance wants at least two.")
        }
        if json {
            printJSON([
                "study": .string(name), "trials": JSONValue(complete),
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

/// The most important first; several directions: the mean of each one's shares.
func importances(_ spec: Study.Spec, _ trials: [Study.Trial]) throws(JobError) -> [Importance] {
    let directions = spec.directions.map { $0 == .minimize ? Direction.minimize : .maximize }
    return Importance.all(of: try analysed(spec, trials), directions: directions)
}

/// Trials as analyses want them.
func analysed(_ spec: Study.Spec, _ trials: [Study.Trial]) throws(JobError) -> [AnalysisTrial] {
    var distributions: [Distribution] = []
    for parameter in spec.parameters { distributions.append(try parameter.distribution) }
    return trials.compactMap { trial in
        let state: AnalysisTrial.State
        switch trial.state {
        case .complete: state = .complete
        case .pruned: state = .pruned
        case .failed: state = .failed
        case .running: state = .running
        case .waiting: return nil
        }
        var parameters: [AnalysisTrial.Value] = []
        for (at, value) in trial.parameters.enumerated() {
            guard let value else { continue }
            parameters.append(
                AnalysisTrial.Value(name: spec.parameters[at].name, distribution: distributions[at], value: value))
        }
        return AnalysisTrial(
            number: Int(trial.number), state: state, values: trial.values, parameters: parameters,
            reports: trial.reports.map { (Int($0.step), $0.value) },
            violation: trial.constraints.reduce(0) { $0 + max(0, $1.value) })
    }
}
