import Jobs
import Kernels
import Market
import Messages
import Objectives
import Runners
import TestSupport
import Testing

private struct OneBlob: BlobSource {
    let id: BlobID
    let content: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard blob == id else { throw JobError("no blob \(blob)") }
        return content
    }
}
private let blob = BlobID(hash: [UInt8](repeating: 7, count: 32))!

private func run(
    _ objective: Study.Objective, _ parameters: [StudyParameter], _ values: [Double?], _ context: RunContext,
    objectives: UInt32 = 1
) throws -> Study.Result {
    try StudyRunner.run(
        Study.Task(
            study: "s", trial: 0, attempt: 0, parameters: parameters, values: values, objective: objective,
            objectives: objectives, seed: 0, draws: []),
        index: 0, context: context)
}

/// An algorithm's grid as somebody would write it in a space file.
private func space(_ algorithm: Algorithm) -> [StudyParameter] {
    algorithm.parameters.map { parameter in
        switch parameter.options {
        case .choices(let names): StudyParameter(parameter.name, .categorical(names.map { .string($0) }))
        case .tenths(let low, let high, let step):
            StudyParameter(
                parameter.name,
                .float(low: Double(low) / 10, high: Double(high) / 10, step: Double(step) / 10, log: false))
        }
    }
}

@Test(arguments: Algorithm.allCases) func `a trial of an algorithm has its stability score`(algorithm: Algorithm) throws
{
    let universe = randomUniverse(tickers: 200, seed: 5)
    let context = RunContext(blobs: OneBlob(id: blob, content: universe.wireBytes))
    let kernel = VariationKernel(universe: universe)
    var random = SplitMix(seed: 5)
    let objective = Study.Objective.algorithm(algorithm.name, universe: blob)
    for _ in 0..<20 {
        let variation = randomVariation(algorithm, using: &random)
        // As a sampler finds it: low + i · step, which is not the nearest double of the decimal.
        let values = zip(algorithm.parameters, variation.options).map { parameter, option -> Double? in
            guard case .tenths(let low, _, let step) = parameter.options else { return Double(option) }
            return Double(low) / 10 + Double(option) * (Double(step) / 10)
        }
        let metrics = kernel.evaluate([variation])[0].metrics
        let result = try run(objective, space(algorithm), values, context)
        #expect(result.end == .complete([metrics.stabilityScore]))
        #expect(result.constraints == [Study.NamedNumber("infeasible", 0)])
        #expect(result.attributes.first { $0.name == "pooled_pp" }.flatMap { Double($0.text) } == metrics.pooledPP)
        #expect(result.attributes.contains(Study.NamedText("pooled_buys", "\(metrics.pooledBuys)")))
    }
}

@Test func `a combination that an algorithm cannot have is infeasible, not a failure`() throws {
    let context = RunContext(blobs: OneBlob(id: blob, content: randomUniverse(tickers: 5, seed: 1).wireBytes))
    let parameters = ["fast", "slow"].map { StudyParameter($0, .int(low: 2, high: 25, step: 1, log: false)) }
    let objective = Study.Objective.algorithm("ema", universe: blob)
    let result = try run(objective, parameters, [10, 4], context)
    #expect(result.end == .complete([0]))
    #expect(result.constraints == [Study.NamedNumber("infeasible", 1)])
    // Others are mistakes of the study's author, in words.
    for (objective, parameters, values, words) in [
        (.algorithm("astrology", universe: blob), [], [], "there is no algorithm astrology; there are macd, "),
        (
            objective, [StudyParameter("moon", .int(low: 0, high: 1, step: 1, log: false))], [1],
            "ema has no parameter moon"
        ),
        (objective, parameters, [10, 26], "slow cannot be 26; it takes 4.0 to 25.0 in steps of 1.0."),
        (.algorithm("ema", universe: BlobID(hash: [UInt8](repeating: 8, count: 32))!), parameters, [2, 4], "no blob"),
    ] as [(Study.Objective, [StudyParameter], [Double?], String)] {
        guard case .failed(let reason, _) = try run(objective, parameters, values, context).end else {
            Issue.record("\(words): it did not fail")
            continue
        }
        #expect(reason.hasPrefix(words), "\(reason)")
    }
}

@Test func `test functions are evaluated, with their conditions and their steps`() throws {
    let context = RunContext(blobs: OneBlob(id: blob, content: []))
    for function in TestFunctions.all {
        // Choices in another order than the function's own: they are told by name.
        let parameters = function.parameters.map { parameter in
            parameter.kind == .categorical
                ? StudyParameter(parameter.name, .categorical(parameter.choices.reversed().map { .string($0) }))
                : StudyParameter(
                    parameter.name, .float(low: parameter.low, high: parameter.high, step: nil, log: parameter.isLog))
        }
        let point = function.bestPoint
        let values = function.parameters.map { parameter -> Double? in
            guard parameter.kind == .categorical else { return point[parameter.name] }
            return point[parameter.name].map { Double(parameter.choices.count - 1) - $0 }
        }
        let result = try run(
            .function(function.name), parameters, values, context, objectives: UInt32(function.objectives))
        #expect(result.end == .complete(function.evaluate(point)), "\(function.name)")
        #expect(
            result.reports
                == (0..<function.steps).map {
                    Study.Report(step: Int64($0), value: function.report(point, at: $0))
                })
    }
    for (name, parameters) in [("nothing", []), ("branin", [])] as [(String, [StudyParameter])] {
        guard case .failed(let reason, mayRetry: false) = try run(.function(name), parameters, [], context).end else {
            Issue.record("\(name) did not fail")
            continue
        }
        #expect(reason.hasPrefix(name == "branin" ? "branin wants a value for " : "there is no test function nothing"))
    }
}
