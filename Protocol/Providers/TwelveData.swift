import Market

/// Twelve Data's time series. Every symbol costs a credit, also in a batch; numbers are texts; the body's code counts,
/// not the status. Daily bars are adjusted as asked, intraday bars never.
package struct TwelveData: Provider {
    package let name = "twelvedata"
    package let traits = ProviderTraits(
        hosts: ["https://api.twelvedata.com"], keyNames: ["APEX_TWELVEDATA_KEY"],
        limits: ProviderLimits(
            [.init(8, per: ProviderLimits.minute), .init(800, per: ProviderLimits.day)], concurrent: 2),
        symbolsPerCall: 8, tier: 2, feed: "consolidated")
    package init() {}
    /// Of one answer; of more, the oldest are dropped.
    private static let maximumBars = 5000

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool {
        timeframe == .day1 || adjustment == .raw
    }

    package func calls(for want: BarsWanted) -> [ProviderCall] {
        // A session has 390 minutes; in 7 days there are at most 5.
        let barsPerSession = want.timeframe == .day1 ? 1 : 390 / Int(want.timeframe.rawValue) + 1
        let days = Self.maximumBars / barsPerSession / 5 * 7
        return want.pieces(ofDays: days).map { ProviderCall(want: $0, cost: $0.symbols.count) }
    }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        let interval =
            switch call.want.timeframe {
            case .minute1: "1min"
            case .minute5: "5min"
            case .minute15: "15min"
            case .hour1: "1h"
            case .day1: "1day"
            }
        let adjust =
            switch call.want.adjustment {
            case .raw: "none"
            case .splits: "splits"
            case .all: "all"
            }
        // The end is exclusive.
        let end = MarketDate.date(dayNumber: call.want.toDay + 1)
        return HTTPRequest(
            path: "/time_series",
            query: [
                .init("symbol", call.want.symbols.joined(separator: ",")), .init("interval", interval),
                .init("start_date", MarketDate.text(call.want.from)), .init("end_date", MarketDate.text(end)),
                .init("outputsize", "\(Self.maximumBars)"), .init("order", "ASC"), .init("timezone", "Exchange"),
                .init("adjust", adjust), .init("format", "JSON"),
            ], credentials: [.init(header: "Authorization", prefix: "apikey ")])
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard let body = JSONBody(response.body), body.members != nil else { return notJSON(response) }
        if body["status"]?.text == "error" || body["code"]?.integer != nil {
            return entry(body, Self.only(call), call, response)
        }
        guard response.status == 200 else { return .refused(response.refusal()) }
        // One symbol is not wrapped.
        if body["values"] != nil || body["meta"] != nil {
            return Self.only(call).map { entry(body, $0, call, response) } ?? unexpected(response)
        }
        var page = Reading.Page()
        for symbol in call.want.symbols {
            guard let one = body[symbol] else { return unexpected(response) }
            switch entry(one, symbol, call, response) {
            case .page(let part):
                page.series += part.series
                page.unknown += part.unknown
            case .refused(let refusal):
                page.refused.append((symbol, refusal))
            }
        }
        // Nothing but the same refusal: it is the call's.
        if let first = page.refused.first, page.refused.count == call.want.symbols.count {
            return .refused(first.refusal)
        }
        return .page(page)
    }

    private static func only(_ call: ProviderCall) -> String? {
        call.want.symbols.count == 1 ? call.want.symbols[0] : nil
    }

    /// What stands for one symbol, alone or in a batch; nil: for a whole batch.
    private func entry(_ body: JSONBody, _ symbol: String?, _ call: ProviderCall, _ response: HTTPResponse) -> Reading {
        if let code = body["code"]?.integer ?? (body["status"]?.text == "error" ? Int64(response.status) : nil) {
            return refused(Int(clamping: code), body["message"]?.text ?? "", of: symbol, response)
        }
        guard let symbol, let values = body["values"]?.elements else { return unexpected(response) }
        var gatherer = BarGatherer(symbol, call.want)
        for bar in values {
            // Without volume where nobody counts it, as for currencies.
            guard let clock = bar["datetime"]?.text, let n = numbers(bar, ["open", "high", "low", "close"]),
                gatherer.add(clock: clock, n[0], n[1], n[2], n[3], bar["volume"]?.decimal ?? 0)
            else { return unexpected(response) }
        }
        return .page(Reading.Page(series: [gatherer.series]))
    }

    private func refused(_ code: Int, _ words: String, of symbol: String?, _ response: HTTPResponse) -> Reading {
        let lower = words.lowercased()
        switch code {
        case 400 where lower.contains("no data is available"): return .page(Reading.Page())
        // One answer for two things, unknown symbols and those that the plan leaves out. Of a whole batch it says nothing.
        case 404: return symbol.map { .page(Reading.Page(unknown: [$0])) } ?? .refused(.request(words))
        case 429:
            if lower.contains("for the day") { return .refused(.limited(.day, retryAfter: response.retryAfter)) }
            return .refused(.limited(.minute, retryAfter: response.retryAfter))
        case 401: return .refused(.key(words))
        case 403: return .refused(.plan(words))
        case 400, 414: return .refused(.request(words))
        default: return .refused(.unavailable("code \(code): \(words)", retryAfter: response.retryAfter))
        }
    }
}
