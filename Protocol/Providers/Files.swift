import Market

/// Daily bars in the workers' own files: one CSV file, plain or gzip, or a folder of them. What a worker reads of them
/// comes as an answer like a provider's; whoever names this provider says which adjustment the files are of.
package struct Files: Provider {
    package static let name = "files"
    package var name: String { Self.name }
    package let traits = ProviderTraits(
        hosts: [], keyNames: [], limits: ProviderLimits([.init(1000, per: ProviderLimits.second)], concurrent: 4),
        symbolsPerCall: 10_000, tier: 3, feed: "files", unknownDays: 1)
    package init() {}

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool { timeframe == .day1 }

    package func calls(for want: BarsWanted) -> [ProviderCall] { [ProviderCall(want: want)] }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        HTTPRequest(
            path: "/bars",
            query: [
                .init("symbols", call.want.symbols.joined(separator: ",")),
                .init("from", MarketDate.text(call.want.from)), .init("to", MarketDate.text(call.want.to)),
            ])
    }

    /// - Parameter response: all bars of the symbols asked for, as CSV, or with another status than 200 why there are none.
    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard response.status == 200 else {
            return .refused(.request(String(decoding: response.body.prefix(500), as: UTF8.self)))
        }
        if response.body.isEmpty { return .page(Reading.Page(unknown: call.want.symbols)) }
        let bars: DailyBars
        do throws(MarketError) { bars = try DailyBars(csv: response.body, name: "the files") } catch {
            return .refused(.request(error.description))
        }
        var page = Reading.Page()
        for symbol in bars.symbols.indices where call.want.symbols.contains(bars.symbols[symbol]) {
            var gatherer = BarGatherer(bars.symbols[symbol], call.want)
            for at in bars.starts[symbol]..<bars.starts[symbol + 1] {
                gatherer.add(
                    date: bars.dates[at], bars.open[at], bars.high[at], bars.low[at], bars.close[at], bars.volume[at])
            }
            page.series.append(gatherer.series)
        }
        // The answer holds all bars of what was asked for, of whatever day: what is not in it is not in the files.
        let known = Set(bars.symbols)
        page.unknown = call.want.symbols.filter { !known.contains($0) }
        return .page(page)
    }
}
