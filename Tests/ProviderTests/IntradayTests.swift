import Foundation
import Market
import Providers
import TestSupport
import Testing

/// Session minutes of a symbol's days as the market has them: 9:30 to 16:00 by New York's clock.
private func expectMinutes(
    _ series: BarSeries?, _ symbol: String, _ range: ClosedRange<Int>, every length: Int, _ market: EmulatedMarket,
    from first: Int = 570
) {
    let days = market.days(symbol, range)
    let wanted = days.flatMap { day in
        stride(from: first, to: 960, by: length).map { EmulatedMarket.instant(day: day, minutes: $0) }
    }
    #expect(series?.starts == wanted, "\(symbol)")
    let prices = days.flatMap { day in
        stride(from: first, to: 960, by: length).map { _ in Double(market.rawBar(symbol, day: day)!.close) / 100 }
    }
    #expect(series?.close == prices)
}

@Test func `polygon's minutes keep New York's time over both changes of the clocks, page by page`() {
    for (from, to) in [("2026-10-28", "2026-11-04"), ("2026-03-04", "2026-03-11")] {
        var emulated = Emulated.polygon()
        var service = EmulatedPolygon(.few)
        service.pageLimit = 500
        emulated.service = FaultyProvider(service)
        var want = BarsWanted.days(["AAA"], from, to, .raw)
        want.timeframe = .minute5
        let (series, refusals, _) = emulated.bars(want)
        #expect(refusals == [])
        let range = EmulatedMarket.day(from)!...EmulatedMarket.day(to)!
        expectMinutes(series["AAA"]?.ascending(), "AAA", range, every: 5, service.market)
        #expect(emulated.calls.count > 2)
    }
}

@Test func `tradier's five minutes are the session's, and a plan's reach is a refusal`() {
    var emulated = Emulated.tradier()
    var want = BarsWanted.days(["BBB"], "2026-10-28", "2026-11-18", .raw)
    want.timeframe = .minute5
    let (series, refusals, _) = emulated.bars(want)
    #expect(refusals == [])
    let range = EmulatedMarket.day("2026-10-28")!...EmulatedMarket.day("2026-11-18")!
    expectMinutes(series["BBB"], "BBB", range, every: 5, emulated.service.provider.market)
    emulated = Emulated.tradier()
    want.from = MarketDate.parse("2026-01-05")!
    #expect(!emulated.bars(want).refusals.isEmpty)
}
