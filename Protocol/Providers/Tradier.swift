import Market

/// Tradier's history and time sales. One symbol a call, no paging, one bar is not a list; adjusted for splits.
package struct Tradier: Provider {
    package let name = "tradier"
    package let traits = ProviderTraits(
        hosts: ["https://api.tradier.com"], keyNames: ["APEX_TRADIER_KEY"],
        limits: ProviderLimits([.init(60, per: ProviderLimits.minute)], concurrent: 4), tier: 2, feed: "consolidated",
        hidesUnknownSymbols: true)
    package init() {}

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool {
        // Of an hour there are no bars; shorter ones are as they were traded.
        timeframe == .day1 ? adjustment == .splits : timeframe != .hour1 && adjustment == .raw
    }

    package func calls(for want: BarsWanted) -> [ProviderCall] {
        want.symbols.map { ProviderCall(want: want.only([$0])) }
    }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        let (from, to) = (MarketDate.text(call.want.from), MarketDate.text(call.want.to))
        let isDaily = call.want.timeframe == .day1
        return HTTPRequest(
            path: isDaily ? "/v1/markets/history" : "/v1/markets/timesales",
            query: [
                .init("symbol", call.want.symbols[0]),
                .init("interval", isDaily ? "daily" : "\(call.want.timeframe.rawValue)min"),
                .init("start", isDaily ? from : "\(from) 00:00"), .init("end", isDaily ? to : "\(to) 23:59"),
                .init("session_filter", isDaily ? "all" : "open"),
            ],
            // Without this it speaks XML.
            headers: [.init("Accept", "application/json")],
            credentials: [.init(header: "Authorization", prefix: "Bearer ")])
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard let body = JSONBody(response.body) else {
            // Wrong parameters are told in plain text.
            return notJSON(response)
        }
        if let fault = body["fault"] { return .refused(refusal(fault, response)) }
        guard response.status == 200 else { return .refused(refusal(body, response)) }
        let isDaily = call.want.timeframe == .day1
        guard let container = body[isDaily ? "history" : "series"] else { return unexpected(response) }
        var page = Reading.Page()
        // No bars, or no such symbol.
        if container.isNull || container.text == "null" { return .page(page) }
        guard let rows = container[isDaily ? "day" : "data"] else { return unexpected(response) }
        var gatherer = BarGatherer(call.want.symbols[0], call.want)
        // What was one element in XML is no list in JSON.
        for bar in rows.elements ?? [rows] {
            guard let n = numbers(bar, ["open", "high", "low", "close", "volume"]) else { return unexpected(response) }
            if isDaily {
                guard let clock = bar["date"]?.text, gatherer.add(clock: clock, n[0], n[1], n[2], n[3], n[4]) else {
                    return unexpected(response)
                }
            } else {
                guard let seconds = bar["timestamp"]?.integer, abs(seconds) < 1 << 40 else {
                    return unexpected(response)
                }
                gatherer.add(instant: seconds * 1000, n[0], n[1], n[2], n[3], n[4])
            }
        }
        page.series = [gatherer.series]
        return .page(page)
    }

    private func refusal(_ fault: JSONBody, _ response: HTTPResponse) -> Refusal {
        let words = fault["faultstring"]?.text ?? "HTTP status \(response.status)"
        let code = (fault["detail"]?["errorcode"]?.text ?? "").lowercased()
        if code.contains("ratelimit") || code.contains("quotaviolation") || response.status == 429 {
            // In milliseconds, unlike others'.
            return .limited(
                .minute,
                retryAfter: response.retryAfter
                    ?? response.delay(untilHeader: "x-ratelimit-expiry", milliseconds: true))
        }
        if code.contains("oauth") || code.contains("apikey") || code.contains("accesstoken") { return .key(words) }
        return response.refusal(words: words)
    }
}
