import Foundation
import Jobs
import Kernels
import Market
import Messages
import Planners
import Samplers

/// How cost grows beyond the usual weekend: sizes of groups, tickers, bars of a window, variations an algorithm.
///
/// `bench scale [--quick]`. Each table changes one thing and holds the others at the weekend's usual values, on one
/// thread; times are processor time, so that a busy machine changes them little.
package enum ScaleBench {
    package static func run(arguments: [String]) {
        let isQuick = arguments.contains("--quick")
        growWithUniverse(variations: isQuick ? 40 : 400)
        growWithVariations(isQuick ? [400, 1_600] : [1_600, 10_000])
        do { try growWithSizes(scale: isQuick ? 0.12 : 0.25) } catch { print("scale bench: \(error)") }
    }

    /// All ten algorithms from empty kernels on, so that indicators are paid for too.
    private static func growWithUniverse(variations: Int) {
        print("tickers  window  M evaluations/s  ms a variation  bytes a variation  bytes a task of 8 (limit 16 MiB)")
        for (tickers, windowBars) in [(1_000, 31), (2_000, 31), (6_000, 31), (1_000, 60), (6_000, 60)] {
            let (universe, studies) = VariationsBench.sample(
                tickers: tickers, windowBars: windowBars, variations: variations)
            var bytes = 0
            let seconds = measured {
                let kernel = VariationKernel(universe: universe)
                for study in studies {
                    for first in stride(from: 0, to: study.count, by: 8) {
                        let tested = kernel.evaluate(Array(study[first..<min(first + 8, study.count)]))
                        bytes = max(bytes, tested[0].wireBytes.count)
                    }
                }
            }
            let count = Double(variations * studies.count)
            let evaluations = count * Double(tickers * Universe.windows)
            row([
                ("\(tickers)", 7), ("\(windowBars)", 8), (digits(evaluations / seconds / 1e6), 17),
                (digits(1000 * seconds / count, 3), 16), ("\(bytes)", 19),
                ("\(Variations.Result(evaluations: []).wireBytes.count + 8 * bytes)", 12),
            ])
        }
    }

    /// One algorithm's study: the sampler after so many trials, and the prune of all of them.
    private static func growWithVariations(_ counts: [Int]) {
        print(
            "variations an algorithm  ms a suggestion  prune s (tickers 1,000)  MB held by the planner, ten algorithms")
        let (universe, studies) = VariationsBench.sample(tickers: 1_000, windowBars: 31, variations: counts.max()!)
        let kernel = VariationKernel(universe: universe)
        let all = kernel.evaluate(studies[0])
        for count in counts {
            let evaluations = Array(all[0..<count])
            let space = SamplersBench.space(
                Algorithm.macd.parameters.map {
                    Parameter(
                        $0.name,
                        $0.isCategorical
                            ? .categorical(choices: $0.optionCount) : .int(low: 0, high: $0.optionCount - 1))
                })
            var sampler = TPESampler(space: space, seed: 1, directions: [.maximize], ties: .age)
            let free = [Double?](repeating: nil, count: space.count)
            for (number, evaluation) in evaluations.enumerated() {
                sampler.learn(
                    Trial(
                        number: number, values: evaluation.variation.options.map(Double.init),
                        outcome: .complete(evaluation.metrics.stabilityScore)))
            }
            let suggestions = 40
            let suggesting = measured {
                for _ in 0..<suggestions { _ = sampler.suggest(number: count, pending: [], fixed: free) }
            }
            var kept = 0
            let pruning = measured {
                let prune = Prune(evaluations: [evaluations], hits: universe.hits, symbolCount: 1_000)
                kept = prune.numbers[0].count
            }
            precondition(kept > 0, "the prune keeps something")
            // Five bitsets of 16 words with their array headers, the metrics and the options, as they lie in memory.
            let held =
                evaluations[0].buys.reduce(0) { $0 + 8 * $1.words.count + 32 + MemoryLayout<TickerSet>.stride }
                + MemoryLayout<VariationEvaluation>.stride + 2 * (20 + 32) + 32 + 16
            row([
                ("\(count)", 23), (digits(1000 * suggesting / Double(suggestions), 2), 17), (digits(pruning, 2), 25),
                (digits(Double(10 * count * held) / 1e6), 12),
            ])
        }
    }

    /// The whole space of one small pool, to the proof.
    private static func growWithSizes(scale: Double) throws {
        let pool = marketPool(seed: 1, scale: scale, wide: 0.36)
        print(
            "sizes  nodes of the space  visited  M visited/s  s to the proof  bytes of the answer (\(pool.members.count) in the pool)"
        )
        for largest in UInt8(2)...6 {
            let sizes = Array(2...largest)
            let kernel = try GroupKernel(pool: pool, sizes: sizes, keep: 1000)
            var result: Groups.Result?
            let seconds = try measured {
                result = try kernel.search(
                    Groups.Piece(start: Groups.Cursor(), end: nil),
                    thresholds: sizes.map { _ in -Double.infinity }, shouldStop: { false })
            }
            guard let result else { continue }
            row([
                (largest == 2 ? "2" : "2..\(largest)", 5), ("\(kernel.space.nodeCount)", 20),
                ("\(result.accounting.visited)", 13), (digits(Double(result.accounting.visited) / seconds / 1e6), 9),
                (digits(seconds, 2), 16), ("\(result.wireBytes.count)", 12),
            ])
        }
    }

    private static func measured(_ work: () throws -> Void) rethrows -> Double {
        let begin = processorSeconds()
        try work()
        return processorSeconds() - begin
    }
    private static func digits(_ value: Double, _ places: Int = 1) -> String { String(format: "%.\(places)f", value) }
    private static func row(_ cells: [(text: String, width: Int)]) {
        print(cells.map { String(repeating: " ", count: max(1, $0.width - $0.text.count)) + $0.text }.joined())
    }
}
