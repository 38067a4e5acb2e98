import Pruners
import Samplers
import Testing

/// A study that is followed event by event.
private struct Followed {
    var pruner: any Pruner
    var trials: [Int: PrunerTrial] = [:]

    init(_ history: History) throws {
        pruner = try PrunerChoice(history.pruner).make(study: history.name, directions: [history.direction])
    }

    mutating func report(_ number: Int, step: Int, value: Double) -> PruneDecision {
        var trial = trials[number] ?? PrunerTrial(number: number)
        _ = trial.report(step: step, value: value)
        let decision = pruner.decide(trial)
        trial.remember(decision)
        trials[number] = trial
        return decision
    }

    mutating func end(_ number: Int, _ state: String, _ value: Double) {
        var trial = trials[number] ?? PrunerTrial(number: number)
        trial.state = state == "c" ? .complete : state == "p" ? .pruned : .failed
        trial.value = state == "c" ? value : nil
        pruner.learn(trial)
        trials[number] = trial
    }

    /// As after a restart: a new pruner learns what is stored, in number order.
    mutating func restart(_ history: History) throws {
        pruner = try PrunerChoice(history.pruner).make(study: history.name, directions: [history.direction])
        for number in trials.keys.sorted() { pruner.learn(trials[number]!) }
    }
}

@Test(arguments: History.all)
func `every report is judged as Optuna 5 judges it`(history: History) throws {
    var study = try Followed(history)
    try #require(history.events.count > 20)
    for (at, event) in history.events.enumerated() {
        switch event {
        case .reported(let number, let step, let value, let isPruned):
            let decision = study.report(number, step: step, value: value)
            try #require(
                decision.prune == isPruned,
                "event \(at), trial \(number): \(value) at step \(step) gives '\(decision.reason)'")
            #expect(!decision.reason.isEmpty)
        case .ended(let number, let state, let value): study.end(number, state, value)
        }
    }
    for (number, values) in history.rungs {
        for (rung, value) in values.enumerated() {
            #expect(study.trials[number]?.notes["completed_rung_\(rung)"]?.bitPattern == value.bitPattern)
        }
        #expect(study.trials[number]?.notes["completed_rung_\(values.count)"] == nil)
    }
}

@Test(arguments: History.all)
func `a pruner that is restarted at any event goes on as if it had not been`(history: History) throws {
    var study = try Followed(history)
    for (at, event) in history.events.enumerated() {
        if at % 37 == 11 { try study.restart(history) }
        switch event {
        case .reported(let number, let step, let value, let isPruned):
            try #require(study.report(number, step: step, value: value).prune == isPruned, "event \(at)")
        case .ended(let number, let state, let value): study.end(number, state, value)
        }
    }
}
