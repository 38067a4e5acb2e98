import Jobs
import Market
import Planners
import Providers
import TestSupport
import Testing

private func market(_ count: Int) -> EmulatedMarket {
    var market = EmulatedMarket(symbols: Set((0..<count).map { threeLetters($0) }))
    for (at, symbol) in market.symbols.sorted().enumerated() where at % 40 == 7 {
        market.splits[symbol] = Emulated.today - 200 - at
    }
    return market
}
private let (polygon, alpaca, tradier, twelve) = ("polygon", "alpaca", "tradier", "twelvedata")

private func services(_ names: [String], _ market: EmulatedMarket) -> [(any ProviderEmulator, keys: [String])] {
    names.map { name in
        switch name {
        case polygon: (EmulatedPolygon(market), [EmulatedPolygon(market).key])
        case alpaca: (EmulatedAlpaca(market), [EmulatedAlpaca(market).key, EmulatedAlpaca(market).secret])
        case tradier: (EmulatedTradier(market), [EmulatedTradier(market).key])
        default: (EmulatedTwelveData(market), [EmulatedTwelveData(market).key])
        }
    }
}

/// Every bar of every symbol is right and there; where several providers gave parts, together.
private func expectWhole(_ simulation: IngestSimulation, _ want: BarsWanted, _ market: EmulatedMarket) {
    var series: [String: BarSeries] = [:]
    for (_, result) in simulation.publications.sorted(by: { $0.key < $1.key }) {
        for part in result.series {
            var whole = series[part.symbol] ?? BarSeries(symbol: part.symbol, timeframe: .day1)
            for at in 0..<part.count { whole.append(part, at) }
            series[part.symbol] = whole
        }
    }
    let faults = want.symbols.compactMap { fault(in: series[$0]?.ascending(), $0, want, market) }
    #expect(faults == [])
}

@Test(arguments: seeds(20))
func `no quota is exceeded and every bar is right, whatever is lost, late, repeated or dead`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    let market = market(40)
    let want = BarsWanted.days(market.symbols.sorted(), "2025-01-06", "2026-11-18")
    let names = [[twelve, tradier], [tradier, alpaca], [alpaca, polygon], [polygon, twelve]][Int(seed % 4)]
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: names, wants: [want]), services(names, market), seed: seed,
        .init(
            workers: 1 + chance.next(below: 12), lossPerThousand: chance.next(below: 150),
            deathPerThousand: chance.next(below: 30), silencePerThousand: chance.next(below: 20),
            restartPerThousand: chance.next(below: 10),
            // Calls beside slow ones spend quotas like any other.
            hedging: [.never, .after(500), .after(5000), .percentile(90)][Int(seed / 4 % 4)]))
    // Some answers are refusals nobody deserved.
    simulation.fault(chance.next(below: 200), of: EmulatorFault.allCases.filter { $0 != .moved })
    try simulation.run()
    let summary = try #require(simulation.answer)
    for name in names {
        let limits = simulation.services[name]!.provider.limits
        #expect(limits.exceeded == 0, "\(name): \(limits.exceeded) of \(limits.calls) calls were too many")
    }
    // What neither gave is listed; all else is there, bar by bar.
    let gaps = Set(summary.gaps.map(\.symbol))
    var whole = want
    whole.symbols.removeAll { gaps.contains($0) }
    expectWhole(simulation, whole, market)
    #expect(gaps.count <= 4)
}

@Test func `without trouble no call is made twice, and the quota is used well`() throws {
    let market = market(200)
    let want = BarsWanted.days(market.symbols.sorted(), "2024-01-02", "2026-11-18")
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: [tradier], wants: [want]), services([tradier], market), seed: 1, .init())
    let began = simulation.now
    try simulation.run()
    #expect(simulation.answer?.answered == 200)
    #expect(simulation.answer?.gaps == [])
    expectWhole(simulation, want, market)
    let service = simulation.services[tradier]!
    #expect(service.answered.count == 200 && service.answered.values.allSatisfy { $0 == 1 })
    #expect(service.provider.limits.exceeded == 0)
    // 200 calls at 60 a minute: the last goes out in the fourth minute.
    #expect(simulation.now - began < 4 * 60_000)
}

@Test func `a refused key stops a provider at once, and the next one is asked`() throws {
    let market = market(60)
    let want = BarsWanted.days(market.symbols.sorted(), "2026-01-05", "2026-11-18")
    var all = services([tradier, alpaca], market)
    all[0].keys = ["not-this-one"]
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: [tradier, alpaca], wants: [want]), all, seed: 3, .init())
    try simulation.run()
    let summary = try #require(simulation.answer)
    expectWhole(simulation, want, market)
    #expect(summary.gaps == [])
    #expect(summary.sources[0].stopped.contains("Invalid Access Token"))
    // Until it is known that the key is good, one call goes out at a time: the first is the last.
    #expect(simulation.services[tradier]!.provider.limits.calls == 0)
    #expect(summary.sources[0].units == 1)
}

