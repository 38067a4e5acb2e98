import Market
import Messages

/// One source of bars as it speaks over HTTP: how to ask, what the answers mean. Pure, without keys, clocks and sockets.
package protocol Provider: Sendable {
    var name: String { get }
    var traits: ProviderTraits { get }
    /// Whether its bars can be had on this basis.
    func serves(_ timeframe: Timeframe, _ adjustment: Adjustment) -> Bool
    /// The calls that a batch begins with.
    func calls(for want: BarsWanted) -> [ProviderCall]
    func request(_ call: ProviderCall) -> HTTPRequest
    /// What an answer means. The body is looked at before the status: some refuse with 200.
    func read(_ response: HTTPResponse, to call: ProviderCall) -> Reading
}

/// What prices and volumes were adjusted for. Bars of two kinds never stand in one series.
package enum Adjustment: UInt8, CaseIterable, Sendable, Wire {
    case raw = 0
    case splits, all
    package var name: String {
        switch self {
        case .raw: "raw"
        case .splits: "splits"
        case .all: "all"
        }
    }
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
    package func write(to writer: inout WireWriter) { writer.integer(rawValue) }
    package init(from reader: inout WireReader) throws(WireError) {
        guard let value = Self(rawValue: try reader.integer()) else { throw WireError("no such adjustment") }
        self = value
    }
}

/// Bars of some symbols that somebody wants.
package struct BarsWanted: Sendable, Equatable, Wire {
    package var symbols: [String]
    /// New York's dates as yyyymmdd, both inclusive.
    package var from: Int32, to: Int32
    package var timeframe: Timeframe
    package var adjustment: Adjustment
    /// New York's date when it was asked: some sources count back from it.
    package var today: Int32

    package init(
        symbols: [String], from: Int32, to: Int32, timeframe: Timeframe = .day1, adjustment: Adjustment = .splits,
        today: Int32
    ) {
        self.symbols = symbols
        self.from = from
        self.to = to
        self.timeframe = timeframe
        self.adjustment = adjustment
        self.today = today
    }
    package func write(to writer: inout WireWriter) {
        writer.array(symbols)
        writer.integer(from)
        writer.integer(to)
        writer.integer(timeframe.rawValue)
        writer.value(adjustment)
        writer.integer(today)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        symbols = try reader.array()
        from = try reader.integer()
        to = try reader.integer()
        guard let timeframe = Timeframe(rawValue: try reader.integer()) else { throw WireError("no such timeframe") }
        self.timeframe = timeframe
        adjustment = try reader.value()
        today = try reader.integer()
    }
}

/// One call to make: everything its request is built from.
package struct ProviderCall: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case bars
        /// Before the bars can be asked for: a session to open, a symbol's number to look up.
        case prepare(Int)
    }
    package var step: Step = .bars
    package var want: BarsWanted
    /// What the page before said of this one, in the provider's own form.
    package var cursor = ""
    /// Units of the provider's quota.
    package var cost: Int = 1
    package init(step: Step = .bars, want: BarsWanted, cursor: String = "", cost: Int = 1) {
        self.step = step
        self.want = want
        self.cursor = cursor
        self.cost = cost
    }
}

/// What an answer means.
package enum Reading: Sendable, Equatable {
    case page(Page)
    case refused(Refusal)

    package struct Page: Sendable, Equatable {
        /// Whatever the page held, unsorted and perhaps repeated: who gathers pages settles that.
        package var series: [BarSeries] = []
        /// To be called after this one.
        package var next: [ProviderCall] = []
        /// Symbols that the provider says do not exist.
        package var unknown: [String] = []
        /// Symbols refused one by one, in a batch that was otherwise answered.
        package var refused: [(symbol: String, refusal: Refusal)] = []
        package init(series: [BarSeries] = [], next: [ProviderCall] = [], unknown: [String] = []) {
            self.series = series
            self.next = next
            self.unknown = unknown
        }
        package static func == (a: Page, b: Page) -> Bool {
            a.series == b.series && a.next == b.next && a.unknown == b.unknown
                && a.refused.elementsEqual(b.refused) { $0.symbol == $1.symbol && $0.refusal == $1.refusal }
        }
    }
}

/// Why a provider gave no bars, by what helps against it.
package enum Refusal: Error, Sendable, Equatable {
    /// Too many calls: wait so long, or as long as the quota's window lasts. Milliseconds.
    case limited(Window, retryAfter: UInt64?)
    /// The key is missing, wrong or blocked: no call of this provider will be answered.
    case key(String)
    /// The plan does not include what was asked; asking again does not change that.
    case plan(String)
    /// These symbols spoilt the whole batch: without them it may be asked again.
    case symbols([String])
    /// Asked wrongly; asking again does not change that.
    case request(String)
    /// For now: down, busy, cut, not JSON.
    case unavailable(String, retryAfter: UInt64?)
    /// A session must be opened first.
    case session(String)

    /// Which quota was exhausted, as far as the provider says.
    package enum Window: UInt8, Sendable { case unknown = 0, second, minute, hour, day }

    package var words: String {
        switch self {
        case .limited(let window, _):
            switch window {
            case .unknown: "too many requests"
            case .second: "too many requests in a second"
            case .minute: "too many requests in a minute"
            case .hour: "too many requests in an hour"
            case .day: "the day's requests are used up"
            }
        case .key(let words): "the key is refused: \(words)"
        case .plan(let words): "not in the plan: \(words)"
        case .symbols(let symbols): "refused because of \(symbols.joined(separator: ", "))"
        case .request(let words): "asked wrongly: \(words)"
        case .unavailable(let words, _): "not available: \(words)"
        case .session(let words): "no session: \(words)"
        }
    }
}
