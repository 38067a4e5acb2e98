import Foundation

/// Twelve Data on its free plan: the code is in the body, the status sometimes 200 all the same.
package struct EmulatedTwelveData: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(8, 60_000), (800, 86_400_000)])
    package var key = "twelve-key-0123456789"
    /// Symbols that the plan does not include.
    package var gated: Set<String> = []
    private var refusals = 0
    package init(_ market: EmulatedMarket) { self.market = market }

    package func tooMany(at now: Int64) -> EmulatedResponse {
        refusal(
            429,
            "You have run out of API credits for the current minute. 9 API credits were used, with the current limit being 8. Wait for the next minute",
            status: refusals % 2 == 0 ? 429 : 200)
    }
    private func refusal(_ code: Int, _ words: String, status: Int) -> EmulatedResponse {
        EmulatedResponse(status, error(code, words))
    }
    private func error(_ code: Int, _ words: String) -> String {
        #"{"code":\#(code),"message":"\#(words)","status":"error"}"#
    }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.header("authorization") == "apikey \(key)" || request["apikey"] == key else {
            return refusal(401, "**apikey** parameter is incorrect or not specified.", status: 401)
        }
        let symbols = (request["symbol"] ?? "").split(separator: ",").map(String.init)
        guard request.path == "/time_series", !symbols.isEmpty else {
            return refusal(404, "**symbol** not found", status: 404)
        }
        switch limits.take(symbols.count, at: now) {
        case 0:
            refusals += 1
            return tooMany(at: now)
        case .some:
            return refusal(
                429,
                "You have run out of API credits for the day. 801 API credits were used, with the current limit being 800.",
                status: 429)
        case nil: break
        }
        var response: EmulatedResponse
        if symbols.count == 1 {
            let (body, code) = series(symbols[0], request, at: now)
            refusals += 1
            response = EmulatedResponse(code == 200 || refusals % 2 == 0 ? 200 : code, body)
        } else {
            let entries = symbols.map { #""\#($0)":\#(series($0, request, at: now).body)"# }
            response = EmulatedResponse(200, "{\(entries.joined(separator: ","))}", headers: [("Is_batch", "true")])
        }
        let used = limits.inWindow(0, at: now)
        response.headers += [
            ("api-credits-used", "\(used)"), ("api-credits-left", "\(limits.windows[0].units - used)"),
        ]
        return response
    }

    private func series(_ symbol: String, _ request: EmulatedRequest, at now: Int64) -> (body: String, code: Int) {
        if gated.contains(symbol) { return (error(403, "**symbol** is available with a higher plan"), 403) }
        guard market.symbols.contains(symbol) else {
            return (error(404, "**symbol** or **figi** parameter is missing or invalid."), 404)
        }
        let lengths = ["1min": 1, "5min": 5, "15min": 15, "30min": 30, "45min": 45, "1h": 60, "2h": 120, "4h": 240]
        if let length = lengths[request["interval"] ?? ""] { return intraday(symbol, request, length, at: now) }
        guard request["interval"] == "1day" else { return (error(400, "Invalid **interval**"), 400) }
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        // The end is exclusive for daily bars; without dates the newest 30.
        let end = request["end_date"].flatMap { EmulatedMarket.day($0) }.map { $0 - 1 } ?? today
        let start = request["start_date"].flatMap { EmulatedMarket.day($0) } ?? end - 20_000
        let size = request["outputsize"].flatMap { Int($0) } ?? (request["start_date"] == nil ? 30 : 5000)
        let days = start <= end ? market.days(symbol, start...min(end, today)).suffix(min(size, 5000)) : []
        guard !days.isEmpty else {
            return (
                error(400, "No data is available on the specified dates. Try setting different start/end dates."), 400
            )
        }
        let isAdjusted = (request["adjust"] ?? "splits") != "none"
        let rows = days.map { day -> String in
            let bar = isAdjusted ? market.bar(symbol, day: day)! : market.rawBar(symbol, day: day)!
            return #"{"datetime":"\#(EmulatedMarket.text(day: day))","open":"\#(EmulatedMarket.price(bar.open))000","#
                + #""high":"\#(EmulatedMarket.price(bar.high))000","low":"\#(EmulatedMarket.price(bar.low))000","#
                + #""close":"\#(EmulatedMarket.price(bar.close))000","volume":"\#(bar.volume)"}"#
        }
        let ordered = request["order"]?.uppercased() == "ASC" ? Array(rows) : rows.reversed()
        return (
            #"{"meta":{"symbol":"\#(symbol)","interval":"1day","currency":"USD","exchange_timezone":"America/New_York","#
                + #""exchange":"NASDAQ","mic_code":"XNGS","type":"Common Stock"},"values":["#
                + ordered.joined(separator: ",") + #"],"status":"ok"}"#, 200
        )
    }

    /// By the exchange's clock and without an offset; as traded, whatever adjustment is asked for. Of more than fits, the
    /// oldest are dropped.
    private func intraday(_ symbol: String, _ request: EmulatedRequest, _ length: Int, at now: Int64) -> (
        body: String, code: Int
    ) {
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        let end = request["end_date"].flatMap { EmulatedMarket.day($0.prefix(10)) }.map { $0 - 1 } ?? today
        let start = request["start_date"].flatMap { EmulatedMarket.day($0.prefix(10)) } ?? end - 60
        let size = min(5000, request["outputsize"].flatMap { Int($0) } ?? (request["start_date"] == nil ? 30 : 5000))
        var rows: [String] = []
        // One-minute history begins in February 2020.
        for day in max(start, EmulatedMarket.day("2020-02-10")!)...max(start, min(end, today)) {
            guard let bar = market.rawBar(symbol, day: day) else { continue }
            for minute in stride(from: 570, to: 960, by: length) {
                let clock = "\(EmulatedMarket.two(minute / 60)):\(EmulatedMarket.two(minute % 60)):00"
                rows.append(
                    #"{"datetime":"\#(EmulatedMarket.text(day: day)) \#(clock)","open":"\#(EmulatedMarket.price(bar.open))","#
                        + #""high":"\#(EmulatedMarket.price(bar.high))","low":"\#(EmulatedMarket.price(bar.low))","#
                        + #""close":"\#(EmulatedMarket.price(bar.close))","volume":"\#(bar.volume)"}"#)
            }
        }
        guard !rows.isEmpty else {
            return (
                error(400, "No data is available on the specified dates. Try setting different start/end dates."), 400
            )
        }
        let kept = Array(rows.suffix(size))
        let ordered = request["order"]?.uppercased() == "ASC" ? kept : kept.reversed()
        return (
            #"{"meta":{"symbol":"\#(symbol)","interval":"\#(request["interval"] ?? "")","exchange_timezone":"America/New_York"},"#
                + #""values":[\#(ordered.joined(separator: ","))],"status":"ok"}"#, 200
        )
    }
}
