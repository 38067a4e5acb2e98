import Foundation

/// Tradier's history in its sandbox.
package struct EmulatedTradier: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(60, 60_000)])
    package var key = "tradier-key-0123456789"
    private var empties = 0
    package init(_ market: EmulatedMarket) { self.market = market }

    package func tooMany(at now: Int64) -> EmulatedResponse {
        EmulatedResponse(
            429,
            #"{"fault":{"faultstring":"Rate limit quota violation. Quota limit  exceeded.","detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}}"#,
            headers: rateHeaders(at: now))
    }
    private func rateHeaders(at now: Int64) -> [(name: String, value: String)] {
        let used = limits.inWindow(0, at: now)
        let allowed = limits.windows[0].units
        return [
            ("X-Ratelimit-Allowed", "\(allowed)"), ("X-Ratelimit-Used", "\(used)"),
            ("X-Ratelimit-Available", "\(allowed - used)"), ("X-Ratelimit-Expiry", "\(limits.reset(0, at: now))"),
        ]
    }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.header("authorization") == "Bearer \(key)" else {
            return EmulatedResponse(
                401,
                #"{"fault":{"faultstring":"Invalid Access Token","detail":{"errorcode":"keymanagement.service.invalid_access_token"}}}"#
            )
        }
        if limits.take(1, at: now) != nil { return tooMany(at: now) }
        var response = body(request, at: now)
        response.headers += rateHeaders(at: now)
        return response
    }

    private mutating func body(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.header("accept") == "application/json" else {
            return EmulatedResponse(
                200, "<history><day><date>2024-01-02</date></day></history>", type: "application/xml")
        }
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        let symbol = request["symbol"] ?? ""
        if request.path == "/v1/markets/timesales" { return timesales(symbol, request, today) }
        guard request.path == "/v1/markets/history" else {
            return EmulatedResponse(404, "Not found", type: "text/plain")
        }
        guard (request["interval"] ?? "daily") == "daily",
            let start = request["start"].flatMap({ EmulatedMarket.day($0) }),
            let end = request["end"].flatMap({ EmulatedMarket.day($0) })
        else { return EmulatedResponse(400, "Invalid parameter, start: YYYY-MM-DD", type: "text/plain") }
        let days = start <= end ? market.days(symbol, start...min(end, today)) : []
        guard !days.isEmpty else {
            empties += 1
            return EmulatedResponse(200, empties % 2 == 0 ? #"{"history":"null"}"# : #"{"history":null}"#)
        }
        let rows = days.map { day -> String in
            let bar = market.bar(symbol, day: day)!
            return #"{"date":"\#(EmulatedMarket.text(day: day))","open":\#(EmulatedMarket.price(bar.open)),"#
                + #""high":\#(EmulatedMarket.price(bar.high)),"low":\#(EmulatedMarket.price(bar.low)),"#
                + #""close":\#(EmulatedMarket.price(bar.close)),"volume":\#(bar.volume)}"#
        }
        // One element of XML is an object, not a list.
        let list = rows.count == 1 ? rows[0] : "[\(rows.joined(separator: ","))]"
        return EmulatedResponse(200, #"{"history":{"day":\#(list)}}"#)
    }

    private func timesales(_ symbol: String, _ request: EmulatedRequest, _ today: Int) -> EmulatedResponse {
        guard let start = request["start"].flatMap({ EmulatedMarket.day($0.prefix(10)) }),
            let end = request["end"].flatMap({ EmulatedMarket.day($0.prefix(10)) }), let text = request["interval"],
            let length = Int(text.replacingOccurrences(of: "min", with: ""))
        else { return EmulatedResponse(400, "Invalid parameter", type: "text/plain") }
        let kept = length == 1 ? 20 : 40
        guard start >= today - kept else {
            return EmulatedResponse(
                400, "Invalid parameter, start: must be on or after \(EmulatedMarket.text(day: today - kept))",
                type: "text/plain")
        }
        var rows: [String] = []
        for day in start...max(start, min(end, today)) {
            guard let bar = market.rawBar(symbol, day: day) else { continue }
            for minute in stride(from: 570, to: 960, by: length) {
                let time = EmulatedMarket.instant(day: day, minutes: minute)
                let clock = "\(EmulatedMarket.two(minute / 60)):\(EmulatedMarket.two(minute % 60)):00"
                rows.append(
                    #"{"time":"\#(EmulatedMarket.text(day: day))T\#(clock)","timestamp":\#(time / 1000),"price":1.5,"#
                        + #""open":\#(EmulatedMarket.price(bar.open)),"high":\#(EmulatedMarket.price(bar.high)),"#
                        + #""low":\#(EmulatedMarket.price(bar.low)),"close":\#(EmulatedMarket.price(bar.close)),"#
                        + #""volume":\#(bar.volume),"vwap":1.5}"#)
            }
        }
        guard !rows.isEmpty else { return EmulatedResponse(200, #"{"series":null}"#) }
        let list = rows.count == 1 ? rows[0] : "[\(rows.joined(separator: ","))]"
        return EmulatedResponse(200, #"{"series":{"data":\#(list)}}"#)
    }
}
