import Samplers
import Testing

@Test(arguments: Trace.all)
func `every suggestion has the bits of Optuna 5`(trace: Trace) throws {
    var sampler = TPESampler(
        space: trace.space, seed: trace.seed, direction: trace.direction, isMultivariate: trace.isMultivariate)
    try #require(trace.trials.count >= 40)
    for start in stride(from: 0, to: trace.trials.count, by: trace.batch) {
        let batch = trace.trials[start..<min(start + trace.batch, trace.trials.count)]
        var pending: [PendingTrial] = []
        for trial in batch {
            let suggestion = sampler.suggest(pending: pending)
            try #require(
                suggestion.map(\.bitPattern) == trial.values.map { $0!.bitPattern },
                "trial \(trial.number): \(suggestion) instead of \(trial.values.map { $0! })")
            pending.append(PendingTrial(number: trial.number, values: suggestion))
        }
        for trial in batch { sampler.learn(trial) }
    }
}
