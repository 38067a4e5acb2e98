import Market

// What the providers' answers have in common.
extension HTTPResponse {
    /// When it was sent, by the provider's clock: milliseconds since 1970.
    package var date: UInt64? { header("date").flatMap { httpDate($0) }.map { UInt64(max(0, $0)) * 1000 } }

    /// The beginning of the body on one line, for people; its bytes are anybody's, so nothing but plain ASCII is kept.
    var beginning: String {
        let plain = body.prefix(160).map { $0 >= 32 && $0 < 127 ? $0 : 32 }
        return String(decoding: plain, as: UTF8.self)
    }

    /// How long to wait, by `Retry-After`: seconds, or a date, which counts from the answer's own `Date`, because our
    /// clock may be wrong. Milliseconds, at most a day.
    var retryAfter: UInt64? {
        guard let text = header("retry-after") else { return nil }
        if let seconds = UInt64(text) { return min(seconds, 86_400) * 1000 }
        guard let end = httpDate(text), let date = header("date").flatMap({ httpDate($0) }) else { return nil }
        return UInt64(min(max(end - date, 0), 86_400)) * 1000
    }

    /// How long until an instant that a header names, by the answer's own `Date`; nil without one. Milliseconds.
    func delay(untilHeader name: String, milliseconds: Bool) -> UInt64? {
        // Up to the year 9999: a number beyond is no instant.
        guard let text = header(name), let value = Int(text),
            (0...(milliseconds ? 253_402_300_799_000 : 253_402_300_799)).contains(value),
            let date = header("date").flatMap({ httpDate($0) })
        else { return nil }
        let end = milliseconds ? value : value * 1000
        // A second more: `Date` has whole seconds.
        return UInt64(min(max(end - date * 1000 + 1000, 0), 86_400_000))
    }

    /// What a status says where a body says nothing.
    func refusal(window: Refusal.Window = .unknown, words: String? = nil) -> Refusal {
        let said = words ?? "HTTP status \(status): \(beginning)"
        switch status {
        case 401: return .key(said)
        case 403: return .plan(said)
        case 429: return .limited(window, retryAfter: retryAfter)
        case 300..<400: return .request("HTTP status \(status), a redirect; it was not followed")
        case 400, 404, 405, 410, 414, 422: return .request(said)
        default: return .unavailable(said, retryAfter: retryAfter)
        }
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT` as seconds since 1970; nil for anything else. Source: RFC 9110, §5.6.7.
func httpDate(_ text: String) -> Int? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int32(words[1]), let year = Int32(words[3]),
        let month = months.firstIndex(of: String(words[2])), (1...9999).contains(year)
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int($0) }
    guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
    else { return nil }
    let date = year * 10_000 + Int32(month + 1) * 100 + day
    guard MarketDate.isDay(date) else { return nil }
    return MarketDate.dayNumber(date) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
}

extension BarsWanted {
    var fromDay: Int { MarketDate.dayNumber(from) }
    var toDay: Int { MarketDate.dayNumber(to) }
    func only(_ symbols: [String]) -> BarsWanted {
        var want = self
        want.symbols = symbols
        return want
    }
    func between(_ from: Int32, _ to: Int32) -> BarsWanted {
        var want = self
        want.from = from
        want.to = to
        return want
    }
    /// The span in pieces of so many days.
    func pieces(ofDays days: Int) -> [BarsWanted] {
        stride(from: fromDay, through: toDay, by: days).map {
            between(MarketDate.date(dayNumber: $0), MarketDate.date(dayNumber: min($0 + days - 1, toDay)))
        }
    }
    func contains(date: Int32) -> Bool { from <= date && date <= to }
}

/// Bars of one symbol as an answer brings them.
struct BarGatherer {
    private(set) var series: BarSeries
    private let want: BarsWanted
    init(_ symbol: String, _ want: BarsWanted) {
        series = BarSeries(symbol: symbol, timeframe: want.timeframe)
        self.want = want
    }

    /// A daily bar starts at its session's open. Dates that nobody asked for are left out.
    mutating func add(date: Int32, _ open: Double, _ high: Double, _ low: Double, _ close: Double, _ volume: Double) {
        guard want.contains(date: date) else { return }
        let start = NewYorkTime.instant(
            dayNumber: MarketDate.dayNumber(date), minutes: TradingSession.openMinutes)
        series.append(start: start, open: open, high: high, low: low, close: close, volume: volume)
    }
    /// - Parameter instant: of a daily bar any moment of its New York day, of others their start; milliseconds.
    mutating func add(
        instant: Int64, _ open: Double, _ high: Double, _ low: Double, _ close: Double, _ volume: Double
    ) {
        // Years 1970 to 9999: what lies outside is no time of a bar, and would overflow what computes with it.
        guard instant >= 0, instant < 253_402_300_800_000 else { return }
        let date = MarketDate.date(dayNumber: NewYorkTime.dayNumber(of: instant))
        if want.timeframe == .day1 { return add(date: date, open, high, low, close, volume) }
        guard want.contains(date: date) else { return }
        series.append(start: instant, open: open, high: high, low: low, close: close, volume: volume)
    }
    /// - Parameter clock: `2024-03-11 09:30:00`, or with a `T`, or a date alone; by New York's clock.
    /// - Returns: false when it is none of these.
    mutating func add(
        clock: String, _ open: Double, _ high: Double, _ low: Double, _ close: Double, _ volume: Double
    ) -> Bool {
        guard let date = MarketDate.parse(String(clock.prefix(10))) else { return false }
        if want.timeframe == .day1 {
            add(date: date, open, high, low, close, volume)
            return true
        }
        guard clock.count >= 16, let minutes = minutesOfDay(clock.dropFirst(11)) else { return false }
        add(
            instant: NewYorkTime.instant(dayNumber: MarketDate.dayNumber(date), minutes: minutes), open, high, low,
            close, volume)
        return true
    }
    private func minutesOfDay(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":").map { Int($0) }
        guard parts.count >= 2, let hour = parts[0], let minute = parts[1], (0..<24).contains(hour),
            (0..<60).contains(minute)
        else { return nil }
        return hour * 60 + minute
    }
}

/// The five numbers of a bar under their names.
func numbers(_ bar: JSONBody, _ names: [String]) -> [Double]? {
    var values: [Double] = []
    for name in names {
        guard let value = bar[name]?.decimal else { return nil }
        values.append(value)
    }
    return values
}

/// `2024-03-11T04:00:00Z`, with or without a fraction, as milliseconds since 1970.
func instant(ofRFC3339 text: String) -> Int64? {
    guard text.hasSuffix("Z"), text.count >= 20, let date = MarketDate.parse(String(text.prefix(10))) else {
        return nil
    }
    let clock = text.dropFirst(11).prefix(8).split(separator: ":").compactMap { Int64($0) }
    guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
    else { return nil }
    return Int64(MarketDate.dayNumber(date)) * 86_400_000 + (clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1000
}

/// A body that should be JSON and is not, whatever the status: for now, unless the status says otherwise.
func notJSON(_ response: HTTPResponse) -> Reading {
    (200..<300).contains(response.status)
        ? .refused(
            .unavailable("the body is no whole JSON: \(response.beginning)", retryAfter: response.retryAfter))
        : .refused(response.refusal())
}
/// JSON of another form than is known.
func unexpected(_ response: HTTPResponse) -> Reading {
    .refused(.unavailable("an answer of unknown form: \(response.beginning)", retryAfter: nil))
}
