import Foundation

/// Alpaca's multi-symbol bars on its free plan.
package struct EmulatedAlpaca: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(200, 60_000)])
    package var key = "alpaca-key-0123456789", secret = "alpaca-secret-0123456789"
    /// What an empty range looks like, in turn.
    private var empties = 0
    package init(_ market: EmulatedMarket) { self.market = market }

    package func tooMany(at now: Int64) -> EmulatedResponse {
        EmulatedResponse(429, #"{"message":"too many requests."}"#, headers: rateHeaders(remaining: 0, at: now))
    }
    private func rateHeaders(remaining: Int, at now: Int64) -> [(name: String, value: String)] {
        [
            ("X-RateLimit-Limit", "\(limits.windows[0].units)"), ("X-RateLimit-Remaining", "\(remaining)"),
            ("X-RateLimit-Reset", "\((limits.reset(0, at: now) + 999) / 1000)"),
        ]
    }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.header("apca-api-key-id") == key, request.header("apca-api-secret-key") == secret else {
            return EmulatedResponse(401, #"{"message":"unauthorized."}"#)
        }
        if limits.take(1, at: now) != nil { return tooMany(at: now) }
        var response = bars(request, at: now)
        response.headers += rateHeaders(
            remaining: limits.windows[0].units - limits.inWindow(0, at: now), at: now)
        return response
    }

    private mutating func bars(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.path == "/v2/stocks/bars", let list = request["symbols"], let timeframe = request["timeframe"]
        else {
            return EmulatedResponse(404, #"{"message":"endpoint not found."}"#)
        }
        guard timeframe == "1Day" || Self.minutes(timeframe) != nil else {
            return EmulatedResponse(422, #"{"message":"invalid timeframe"}"#)
        }
        let symbols = list.split(separator: ",").map(String.init)
        if let wrong = symbols.first(where: { !$0.allSatisfy { $0.isUppercase || $0 == "." } }) {
            return EmulatedResponse(400, #"{"message":"invalid symbol: \#(wrong)"}"#)
        }
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        // Without a start: since the beginning of today.
        let start = request["start"].flatMap { EmulatedMarket.day($0.prefix(10)) } ?? today
        let end = request["end"].flatMap { EmulatedMarket.day($0.prefix(10)) } ?? today
        if request["feed"] == "sip", end >= today {
            return EmulatedResponse(403, #"{"message":"subscription does not permit querying recent SIP data"}"#)
        }
        let limit = min(request["limit"].flatMap { Int($0) } ?? 1000, 10_000)
        let isRaw = (request["adjustment"] ?? "raw") == "raw"
        if let length = Self.minutes(timeframe) {
            return intraday(request, symbols, length, limit, isRaw, at: now)
        }
        var (fromSymbol, fromDay) = ("", start)
        if let token = request["page_token"] {
            guard let data = Data(base64Encoded: token),
                case let parts = String(decoding: data, as: UTF8.self).split(separator: "|"),
                parts.count == 3, let day = EmulatedMarket.day(parts[2].prefix(10))
            else { return EmulatedResponse(422, #"{"message":"invalid page_token"}"#) }
            (fromSymbol, fromDay) = (String(parts[0]), day + 1)
        }
        // By symbol, then by time; the limit counts over all symbols.
        var groups: [String] = []
        var (count, last) = (0, ("", 0))
        var isCut = false
        outer: for symbol in symbols.sorted() where symbol >= fromSymbol && start <= end {
            var rows: [String] = []
            for day in stride(from: max(start, symbol == fromSymbol ? fromDay : start), through: end, by: 1) {
                guard let bar = isRaw ? market.rawBar(symbol, day: day) : market.bar(symbol, day: day) else { continue }
                if count == limit {
                    isCut = true
                    if !rows.isEmpty { groups.append(#""\#(symbol)":[\#(rows.joined(separator: ","))]"#) }
                    break outer
                }
                let zone = EmulatedMarket.offsetSeconds(day: day) == -14_400 ? "04" : "05"
                // On the day of the change itself midnight still had the old offset; no session is on a Sunday.
                rows.append(
                    #"{"c":\#(EmulatedMarket.price(bar.close)),"h":\#(EmulatedMarket.price(bar.high)),"#
                        + #""l":\#(EmulatedMarket.price(bar.low)),"n":55,"o":\#(EmulatedMarket.price(bar.open)),"#
                        + #""t":"\#(EmulatedMarket.text(day: day))T\#(zone):00:00Z","v":\#(bar.volume),"vw":1.5}"#)
                count += 1
                last = (symbol, day)
            }
            if !rows.isEmpty { groups.append(#""\#(symbol)":[\#(rows.joined(separator: ","))]"#) }
        }
        let token =
            isCut
            ? "\"" + Data("\(last.0)|D|\(EmulatedMarket.text(day: last.1))T05:00:00Z".utf8).base64EncodedString() + "\""
            : "null"
        return page(groups, token)
    }

    private mutating func page(_ groups: [String], _ token: String) -> EmulatedResponse {
        guard !groups.isEmpty else {
            empties += 1
            switch empties % 3 {
            case 0: return EmulatedResponse(200, #"{"bars":null,"next_page_token":null}"#)
            case 1: return EmulatedResponse(200, #"{"bars":{},"next_page_token":null}"#)
            default: return EmulatedResponse(204, "")
            }
        }
        return EmulatedResponse(200, #"{"bars":{\#(groups.joined(separator: ","))},"next_page_token":\#(token)}"#)
    }

    /// `5Min` or `1Hour` in minutes.
    private static func minutes(_ timeframe: String) -> Int? {
        if timeframe.hasSuffix("Min"), let count = Int(timeframe.dropLast(3)), (1...59).contains(count) { return count }
        if timeframe.hasSuffix("Hour"), let count = Int(timeframe.dropLast(4)), (1...23).contains(count) {
            return count * 60
        }
        return nil
    }
    /// A date alone is its first moment, in UTC: as an end it leaves its whole day out.
    private static func instant(_ text: String) -> Int64? {
        guard let day = EmulatedMarket.day(text.prefix(10)) else { return nil }
        guard text.count > 10 else { return Int64(day) * 86_400_000 }
        let parts = text.dropFirst(11).prefix(8).split(separator: ":").compactMap { Int64($0) }
        guard text.hasSuffix("Z"), parts.count == 3 else { return nil }
        return Int64(day) * 86_400_000 + (parts[0] * 3600 + parts[1] * 60 + parts[2]) * 1000
    }
    private static func rfc3339(_ instant: Int64) -> String {
        let second = Int(instant / 1000) % 86_400
        let clock = [second / 3600, second / 60 % 60, second % 60].map { EmulatedMarket.two($0) }
        return EmulatedMarket.text(day: Int(instant / 86_400_000)) + "T" + clock.joined(separator: ":") + "Z"
    }

    /// Bars of the session, by symbol and then by time, in UTC.
    private mutating func intraday(
        _ request: EmulatedRequest, _ symbols: [String], _ length: Int, _ limit: Int, _ isRaw: Bool, at now: Int64
    ) -> EmulatedResponse {
        guard let start = Self.instant(request["start"] ?? EmulatedMarket.text(day: Int(now / 86_400_000))),
            let end = request["end"].map({ Self.instant($0) }) ?? now
        else { return EmulatedResponse(422, #"{"message":"invalid start or end"}"#) }
        if request["feed"] == "sip", end > now - 900_000 {
            return EmulatedResponse(403, #"{"message":"subscription does not permit querying recent SIP data"}"#)
        }
        var (fromSymbol, after) = ("", Int64.min)
        if let token = request["page_token"] {
            guard let data = Data(base64Encoded: token),
                case let parts = String(decoding: data, as: UTF8.self).split(separator: "|"), parts.count == 3,
                parts[1] == "M", let time = Self.instant(String(parts[2]))
            else { return EmulatedResponse(422, #"{"message":"invalid page_token"}"#) }
            (fromSymbol, after) = (String(parts[0]), time)
        }
        var groups: [String] = []
        var (count, last) = (0, "")
        var isCut = false
        outer: for symbol in symbols.sorted() where symbol >= fromSymbol && start <= end {
            var rows: [String] = []
            func close() { if !rows.isEmpty { groups.append(#""\#(symbol)":[\#(rows.joined(separator: ","))]"#) } }
            for day in Int(start / 86_400_000) - 1...Int(end / 86_400_000) {
                guard let bar = isRaw ? market.rawBar(symbol, day: day) : market.bar(symbol, day: day) else { continue }
                for minute in stride(from: 570 / length * length, to: 960, by: length) {
                    let time = EmulatedMarket.instant(day: day, minutes: minute)
                    guard (start...end).contains(time), symbol != fromSymbol || time > after else { continue }
                    if count == limit {
                        isCut = true
                        close()
                        break outer
                    }
                    rows.append(
                        #"{"c":\#(EmulatedMarket.price(bar.close)),"h":\#(EmulatedMarket.price(bar.high)),"#
                            + #""l":\#(EmulatedMarket.price(bar.low)),"n":5,"o":\#(EmulatedMarket.price(bar.open)),"#
                            + #""t":"\#(Self.rfc3339(time))","v":\#(bar.volume),"vw":1.5}"#)
                    count += 1
                    last = "\(symbol)|M|\(Self.rfc3339(time))"
                }
            }
            close()
        }
        return page(groups, isCut ? "\"" + Data(last.utf8).base64EncodedString() + "\"" : "null")
    }
}
