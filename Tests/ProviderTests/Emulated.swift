import Market
import Providers
import TestSupport

/// A provider's adapter in front of its emulator, without sockets: calls are made one after the other.
struct Emulated {
    let provider: any Provider
    var service: FaultyProvider
    let keys: [Secret]
    /// Milliseconds since 1970.
    var now: Int64
    var calls: [HTTPRequest] = []

    static let today = EmulatedMarket.day("2026-11-20")!

    init(_ provider: any Provider, _ service: any ProviderEmulator, keys: [String]) {
        self.provider = provider
        self.service = FaultyProvider(service)
        self.keys = keys.map { Secret($0)! }
        now = EmulatedMarket.instant(day: Self.today, minutes: 1200)
    }
    static func polygon(_ market: EmulatedMarket = .few) -> Emulated {
        Emulated(Polygon(), EmulatedPolygon(market), keys: [EmulatedPolygon(market).key])
    }
    static func alpaca(_ market: EmulatedMarket = .few) -> Emulated {
        let service = EmulatedAlpaca(market)
        return Emulated(Alpaca(), service, keys: [service.key, service.secret])
    }
    static func alphaVantage(_ market: EmulatedMarket = .few) -> Emulated {
        Emulated(AlphaVantage(), EmulatedAlphaVantage(market), keys: [EmulatedAlphaVantage(market).key])
    }
    static func twelveData(_ market: EmulatedMarket = .few) -> Emulated {
        Emulated(TwelveData(), EmulatedTwelveData(market), keys: [EmulatedTwelveData(market).key])
    }
    static func tradier(_ market: EmulatedMarket = .few) -> Emulated {
        Emulated(Tradier(), EmulatedTradier(market), keys: [EmulatedTradier(market).key])
    }
    static func interactiveBrokers(_ market: EmulatedMarket = .few) -> Emulated {
        Emulated(InteractiveBrokers(), EmulatedInteractiveBrokers(market), keys: [])
    }

    mutating func call(_ call: ProviderCall, keys: [Secret]? = nil) -> Reading {
        let request = provider.request(call)
        calls.append(request)
        let sealed = request.sealed(keys ?? self.keys)!
        let seen = EmulatedRequest(target: sealed.target, headers: sealed.headers.map { ($0.name, $0.value) })
        let answer = service.answer(seen, at: now)
        service.provider.ended()
        let response = HTTPResponse(
            status: answer.status, headers: answer.headers.map { .init($0.name, $0.value) }, body: answer.body)
        return provider.read(response, to: call)
    }

    /// Everything wanted, page by page, a minute between calls.
    mutating func bars(_ want: BarsWanted) -> (series: [String: BarSeries], refusals: [Refusal], unknown: [String]) {
        var waiting = provider.calls(for: want)
        var series: [String: BarSeries] = [:]
        var (refusals, unknown): ([Refusal], [String]) = ([], [])
        while !waiting.isEmpty, calls.count < 200 {
            let next = waiting.removeFirst()
            now += 60_000
            switch call(next) {
            case .page(let page):
                waiting = page.next + waiting
                unknown += page.unknown
                refusals += page.refused.map { $0.refusal }
                for part in page.series.map({ $0.ascending() }) where part.count > 0 {
                    var whole = series[part.symbol] ?? BarSeries(symbol: part.symbol, timeframe: want.timeframe)
                    for at in 0..<part.count {
                        whole.append(
                            start: part.starts[at], open: part.open[at], high: part.high[at], low: part.low[at],
                            close: part.close[at], volume: part.volume[at])
                    }
                    series[part.symbol] = whole
                }
            case .refused(let refusal): refusals.append(refusal)
            }
        }
        return (series, refusals, unknown)
    }
}

extension EmulatedMarket {
    /// Six symbols, one of which was split and one listed late.
    static var few: EmulatedMarket {
        var market = EmulatedMarket(symbols: ["AAA", "BBB", "CCC", "DDD", "SPLT", "LATE"])
        market.splits["SPLT"] = Emulated.today - 30
        market.listed["LATE"] = Emulated.today - 60
        return market
    }
}

extension BarsWanted {
    static func days(_ symbols: [String], _ from: String, _ to: String, _ adjustment: Adjustment = .splits)
        -> BarsWanted
    {
        BarsWanted(
            symbols: symbols, from: MarketDate.parse(from)!, to: MarketDate.parse(to)!, adjustment: adjustment,
            today: MarketDate.date(dayNumber: Emulated.today))
    }
}

/// What differs from the market, in words; nil when every bar is right and none is missing.
func fault(in series: BarSeries?, _ symbol: String, _ want: BarsWanted, _ market: EmulatedMarket) -> String? {
    let (from, to) = (MarketDate.dayNumber(want.from), MarketDate.dayNumber(want.to))
    let days = market.days(symbol, from...to)
    guard let series else { return days.isEmpty ? nil : "\(symbol): no bars, \(days.count) wanted" }
    let found = series.starts.indices.map { MarketDate.dayNumber(series.date(of: $0)) }
    guard found == days else {
        let wrong = found.first { !days.contains($0) } ?? days.first { !found.contains($0) } ?? 0
        return
            "\(symbol): \(found.count) bars, \(days.count) wanted; first wrong day \(EmulatedMarket.text(day: wrong))"
    }
    for (at, day) in days.enumerated() {
        let bar = (want.adjustment == .raw ? market.rawBar(symbol, day: day) : market.bar(symbol, day: day))!
        func price(_ hundredths: Int) -> Double { Double(hundredths) / 100 }
        guard series.open[at] == price(bar.open), series.high[at] == price(bar.high), series.low[at] == price(bar.low),
            series.close[at] == price(bar.close), series.volume[at] == Double(bar.volume)
        else { return "\(symbol): other values on \(EmulatedMarket.text(day: day))" }
    }
    return nil
}
