import Foundation
import Jobs
import Market
import Messages
import TestSupport
import Testing

@testable import Kernels

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/us-daily-cut.csv.gz").path

private func realBars() throws -> (bars: DailyBars, stages: ThreeStages) {
    let bars = try DailyBars.read(path: fixtures)
    return (bars, try ThreeStages(choosingFrom: bars, name: "the cut"))
}

/// One symbol, one day at a time: DESIGN §5.2 read aloud on the 30 bars before it, and the books kept in lists.
private func slowly(
    _ variation: Variation, _ bars: DailyBars, _ symbol: String, _ window: ThreeStages.Window, _ rules: TradingRules
) throws -> (metrics: [String: Double], trades: Int) {
    let at = try #require(bars.symbols.firstIndex(of: symbol))
    let own = Array(bars.starts[at]..<bars.starts[at + 1])
    var gains: [Double] = []
    var costs: [Double] = []
    var orders = 0
    var refused = 0
    var amount = 0.0
    for (place, bar) in own.enumerated() where bars.dates[bar] >= window.first && bars.dates[bar] <= window.last {
        // The first of five windows is what counts; the others see the day repeated.
        let shown = (0..<35).map { own[min(place - 30 + $0, place)] }
        let universe = Universe(
            symbols: ["ONE"], dates: shown.map { bars.dates[$0] }, open: shown.map { bars.open[$0] },
            high: shown.map { bars.high[$0] }, low: shown.map { bars.low[$0] }, close: shown.map { bars.close[$0] },
            volume: shown.map { bars.volume[$0] })
        guard VariationOracle(universe: universe).buys(variation)[0].contains(0) else { continue }
        orders += 1
        let before = bars.close[own[place - 1]]
        let open = bars.open[bar]
        let close = bars.close[bar]
        if abs(open / before - 1) > rules.collarPercent / 100 {
            refused += 1
            continue
        }
        let shares = rules.capital / open
        gains.append(shares * (close - open))
        costs.append((shares * open + shares * close) * rules.costBasisPoints / 10_000)
        amount += shares * open + shares * close
    }
    var deepest = 0.0
    let equity = [0] + gains.indices.map { last in (0...last).reduce(0) { $0 + gains[$1] - costs[$1] } }
    for from in equity.indices { for to in from..<equity.count { deepest = max(deepest, equity[from] - equity[to]) } }
    return (
        [
            "pnl": gains.reduce(0, +), "cost": costs.reduce(0, +), "max_drawdown": deepest,
            "reject_rate": orders == 0 ? 0 : Double(refused) / Double(orders), "turnover": amount / rules.capital,
        ], gains.count
    )
}

/// Sums of some dozen amounts about the capital, each rounded a few times.
private let tolerance = 1e-6

@Test func `a backtest earns on real bars what day by day arithmetic says it earns`() throws {
    let (bars, stages) = try realBars()
    let rules = TradingRules(capital: 50_000, costBasisPoints: 7, collarPercent: 1)
    let cut = try StrategyBars(bars, for: stages, name: "the cut")
    var random = SplitMix(seed: 2017)
    var trades = 0
    var refusals = 0
    for stage in ThreeStages.Stage.allCases {
        var part = stages.part(stage)
        part.symbols = Array(part.symbols.prefix(6))
        part.rules = rules
        let backtest = try StrategyBacktest(try StrategyBars(wireBytes: cut.wireBytes), part)
        for algorithm in Algorithm.allCases {
            for _ in 0..<4 {
                let variation = randomVariation(algorithm, using: &random)
                #expect(backtest.accepts(variation))
                for (symbol, metrics) in zip(part.symbols, backtest.trade(variation)) {
                    let (expected, count) = try slowly(variation, bars, symbol, part.window, rules)
                    for (name, number) in zip(TradingMetrics.names, metrics.numbers) {
                        #expect(
                            abs(number - expected[name]!) <= tolerance,
                            "\(variation) \(symbol) \(stage.name) \(name): \(number), not \(expected[name]!)")
                    }
                    trades += count
                    refusals += metrics.rejectRate > 0 ? 1 : 0
                }
            }
        }
    }
    print("trades=\(trades) symbols_with_refusals=\(refusals)")
    #expect(trades > 500 && refusals > 20)
}

@Test func `chosen stages share no day, and only look back on what was known`() throws {
    let (bars, stages) = try realBars()
    #expect(stages.coarse.symbols.count == 1 && stages.refine.symbols.count == 5)
    #expect(stages.forward.symbols.starts(with: stages.refine.symbols))
    // The most money traded before the first window, by a plain sum over the file's rows.
    func money(_ symbol: String) -> Double {
        let at = bars.symbols.firstIndex(of: symbol)!
        return (bars.starts[at]..<bars.starts[at + 1]).filter { bars.dates[$0] < stages.coarse.window.first }
            .reduce(0) { $0 + bars.close[$1] * bars.volume[$1] }
    }
    let amounts = stages.forward.symbols.map(money)
    #expect(amounts == amounts.sorted(by: >))
    // Cut to what the stages need, and no more.
    let cut = try StrategyBars(bars, for: stages, name: "the cut")
    #expect(cut.dates.max() == stages.forward.window.last)
    for (at, symbol) in cut.symbols.enumerated() {
        let first = try #require(ThreeStages.Stage.allCases.first { stages[$0].symbols.contains(symbol) })
        let own = cut.dates[cut.starts[at]..<cut.starts[at + 1]]
        #expect(own.count { $0 < stages[first].window.first } == 30, "\(symbol)")
    }
}

@Test func `bars that do not reach are refused, with the day from which they do`() throws {
    let (bars, stages) = try realBars()
    func refusal(_ symbol: String, _ first: String, _ last: String) throws -> String {
        let window = try #require(ThreeStages.Window("\(first)..\(last)"))
        let changed = try ThreeStages(
            coarse: .init(symbols: [symbol], window: window, trials: 25), refine: stages.refine,
            forward: stages.forward)
        let error = #expect(throws: JobError.self) { try StrategyBars(bars, for: changed, name: "the cut") }
        return error?.description ?? ""
    }
    let symbol = stages.coarse.symbols[0]
    #expect(try refusal("NOBODY", "2017-02-21", "2017-02-22").contains("stage coarse: the cut has no bars of NOBODY"))
    let early = try refusal(symbol, "2017-02-01", "2017-02-02")
    #expect(early.contains("signal looks back on 30; begin the window on 2017-02-"), "\(early)")
    #expect(try refusal(symbol, "2015-01-05", "2015-01-06").contains("has no bar in 2015-01-05..2015-01-06"))
}
