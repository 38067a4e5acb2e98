import Market
import Providers
import TestSupport
import Testing

/// Every bar of a range over the change of clocks in November and a symbol's split, from one provider.
private func expectRight(_ emulated: Emulated, _ want: BarsWanted) {
    var emulated = emulated
    let market = emulated.service.provider.market
    let (series, refusals, unknown) = emulated.bars(want)
    #expect(refusals == [])
    #expect(unknown == [])
    for symbol in want.symbols { #expect(fault(in: series[symbol], symbol, want, market) == nil) }
    #expect(emulated.service.provider.limits.exceeded == 0)
}
private let autumn = ("2026-09-28", "2026-11-18")

@Test func `polygon's bars fall on New York's days, over a change of clocks and a split`() {
    expectRight(.polygon(), .days(["AAA", "SPLT"], autumn.0, autumn.1))
    expectRight(.polygon(), .days(["SPLT"], autumn.0, autumn.1, .raw))
}

@Test func `polygon's pages are followed on the host that was asked, and the key is attached again`() {
    var emulated = Emulated.polygon()
    var service = EmulatedPolygon(.few)
    service.pageLimit = 20
    service.isDelayed = true
    emulated.service = FaultyProvider(service)
    let want = BarsWanted.days(["AAA"], "2026-01-02", "2026-11-18")
    let (series, refusals, _) = emulated.bars(want)
    #expect(refusals == [])
    #expect(fault(in: series["AAA"], "AAA", want, service.market) == nil)
    #expect(emulated.calls.count > 10)
    #expect(emulated.calls.allSatisfy { $0.host == 0 && $0.path.hasPrefix("/v2/aggs/") && !$0.credentials.isEmpty })
}

@Test func `polygon tells an exhausted minute, a plan's history and an unknown key apart`() {
    var emulated = Emulated.polygon()
    let old = ProviderCall(want: .days(["AAA"], "2020-01-02", "2020-02-03"))
    guard case .refused(.plan) = emulated.call(old) else { return #expect(Bool(false), "wholly outside the plan") }
    let call = ProviderCall(want: .days(["AAA"], autumn.0, autumn.1))
    guard case .refused(.key) = emulated.call(call, keys: [Secret("wrong")!]) else {
        return #expect(Bool(false), "an unknown key")
    }
    for _ in 0..<4 { _ = emulated.call(call) }
    // Once with a text, once with an empty body.
    for _ in 0..<2 { #expect(emulated.call(call) == .refused(.limited(.minute, retryAfter: nil))) }
    emulated.now += 60_000
    emulated.service.script = [.badGateway, .truncated]
    for _ in 0..<2 {
        guard case .refused(.unavailable) = emulated.call(call) else { return #expect(Bool(false), "passing trouble") }
    }
    // No bars and no such symbol look alike; both forms of nothing are nothing.
    for _ in 0..<2 {
        let empty = emulated.call(ProviderCall(want: .days(["NOBODY"], autumn.0, autumn.1)))
        guard case .page(let page) = empty else { return #expect(Bool(false), "nothing is an answer: \(empty)") }
        #expect(page.series.allSatisfy { $0.count == 0 } && page.next == [])
    }
}

@Test func `alpaca's pages are put together by symbol, though one is cut and another begins late`() {
    let want = BarsWanted.days(["AAA", "BBB", "LATE", "SPLT"], "2026-01-05", "2026-11-18")
    expectRight(.alpaca(), want)
    expectRight(.alpaca(), .days(["SPLT"], autumn.0, autumn.1, .raw))
    // 60 symbols of 5 years: more than one page of 10,000.
    let symbols = (0..<26).map { "X\(Character(Unicode.Scalar(UInt8(65 + $0))))" }
    expectRight(.alpaca(EmulatedMarket(symbols: Set(symbols))), .days(symbols, "2022-01-03", "2026-11-18"))
}

@Test func `alpaca names the symbol that spoils a batch, and its resets are seconds`() {
    var emulated = Emulated.alpaca()
    let spoilt = emulated.call(ProviderCall(want: .days(["AAA", "B4D"], autumn.0, autumn.1)))
    #expect(spoilt == .refused(.symbols(["B4D"])))
    for _ in 0..<3 {
        #expect(emulated.call(ProviderCall(want: .days(["NONE"], autumn.0, autumn.1))) == .page(.init()))
    }
    guard case .refused(.plan) = emulated.call(ProviderCall(want: .days(["AAA"], autumn.0, "2026-11-20"))) else {
        return #expect(Bool(false), "the newest quarter of an hour is not in the plan")
    }
    let call = ProviderCall(want: .days(["AAA"], "2026-11-16", "2026-11-18"))
    for _ in 0..<195 { _ = emulated.call(call) }
    guard case .refused(.limited(.minute, let wait?)) = emulated.call(call) else {
        return #expect(Bool(false), "the minute is used up")
    }
    #expect((59_000...62_000).contains(wait))
}

@Test func `alpha vantage's refusals all come with 200 and are told apart by their words`() {
    var market = EmulatedMarket.few
    market.splits = [:]
    expectRight(.alphaVantage(market), .days(["AAA", "BBB"], "2026-09-28", "2026-11-18", .raw))
    var emulated = Emulated.alphaVantage()
    let call = ProviderCall(want: .days(["AAA"], "2026-09-28", "2026-11-18", .raw))
    _ = emulated.call(call)
    #expect(emulated.call(call) == .refused(.limited(.second, retryAfter: 1100)))
    guard case .refused(.plan) = wait(&emulated, ProviderCall(want: .days(["AAA"], "2020-01-02", "2026-11-18", .raw)))
    else { return #expect(Bool(false), "all history is for paying users") }
    #expect(
        wait(&emulated, ProviderCall(want: .days(["NOBODY"], "2026-09-28", "2026-11-18")))
            == .page(.init(unknown: ["NOBODY"])))
    guard case .refused(.key) = emulated.call(call, keys: [Secret("WRONG")!]) else {
        return #expect(Bool(false), "a key error is told from a symbol error")
    }
    for _ in 0..<22 { _ = wait(&emulated, call) }
    #expect(wait(&emulated, call) == .refused(.limited(.day, retryAfter: nil)))
    let note = HTTPResponse(status: 200, body: Array(EmulatedAlphaVantage.note.utf8))
    #expect(AlphaVantage().read(note, to: call) == .refused(.limited(.minute, retryAfter: nil)))
}
private func wait(_ emulated: inout Emulated, _ call: ProviderCall) -> Reading {
    emulated.now += 1100
    return emulated.call(call)
}

@Test func `twelve data's code counts, not its status; its end is exclusive; a batch may fail in part`() {
    expectRight(.twelveData(), .days(["AAA", "BBB", "SPLT"], autumn.0, autumn.1))
    expectRight(.twelveData(), .days(["SPLT"], autumn.0, autumn.1, .raw))
    expectRight(.twelveData(), .days(["AAA"], "2026-11-18", "2026-11-18"))
    var emulated = Emulated.twelveData()
    var service = EmulatedTwelveData(.few)
    service.gated = ["CCC"]
    emulated.service = FaultyProvider(service)
    let mixed = emulated.call(ProviderCall(want: .days(["AAA", "CCC", "NOBODY"], autumn.0, autumn.1), cost: 3))
    guard case .page(let page) = mixed else { return #expect(Bool(false), "a batch is answered") }
    #expect(page.series.map(\.symbol) == ["AAA"])
    #expect(page.refused.map { $0.symbol } == ["CCC"])
    #expect(page.unknown == ["NOBODY"], "unknown in a batch as alone, and not answered without a bar")
    // A refusal of the whole batch says nothing of any symbol.
    let two = ProviderCall(want: .days(["AAA", "CCC"], autumn.0, autumn.1), cost: 2)
    let whole = HTTPResponse(status: 404, body: Array(#"{"code":404,"message":"not found","status":"error"}"#.utf8))
    #expect(TwelveData().read(whole, to: two) == .refused(.request("not found")))
    for _ in 0..<2 {
        emulated.now += 60_000
        let one = emulated.call(ProviderCall(want: .days(["NOBODY"], autumn.0, autumn.1)))
        #expect(one == .page(.init(unknown: ["NOBODY"])))
        let weekend = emulated.call(ProviderCall(want: .days(["AAA"], "2026-11-14", "2026-11-15")))
        #expect(weekend == .page(.init()))
    }
    for _ in 0..<6 { _ = emulated.call(ProviderCall(want: .days(["AAA"], autumn.0, autumn.1))) }
    // Once with status 429, once with 200.
    for _ in 0..<2 {
        let refused = emulated.call(ProviderCall(want: .days(["AAA"], autumn.0, autumn.1)))
        #expect(refused == .refused(.limited(.minute, retryAfter: nil)))
    }
}

@Test func `tradier's single bar is no list, its nothing is null, and its expiry is milliseconds`() {
    expectRight(.tradier(), .days(["AAA", "SPLT"], autumn.0, autumn.1))
    expectRight(.tradier(), .days(["AAA"], "2026-11-18", "2026-11-18"))
    var emulated = Emulated.tradier()
    let call = ProviderCall(want: .days(["NOBODY"], autumn.0, autumn.1))
    for _ in 0..<60 { #expect(emulated.call(call) == .page(.init())) }
    guard case .refused(.limited(.minute, let wait?)) = emulated.call(call) else {
        return #expect(Bool(false), "the minute is used up")
    }
    #expect((59_000...62_000).contains(wait))
    guard case .refused(.key) = emulated.call(call, keys: [Secret("wrong")!]) else {
        return #expect(Bool(false), "a wrong token")
    }
}

@Test func `interactive brokers is asked for a session, the contract at home, and pages of a thousand`() {
    var emulated = Emulated.interactiveBrokers()
    var service = EmulatedInteractiveBrokers(.few)
    service.coldCalls = 0
    emulated.service = FaultyProvider(service)
    expectRight(emulated, .days(["AAA", "SPLT"], autumn.0, autumn.1))
    // Eleven years: four pages, backwards.
    let want = BarsWanted.days(["AAA"], "2015-11-02", "2026-11-18")
    let (series, refusals, _) = emulated.bars(want)
    #expect(refusals == [])
    #expect(
        series["AAA"]?.count
            == service.market.days("AAA", EmulatedMarket.day("2015-11-02")!...EmulatedMarket.day("2026-11-18")!).count)
    service.isLoggedIn = false
    emulated.service = FaultyProvider(service)
    guard case .refused(.session) = emulated.call(InteractiveBrokers().calls(for: want)[0]) else {
        return #expect(Bool(false), "nobody is logged in")
    }
}

@Test func `no request holds a key, and no key prints`() {
    let secret = Secret("topsecret")!
    #expect("\(secret)" == "(a key)" && "\([secret])".contains("topsecret") == false)
    var text = ""
    dump(secret, to: &text)
    #expect(!text.contains("topsecret"))
    #expect(Secret("two\r\nlines") == nil)
    for provider in ProviderList.all {
        for call in provider.calls(for: .days(["AAA"], autumn.0, autumn.1)) {
            #expect(provider.request(call).sealed([]) == nil || provider.traits.keyNames.isEmpty)
        }
    }
}

@Test(arguments: [
    "", "{", "[1,2", "{\"a\":1}x", "nul", "\"\\ud800\"", "{\"a\" 1}", "[1,]", "+1", ".5", "\u{1}",
    String(repeating: "[", count: 100_000),
]) func `what is no JSON is refused, however it is wrong`(text: String) {
    #expect(JSONBody(Array(text.utf8)) == nil)
}
@Test func `JSON is read whole, with escapes and numbers of every form`() {
    let body = JSONBody(Array(#" {"a":[1,-2.5e3,1.35e8,true,null],"b":"\u00e9\ud83d\ude00\n","c":{}} "#.utf8))
    #expect(body?["a"]?.elements == [.number(1), .number(-2500), .number(135_000_000), .bool(true), .null])
    #expect(body?["b"]?.text == "é😀\n")
    #expect(body?["c"]?.members?.isEmpty == true)
}

@Test func `an instant that no clock shows is no reason to wait, and none to end`() {
    let call = ProviderCall(want: .days(["AAA"], autumn.0, autumn.1))
    for (provider, name) in [(Alpaca() as any Provider, "X-RateLimit-Reset"), (Tradier(), "X-Ratelimit-Expiry")] {
        for text in ["9223372036854775807", "9223372036854776", "-5", "253402300799001"] {
            let answer = HTTPResponse(
                status: 429, headers: [.init(name, text), .init("Date", "Thu, 01 Jan 1970 00:00:00 GMT")], body: [])
            guard case .refused(.limited(_, let wait)) = provider.read(answer, to: call) else {
                #expect(Bool(false), "\(provider.name) \(text)")
                continue
            }
            #expect((wait ?? 0) <= 86_400_000)
        }
    }
}

@Test func `a key that an answer repeats is hidden in it, a short word is not`() throws {
    let keys = try [#require(Secret("SECRET-0123")), #require(Secret("ab"))]
    let answer = HTTPResponse(status: 200, body: Array("ab your key SECRET-0123SECRET-0123 and SECRET-012".utf8))
    let hidden = String(decoding: answer.hiding(keys).body, as: UTF8.self)
    #expect(hidden == "ab your key " + String(repeating: "x", count: 22) + " and SECRET-012")
}
