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

@Test func `bars that are no numbers, or too large, trigger nothing`() {
    for (at, poison) in [Double.nan, .infinity, -.infinity, 1e200].enumerated() {
        var universe = randomUniverse(tickers: 40, seed: UInt64(at + 1))
        // One bar in each of the first 35 tickers: all windows see some of them, none sees all.
        for day in 0..<Universe.days {
            switch day % 4 {
            case 0: universe.close[day * 40 + day] = poison
            case 1: universe.high[day * 40 + day] = poison
            case 2: universe.low[day * 40 + day] = poison
            default: universe.volume[day * 40 + day] = poison
            }
        }
        let oracle = VariationOracle(universe: universe)
        var random = SplitMix(seed: UInt64(at))
        let variations = Algorithm.allCases.map { randomVariation($0, using: &random) }
        for evaluation in VariationKernel(universe: universe).evaluate(variations) {
            #expect(evaluation.buys == oracle.buys(evaluation.variation), "\(poison), \(evaluation.variation)")
            #expect(!evaluation.buys[0].contains(15), "window 0 sees day 15")
        }
    }
}

@Test func `an empty universe buys nothing`() {
    var random = SplitMix(seed: 1)
    let variations = Algorithm.allCases.map { randomVariation($0, using: &random) }
    let evaluations = VariationKernel(universe: randomUniverse(tickers: 0, seed: 1)).evaluate(variations)
    #expect(evaluations.allSatisfy { $0.metrics == VariationMetrics() && $0.buys.count == Universe.windows })
}

@Test(arguments: seeds(3))
func `answers do not depend on what was asked before, nor on what the cache dropped`(seed: UInt64) {
    let universe = randomUniverse(tickers: 70, seed: seed)
    var random = SplitMix(seed: seed)
    let variations = (0..<10).flatMap { _ in Algorithm.allCases.map { randomVariation($0, using: &random) } }
    let kept = VariationKernel(universe: universe)
    let forgetful = VariationKernel(universe: universe, cacheBytes: 0)
    let once = kept.evaluate(variations)
    #expect(kept.evaluate(variations.reversed()).reversed().map(\.wireBytes) == once.map(\.wireBytes), "seed \(seed)")
    #expect(variations.map { forgetful.evaluate([$0])[0].wireBytes } == once.map(\.wireBytes), "seed \(seed)")
    #expect(kept.cachedBytes > forgetful.cachedBytes)
}

@Test func `with every parameter in use the cache holds what its comment says`() {
    let kernel = VariationKernel(universe: randomUniverse(tickers: 64, seed: 1))
    // Each distinct series once: options differ in the parameters that name a series, the others stand at 0.
    for algorithm in Algorithm.allCases {
        let counts = algorithm.parameters.map(\.optionCount)
        let named = algorithm.parameters.indices.filter {
            let name = algorithm.parameters[$0].name
            return ["fast", "slow", "period", "source", "ema", "rsi_period", "bb_period"].contains(name)
        }
        var options = [UInt8](repeating: 0, count: counts.count)
        options[algorithm.position(of: "volume")!] = 1
        let volumePeriod = algorithm.position(of: "volume_period")!
        func visit(_ depth: Int) {
            guard depth < named.count else {
                let variation = Variation(algorithm, options)
                if kernel.accepts(variation) { _ = kernel.evaluate([variation]) }
                return
            }
            for option in 0..<counts[named[depth]] {
                options[named[depth]] = UInt8(option)
                options[volumePeriod] = UInt8(option % counts[volumePeriod])
                visit(depth + 1)
            }
        }
        visit(0)
    }
    let perTicker = kernel.cachedBytes / 64
    #expect((36_500...37_500).contains(perTicker), "\(perTicker) bytes a ticker")
}

@Test(arguments: [60, 120])
func `longer windows follow the same definitions`(windowBars: Int) {
    for seed in seeds(2) {
        let universe = randomUniverse(tickers: 70, seed: seed, windowBars: windowBars)
        #expect(universe.windowBars == windowBars && universe.dates.count == windowBars + 4)
        let oracle = VariationOracle(universe: universe)
        let kernel = VariationKernel(universe: universe)
        var random = SplitMix(seed: seed)
        let variations = (0..<8).flatMap { _ in
            Algorithm.allCases.map { randomVariation($0, windowBars: windowBars, using: &random) }
        }
        var bought = 0
        for evaluation in kernel.evaluate(variations) {
            #expect(
                evaluation.buys == oracle.buys(evaluation.variation), "seed \(seed), \(evaluation.variation)")
            bought += evaluation.buys.reduce(0) { $0 + $1.count }
        }
        #expect(bought > 0)
    }
}

@Test func `longer windows allow what 31 bars are too few for`() {
    // slow 21, signal 9, lookback 2: 30 bars, and 31 − 2 are 29.
    let variation = Variation(.macd, [0, 15, 6, 0, 1, 0, 0, 0])
    #expect(variation.integer("slow") == 21 && variation.integer("signal") == 9 && variation.integer("lookback") == 2)
    for (windowBars, isAllowed) in [(31, false), (32, true), (60, true)] {
        #expect(variation.isFeasible(windowBars: windowBars) == isAllowed)
        let kernel = VariationKernel(universe: randomUniverse(tickers: 1, seed: 1, windowBars: windowBars))
        #expect(kernel.accepts(variation) == isAllowed)
    }
}
