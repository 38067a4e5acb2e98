import Jobs
import Market
import Planners
import Providers
import TestSupport
import Testing

private func market(_ count: Int) -> EmulatedMarket {
    EmulatedMarket(symbols: Set((0..<count).map { threeLetters($0) }))
}

/// Alpaca, which may be slow, and Tradier after it.
private func simulation(
    _ market: EmulatedMarket, _ hedging: Hedging, _ change: (inout Ingest.Spec) -> Void = { _ in },
    wants more: [Ingest.Spec] = []
) throws -> IngestSimulation {
    var spec = Ingest.Spec(
        providers: ["alpaca", "tradier"], wants: [.days(market.symbols.sorted(), "2026-01-05", "2026-11-18")])
    change(&spec)
    let (alpaca, tradier) = (EmulatedAlpaca(market), EmulatedTradier(market))
    return try IngestSimulation(
        [spec] + more, ["alpaca", "tradier"],
        [(alpaca, [alpaca.key, alpaca.secret]), (tradier, [tradier.key])], seed: 3,
        .init(workers: 8, hedging: hedging))
}
private func calls(_ simulation: IngestSimulation, _ provider: String) -> Int {
    simulation.services[provider]!.provider.limits.calls
}
/// Who gave each symbol; a symbol that is stored twice stands twice.
private func givers(_ simulation: IngestSimulation) -> [String: [String]] {
    var givers: [String: [String]] = [:]
    for (task, result) in simulation.publications.sorted(by: { $0.key < $1.key }) {
        for series in result.series {
            givers[series.symbol, default: []].append(simulation.jobs[0].tasks[task].provider)
        }
    }
    return givers
}

@Test func `without hedging a slow provider is waited for, and nobody else is asked`() throws {
    var slow = try simulation(market(3), .never)
    slow.script("alpaca", [.late])
    let began = slow.now
    try slow.run()
    #expect(slow.answer?.answered == 3 && slow.now - began > 20_000)
    #expect(calls(slow, "alpaca") == 1 && calls(slow, "tradier") == 0)
    #expect(givers(slow) == ["AAA": ["alpaca"], "AAB": ["alpaca"], "AAC": ["alpaca"]])
}

@Test func `a late call is made of the next provider too, and the first right answer is the only one stored`() throws {
    let market = market(3)
    var hedged = try simulation(market, .after(2000))
    hedged.script("alpaca", [.late])
    let began = hedged.now
    try hedged.run()
    let summary = try #require(hedged.answer)
    #expect(summary.answered == 3 && summary.gaps == [])
    #expect(hedged.now - began < 8000, "the slow call is given up, not waited for")
    #expect(calls(hedged, "alpaca") == 1 && calls(hedged, "tradier") == 3)
    #expect(givers(hedged) == ["AAA": ["tradier"], "AAB": ["tradier"], "AAC": ["tradier"]])
    // Both spent their own quota, and the log has the call that was given up.
    #expect(summary.sources.map(\.units) == [1, 3])
    let given = hedged.publications.values.flatMap(\.calls).filter { $0.outcome == .abandoned }
    #expect(given.count == 1 && given[0].refusal.contains("another provider answered first"))
    for symbol in market.symbols {
        let series = hedged.publications.values.flatMap(\.series).first { $0.symbol == symbol }
        #expect(fault(in: series, symbol, .days([symbol], "2026-01-05", "2026-11-18"), market) == nil)
    }
    // Who is quick is not hedged.
    var quick = try simulation(market, .after(2000))
    try quick.run()
    #expect(calls(quick, "tradier") == 0 && quick.answer?.answered == 3)
}

@Test func `a percentile waits until enough calls are known, and then for the slowest few`() throws {
    let market = market(60)
    var hedged = try simulation(market, .percentile(95)) { spec in
        // A call for each symbol.
        spec.wants = market.symbols.sorted().map { .days([$0], "2026-01-05", "2026-11-18") }
    }
    hedged.script("alpaca", [.late] + Array(repeating: nil, count: 40) + [.late])
    try hedged.run()
    #expect(hedged.answer?.answered == 60)
    // The first is waited for: nothing is known yet. Later ones that take longer than 95 of a hundred are not.
    #expect(givers(hedged).values.allSatisfy { $0.count == 1 })
    #expect((1...20).contains(calls(hedged, "tradier")))
}

@Test func `hedging spends no quota that is used up, no ceiling, and asks no provider that fails`() throws {
    let market = market(10)
    // Two units a minute: two of ten symbols are asked beside the slow call, the others come with it.
    var tight = try simulation(market, .after(2000)) { spec in
        spec.limits = [
            Ingest.Limits(provider: "tradier", limits: ProviderLimits([.init(2, per: 60_000)], concurrent: 4))
        ]
    }
    tight.script("alpaca", [.late])
    try tight.run()
    #expect(calls(tight, "tradier") == 2 && tight.answer?.answered == 10)
    #expect(givers(tight).values.allSatisfy { $0.count == 1 })
    #expect(givers(tight).values.count { $0 == ["tradier"] } == 2)

    var capped = try simulation(market, .after(2000)) { $0.ceilingUnits = 3 }
    capped.script("alpaca", [.late])
    try capped.run()
    #expect(calls(capped, "alpaca") == 1 && calls(capped, "tradier") == 2 && capped.answer?.answered == 10)

    var broken = try simulation(market, .after(2000))
    broken.script("alpaca", [.late])
    broken.script("tradier", Array(repeating: .badGateway, count: 100))
    try broken.run()
    // Five failures open its circuit, and the slow answer comes before it is tried again.
    #expect(calls(broken, "tradier") == 5 && broken.answer?.answered == 10)
    #expect(givers(broken).values.allSatisfy { $0 == ["alpaca"] })
}

@Test func `what both refuse is a gap once, and what the slow one refuses comes from the quick one`() throws {
    var known = market(2)
    known.symbols.insert("B4D")
    // Alpaca refuses the whole batch because of one symbol, late; Tradier has all three.
    var mixed = try simulation(known, .after(2000))
    mixed.script("alpaca", [.late])
    try mixed.run()
    #expect(mixed.answer?.gaps == [] && givers(mixed).values.allSatisfy { $0.count == 1 })
    #expect(givers(mixed)["B4D"] == ["tradier"])
    // Tradier is slow as well, so that the first one's no comes while it is asked.
    mixed = try simulation(known, .after(2000))
    mixed.script("alpaca", [.late])
    mixed.script("tradier", [.late, .late, .late])
    try mixed.run()
    #expect(mixed.answer?.gaps == [] && givers(mixed).values.allSatisfy { $0.count == 1 })
    #expect(Set(givers(mixed).keys) == known.symbols)
}
