import Foundation
import JSON
import Jobs
import Messages

/// `apex study enqueue`.
enum StudyEnqueue: Subcommand {
    static let name = "enqueue"
    static let summary = "try these values next"
    static let help = """
        usage: apex study enqueue NAME PARAMETER=VALUE… [--json]

        The next trial takes these values; the sampler chooses the parameters left out.
        \(whereHelp)

        example: apex study enqueue fit lr=0.001 opt=adam
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        var words: [String] = []
        while let word = arguments.optionalWord() { words.append(word) }
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        let values = try storedValues(words, study.spec.parameters)
        for (parameter, value) in zip(study.spec.parameters, values) {
            // As with Optuna: whoever enqueues a value means it.
            if let value, !parameter.allows(parameter.value(value)) {
                complain(
                    "apex study enqueue: \(parameter.name) = \(parameter.value(value).text) is outside the space and "
                        + "tried all the same; to stay inside, \(parameter.words).")
            }
        }
        guard case .trial(let trial) = try study.say(.enqueue(token: StudyHost.token, values)) else {
            throw StudyHost.unexpected
        }
        if named.json {
            printJSON(trial.json(study.spec))
        } else {
            print("trial \(trial.number) waits with these values")
        }
        return .done
    }
}

/// `lr=0.1` words as stored values, nil where a parameter is not named.
func storedValues(_ words: [String], _ parameters: [StudyParameter]) throws -> [Double?] {
    var values: [Double?] = parameters.map { _ in nil }
    guard !words.isEmpty else { throw UsageError("no PARAMETER=VALUE is given.") }
    for word in words {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let at = parameters.firstIndex(where: { $0.name == parts[0] }) else {
            throw UsageError(
                "\(word) is no PARAMETER=VALUE; the parameters are \(parameters.map(\.name).joined(separator: ", ")).")
        }
        guard values[at] == nil else { throw UsageError("\(parts[0]) is given twice; give it once.") }
        let parameter = parameters[at]
        var stored: Double?
        if case .categorical(let choices) = parameter.kind {
            stored = choices.firstIndex { $0.text == parts[1] }.map(Double.init)
        } else {
            stored = Double(parts[1]).flatMap { parameter.stored(.float($0)) }
        }
        guard let stored else { throw UsageError("\(parameter.name) cannot be \(parts[1]); \(parameter.words).") }
        values[at] = stored
    }
    return values
}

extension StudyParameter {
    /// What it takes, for people.
    var words: String {
        switch kind {
        case .categorical(let choices): "give one of \(choices.map(\.text).joined(separator: ", "))"
        case .int(let low, let high, let step, _):
            "give a whole number from \(low) to \(high)" + (step == 1 ? "" : " in steps of \(step)")
        case .float(let low, let high, let step, _):
            "give a number from \(low) to \(high)" + (step.map { " in steps of \($0)" } ?? "")
        }
    }
}

/// `apex study ask`.
enum StudyAsk: Subcommand {
    static let name = "ask"
    static let summary = "the next trial, to be evaluated by who asks"
    static let help = """
        usage: apex study ask NAME [--json]

        Prints the trial's number and its values; say how it ended with `apex study tell`.
          --json            the trial as `apex study trials --json` prints one
        \(whereHelp)

        example: apex study ask fit --json
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        guard case .trial(let trial) = try study.say(.ask(token: StudyHost.token)) else { throw StudyHost.unexpected }
        if named.json {
            printJSON(trial.json(study.spec))
        } else {
            print("trial \(trial.number)")
            if let stage = trial.stage, let part = study.spec.stages?.part(stage) {
                for (name, value) in part.placeholders { print("\(name)=\(value)") }
            }
            for (name, value) in study.spec.parameters.named(trial.parameters) { print("\(name)=\(value.text)") }
        }
        return .done
    }
}

/// `apex study tell`.
enum StudyTell: Subcommand {
    static let name = "tell"
    static let summary = "how a trial that was asked for ended"
    static let help = """
        usage: apex study tell NAME TRIAL --value V [--value V …] [--constraint NAME=C …]
               apex study tell NAME TRIAL --step S --value V      an intermediate value: prints continue or prune
               apex study tell NAME TRIAL --pruned | --failed REASON

          --value V         once for each direction of the study
          --constraint N=C  the trial is feasible where C is 0 or less
          --attr N=V        of a three-stage study instead of --value: pnl, cost, max_drawdown, reject_rate, turnover
          --json            the trial, or {"prune","reason"} with --step
        \(whereHelp)

        example: apex study tell fit 3 --value 0.25
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        var values: [Double] = []
        while let text = try arguments.firstValue("--value") {
            guard let value = Double(text) else { throw UsageError("--value is \(text); give a number.") }
            values.append(value)
        }
        var constraints: [Study.NamedNumber] = []
        while let text = try arguments.firstValue("--constraint") {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let value = Double(parts[1]), !value.isNaN else {
                throw UsageError("--constraint is \(text); give NAME=NUMBER.")
            }
            constraints.append(Study.NamedNumber(parts[0], value))
        }
        var attributes: [Study.NamedText] = []
        while let text = try arguments.firstValue("--attr") {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw UsageError("--attr is \(text); give NAME=VALUE.") }
            attributes.append(
                Study.NamedText(parts[0], Double(parts[1]) == nil ? JSONValue.string(parts[1]).text : parts[1]))
        }
        let step = try arguments.integer("--step", 0...Int64.max)
        let failed = try arguments.value("--failed")
        let isPruned = arguments.flag("--pruned")
        let named = try NamedStudy(&arguments)
        let word = try arguments.word("the TRIAL's number")
        guard let trial = UInt32(word) else { throw UsageError("\(word) is no trial; give its number.") }
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        if let stages = study.spec.stages, values.isEmpty, failed == nil, !isPruned, !attributes.isEmpty {
            let metrics = try TradingMetrics { name in attributes.last { $0.name == name }.flatMap { Double($0.text) } }
            values = [stages.objective.score(metrics)]
        }
        let ends = (values.isEmpty ? 0 : 1) + (failed == nil ? 0 : 1) + (isPruned ? 1 : 0)
        guard ends == 1 else { throw UsageError("give --value, --failed or --pruned, one of them.") }
        if let step {
            guard values.count == 1 else { throw UsageError("--step wants one --value.") }
            let report = StudyRequest.report(
                token: StudyHost.token, trial: trial, Study.Report(step: step, value: values[0]))
            guard case .decision(let decision) = try study.say(report) else { throw StudyHost.unexpected }
            if named.json {
                printJSON(["prune": .bool(decision.isPruned), "reason": .string(decision.reason)])
            } else {
                print(decision.isPruned ? "prune" : "continue")
            }
            return .done
        }
        let end: Study.Result.End =
            failed.map { .failed($0, mayRetry: false) } ?? (isPruned ? .pruned : .complete(values))
        let asked = try study.trials().first { $0.number == trial }
        let now = UInt64(Date().timeIntervalSince1970 * 1000)
        let result = Study.Result(
            end: end, constraints: constraints, attributes: attributes, started: asked?.started ?? now, ended: now,
            worker: "told")
        guard case .trial(let over) = try study.say(.tell(token: StudyHost.token, trial: trial, result)) else {
            throw StudyHost.unexpected
        }
        if named.json {
            printJSON(over.json(study.spec))
        } else {
            print("trial \(trial) is \(over.state.optunaName)" + (over.reason.isEmpty ? "" : ": \(over.reason)"))
        }
        return .done
    }
}
