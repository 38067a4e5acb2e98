import Jobs
import Market
import TestSupport
import Testing

@testable import Kernels

/// Universe sizes around words of 64 and lanes of 8.
private let sizes = [1, 7, 8, 63, 64, 65, 130, 17, 3]

@Test(arguments: Algorithm.allCases)
func `the kernel buys what the definitions buy`(algorithm: Algorithm) {
    for seed in seeds(9) {
        let size = sizes[Int(seed) % sizes.count]
        let universe = randomUniverse(tickers: size, seed: seed)
        let oracle = VariationOracle(universe: universe)
        let kernel = VariationKernel(universe: universe)
        var random = SplitMix(seed: seed &* 1000 &+ UInt64(algorithm.rawValue))
        let variations = (0..<24).map { _ in randomVariation(algorithm, using: &random) }
        let evaluations = kernel.evaluate(variations)
        #expect(evaluations.map(\.variation) == variations)
        for evaluation in evaluations {
            #expect(
                evaluation.buys == oracle.buys(evaluation.variation),
                "seed \(seed), \(size) tickers, \(evaluation.variation)")
        }
    }
}

@Test(arguments: Algorithm.allCases)
func `the kernel accepts the feasible variations and no others`(algorithm: Algorithm) {
    let kernel = VariationKernel(universe: randomUniverse(tickers: 1, seed: 1))
    var random = SplitMix(seed: UInt64(algorithm.rawValue))
    for _ in 0..<500 {
        let options = algorithm.parameters.map { UInt8.random(in: 0..<UInt8($0.optionCount), using: &random) }
        let variation = Variation(algorithm, options)
        #expect(kernel.accepts(variation) == variation.isFeasible, "\(variation)")
    }
}
