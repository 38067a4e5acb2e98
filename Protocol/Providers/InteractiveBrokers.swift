import Market

/// The Client Portal gateway of Interactive Brokers. A session first, then each symbol's contract, then at most 1,000
/// bars a call, backwards. Volumes come in lots and are approximate; the gateway runs on the user's own machine.
package struct InteractiveBrokers: Provider {
    package let name = "ibkr"
    package let traits = ProviderTraits(
        hosts: ["https://localhost:5000/v1/api"], keyNames: [],
        limits: ProviderLimits([.init(9, per: 1050)], concurrent: 4), symbolsPerCall: 10, tier: 3, feed: "exchange",
        hidesUnknownSymbols: false)
    package init() {}
    private static let accounts = 0, session = 1, contracts = 2

    package func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool { adjustment == .splits }

    package func calls(for want: BarsWanted) -> [ProviderCall] {
        [ProviderCall(step: .prepare(Self.session), want: want)]
    }

    package func request(_ call: ProviderCall) -> HTTPRequest {
        switch call.step {
        case .prepare(Self.session): return HTTPRequest(path: "/iserver/auth/status")
        case .prepare(Self.accounts): return HTTPRequest(path: "/iserver/accounts")
        case .prepare:
            return HTTPRequest(
                path: "/trsrv/stocks", query: [.init("symbols", call.want.symbols.joined(separator: ","))])
        case .bars: break
        }
        let want = call.want
        let bar =
            switch want.timeframe {
            case .minute1: "1min"
            case .minute5: "5min"
            case .minute15: "15min"
            case .hour1: "1h"
            case .day1: "1d"
            }
        // Backwards from the end of the day, by the clock of UTC: New York's day ends at 4 or 5 of the next.
        let next = MarketDate.text(MarketDate.date(dayNumber: want.toDay + 1)).split(separator: "-").joined()
        return HTTPRequest(
            path: "/iserver/marketdata/history",
            query: [
                .init("conid", call.cursor), .init("period", period(want)), .init("bar", bar),
                .init("outsideRth", "false"), .init("startTime", "\(next)-05:00:00"), .init("direction", "-1"),
            ])
    }
    /// `min` are minutes and `m` would be months. Whole steps of what each length of bar allows, under 1,000 bars.
    private func period(_ want: BarsWanted) -> String {
        switch want.timeframe {
        case .minute1, .minute5: return "1d"
        case .minute15: return "1w"
        case .hour1: return "1m"
        case .day1:
            // The next whole year, with its holidays well under 1,000 bars.
            return "\(min(3, max(2, (want.toDay - want.fromDay) / 365 + 1)))y"
        }
    }

    package func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading {
        guard let body = JSONBody(response.body) else { return notJSON(response) }
        if let words = body["error"]?.text { return refused(words, response, call) }
        guard response.status == 200 else { return .refused(response.refusal()) }
        switch call.step {
        case .prepare(Self.session):
            guard body["authenticated"]?.isTrue ?? false else {
                return .refused(.session("the gateway is not logged in; log in with a browser at its address"))
            }
            return .page(.init(next: [ProviderCall(step: .prepare(Self.accounts), want: call.want)]))
        case .prepare(Self.accounts):
            return .page(.init(next: [ProviderCall(step: .prepare(Self.contracts), want: call.want)]))
        case .prepare: return contracts(body, call)
        case .bars: return bars(body, response, call)
        }
    }

    private func refused(_ words: String, _ response: HTTPResponse, _ call: ProviderCall) -> Reading {
        if response.status == 500, words.lowercased().contains("no data") {
            // Of this period. What lies before it may well have some: a symbol can be halted for a day.
            let day = call.want.toDay - days(call.want)
            guard call.step == .bars, day >= call.want.fromDay else { return .page(.init()) }
            return .page(.init(next: [earlier(call, through: day)]))
        }
        switch response.status {
        case 401: return .refused(.session(words))
        // What it refuses for ten minutes and longer, it refuses to the whole address: nothing is tried meanwhile.
        case 429: return .refused(.limited(.second, retryAfter: response.retryAfter))
        default: return .refused(response.refusal(words: words))
        }
    }

    /// The same contract up to an earlier day.
    private func earlier(_ call: ProviderCall, through day: Int) -> ProviderCall {
        ProviderCall(want: call.want.between(call.want.from, MarketDate.date(dayNumber: day)), cursor: call.cursor)
    }
    /// How many calendar days a period reaches back at least.
    private func days(_ want: BarsWanted) -> Int {
        switch want.timeframe {
        case .minute1, .minute5: 1
        case .minute15: 7
        case .hour1: 28
        case .day1: 730
        }
    }

    /// Of several listings of a name the one in the United States.
    private func contracts(_ body: JSONBody, _ call: ProviderCall) -> Reading {
        var page = Reading.Page()
        for symbol in call.want.symbols {
            var found: Int64?
            for company in body[symbol]?.elements ?? [] where found == nil {
                for contract in company["contracts"]?.elements ?? [] where contract["isUS"]?.isTrue ?? false {
                    found = found ?? contract["conid"]?.integer
                }
            }
            guard let found else {
                page.unknown.append(symbol)
                continue
            }
            page.next.append(ProviderCall(want: call.want.only([symbol]), cursor: "\(found)"))
        }
        return .page(page)
    }

    private func bars(_ body: JSONBody, _ response: HTTPResponse, _ call: ProviderCall) -> Reading {
        var gatherer = BarGatherer(call.want.symbols[0], call.want)
        var oldest = Int64.max
        var count = 0
        if let data = body["data"], !data.isNull {
            guard let list = data.elements else { return unexpected(response) }
            for bar in list {
                guard let time = bar["t"]?.integer, let n = numbers(bar, ["o", "h", "l", "c", "v"]) else {
                    return unexpected(response)
                }
                oldest = min(oldest, time)
                count += 1
                // In lots of a hundred, with a fraction.
                gatherer.add(instant: time, n[0], n[1], n[2], n[3], (n[4] * 100).rounded())
            }
        }
        var page = Reading.Page(series: [gatherer.series])
        guard count > 0, oldest >= 0, oldest < 253_402_300_800_000 else { return .page(page) }
        // The answer's length is bounded: what is older is asked for next.
        let day = NewYorkTime.dayNumber(of: oldest) - 1
        if day >= call.want.fromDay, day < call.want.toDay {
            page.next = [earlier(call, through: day)]
        }
        return .page(page)
    }
}
