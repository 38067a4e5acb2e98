import Jobs
import Market
import Messages
import Planners
import Providers
import TestSupport
import Testing

private func market(_ count: Int) -> EmulatedMarket {
    EmulatedMarket(symbols: Set((0..<count).map { threeLetters($0) }))
}
private func want(_ symbols: some Sequence<String>) -> BarsWanted {
    .days(symbols.sorted(), "2026-01-05", "2026-11-18")
}
private func tradier(_ market: EmulatedMarket) -> (any ProviderEmulator, keys: [String]) {
    (EmulatedTradier(market), [EmulatedTradier(market).key])
}

@Test(arguments: seeds(8))
func `jobs that race share one quota, exactly, though everything may be lost or die`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    let market = market(90)
    let symbols = market.symbols.sorted()
    let specs = (0..<3).map { job in
        Ingest.Spec(providers: ["tradier"], wants: [want(symbols[job * 30..<job * 30 + 30])])
    }
    var simulation = try IngestSimulation(
        specs, ["tradier"], [tradier(market)], seed: seed,
        .init(
            workers: 6, lossPerThousand: chance.next(below: 80), deathPerThousand: chance.next(below: 20),
            silencePerThousand: chance.next(below: 10), restartPerThousand: chance.next(below: 10), rebootPercent: 50))
    simulation.fault(chance.next(below: 100), of: [.badGateway, .cut, .truncated, .tooMany])
    try simulation.run()
    for job in simulation.jobs { #expect(job.answer != nil) }
    #expect(simulation.services["tradier"]!.provider.limits.exceeded == 0)
    print("seed \(seed): \(simulation.restarts) restarts, \(simulation.reboots) of them of the machine")
}

@Test func `two jobs that race use what one would have used, and neither waits for the other`() throws {
    let market = market(240)
    let symbols = market.symbols.sorted()
    let specs = [symbols[..<120], symbols[120...]].map { Ingest.Spec(providers: ["tradier"], wants: [want($0)]) }
    var simulation = try IngestSimulation(specs, ["tradier"], [tradier(market)], seed: 2, .init(workers: 8))
    let began = simulation.now
    try simulation.run()
    let service = simulation.services["tradier"]!
    #expect(service.answered.count == 240 && service.answered.values.allSatisfy { $0 == 1 })
    #expect(service.provider.limits.exceeded == 0 && service.provider.limits.peak == 1)
    // 240 calls at 60 a minute go out in four minutes, and both are under way all the time.
    #expect(simulation.now - began < 4 * 60_000 + 10_000)
    for job in simulation.jobs { #expect(job.ended - began > 2 * 60_000 && job.answer?.gaps == []) }
}

@Test func `a batch that waits for its quota holds no slot`() throws {
    let market = market(40)
    let symbols = market.symbols.sorted()
    var slow = Ingest.Spec(providers: ["tradier"], wants: [want(symbols[..<30])])
    slow.limits = [Ingest.Limits(provider: "tradier", limits: ProviderLimits([.init(1, per: 60_000)], concurrent: 4))]
    let quick = Ingest.Spec(providers: ["alpaca"], wants: [want(symbols[30...])])
    let alpaca = EmulatedAlpaca(market)
    // One slot for both.
    var simulation = try IngestSimulation(
        [slow, quick], ["tradier", "alpaca"], [tradier(market), (alpaca, [alpaca.key, alpaca.secret])], seed: 3,
        .init(workers: 1))
    let began = simulation.now
    try simulation.run()
    #expect(simulation.jobs.allSatisfy { $0.answer?.gaps == [] })
    #expect(simulation.jobs[1].ended - began < 30_000)
    #expect(simulation.jobs[0].ended - began > 28 * 60_000)
    #expect(simulation.services["tradier"]!.answered.values.allSatisfy { $0 == 1 })
}

@Test func `a batch broken off for its quota goes on at the page where it was`() throws {
    let market = market(150)
    var spec = Ingest.Spec(
        providers: ["alpaca"], wants: [.days(market.symbols.sorted(), "2022-01-03", "2026-11-18")])
    // 50 symbols of five years are seven pages: of two batches at once, both are broken off between them.
    spec.limits = [Ingest.Limits(provider: "alpaca", limits: ProviderLimits([.init(4, per: 60_000)], concurrent: 2))]
    let alpaca = EmulatedAlpaca(market)
    var simulation = try IngestSimulation(
        spec, [(alpaca, [alpaca.key, alpaca.secret])], seed: 4, .init(workers: 2, restartPerThousand: 20))
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.gaps == [])
    let service = simulation.services["alpaca"]!
    #expect(service.answered.values.allSatisfy { $0 == 1 }, "no page was asked for twice")
    // A call costs one unit, however many symbols it asks for: three batches, the rest goes on where one was broken off.
    #expect(simulation.jobs[0].tasks.count { $0.rest == nil } == 3)
    #expect(simulation.jobs[0].tasks.count > 4, "broken off at least once")
    #expect(simulation.jobs[0].tasks.contains { !($0.rest?.targets.isEmpty ?? true) })
    var series: [String: BarSeries] = [:]
    for (_, result) in simulation.publications.sorted(by: { $0.key < $1.key }) {
        for part in result.series { series[part.symbol] = part }
    }
    for symbol in spec.wants[0].symbols { #expect(fault(in: series[symbol], symbol, spec.wants[0], market) == nil) }
}

@Test func `a ceiling in dollars holds over several providers, and a day's quota is announced on the way`() throws {
    let market = market(60)
    let symbols = market.symbols.sorted()
    var spec = Ingest.Spec(providers: ["tradier"], wants: [want(symbols)])
    spec.limits = [
        Ingest.Limits(
            provider: "tradier", limits: EmulatedTradier.freeLimits, microdollarsPerUnit: 250_000)
    ]
    spec.ceilingMicrodollars = 10_000_000
    var simulation = try IngestSimulation(spec, [tradier(market)], seed: 5, .init())
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.gaps.count == 20 && summary.gaps[0].words.contains("the ceiling of $10 is reached"))
    #expect(simulation.services["tradier"]!.provider.limits.units == 40)

    var daily = Ingest.Spec(providers: ["tradier"], wants: [want(symbols[..<20])])
    daily.limits = [
        Ingest.Limits(
            provider: "tradier", limits: ProviderLimits([.init(20, per: ProviderLimits.day)], concurrent: 4))
    ]
    simulation = try IngestSimulation(daily, [tradier(market)], seed: 6, .init())
    try simulation.run()
    #expect(
        simulation.alerts == [50, 80, 95].map { "tradier: \($0) % of the day's quota is used" })
}

