import Market

/// Alpha Vantage's time series. One symbol a call, no range; every answer has status 200, and its first key says what it
/// is. Daily bars are raw.
package struct AlphaVantage: Provider {
    package let name = "alphavantage"
    // The service takes its key in the query only: see `request`.
    package let traits = ProviderTraits(
        hosts: ["https://www.alphavantage.co"], keyNames: ["APEX_ALPHAVANTAGE_KEY"],
        limits: ProviderLimits([.init(1, per: 1100), .init(25, per: ProviderLimits.day)], concurrent: 1), tier: 2,
        feed: "consolidated")
    package init() {}

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool {
        timeframe == .day1 ? adjustment == .raw : adjustment != .all
    }

    package func calls(for want: BarsWanted) -> [ProviderCall] {
        want.symbols.flatMap { symbol -> [ProviderCall] in
            let want = want.only([symbol])
            guard want.timeframe != .day1 else { return [ProviderCall(want: want)] }
            return months(want).map { ProviderCall(want: want, cursor: $0) }
        }
    }
    /// `2024-03` and so on.
    private func months(_ want: BarsWanted) -> [String] {
        var month = want.from / 100
        var texts: [String] = []
        while month <= want.to / 100 {
            texts.append(String(MarketDate.text(month * 100 + 1).prefix(7)))
            month = month % 100 == 12 ? (month / 100 + 1) * 100 + 1 : month + 1
        }
        return texts
    }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        var query: [HTTPRequest.Field] = [.init("symbol", call.want.symbols[0])]
        if call.want.timeframe == .day1 {
            query.insert(.init("function", "TIME_SERIES_DAILY"), at: 0)
            // The newest 100 bars; 130 days hold at most 94 sessions. All others are for those who pay.
            let days = MarketDate.dayNumber(call.want.today) - call.want.fromDay
            query.append(.init("outputsize", days <= 130 ? "compact" : "full"))
        } else {
            query.insert(.init("function", "TIME_SERIES_INTRADAY"), at: 0)
            query += [
                .init("interval", "\(call.want.timeframe.rawValue)min"), .init("month", call.cursor),
                .init("outputsize", "full"), .init("extended_hours", "false"),
                .init("adjusted", call.want.adjustment == .raw ? "false" : "true"),
            ]
        }
        query.append(.init("datatype", "json"))
        return HTTPRequest(path: "/query", query: query, credentials: [.init(query: "apikey")])
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard let body = JSONBody(response.body), let members = body.members else { return notJSON(response) }
        if let words = (body["Information"] ?? body["Note"])?.text {
            return .refused(Self.refusal(words, isNote: body["Information"] == nil))
        }
        if let words = body["Error Message"]?.text {
            return words.lowercased().contains("apikey") || words.lowercased().contains("api key")
                ? .refused(.key(words)) : .page(Reading.Page(unknown: call.want.symbols))
        }
        guard response.status == 200 else { return .refused(response.refusal()) }
        // Some functions answer thus when they have nothing.
        if members.isEmpty { return .page(Reading.Page()) }
        guard let series = members.first(where: { $0.name.hasPrefix("Time Series (") })?.value.members else {
            return unexpected(response)
        }
        var gatherer = BarGatherer(call.want.symbols[0], call.want)
        for (clock, bar) in series.map({ ($0.name, $0.value) }) {
            // Volume moves from fifth to sixth place where an adjusted close is put in.
            guard let n = numbers(bar, ["1. open", "2. high", "3. low", "4. close"]),
                let volume = (bar["5. volume"] ?? bar["6. volume"])?.decimal,
                gatherer.add(clock: clock, n[0], n[1], n[2], n[3], volume)
            else { return unexpected(response) }
        }
        return .page(Reading.Page(series: [gatherer.series]))
    }

    /// By words, the burst's first: its text speaks of the day's quota as well, and both advertise what costs money.
    private static func refusal(_ words: String, isNote: Bool) -> Refusal {
        let words = words.lowercased()
        if words.contains("per second") { return .limited(.second, retryAfter: 1100) }
        if words.contains("per day") { return .limited(.day, retryAfter: nil) }
        if isNote { return .limited(.minute, retryAfter: nil) }
        if words.contains("premium") { return .plan("this is for paying users") }
        if words.contains("api key") || words.contains("apikey") { return .key("the service does not take it") }
        return .unavailable(words, retryAfter: nil)
    }
}
