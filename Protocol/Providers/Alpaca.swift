import Market

/// Alpaca's stock bars, version 2. Many symbols a call, paged by symbol and then by time; raw unless asked otherwise.
package struct Alpaca: Provider {
    package let name = "alpaca"
    package let traits = ProviderTraits(
        hosts: ["https://data.alpaca.markets"], keyNames: ["APEX_ALPACA_KEY", "APEX_ALPACA_SECRET"],
        limits: ProviderLimits([.init(200, per: ProviderLimits.minute)], concurrent: 8), symbolsPerCall: 50, tier: 1,
        feed: "sip", hidesUnknownSymbols: true)
    package init() {}

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool { true }

    package func calls(for want: BarsWanted) -> [ProviderCall] { [ProviderCall(want: want)] }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        let timeframe =
            switch call.want.timeframe {
            case .minute1: "1Min"
            case .minute5: "5Min"
            case .minute15: "15Min"
            case .hour1: "1Hour"
            case .day1: "1Day"
            }
        let adjustment =
            switch call.want.adjustment {
            case .raw: "raw"
            case .splits: "split"
            case .all: "all"
            }
        // Of shorter bars every moment of New York's days: a date as the end could mean its first moment.
        var (start, end) = (MarketDate.text(call.want.from), MarketDate.text(call.want.to))
        if call.want.timeframe != .day1 {
            start = rfc3339(NewYorkTime.instant(dayNumber: call.want.fromDay, minutes: 0))
            end = rfc3339(NewYorkTime.instant(dayNumber: call.want.toDay + 1, minutes: 0) - 1000)
        }
        // The start is always said: without it the service begins today. The feed too: two feeds never mix.
        var query: [HTTPRequest.Field] = [
            .init("symbols", call.want.symbols.joined(separator: ",")), .init("timeframe", timeframe),
            .init("start", start), .init("end", end),
            .init("limit", "10000"), .init("adjustment", adjustment), .init("feed", traits.feed), .init("sort", "asc"),
        ]
        if !call.cursor.isEmpty { query.append(.init("page_token", call.cursor)) }
        return HTTPRequest(
            path: "/v2/stocks/bars", query: query,
            credentials: [
                .init(header: "APCA-API-KEY-ID", key: 0), .init(header: "APCA-API-SECRET-KEY", key: 1),
            ])
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        if response.status == 204 { return .page(Reading.Page()) }
        guard let body = JSONBody(response.body) else { return notJSON(response) }
        guard response.status == 200 else { return .refused(refusal(response, body, call)) }
        guard let bars = body["bars"] else { return unexpected(response) }
        var page = Reading.Page()
        if !bars.isNull {
            guard let members = bars.members else { return unexpected(response) }
            for member in members where !member.value.isNull {
                guard let list = member.value.elements, call.want.symbols.contains(member.name) else {
                    return unexpected(response)
                }
                var gatherer = BarGatherer(member.name, call.want)
                for bar in list {
                    guard let time = bar["t"]?.text.flatMap({ instant(ofRFC3339: $0) }),
                        let n = numbers(bar, ["o", "h", "l", "c", "v"])
                    else { return unexpected(response) }
                    gatherer.add(instant: time, n[0], n[1], n[2], n[3], n[4])
                }
                page.series.append(gatherer.series)
            }
        }
        if let token = body["next_page_token"]?.text, !token.isEmpty {
            guard token != call.cursor else { return unexpected(response) }
            page.next = [ProviderCall(want: call.want, cursor: token)]
        }
        return .page(page)
    }

    private func refusal(_ response: HTTPResponse, _ body: JSONBody, _ call: ProviderCall) -> Refusal {
        let words = body["message"]?.text
        // One malformed symbol spoils the batch. The text is all there is: no code comes with it.
        if response.status == 400, let words, words.hasPrefix("invalid symbol: ") {
            let named = words.dropFirst("invalid symbol: ".count).split { $0 == "," || $0 == " " }.map(String.init)
            let ours = named.filter { call.want.symbols.contains($0) }
            if !ours.isEmpty { return .symbols(ours) }
        }
        if response.status == 429 {
            // In seconds, unlike others'.
            return .limited(
                .minute,
                retryAfter: response.retryAfter ?? response.delay(untilHeader: "x-ratelimit-reset", milliseconds: false)
            )
        }
        return response.refusal(words: words)
    }

    /// Milliseconds since 1970 as `2024-03-11T04:00:00Z`.
    private func rfc3339(_ instant: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let second = instant / 1000 % 86_400
        return MarketDate.text(MarketDate.date(dayNumber: Int(instant / 86_400_000)))
            + "T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }
}
