import Foundation

/// Alpha Vantage on its free plan: every answer has status 200.
package struct EmulatedAlphaVantage: ProviderEmulator {
    package var market: EmulatedMarket
    package var limits = StrictLimits([(1, 1000), (25, 86_400_000)])
    package var key = "ALPHAKEY01234567"
    package init(_ market: EmulatedMarket) { self.market = market }

    static let burst =
        #"{"Information":"Please consider spreading out your free API requests more sparingly (1 request per second). You may subscribe to any of the premium plans to lift the free key rate limit (25 requests per day)."}"#
    static let daily =
        #"{"Information":"We have detected your API key and our standard API rate limit is 25 requests per day. Please subscribe to any of the premium plans to instantly remove all daily rate limits."}"#
    static let premium =
        #"{"Information":"Thank you for using our service! This is a premium endpoint. You may subscribe to any of the premium plans to instantly unlock all premium endpoints"}"#
    static let wrong =
        #"{"Error Message":"Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY."}"#
    static let noKey =
        #"{"Error Message":"the parameter apikey is invalid or missing. Please claim your free API key on (our page)."}"#
    package static let note =
        #"{"Note":"Thank you for using our service! Our standard API call frequency is 5 calls per minute."}"#

    package func tooMany(at now: Int64) -> EmulatedResponse { EmulatedResponse(200, Self.burst) }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        guard request.path == "/query" else { return EmulatedResponse(200, Self.wrong) }
        guard request["apikey"] == key else { return EmulatedResponse(200, Self.noKey) }
        switch limits.take(1, at: now) {
        case 0: return EmulatedResponse(200, Self.burst)
        case .some: return EmulatedResponse(200, Self.daily)
        case nil: break
        }
        guard let function = request["function"], let symbol = request["symbol"], market.symbols.contains(symbol) else {
            return EmulatedResponse(200, Self.wrong)
        }
        guard function == "TIME_SERIES_DAILY", (request["outputsize"] ?? "compact") == "compact" else {
            return EmulatedResponse(200, Self.premium)
        }
        let today = Int((now - 5 * 3_600_000) / 86_400_000)
        let days = market.days(symbol, (today - 400)...today).suffix(100).reversed()
        var body =
            #"{"Meta Data":{"1. Information":"Daily Prices (open, high, low, close) and Volumes","2. Symbol":"\#(symbol)","#
        body += #""3. Last Refreshed":"\#(EmulatedMarket.text(day: days.first ?? today))","4. Output Size":"Compact","#
        body += #""5. Time Zone":"US/Eastern"},"Time Series (Daily)":{"#
        body += days.map { day -> String in
            let bar = market.rawBar(symbol, day: day)!
            return #""\#(EmulatedMarket.text(day: day))":{"1. open":"\#(EmulatedMarket.price(bar.open))00","#
                + #""2. high":"\#(EmulatedMarket.price(bar.high))00","3. low":"\#(EmulatedMarket.price(bar.low))00","#
                + #""4. close":"\#(EmulatedMarket.price(bar.close))00","5. volume":"\#(bar.volume)"}"#
        }.joined(separator: ",")
        return EmulatedResponse(200, body + "}}")
    }
}