@Test func `under a tight ceiling the universe shrinks from its end`() throws {
    let market = market(30)
    let symbols = Array(market.symbols.sorted().reversed())
    var spec = Ingest.Spec(providers: ["tradier"], wants: [want([])])
    // As `universe` orders them: the most traded first.
    spec.wants[0].symbols = symbols
    spec.ceilingUnits = 12
    var simulation = try IngestSimulation(spec, [tradier(market)], seed: 7, .init(workers: 1))
    try simulation.run()
    #expect(Set(simulation.answer?.gaps.map(\.symbol) ?? []) == Set(symbols[12...]))
}

@Test func `a symbol that one provider does not know is asked of the next, and told when nobody knows it`() throws {
    let market = market(3)
    let twelve = EmulatedTwelveData(market)
    let named = want(["AAA", "NONE"])
    var single = named
    single.symbols = ["NONE"]
    var simulation = try IngestSimulation(
        Ingest.Spec(providers: ["twelvedata"], wants: [single]), [(twelve, [twelve.key])], seed: 8, .init())
    try simulation.run()
    let summary = try #require(simulation.answer)
    #expect(summary.answered == 0)
    #expect(summary.unknown == [Ingest.Left("NONE", "unknown to twelvedata")])
    #expect(summary.gaps.map(\.symbol) == ["NONE"])
    // The next one has it: nothing is missing.
    var other = market
    other.symbols.insert("NONE")
    simulation = try IngestSimulation(
        Ingest.Spec(providers: ["twelvedata", "tradier"], wants: [single]), [(twelve, [twelve.key]), tradier(other)],
        seed: 9, .init())
    try simulation.run()
    #expect(simulation.answer?.answered == 1 && simulation.answer?.gaps == [])
}

@Test func `a lease outlives its coordinator, whatever the wall clock does meanwhile`() throws {
    let book = RememberedQuota()
    let limits = ProviderLimits([.init(3, per: ProviderLimits.hour)], concurrent: 3)
    let start: UInt64 = 1_790_000_000_000
    func asker(_ number: UInt32) -> ProviderDesk.Asker { .init(job: 1, task: 0, run: 7, number: number) }
    func moment(_ boot: String, _ monotonic: UInt64, _ wall: UInt64) -> Moment {
        Moment(boot: boot, monotonic: monotonic, wall: wall)
    }
    var desk = try ProviderDesk(book)
    desk.tell(moment("a", 5, start))
    #expect(try desk.ask(asker(1), "tradier", 1, limits) == .lease)
    try desk.hear(.answered(milliseconds: 5, isEmpty: false), from: asker(1))
    #expect(try desk.ask(asker(2), "tradier", 1, limits) == .lease)
    #expect(try desk.ask(asker(2), "tradier", 1, limits) == .lease, "asked again it is the same one")
    #expect(desk.spent(1, "tradier") == 2)
    // Backwards by an hour, forwards by two, and by a year.
    for wall in [start + 1000, start - 3_600_000, start + 7_200_000, start + 31_536_000_000] {
        desk = try ProviderDesk(book)
        desk.tell(moment("a", 1005, wall))
        #expect(desk.now == start + 1000)
        #expect(desk.spent(1, "tradier") == 2)
        #expect(desk.wait("tradier", units: 1, calls: 1, limits) == 0)
        #expect(desk.wait("tradier", units: 2, calls: 1, limits) > 0, "\(wall)")
    }
    // The machine was started again: only what has passed since then is sure, until a provider's clock agrees.
    desk = try ProviderDesk(book)
    desk.tell(moment("b", 20_000, start + 7_200_000))
    #expect(desk.now == start + 20_000 && desk.unprovenMilliseconds == 7_180_000)
    #expect(desk.wait("tradier", units: 2, calls: 1, limits) > 0)
    try desk.attest(start + 600_000)
    #expect(desk.wait("tradier", units: 2, calls: 1, limits) > 0, "another time than the machine's")
    try desk.attest(start + 7_199_000)
    #expect(desk.unprovenMilliseconds == 0 && desk.now == start + 7_199_000)
    #expect(desk.wait("tradier", units: 2, calls: 1, limits) == 0)
    // What was not used is given back, once.
    desk = try ProviderDesk(book)
    desk.tell(moment("a", 1005, start))
    try desk.hear(.unused, from: asker(2))
    try desk.hear(.unused, from: asker(2))
    #expect(desk.spent(1, "tradier") == 1)
    #expect(try ProviderDesk(book).spent(1, "tradier") == 1)
    desk.tell(moment("a", 3_700_000, start))
    #expect(desk.wait("tradier", units: 3, calls: 1, limits) == 0)
}

