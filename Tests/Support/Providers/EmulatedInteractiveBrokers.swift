import Foundation

/// The Client Portal gateway.
package struct EmulatedInteractiveBrokers: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(10, 1000)])
    package var isLoggedIn = true
    /// History calls that are refused before the backend is awake.
    package var coldCalls = 1
    private var hasAskedAccounts = false
    private var penaltyUntil = Int64.min
    private var underWay = 0
    package private(set) var mostUnderWay = 0
    package init(_ market: EmulatedMarket) { self.market = market }

    package func tooMany(at now: Int64) -> EmulatedResponse { EmulatedResponse(429, #"{"error":"Too many requests"}"#) }
    package mutating func ended() { underWay = max(0, underWay - 1) }

    /// Numbers of contracts: one abroad, one in the United States.
    private func contract(_ symbol: String) -> Int { 100_000 + Int(EmulatedMarket.number(symbol) % 400_000) * 2 }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        underWay += 1
        mostUnderWay = max(mostUnderWay, underWay)
        if now < penaltyUntil { return tooMany(at: now) }
        if limits.take(1, at: now) != nil {
            penaltyUntil = now + 600_000
            return tooMany(at: now)
        }
        switch request.path {
        case "/iserver/auth/status":
            return EmulatedResponse(200, #"{"authenticated":\#(isLoggedIn),"competing":false,"connected":true}"#)
        case "/tickle": return EmulatedResponse(200, #"{"session":"s"}"#)
        default: break
        }
        guard isLoggedIn else { return EmulatedResponse(401, #"{"error":"not authenticated"}"#) }
        switch request.path {
        case "/iserver/accounts":
            hasAskedAccounts = true
            return EmulatedResponse(200, #"{"accounts":["DU1"],"selectedAccount":"DU1"}"#)
        case "/trsrv/stocks": return stocks((request["symbols"] ?? "").split(separator: ",").map(String.init))
        case "/iserver/marketdata/history": return history(request, at: now)
        default: return EmulatedResponse(404, #"{"error":"not found"}"#)
        }
    }

    private func stocks(_ symbols: [String]) -> EmulatedResponse {
        let entries = symbols.map { symbol -> String in
            guard market.symbols.contains(symbol) else { return #""\#(symbol)":[]"# }
            let number = contract(symbol)
            return
                #""\#(symbol)":[{"name":"\#(symbol) ABROAD","assetClass":"STK","contracts":[{"conid":\#(number + 1),"exchange":"LSE","isUS":false}]},"#
                + #"{"name":"\#(symbol) INC","assetClass":"STK","contracts":[{"conid":\#(number),"exchange":"NASDAQ","isUS":true}]}]"#
        }
        return EmulatedResponse(200, "{\(entries.joined(separator: ","))}")
    }

    private mutating func history(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard hasAskedAccounts else { return EmulatedResponse(400, #"{"error":"Please query /accounts first"}"#) }
        if underWay > 5 { return tooMany(at: now) }
        if coldCalls > 0 {
            coldCalls -= 1
            return EmulatedResponse(503, #"{"error":"service unavailable"}"#)
        }
        guard let conid = request["conid"].flatMap({ Int($0) }),
            let symbol = market.symbols.first(where: { contract($0) == conid }), let period = request["period"],
            let unit = period.last, let count = Int(period.dropLast())
        else { return EmulatedResponse(500, #"{"error":"Chart data unavailable"}"#) }
        if request["bar"] != "1d" { return intraday(symbol, request, period, unit, count, at: now) }
        guard unit == "y" || unit == "d" else {
            return EmulatedResponse(500, #"{"error":"Chart data unavailable"}"#)
        }
        var end = Int(now / 86_400_000)
        if let start = request["startTime"], start.count == 17 {
            let text = "\(start.prefix(4))-\(start.dropFirst(4).prefix(2))-\(start.dropFirst(6).prefix(2))"
            // In UTC: early in the morning it is still the day before in New York.
            end = (EmulatedMarket.day(text) ?? end) - (start.dropFirst(9).prefix(2) < "13" ? 1 : 0)
        }
        let span = unit == "y" ? 366 * count : count * 7 / 5 + 1
        let days = Array(market.days(symbol, (end - span)...end).suffix(1000))
        guard !days.isEmpty else { return EmulatedResponse(500, #"{"error":"No data."}"#) }
        let rows = days.map { day -> String in
            let bar = market.bar(symbol, day: day)!
            return #"{"o":\#(EmulatedMarket.price(bar.open)),"c":\#(EmulatedMarket.price(bar.close)),"#
                + #""h":\#(EmulatedMarket.price(bar.high)),"l":\#(EmulatedMarket.price(bar.low)),"#
                + #""v":\#(Double(bar.volume) / 100),"t":\#(EmulatedMarket.instant(day: day, minutes: 570))}"#
        }
        return EmulatedResponse(
            200,
            #"{"serverId":"1","symbol":"\#(symbol)","text":"\#(symbol) INC","priceFactor":100,"timePeriod":"\#(period)","#
                + #""barLength":86400,"mdAvailability":"S","mktDataDelay":0,"outsideRth":false,"volumeFactor":40,"#
                + #""data":[\#(rows.joined(separator: ","))],"points":\#(rows.count - 1),"travelTime":5}"#)
    }

    /// Backwards from a moment, in steps that the period allows: a day of 1 to 15 minutes, a week of 15, a month of hours.
    /// A day is the newest trading day, whether the symbol was traded or not; a thousand points at most.
    private func intraday(
        _ symbol: String, _ request: EmulatedRequest, _ period: String, _ unit: Character, _ count: Int, at now: Int64
    ) -> EmulatedResponse {
        let lengths = ["1min": 1, "5min": 5, "15min": 15, "1h": 60]
        let allowed: [Character: ClosedRange<Int>] = ["d": 1...60, "w": 15...60, "m": 60...60]
        guard let length = lengths[request["bar"] ?? ""], allowed[unit]?.contains(length) ?? false,
            unit == "d" || count == 1
        else { return EmulatedResponse(500, #"{"error":"Chart data unavailable"}"#) }
        var end = now
        if let start = request["startTime"], start.count == 17 {
            let text = "\(start.prefix(4))-\(start.dropFirst(4).prefix(2))-\(start.dropFirst(6).prefix(2))"
            let clock = start.dropFirst(9).split(separator: ":").compactMap { Int64($0) }
            guard let day = EmulatedMarket.day(text), clock.count == 3 else {
                return EmulatedResponse(400, #"{"error":"Bad Request: startTime"}"#)
            }
            end = min(now, Int64(day) * 86_400_000 + (clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1000)
        }
        let last = Int(end / 86_400_000)
        let opened = (last - 40...last).filter {
            EmulatedMarket.isSession(day: $0) && EmulatedMarket.instant(day: $0, minutes: 570) < end
        }
        let days: [Int] =
            switch unit {
            case "d": Array(opened.suffix(count))
            case "w": opened.filter { $0 > last - 7 }
            default: opened.filter { $0 > last - 30 }
            }
        var rows: [String] = []
        for day in days {
            guard let bar = market.bar(symbol, day: day) else { continue }
            for minute in stride(from: 570, to: 960, by: length) {
                let time = EmulatedMarket.instant(day: day, minutes: minute)
                guard time < end else { continue }
                rows.append(
                    #"{"o":\#(EmulatedMarket.price(bar.open)),"c":\#(EmulatedMarket.price(bar.close)),"#
                        + #""h":\#(EmulatedMarket.price(bar.high)),"l":\#(EmulatedMarket.price(bar.low)),"#
                        + #""v":\#(Double(bar.volume) / 100),"t":\#(time)}"#)
            }
        }
        rows = Array(rows.suffix(1000))
        guard !rows.isEmpty else { return EmulatedResponse(500, #"{"error":"No data."}"#) }
        return EmulatedResponse(
            200,
            #"{"serverId":"1","symbol":"\#(symbol)","timePeriod":"\#(period)","barLength":\#(length * 60),"#
                + #""mdAvailability":"S","volumeFactor":40,"data":[\#(rows.joined(separator: ","))],"#
                + #""points":\#(rows.count - 1)}"#)
    }
}
