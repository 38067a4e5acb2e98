import Foundation
import JSON
import Jobs
import Messages

/// `apex study trials`.
enum StudyTrials: Subcommand {
    static let name = "trials"
    static let summary = "list a study's trials"
    static let help = """
        usage: apex study trials NAME [--state-is STATE] [--json]

          --state-is STATE  only COMPLETE, PRUNED, FAIL, RUNNING or WAITING ones
          --json            {"trials":[{"number","state","value","params","intermediate","started","ended","worker",…}]}
        \(whereHelp)

        example: apex study trials fit --json
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let state = try arguments.value("--state-is")?.uppercased()
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let known = ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]
        if let state, !known.contains(state) {
            throw UsageError("--state-is is \(state); give one of \(known.joined(separator: ", ")).")
        }
        let study = try named.open()
        let trials = try study.trials().filter { state == nil || $0.state.optunaName == state }
        if named.json {
            printJSON(["trials": .array(trials.map { $0.json(study.spec) })])
        } else if trials.isEmpty {
            print(
                "no trials\(state == nil ? " yet; `apex study run \(named.name)` makes them" : " of state \(state!)")")
        } else {
            printTable(table(trials, study.spec))
        }
        return .done
    }

    private static func table(_ trials: [Study.Trial], _ spec: Study.Spec) -> Table {
        var table = Table(
            [.init("trial", .right)] + (spec.stages == nil ? [] : [.init("stage")])
                + [.init("state"), .init("value", .right)]
                + spec.parameters.map { .init($0.name, .right, isOptional: true) }
                + [.init("seconds", .right, isOptional: true), .init("worker", isOptional: true), .init("why")])
        for trial in trials {
            let stage = spec.stages == nil ? [] : [(trial.stage?.name ?? "") + (trial.isCandidate ? " ✓" : "")]
            let seconds =
                trial.started > 0 && trial.ended > trial.started
                ? fixed(Double(trial.ended - trial.started) / 1000, 2) : ""
            let parameters = zip(spec.parameters, trial.parameters).map { parameter, stored in
                stored.map { value -> String in
                    if case .float(let number) = parameter.value(value) {
                        brief(number)
                    } else {
                        parameter.value(value).text
                    }
                } ?? ""
            }
            table.add(
                ["\(trial.number)"] + stage + [
                    trial.state.optunaName, trial.values.map { brief($0) }.joined(separator: " "),
                ]
                    + parameters + [seconds, trial.worker, trial.reason])
        }
        return table
    }
}

/// `apex study status`.
enum StudyStatus: Subcommand {
    static let name = "status"
    static let summary = "how a study stands"
    static let help = """
        usage: apex study status NAME [--json]

          --json            {"study","trials","wanted","complete","pruned","failed","running","waiting","best"}
        \(whereHelp)

        example: apex study status fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let summary = try StudySummary(named.open())
        if named.json { printJSON(summary.json) } else { for line in summary.lines { print(line) } }
        return .done
    }
}

/// `apex study best`.
enum StudyBest: Subcommand {
    static let name = "best"
    static let summary = "a study's best trial, or its Pareto front"
    static let help = """
        usage: apex study best NAME [--json]

          --json            the trial as `apex study trials --json` prints one; several directions: {"trials":[…]};
                            three stages: {"best","candidates":[…]}
        \(whereHelp)

        Exit code 1 where no trial is complete yet.

        example: apex study best fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        let best = bestTrials(try study.trials(), study.spec.directions)
        guard let first = best.first else { throw JobError("study \(named.name) has no complete trial yet.") }
        if let stages = study.spec.stages {
            return try announce(
                StageSummary(stages: stages, trials: study.trials()), first, study.spec, json: named.json)
        }
        if named.json {
            printJSON(
                study.spec.directions.count > 1
                    ? ["trials": .array(best.map { $0.json(study.spec) })] : first.json(study.spec))
            return .done
        }
        for trial in best {
            print("trial \(trial.number), value \(trial.values.map { "\($0)" }.joined(separator: ", "))")
            for (name, value) in study.spec.parameters.named(trial.parameters) { print("  \(name) = \(value.text)") }
        }
        return .done
    }
}

extension StudyBest {
    /// Of three stages: the candidates, or how far the best has come.
    private static func announce(_ stages: StageSummary, _ best: Study.Trial, _ spec: Study.Spec, json: Bool)
        throws -> ExitCode
    {
        if json {
            printJSON([
                "best": best.json(spec), "candidates": .array(stages.candidates.map { $0.json(spec) }),
            ])
            return .done
        }
        if stages.candidates.isEmpty {
            complain("no candidate; this is the best of stage \(best.stage?.name ?? "")")
        }
        for trial in stages.candidates.isEmpty ? [best] : stages.candidates {
            print("trial \(trial.number), value \(trial.values[0])\(trial.isCandidate ? ", a candidate" : "")")
            for (name, value) in spec.parameters.named(trial.parameters) { print("  \(name) = \(value.text)") }
        }
        return .done
    }
}

/// `apex study list`.
enum StudyList: Subcommand {
    static let name = "list"
    static let summary = "the studies of a coordinator"
    static let help = """
        usage: apex study list [--json]

          --json            {"studies":[{"study","job","state","trials","best"}]}
        \(whereHelp)

        example: apex study list
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        let studies = try StudyHost(place).studies()
        if json {
            printJSON([
                "studies": .array(
                    studies.map { job in
                        .object(present: [
                            "study": .string(job.name), "job": JSONValue(job.id.number),
                            "state": .string(job.state.name),
                            "trials": JSONValue(job.plan.stages.reduce(0) { $0 + $1.done }),
                            "best": job.plan.incumbent.map { .number($0) },
                        ])
                    })
            ])
            return .done
        }
        if studies.isEmpty { print("no studies yet; `apex study create --help` shows how to make one") }
        var table = Table([
            .init("study"), .init("job", .right), .init("state"), .init("trials", .right), .init("best", .right),
        ])
        for job in studies {
            // Of three stages: those that have begun.
            let stages = job.plan.stages
            let (done, total) = (stages.reduce(0) { $0 + $1.done }, stages.reduce(0) { $0 + $1.total })
            table.add([
                job.name, "\(job.id)", job.state.name, "\(done)/\(total)",
                job.plan.incumbent.map { brief($0) } ?? "",
            ])
        }
        if !studies.isEmpty { printTable(table) }
        return .done
    }
}

/// At most five digits, whatever its size.
func brief(_ number: Double) -> String { String(format: "%.5g", number) }