@Test func `a ceiling leaves out the least important symbols, and is announced on the way`() throws {
    let market = market(100)
    let symbols = market.symbols.sorted()
    let want = BarsWanted.days(symbols, "2026-01-05", "2026-11-18")
    var spec = Ingest.Spec(providers: [tradier], wants: [want])
    spec.ceilingUnits = 40
    var simulation = try IngestSimulation(spec, services([tradier], market), seed: 4, .init())
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.gaps.count == 60)
    // The last few that were under way together may come in any order.
    #expect(Set(symbols[48...]).isSubset(of: summary.gaps.map(\.symbol)))
    #expect(simulation.services[tradier]!.provider.limits.units == 40)
    #expect(
        simulation.alerts == [
            "50 % of the ceiling is used", "80 % of the ceiling is used", "95 % of the ceiling is used",
        ])
}

@Test func `a plan that silently cuts history is found out, and another provider fills the gap`() throws {
    let market = market(3)
    let want = BarsWanted.days(market.symbols.sorted(), "2022-01-03", "2026-11-18")
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: [polygon, alpaca], wants: [want]), services([polygon, alpaca], market), seed: 5, .init())
    try simulation.run()
    expectWhole(simulation, want, market)
    #expect(simulation.answer?.gaps == [])
    #expect(simulation.services[alpaca]!.provider.limits.calls > 0)
}

@Test func `the circuit opens after failures in a row and closes again`() throws {
    let market = market(30)
    let want = BarsWanted.days(market.symbols.sorted(), "2026-01-05", "2026-11-18")
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: [tradier], wants: [want]), services([tradier], market), seed: 6, .init())
    simulation.script(tradier, Array(repeating: .badGateway, count: 12))
    let began = simulation.now
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.gaps == [])
    expectWhole(simulation, want, market)
    // At five it opens for 30 s, then for 60, 120, 240: not one call in ten seconds.
    #expect(simulation.now - began > 90_000)
    #expect(summary.sources[0].failed == 12)
}

@Test func `two runs of the same seed are the same, and a spec that cannot be met says why`() throws {
    let market = market(20)
    let want = BarsWanted.days(market.symbols.sorted(), "2026-01-05", "2026-11-18")
    func summary() throws -> Ingest.Summary? {
        var simulation = try IngestSimulation(
            Ingest.Spec(providers: [twelve], wants: [want]), services([twelve], market), seed: 7,
            .init(lossPerThousand: 100, deathPerThousand: 20))
        simulation.fault(100)
        try simulation.run()
        return simulation.answer
    }
    #expect(try summary() == summary())
    for (spec, words) in [
        (Ingest.Spec(providers: ["nobody"], wants: [want]), "there is no provider nobody"),
        (Ingest.Spec(providers: [], wants: [want]), "no provider is named"),
        (Ingest.Spec(providers: [twelve], wants: [.days(["A"], "2026-02-02", "2027-01-04")]), "in the future"),
        (Ingest.Spec(providers: ["alphavantage"], wants: [want]), "adjusted for splits"),
    ] {
        let error = #expect(throws: (any Error).self) {
            _ = try IngestSimulation(spec, [], seed: 1, .init())
        }
        #expect(error.map { "\($0)".contains(words) } ?? false)
    }
}

@Test func `three hundred symbols of five years come whole, though one answer in twenty goes wrong`() throws {
    let market = market(300)
    let want = BarsWanted.days(market.symbols.sorted(), "2021-11-18", "2026-11-18")
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: [alpaca, tradier], wants: [want]), services([alpaca, tradier], market), seed: 8,
        .init(lossPerThousand: 20, deathPerThousand: 10, silencePerThousand: 10, restartPerThousand: 2))
    simulation.fault(50, of: EmulatorFault.allCases.filter { $0 != .moved })
    let began = simulation.now
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.gaps == [])
    expectWhole(simulation, want, market)
    for name in [alpaca, tradier] { #expect(simulation.services[name]!.provider.limits.exceeded == 0) }
    // A call that was answered and heard is not made again: only those of workers that died, and lost answers, are.
    let service = simulation.services[alpaca]!
    let repeated = service.answered.values.reduce(0) { $0 + $1 - 1 }
    print(
        "\(summary.bars) bars, \(service.provider.limits.calls) calls, \(service.faulty) went wrong, \(repeated) repeated "
            + "after \(simulation.deaths) deaths and \(simulation.silences) silences, \(simulation.restarts) restarts, "
            + "\((simulation.now - began) / 1000) s of virtual time")
    #expect(repeated <= 10 * (simulation.deaths + simulation.silences))
}
