import Jobs
import Market
import TestSupport
import Testing

@testable import Planners

/// The rules again, slowly, on sets of numbers.
private func slowPrune(_ list: [VariationEvaluation]) -> (covering: [Int], filling: [Int]) {
    let allTickers = list.map { Set($0.buys.flatMap(\.tickers)) }
    func tickers(_ at: Int) -> Set<Int> { allTickers[at] }
    let newest = list.map { Set($0.buys[4].tickers) }
    var order = list.indices.filter {
        let m = list[$0].metrics
        return m.stabilityScore > 0 && m.medianPP > 0 && !(m.mad > 25 && m.range > 80)
    }
    order.sort {
        let (a, b) = (list[$0].metrics.stabilityScore, list[$1].metrics.stabilityScore)
        return a != b ? a > b : $0 < $1
    }
    var unique: [Int] = []
    for at in order where !unique.contains(where: { list[$0].buys == list[at].buys }) { unique.append(at) }
    func isClone(_ a: Int, _ b: Int) -> Bool {
        let parameters = list[a].variation.algorithm.parameters
        var alike = 0
        for (position, parameter) in parameters.enumerated() {
            let apart = abs(Int(list[a].variation.options[position]) - Int(list[b].variation.options[position]))
            let allowed: Int
            if parameter.isCategorical {
                allowed = 0
            } else {
                switch parameter.optionCount {
                case ...10: allowed = 0
                case ...40: allowed = 1
                case ...150: allowed = 2
                default: allowed = 3
                }
            }
            if apart <= allowed { alike += 1 }
        }
        let (x, y) = (newest[a], newest[b])
        guard 2 * alike > parameters.count else { return false }
        return Double(x.intersection(y).count) / Double(max(x.count, y.count)) >= 0.6
    }
    var kept: [Int] = []
    for at in unique {
        let clones = kept.filter { isClone($0, at) }
        let better = clones.filter {
            (list[$0].metrics.pooledPP, tickers($0).count) >= (list[at].metrics.pooledPP, tickers(at).count)
        }
        if better.isEmpty { kept = kept.filter { !clones.contains($0) } + [at] }
    }
    let cap = list.isEmpty ? 0 : [Algorithm.macd, .ema, .breakout].contains(list[0].variation.algorithm) ? 250 : 100
    var covered: Set<Int> = []
    var covering: [Int] = []
    for at in kept where covering.count < cap && !tickers(at).isSubset(of: covered) {
        covering.append(at)
        covered.formUnion(tickers(at))
    }
    var filling: [Int] = []
    var rest = kept.filter { !covering.contains($0) }
    func overlap(_ a: Int, _ b: Int) -> Double {
        Double(tickers(a).intersection(tickers(b)).count) / Double(max(tickers(a).count, tickers(b).count))
    }
    let overlaps = list.indices.map { a in kept.contains(a) ? list.indices.map { overlap(a, $0) } : [] }
    func overlap(_ at: Int) -> Double { (covering + filling).map { overlaps[at][$0] }.max() ?? 0 }
    while covering.count + filling.count < cap && !rest.isEmpty {
        let ranked = rest.map { (overlap($0), -list[$0].metrics.pooledPP, $0) }
        let best = ranked.min { $0 < $1 }!.2
        filling.append(best)
        rest.removeAll { $0 == best }
    }
    return (covering, filling)
}

/// Variations close together, so that there are clones, some with the same buys.
private func neighbourhood(_ algorithm: Algorithm, count: Int, seed: UInt64, symbols: Int) -> [VariationEvaluation] {
    var random = SplitMix(seed: seed)
    return (0..<count).map { _ in
        let options = algorithm.parameters.map { UInt8(Int.random(in: 0..<min($0.optionCount, 5), using: &random)) }
        var evaluation = fakeEvaluation(Variation(algorithm, options), symbols: symbols)
        // Coarse, so that scores tie; half of them share the newest day's list with others.
        evaluation.metrics.stabilityScore = evaluation.metrics.stabilityScore.rounded()
        if Bool.random(using: &random) {
            var shared = TickerSet(capacity: symbols)
            for ticker in 0..<10 { shared.insert(ticker + Int.random(in: 0...1, using: &random) * 10) }
            evaluation.buys[4] = shared
        }
        return evaluation
    }
}

