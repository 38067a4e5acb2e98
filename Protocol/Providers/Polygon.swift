import Market

/// Polygon, called Massive since October 2025: aggregates. One symbol a call; times are milliseconds, of days midnight in
/// New York; adjusted for splits unless asked otherwise.
package struct Polygon: Provider {
    package let name = "polygon"
    package let traits = ProviderTraits(
        hosts: ["https://api.polygon.io"], keyNames: ["APEX_POLYGON_KEY"],
        limits: ProviderLimits([.init(5, per: ProviderLimits.minute)], concurrent: 4), tier: 1, feed: "sip",
        hidesUnknownSymbols: true, historyDays: 730)
    package init() {}

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool { adjustment != .all }

    package func calls(for want: BarsWanted) -> [ProviderCall] {
        want.symbols.map { ProviderCall(want: want.only([$0])) }
    }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        let key = HTTPRequest.Credential(header: "Authorization", prefix: "Bearer ")
        // The next page's address, without its host, which may be the provider's other one.
        if !call.cursor.isEmpty { return HTTPRequest(path: call.cursor, credentials: [key]) }
        let (multiplier, span) =
            switch call.want.timeframe {
            case .minute1: (1, "minute")
            case .minute5: (5, "minute")
            case .minute15: (15, "minute")
            case .hour1: (1, "hour")
            case .day1: (1, "day")
            }
        return HTTPRequest(
            path: "/v2/aggs/ticker/\(percentEncoded(call.want.symbols[0]))/range/\(multiplier)/\(span)/"
                + "\(MarketDate.text(call.want.from))/\(MarketDate.text(call.want.to))",
            query: [
                .init("adjusted", call.want.adjustment == .raw ? "false" : "true"), .init("sort", "asc"),
                .init("limit", "50000"),
            ], credentials: [key])
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard let body = JSONBody(response.body) else {
            // Sometimes without a word.
            return response.status == 429 ? .refused(response.refusal(window: .minute)) : notJSON(response)
        }
        // Their texts stand under either name.
        let words = body["error"]?.text ?? body["message"]?.text
        let status = body["status"]?.text ?? ""
        if status == "NOT_AUTHORIZED" { return .refused(.plan(words ?? "no reason given")) }
        guard response.status == 200, status == "OK" || status == "DELAYED" else {
            if response.status == 200 {
                return status == "ERROR" ? .refused(.request(words ?? "ERROR")) : unexpected(response)
            }
            return .refused(response.refusal(window: .minute, words: words))
        }
        var gatherer = BarGatherer(call.want.symbols[0], call.want)
        if let results = body["results"], !results.isNull {
            guard let bars = results.elements else { return unexpected(response) }
            for bar in bars {
                guard let time = bar["t"]?.integer, let n = numbers(bar, ["o", "h", "l", "c", "v"]) else {
                    return unexpected(response)
                }
                gatherer.add(instant: time, n[0], n[1], n[2], n[3], n[4])
            }
        }
        var page = Reading.Page(series: [gatherer.series])
        if let next = body["next_url"]?.text, !next.isEmpty {
            guard let cursor = path(ofNext: next), cursor != call.cursor else { return unexpected(response) }
            page.next = [ProviderCall(want: call.want, cursor: cursor)]
        }
        return .page(page)
    }

    /// Path and query of the next page's address, without a key: its host is not asked, ours is.
    private func path(ofNext address: String) -> String? {
        guard let scheme = address.range(of: "://") else { return nil }
        let rest = address[scheme.upperBound...]
        guard let slash = rest.firstIndex(of: "/"), rest[slash...].hasPrefix("/v2/aggs/") else { return nil }
        let parts = rest[slash...].split(separator: "?", maxSplits: 1)
        guard parts.count == 2 else { return String(rest[slash...]) }
        let query = parts[1].split(separator: "&").filter { !$0.lowercased().hasPrefix("apikey=") }
        let cursor = parts[0] + "?" + query.joined(separator: "&")
        return cursor.utf8.allSatisfy { $0 > 32 && $0 < 127 } ? String(cursor) : nil
    }
}

extension String {
    /// Where another text first stands in this one.
    fileprivate func range(of needle: String) -> Range<String.Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(needle) { return at..<index(at, offsetBy: needle.count) }
            at = index(after: at)
        }
        return nil
    }
}
