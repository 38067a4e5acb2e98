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
            let symbol = market.symbols.first(where: { contract($0) == conid }), request["bar"] == "1d",
            let period = request["period"], let unit = period.last, unit == "y" || unit == "d",
            let count = Int(period.dropLast())
        else { return EmulatedResponse(500, #"{"error":"Chart data unavailable"}"#) }
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
}
