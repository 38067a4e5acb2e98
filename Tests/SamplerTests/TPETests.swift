import Samplers
import Testing

@Test(arguments: Trace.all)
func `every suggestion has the bits of Optuna 5`(trace: Trace) throws {
    var sampler = TPESampler(
        space: try Space(trace.space), seed: trace.seed, direction: trace.direction,
        isMultivariate: trace.isMultivariate)
    try #require(trace.trials.count >= 40)
    for start in stride(from: 0, to: trace.trials.count, by: trace.batch) {
        let batch = trace.trials[start..<min(start + trace.batch, trace.trials.count)]
        var pending: [PendingTrial] = []
        for trial in batch {
            let free = [Double?](repeating: nil, count: trace.space.count)
            let answer = sampler.suggest(number: trial.number, pending: pending, fixed: free)
            let suggestion = try #require(answer)
            try #require(
                suggestion.values == trial.values,
                "trial \(trial.number): \(suggestion.values) instead of \(trial.values)")
            pending.append(PendingTrial(number: trial.number, suggestion))
        }
        for trial in batch { sampler.learn(trial) }
    }
}
