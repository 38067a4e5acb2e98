import Samplers
import Testing

@Test(arguments: Trace.all)
func `every suggestion has the bits of Optuna 5`(trace: Trace) throws {
    var sampler = try trace.sampler()
    try #require(trace.digests.count == 300)
    var pending: [(number: Int, suggestion: Suggestion)] = []
    for number in trace.digests.indices {
        let answer = sampler.suggest(
            number: number, pending: pending.map { PendingTrial(number: $0.number, $0.suggestion) },
            fixed: trace.fixed(number))
        let suggestion = try #require(answer)
        if let spot = trace.spots[number] {
            try #require(suggestion.values == spot, "trial \(number); seed \(trace.seed)")
        }
        try #require(
            Trace.digest(suggestion.values) == trace.digests[number],
            "trial \(number): \(suggestion.values); Optuna's: make_traces.py \(trace.name), line \(number + 1)")
        pending.append((number, suggestion))
        guard pending.count == trace.window else { continue }
        let ended = pending.remove(at: number * 5 % trace.window)
        if let trial = trace.end(of: ended.number, ended.suggestion.values) { sampler.learn(trial) }
    }
}

extension Trace {
    func sampler() throws -> TPESampler {
        TPESampler(space: try Space(parameters), seed: seed, directions: directions, isMultivariate: isMultivariate)
    }
}