@Test(arguments: seeds(3))
func `the prune keeps what the obvious way keeps`(seed: UInt64) {
    let symbols = 70
    let evaluations = Algorithm.allCases.map { algorithm in
        neighbourhood(
            algorithm, count: algorithm == .sma ? 0 : 40 + 25 * Int(algorithm.rawValue),
            seed: seed &+ UInt64(algorithm.rawValue) << 8,
            symbols: symbols)
    }
    let hits = (0..<5).map { _ in TickerSet(capacity: symbols) }
    let pruned = Prune(evaluations: evaluations, hits: hits, symbolCount: symbols)
    for (at, list) in evaluations.enumerated() {
        let slow = slowPrune(list)
        #expect(pruned.numbers[at] == (slow.covering + slow.filling).map { UInt32($0 + 1) }.sorted(), "algorithm \(at)")
        let dropped = pruned.rejections.filter { Int($0.algorithm.rawValue) == at }.reduce(0) { $0 + Int($1.count) }
        #expect(dropped + pruned.numbers[at].count == list.count)
    }
    #expect((try? VariationPool(wireBytes: pruned.pool.wireBytes)) == pruned.pool)
    #expect(pruned.pool.members.map(\.number) == pruned.numbers.flatMap { $0 })
}

@Test func `above 1,300 in all the fill-ups with the lowest scores go first`() {
    // Every variation distinct, none a clone, one ticker pool: few cover, most fill up.
    let symbols = 60
    let evaluations = Algorithm.allCases.map { algorithm in
        var random = SplitMix(seed: UInt64(algorithm.rawValue) + 99)
        let count = Prune.cap(algorithm) + 20
        return (0..<count).map { _ in
            let options = algorithm.parameters.map { UInt8(Int.random(in: 0..<$0.optionCount, using: &random)) }
            var evaluation = fakeEvaluation(Variation(algorithm, options), symbols: symbols)
            evaluation.metrics.medianPP = 50
            evaluation.metrics.mad = 0
            evaluation.metrics.stabilityScore = 1 + Double.random(in: 0..<50, using: &random)
            return evaluation
        }
    }
    let pruned = Prune(evaluations: evaluations, hits: [], symbolCount: symbols)
    #expect(pruned.numbers.reduce(0) { $0 + $1.count } == 1300)
    let trimmed = pruned.rejections.filter { $0.reason == Prune.Reason.totalCap.text }.reduce(0) { $0 + Int($1.count) }
    #expect(trimmed == 150)
    // What is left of each algorithm is what it keeps alone, less its worst fill-ups under one common bar.
    var worstKept = Double.infinity
    var bestDropped = 0.0
    for (at, list) in evaluations.enumerated() {
        let alone = Prune(
            evaluations: evaluations.indices.map { $0 == at ? list : [] }, hits: [], symbolCount: symbols)
        let kept = Set(pruned.numbers[at])
        #expect(kept.isSubset(of: alone.numbers[at]))
        let best = alone.numbers[at].sorted {
            list[Int($0) - 1].metrics.stabilityScore > list[Int($1) - 1].metrics.stabilityScore
        }
        var covered = TickerSet(capacity: symbols)
        for number in best {
            let evaluation = list[Int(number) - 1]
            let tickers = evaluation.buys.reduce(covered) { $0.union($1) }
            let score = evaluation.metrics.stabilityScore
            if tickers != covered {
                #expect(kept.contains(number), "a variation that covers went before one that fills up")
            } else if kept.contains(number) {
                worstKept = min(worstKept, score)
            } else {
                bestDropped = max(bestDropped, score)
            }
            covered = tickers
        }
    }
    #expect(bestDropped > 0 && bestDropped <= worstKept)
}

@Test func `nothing in, nothing out`() {
    let pruned = Prune(evaluations: Algorithm.allCases.map { _ in [] }, hits: [], symbolCount: 0)
    #expect(pruned.numbers.allSatisfy { $0.isEmpty } && pruned.numbers.count == 10)
    #expect(pruned.rejections.isEmpty && pruned.pool.members.isEmpty)
}
