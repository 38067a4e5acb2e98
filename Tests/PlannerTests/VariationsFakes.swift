import Jobs
import Market
import Messages
import Planners
import TestSupport

/// Blobs that a test made itself.
struct HandedBlobs: BlobSource {
    var bytes: [UInt8] = []
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { bytes }
}

let anyBlob = BlobID(hash: [UInt8](repeating: 7, count: 32))!

/// Stands in for the kernels: buys and scores that depend on the variation alone, better towards the middle options.
func fakeEvaluation(_ variation: Variation, symbols: Int) -> VariationEvaluation {
    var seed: UInt64 = UInt64(variation.algorithm.rawValue)
    for option in variation.canonical.options { seed = seed &* 1_099_511_628_211 ^ UInt64(option) }
    var random = SplitMix(seed: seed)
    var buys: [TickerSet] = []
    for _ in 0..<5 {
        var set = TickerSet(capacity: symbols)
        for _ in 0..<Int.random(in: 4...12, using: &random) { set.insert(Int.random(in: 0..<symbols, using: &random)) }
        buys.append(set)
    }
    var metrics = VariationMetrics()
    metrics.pooledPP = Double(Int.random(in: 0...20, using: &random)) * 5
    metrics.medianPP = Double(Int.random(in: 0...9, using: &random)) * 10
    metrics.mad = Double(Int.random(in: 0...40, using: &random))
    metrics.range = Double(Int.random(in: 40...100, using: &random))
    let distance = zip(variation.options, variation.algorithm.parameters).reduce(0.0) {
        $0 + abs(Double($1.0) - Double($1.1.optionCount) / 2) / Double($1.1.optionCount)
    }
    metrics.stabilityScore = max(0, 40 - 8 * distance + Double(Int.random(in: -10...10, using: &random)))
    return VariationEvaluation(variation: variation, buys: buys, metrics: metrics)
}

func fakeResult(_ task: Variations.Task, symbols: Int = 90) -> Variations.Result {
    Variations.Result(evaluations: task.variations.map { fakeEvaluation($0, symbols: symbols) })
}

let noLoad = Load(slots: 0, idleSlots: 0, queuedTasks: 0)

/// Runs a planner to its end, results coming in an order that `seed` shuffles, and at most `inFlight` tasks taken at a
/// time. When `stop` says so, the planner is thrown away and restored from what was stored.
func runToEnd<P: Planner>(
    _ make: () throws -> P, seed: UInt64, inFlight: Int, stop: (Int) -> Bool = { _ in false },
    answer: (P.Kind.Task) -> P.Kind.Result
) throws -> (answer: [UInt8], isProved: Bool, tasks: [P.Kind.Task], blobs: [[UInt8]]) {
    var random = SplitMix(seed: seed)
    var planner = try make()
    var tasks: [P.Kind.Task] = []
    var results: [(index: Int, result: P.Kind.Result)] = []
    var blobs: [[UInt8]] = []
    var waiting: [Int] = []
    var end: Step<P.Kind.Task>.End?
    func take(_ step: Step<P.Kind.Task>) {
        waiting += tasks.count..<tasks.count + step.tasks.count
        tasks += step.tasks
        blobs += step.blobs
        end = step.end ?? end
    }
    take(try planner.start())
    while end == nil {
        guard !waiting.isEmpty else { throw JobError("nothing to do and no answer after \(results.count) results") }
        let chosen = waiting.remove(at: Int.random(in: 0..<min(inFlight, waiting.count), using: &random))
        let result = answer(tasks[chosen])
        results.append((chosen, result))
        if stop(results.count) {
            // The result was stored; what it led to was not.
            planner = try make()
            take(try planner.restore(tasks: tasks, results: results))
        } else {
            take(try planner.finished(chosen, with: result, load: noLoad))
        }
    }
    switch end! {
    case .answer(let bytes): return (bytes, true, tasks, blobs)
    case .unfinished(let bytes): return (bytes, false, tasks, blobs)
    }
}