@Test func `a provider that wants to be left alone is, by the next coordinator too`() throws {
    let book = RememberedQuota()
    let limits = ProviderLimits([.init(9, per: ProviderLimits.hour)], concurrent: 3)
    let start: UInt64 = 1_790_000_000_000
    func asker(_ number: UInt32) -> ProviderDesk.Asker { .init(job: 1, task: 0, run: 7, number: number) }
    func desk(at monotonic: UInt64) throws -> ProviderDesk {
        let desk = try ProviderDesk(book)
        desk.tell(Moment(boot: "a", monotonic: monotonic, wall: start + monotonic))
        return desk
    }
    let first = try desk(at: 5)
    #expect(try first.ask(asker(1), "tradier", 1, limits) == .lease)
    #expect(try first.ask(asker(2), "polygon", 1, limits) == .lease)
    try first.hear(.limited(.minute, retryAfter: 900_000), from: asker(1))
    try first.hear(.answered(milliseconds: 5, isEmpty: false), from: asker(2))
    let second = try desk(at: 100_005)
    guard case .wait(let wait) = try second.ask(asker(3), "tradier", 1, limits) else {
        #expect(Bool(false), "it was asked again")
        return
    }
    #expect(wait <= 800_000 && second.wait("tradier", units: 1, calls: 1, limits) >= 799_000)
    #expect(try second.ask(asker(4), "polygon", 1, limits) == .lease)
    #expect(try desk(at: 900_006).ask(asker(5), "tradier", 1, limits) == .lease)
}

/// Calls spread over days, a quota of hours, and a clock that is set to anything whenever somebody can set it.
@Test(arguments: seeds(40))
func `no restart, reboot or set clock makes a window hold more than it may`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    let book = RememberedQuota()
    let limits = ProviderLimits([.init(5, per: 600_000), .init(40, per: ProviderLimits.day)], concurrent: 2)
    var strict = StrictLimits([(5, 600_000), (40, 86_400_000)])
    var (now, bootedAt, boots): (UInt64, UInt64, Int) = (1_790_000_000_000, 1_789_999_000_000, 0)
    var wallError: Int64 = 0
    func tell(_ desk: ProviderDesk) throws {
        desk.tell(Moment(boot: "\(boots)", monotonic: now - bootedAt, wall: UInt64(Int64(now) + wallError)))
        try desk.keepTime()
    }
    var desk = try ProviderDesk(book)
    var number: UInt32 = 0
    for _ in 0..<1500 {
        now += UInt64(chance.next(below: chance.next(below: 20) == 0 ? 7_200_000 : 200_000))
        try tell(desk)
        if chance.next(below: 10) == 0 {
            wallError =
                [0, Int64(chance.next(below: 1_000_000_000)) - 200_000_000, Int64(chance.next(below: 300_000))][
                    chance.next(below: 3)]
            if chance.next(below: 2) == 0 {
                boots += 1
                bootedAt = now + UInt64(chance.next(below: 10_000_000))
                now = bootedAt + UInt64(chance.next(below: 60_000))
            }
            desk = try ProviderDesk(book)
            try tell(desk)
        }
        number += 1
        let asker = ProviderDesk.Asker(job: 1, task: 0, run: 1, number: number)
        guard try desk.ask(asker, "tradier", 1, limits) == .lease else { continue }
        now += UInt64(chance.next(below: 500))
        _ = strict.take(1, at: Int64(now))
        try tell(desk)
        try desk.attest(now)
        // Some leases nobody speaks of again.
        if chance.next(below: 4) > 0 { try desk.hear(.answered(milliseconds: 9, isEmpty: false), from: asker) }
    }
    #expect(strict.exceeded == 0, "\(strict.exceeded) of \(strict.calls)")
    #expect(strict.calls > 60, "the quota is used: \(strict.calls)")
}

extension EmulatedTradier {
    fileprivate static let freeLimits = ProviderLimits([.init(60, per: ProviderLimits.minute)], concurrent: 4)
}
