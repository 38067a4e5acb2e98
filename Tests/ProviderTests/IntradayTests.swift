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

/// Weeks over both changes of the clocks: New York's hours stay, those of UTC move.
private let changes = [("2026-10-28", "2026-11-04"), ("2026-03-04", "2026-03-11")]
private func days(_ range: (String, String)) -> ClosedRange<Int> {
    EmulatedMarket.day(range.0)!...EmulatedMarket.day(range.1)!
}
private func expectBars(
    _ emulated: Emulated, _ symbols: [String], _ range: (String, String), _ timeframe: Timeframe,
    _ adjustment: Adjustment, from first: Int = 570, calls most: ClosedRange<Int>
) {
    var emulated = emulated
    var want = BarsWanted.days(symbols, range.0, range.1, adjustment)
    want.timeframe = timeframe
    let (series, refusals, unknown) = emulated.bars(want)
    #expect(refusals == [] && unknown == [])
    for symbol in symbols {
        expectMinutes(
            series[symbol]?.ascending(), symbol, days(range), every: Int(timeframe.rawValue),
            emulated.service.provider.market, from: first)
    }
    #expect(most.contains(emulated.calls.count), "\(emulated.calls.count) calls")
    #expect(emulated.service.provider.limits.exceeded == 0)
}

@Test func `alpaca's minutes are put together over pages that cut symbols, by New York's clock`() {
    for range in changes {
        expectBars(.alpaca(), ["AAA", "BBB"], range, .minute5, .raw, calls: 1...1)
        expectBars(.alpaca(), ["AAA", "BBB"], range, .minute15, .splits, calls: 1...1)
        expectBars(.alpaca(), ["CCC"], range, .hour1, .raw, from: 540, calls: 1...1)
    }
    // Two symbols of 60 sessions: 46,000 minutes in pages of 10,000, one of which ends inside each symbol.
    expectBars(.alpaca(), ["AAA", "BBB"], ("2026-08-24", "2026-11-18"), .minute1, .raw, calls: 5...5)
    // The last quarter of an hour is not in the plan, today or not.
    var emulated = Emulated.alpaca()
    var want = BarsWanted.days(["AAA"], "2026-11-20", "2026-11-20", .raw)
    want.timeframe = .minute1
    guard case .refused(.plan) = emulated.call(Alpaca().calls(for: want)[0]) else {
        return #expect(Bool(false), "today's day is not over")
    }
}

@Test func `twelve data's minutes are the exchange's clock, as traded, in windows that drop nothing`() {
    for range in changes {
        expectBars(.twelveData(), ["AAA"], range, .minute5, .raw, calls: 1...1)
        expectBars(.twelveData(), ["AAA", "BBB"], range, .minute15, .raw, calls: 1...1)
        expectBars(.twelveData(), ["CCC"], range, .hour1, .raw, calls: 1...1)
    }
    // 60 sessions of 390 minutes: more than 5,000, of which a longer window would lose the oldest.
    expectBars(.twelveData(), ["AAA"], ("2026-08-24", "2026-11-18"), .minute1, .raw, calls: 5...8)
    // Before its split a symbol's minutes are those that were traded.
    expectBars(.twelveData(), ["SPLT"], ("2026-10-12", "2026-10-30"), .minute15, .raw, calls: 1...1)
    #expect(!TwelveData().serves(.minute5, .splits) && TwelveData().serves(.day1, .splits))
}

@Test func `interactive brokers' minutes come a day at a time, backwards, past days on which nothing was traded`() {
    func gateway() -> Emulated {
        var emulated = Emulated.interactiveBrokers()
        var service = EmulatedInteractiveBrokers(.few)
        service.coldCalls = 0
        emulated.service = FaultyProvider(service)
        return emulated
    }
    for range in changes {
        expectBars(gateway(), ["AAA"], range, .minute1, .splits, calls: 5...12)
        expectBars(gateway(), ["AAA", "BBB"], range, .minute5, .splits, calls: 5...24)
        expectBars(gateway(), ["CCC"], range, .minute15, .splits, calls: 4...8)
    }
    expectBars(gateway(), ["DDD"], ("2026-08-24", "2026-11-18"), .hour1, .splits, calls: 5...8)
    // A symbol that was halted on a day in the middle: there is no data for it, and there is before it.
    let market = EmulatedMarket.few
    let range = EmulatedMarket.day("2026-01-05")!...EmulatedMarket.day("2026-11-10")!
    let halted = market.symbols.sorted().lazy.compactMap { symbol in
        range.first { EmulatedMarket.isSession(day: $0) && market.bar(symbol, day: $0) == nil && symbol < "E" }
            .map { (symbol, $0) }
    }.first
    guard let (symbol, day) = halted else { return #expect(Bool(false), "nothing was halted") }
    expectBars(
        gateway(), [symbol], (EmulatedMarket.text(day: day - 3), EmulatedMarket.text(day: day + 2)), .minute5, .splits,
        calls: 4...12)
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
