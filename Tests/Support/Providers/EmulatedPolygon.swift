import Foundation

/// Aggregates of Polygon, now Massive, on its free plan.
package struct EmulatedPolygon: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(5, 60_000)])
    package var key = "polygon-key-0123456789"
    /// How far back the plan reaches; nil: everything.
    package var historyDays: Int? = 730
    /// Base aggregates on one page at most, whatever the request says.
    package var pageLimit = 50_000
    package var isDelayed = false
    private var emptyBodies = 0
    private var answers = 0
    package init(_ market: EmulatedMarket) { self.market = market }

    package func tooMany(at now: Int64) -> EmulatedResponse {
        if emptyBodies % 2 == 1 { return EmulatedResponse(429, "") }
        return EmulatedResponse(
            429,
            #"{"status":"ERROR","request_id":"r","error":"You've exceeded the maximum requests per minute, please wait"}"#
        )
    }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.header("authorization") == "Bearer \(key)" || request["apiKey"] == key else {
            return EmulatedResponse(401, #"{"status":"ERROR","request_id":"r","error":"Unknown API Key"}"#)
        }
        if limits.take(1, at: now) != nil {
            emptyBodies += 1
            return tooMany(at: now)
        }
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count == 9, parts[0] == "v2", parts[1] == "aggs", parts[2] == "ticker", parts[4] == "range",
            let multiplier = Int(parts[5]), let from = moment(parts[7], end: false),
            let to = moment(parts[8], end: true)
        else { return EmulatedResponse(400, #"{"status":"ERROR","error":"could not parse the time"}"#) }
        let symbol = parts[3]
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        var first = from
        if let historyDays {
            if to < today - historyDays {
                return EmulatedResponse(
                    403,
                    #"{"status":"NOT_AUTHORIZED","request_id":"r","message":"Your plan doesn't include this data timeframe"}"#
                )
            }
            first = max(first, today - historyDays)
        }
        let limit = min(request["limit"].flatMap { Int($0) } ?? 5000, pageLimit)
        let adjusted = request["adjusted"] != "false"
        answers += 1
        let status = isDelayed ? "DELAYED" : "OK"
        guard parts[6] == "day", multiplier == 1 else {
            return minutes(symbol, parts, multiplier, first, to, limit, adjusted, status, request)
        }
        let days = market.days(symbol, first...max(first, min(to, today)))
        var body = #"{"ticker":"\#(symbol)","queryCount":\#(days.count),"#
        let page = days.prefix(limit)
        body += #""resultsCount":\#(page.count),"adjusted":\#(adjusted),"status":"\#(status)","request_id":"r""#
        guard !page.isEmpty else {
            return EmulatedResponse(200, body + (answers % 2 == 0 ? #","results":null}"# : "}"))
        }
        body += #","results":["#
        for (at, day) in page.enumerated() {
            if at > 0 { body += "," }
            body += row(
                adjusted ? market.bar(symbol, day: day)! : market.rawBar(symbol, day: day)!,
                at: EmulatedMarket.instant(day: day, minutes: 0), float: answers % 2 == 0)
        }
        body += "]"
        if page.count < days.count {
            body += next(parts, EmulatedMarket.instant(day: days[page.count], minutes: 0), request)
        }
        return EmulatedResponse(200, body + "}")
    }

    /// Minute aggregates of the regular session, as a page of so many base minutes allows.
    private func minutes(
        _ symbol: String, _ parts: [String], _ multiplier: Int, _ from: Int, _ to: Int, _ limit: Int, _ adjusted: Bool,
        _ status: String, _ request: EmulatedRequest
    ) -> EmulatedResponse {
        let length = parts[6] == "hour" ? 60 * multiplier : multiplier
        let since = Int64(parts[7]) ?? Int64.min
        var (rows, base) = ([String](), 0)
        var after: Int64?
        search: for day in from...max(from, to) {
            guard let bar = adjusted ? market.bar(symbol, day: day) : market.rawBar(symbol, day: day) else { continue }
            for minute in stride(from: 570 / length * length, to: 960, by: length) {
                let time = EmulatedMarket.instant(day: day, minutes: minute)
                if time < since { continue }
                if base + length > max(limit, length) {
                    after = time
                    break search
                }
                base += length
                rows.append(row(bar, at: time, float: false))
            }
        }
        var body =
            #"{"ticker":"\#(symbol)","queryCount":\#(base),"resultsCount":\#(rows.count),"adjusted":\#(adjusted),"#
        body += #""status":"\#(status)","request_id":"r","results":[\#(rows.joined(separator: ","))]"#
        if let after { body += next(parts, after, request) }
        return EmulatedResponse(200, body + "}")
    }

    /// On the provider's other host, without a key.
    private func next(_ parts: [String], _ from: Int64, _ request: EmulatedRequest) -> String {
        let cursor = Data("limit=\(request["limit"] ?? "5000")&sort=asc".utf8).base64EncodedString()
        var path = parts
        path[7] = "\(from)"
        let adjusted = request["adjusted"].map { "&adjusted=\($0)" } ?? ""
        let limit = request["limit"].map { "&limit=\($0)" } ?? ""
        let value = cursor.replacingOccurrences(of: "=", with: "%3D")
        return
            #","next_url":"https://api.massive.com/\#(path.joined(separator: "/"))?cursor=\#(value)\#(adjusted)\#(limit)""#
    }

    private func row(_ bar: EmulatedMarket.Day, at time: Int64, float: Bool) -> String {
        let volume = float ? "\(Double(bar.volume))" : "\(bar.volume)"
        return #"{"v":\#(volume),"vw":\#(EmulatedMarket.price(bar.open)),"o":\#(EmulatedMarket.price(bar.open)),"#
            + #""c":\#(EmulatedMarket.price(bar.close)),"h":\#(EmulatedMarket.price(bar.high)),"#
            + #""l":\#(EmulatedMarket.price(bar.low)),"t":\#(time),"n":77}"#
    }

    /// A date, or milliseconds since 1970, as a day.
    private func moment(_ text: String, end: Bool) -> Int? {
        if let milliseconds = Int64(text) {
            let seconds = Double(milliseconds) / 1000
            let offset = EmulatedMarket.newYork.secondsFromGMT(for: Date(timeIntervalSince1970: seconds))
            return Int(((seconds + Double(offset)) / 86_400).rounded(.down))
        }
        return EmulatedMarket.day(text)
    }
}
