import Bars
import CoordinatorShell
import Foundation
import Jobs
import Market
import Messages
import Planners
import Providers
import TestSupport
import Testing

/// Two thousand symbols, five years of days, four workers, four providers on their free plans, all at once, while answers
/// go wrong, come twice, out of order or with part of their history, messages get lost, workers die in the middle of
/// batches and the coordinator restarts; then the weekend from what was stored.
@Test func `two thousand symbols of five years come whole, no call twice, and the weekend runs from the store`() throws
{
    let names = (0..<2000).map { threeLetters($0) }
    var market = EmulatedMarket(symbols: Set(names))
    for (at, symbol) in names.enumerated() where at % 40 == 7 {
        market.splits[symbol] = Emulated.today - 200 - at % 900
    }
    func spec(_ range: Range<Int>, _ providers: [String]) -> Ingest.Spec {
        Ingest.Spec(providers: providers, wants: [.days(Array(names[range]), "2021-11-18", "2026-11-18")])
    }
    let specs = [
        spec(0..<1500, ["alpaca", "tradier", "twelvedata"]), spec(1500..<1800, ["tradier", "alpaca", "twelvedata"]),
        spec(1800..<1960, ["twelvedata", "tradier", "alpaca"]),
        // Its plan reaches back two years of the five, and does not say so.
        spec(1960..<2000, ["polygon", "alpaca", "tradier"]),
    ]
    let (alpaca, tradier) = (EmulatedAlpaca(market), EmulatedTradier(market))
    let (twelve, polygon) = (EmulatedTwelveData(market), EmulatedPolygon(market))
    let providers = ["alpaca", "tradier", "twelvedata", "polygon"]
    var simulation = try IngestSimulation(
        specs, providers,
        [
            (alpaca, [alpaca.key, alpaca.secret]), (tradier, [tradier.key]), (twelve, [twelve.key]),
            (polygon, [polygon.key]),
        ], seed: 8,
        .init(
            workers: 4, lossPerThousand: 20, deathPerThousand: 4, silencePerThousand: 2, restartPerThousand: 1,
            rebootPercent: 30))
    simulation.fault(50)
    let (began, clock) = (simulation.now, ContinuousClock.now)
    try simulation.run()
    for name in providers {
        let service = simulation.services[name]!
        #expect(service.provider.limits.exceeded == 0, "\(name)")
        // A lease is spent for every call, and for those of workers that died with one in hand; never twice.
        let spent = simulation.jobs.reduce(0) { sum, job in
            sum + Int(job.answer?.sources.first { $0.name == name }?.units ?? 0)
        }
        let made = service.provider.limits.units
        #expect(
            (made...made + 8 * (simulation.deaths + simulation.silences)).contains(spent), "\(name): \(spent), \(made)")
    }
    // What was answered is not asked again, but where the answer died with its worker.
    let repeated = simulation.services.values.reduce(0) { $0 + $1.answered.values.reduce(0) { $0 + $1 - 1 } }
    #expect(repeated <= simulation.lostAnswers, "\(repeated) calls repeated, \(simulation.lostAnswers) answers lost")
    #expect(simulation.deaths > 3 && simulation.lostAnswers > 0)

    // Every bar, where several providers gave parts of a symbol together.
    let folder = TemporaryFolder("large")
    let path = folder.path + "/bars.sqlite"
    let store = try BarStore(path: path, access: .write)
    var bars = 0
    for (number, job) in simulation.jobs.enumerated() {
        let summary = try #require(job.answer)
        #expect(summary.gaps == [], "job \(number + 1)")
        var series: [String: BarSeries] = [:]
        for (task, result) in job.publications.sorted(by: { $0.key < $1.key }) {
            for part in result.series {
                var whole = series[part.symbol] ?? BarSeries(symbol: part.symbol, timeframe: .day1)
                for at in 0..<part.count { whole.append(part, at) }
                series[part.symbol] = whole
            }
            let given = job.tasks[task]
            try store.append(
                result, from: given.provider, to: given.want, of: JobID(UInt32(number + 1)), task: UInt32(task))
        }
        let want = job.spec.wants[0]
        let faults = want.symbols.compactMap { fault(in: series[$0]?.ascending(), $0, want, market) }
        #expect(faults == [])
        bars += Int(summary.bars)
    }
    let calls = simulation.services.values.reduce(0) { $0 + $1.provider.limits.calls }
    print(
        "\(bars) bars in \(calls) calls, \(simulation.services.values.reduce(0) { $0 + $1.faulty }) of which went wrong, "
            + "\(repeated) made again after \(simulation.deaths) deaths and \(simulation.silences) silences, "
            + "\(simulation.restarts) restarts, \((simulation.now - began) / 60_000) min of virtual time, "
            + "\((ContinuousClock.now - clock) / .seconds(1)) s with all checks and the store")

    let weekend = try Programs.run(
        "apex",
        [
            "weekend", "--store", path, "--feed", "sip", "--universe", "500", "--cycles", "3", "--workers", "2",
            "--json",
            "--budget", "60s", "--out", folder.path + "/weekend",
        ])
    #expect(weekend.code == 0 || weekend.code == 4, "\(weekend.code): \(weekend.errors)")
    #expect(weekend.json["proved"] != nil, "\(weekend.output)")
}
