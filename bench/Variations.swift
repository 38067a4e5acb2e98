import Foundation
import Jobs
import Kernels
import Market

/// Evaluations (variation × ticker × day) a second, metrics included, over a study's worth of random variations.
///
/// `bench variations [ROUNDS]`. Each round starts with empty kernels, one a thread, so that every indicator is computed
/// in the time that is measured; threads take the study's tasks alternately. MACD is raced against Numba on as many
/// threads, in alternating rounds, and must buy the same.
package enum VariationsBench {
    private static let tickers = 1000
    private static let tasks = 200
    private static let batch = 8
    private static var evaluations: Double { Double(tasks * batch * tickers * Universe.windows) }

    package static func run(arguments: [String]) {
        let rounds = arguments.first.flatMap { Int($0) } ?? 5
        var random = SplitMix64(seed: 20_170_331)
        let universe = walks(&random)
        let studies = Algorithm.allCases.map { algorithm in
            (0..<tasks).map { _ in (0..<batch).map { _ in feasible(algorithm, &random) } }
        }

        var totals = [0.0, 0.0, 0.0]
        for (algorithm, study) in zip(Algorithm.allCases, studies) {
            let seconds = [
                median((0..<rounds).map { _ in cold(study, on: universe, threads: 1) }),
                median((0..<rounds).map { _ in cold(study, on: universe, threads: 2) }),
                median((0..<rounds).map { _ in warm(study, on: universe) }),
            ]
            for at in 0..<3 { totals[at] += seconds[at] }
            report(algorithm.name, seconds.map { evaluations / $0 / 1e6 })
        }
        report("all ten", totals.map { 10 * evaluations / $0 / 1e6 })
        race(studies[0], on: universe, rounds: rounds)
    }

    private static func report(_ name: String, _ rates: [Double]) {
        print(
            "variations \(name): \(shown(rates[0])) M/s on 1 thread, \(shown(rates[1])) M/s on 2; "
                + "\(shown(rates[2])) M/s on 1 with all indicators held")
    }

    /// Seconds for all tasks, from empty kernels on.
    private static func cold(_ study: [[Variation]], on universe: Universe, threads: Int) -> Double {
        let start = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let kernel = VariationKernel(universe: universe)
            for task in stride(from: thread, to: study.count, by: threads) { _ = kernel.evaluate(study[task]) }
        }
        return (.now - start) / .seconds(1)
    }

    /// Seconds for all tasks on one thread that has tested them before.
    private static func warm(_ study: [[Variation]], on universe: Universe) -> Double {
        let kernel = VariationKernel(universe: universe)
        for task in study { _ = kernel.evaluate(task) }
        let start = ContinuousClock.now
        for task in study { _ = kernel.evaluate(task) }
        return (.now - start) / .seconds(1)
    }

    private static func race(_ study: [[Variation]], on universe: Universe, rounds: Int) {
        guard let peer = NumbaPeer(universe, study.joined().map { $0 }) else {
            print("variations macd against Numba: skipped, \(PeerProcess.python) with numba and numpy is missing")
            return
        }
        var ratios: [Double] = []
        var rates: [Double] = []
        for _ in 0..<rounds {
            let theirs = peer.seconds()
            let ours = cold(study, on: universe, threads: 2)
            ratios.append(theirs / ours)
            rates.append(evaluations / theirs / 1e6)
        }
        let evaluated = VariationKernel(universe: universe).evaluate(study.flatMap { $0 })
        let ours = evaluated.flatMap { evaluation in
            evaluation.buys.flatMap { buys in (0..<tickers).map { buys.contains($0) ? UInt8(1) : 0 } }
        }
        let differing = zip(ours, peer.answer()).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
        precondition(differing == 0, "Numba's buys differ from ours in \(differing) of \(ours.count) places")
        print(
            "variations macd against Numba on 2 threads (\(shown(median(rates))) M/s, same buys): "
                + "\(shown(median(ratios))) times as fast")
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func shown(_ value: Double) -> String { String(format: "%.1f", value) }

    /// Uniform over the feasible options: less repetitive than a sampler that has learnt, hence the harder case.
    private static func feasible(_ algorithm: Algorithm, _ random: inout SplitMix64) -> Variation {
        while true {
            let options = algorithm.parameters.map { UInt8.random(in: 0..<UInt8($0.optionCount), using: &random) }
            let drawn = Variation(algorithm, options)
            if drawn.isFeasible { return drawn }
        }
    }

    /// A universe of random walks, and as many random variations of each algorithm.
    static func sample(tickers: Int, windowBars: Int, variations: Int) -> (Universe, [[Variation]]) {
        var random = SplitMix64(seed: 20_170_331)
        let universe = walks(&random, tickers: tickers, days: Universe.days(windowBars: windowBars))
        return (
            universe,
            Algorithm.allCases.map { algorithm in
                (0..<variations).map { _ in feasible(algorithm, &random) }
            }
        )
    }

    private static func walks(
        _ random: inout SplitMix64, tickers: Int = tickers, days: Int = Universe.days
    ) -> Universe {
        var open = [Double](repeating: 0, count: tickers * days)
        var (high, low, close, volume) = (open, open, open, open)
        for ticker in 0..<tickers {
            var price = Double.random(in: 10...90, using: &random)
            for day in 0..<days {
                let at = day * tickers + ticker
                open[at] = price
                price *= exp(Double.random(in: -0.03...0.03, using: &random))
                close[at] = price
                high[at] = max(open[at], price) * (1 + Double.random(in: 0...0.01, using: &random))
                low[at] = min(open[at], price) * (1 - Double.random(in: 0...0.01, using: &random))
                volume[at] = Double(Int.random(in: 250_000...10_000_000, using: &random))
            }
        }
        return Universe(
            symbols: (0..<tickers).map { "T\($0)" }, dates: (0..<Int32(days)).map { $0 }, open: open,
            high: high, low: low, close: close, volume: volume)
    }
}

/// bench/peers/variations_numba.py as a running process.
private struct NumbaPeer {
    private let process: PeerProcess

    /// Nil when it does not start; its own complaint is on standard error.
    init?(_ universe: Universe, _ variations: [Variation]) {
        var data = Data()
        func append<Value: BitwiseCopyable>(_ values: [Value]) {
            // Numbers as they lie in memory; the script reads the same layout.
            unsafe values.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
        }
        append([universe.symbols.count, variations.count])
        append(universe.close)
        append(universe.volume)
        for v in variations {
            append([
                v.integer("fast"), v.integer("slow"), v.integer("signal"), v.integer("mode"), v.integer("lookback"),
                v.confirmsVolume ? v.integer("volume_period") : 0, 0,
            ])
        }
        append(variations.map { $0.value("volume_multiple") })
        guard let process = PeerProcess(script: "variations_numba.py", input: data) else { return nil }
        self.process = process
    }

    /// Seconds of one pass over all variations.
    func seconds() -> Double { process.ask("run").first ?? .nan }

    /// 1 where it bought, shape [variations][5][tickers].
    func answer() -> [UInt8] { process.bytes("answer") }
}
