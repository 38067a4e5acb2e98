import Market
import Messages

/// What is fixed about a provider, on its cheapest plan; who pays for more says so in the settings.
package struct ProviderTraits: Sendable {
    /// `scheme://host[:port]/prefix` without a slash at the end, by `HTTPRequest.host`.
    package var hosts: [String]
    /// In the environment and in the file of keys, in the order of `HTTPRequest.Credential.key`.
    package var keyNames: [String]
    package var limits: ProviderLimits
    /// Symbols that one call can ask for.
    package var symbolsPerCall: Int
    /// How far its bars are trusted: 1 the exchanges' own consolidated prices, 2 those with delays, holes or rounding,
    /// 3 only with another source beside it.
    package var tier: UInt8
    /// Which trades its bars are made of.
    package var feed: String
    /// An unknown symbol gets the same answer as one without bars.
    package var hidesUnknownSymbols: Bool
    /// How far back the plan reaches, in days; nil: all there is.
    package var historyDays: Int?
    /// For so many days a symbol that it did not know is not asked for again.
    package var unknownDays: UInt64

    package init(
        hosts: [String], keyNames: [String], limits: ProviderLimits, symbolsPerCall: Int = 1, tier: UInt8 = 1,
        feed: String, hidesUnknownSymbols: Bool = false, historyDays: Int? = nil, unknownDays: UInt64 = 30
    ) {
        self.hosts = hosts
        self.keyNames = keyNames
        self.limits = limits
        self.symbolsPerCall = symbolsPerCall
        self.tier = tier
        self.feed = feed
        self.hidesUnknownSymbols = hidesUnknownSymbols
        self.historyDays = historyDays
        self.unknownDays = unknownDays
    }

    /// The first day, as a day number, that the plan surely reaches back to, where more is wanted; nil: it reaches all of
    /// it. Three days are left for holidays and clocks.
    package func reach(of want: BarsWanted) -> Int? {
        guard let historyDays else { return nil }
        let first = MarketDate.dayNumber(want.today) - historyDays + 3
        return MarketDate.dayNumber(want.from) < first ? first : nil
    }
}

/// How many units may be used in any stretch of time so long, and how many calls may be under way at once.
package struct ProviderLimits: Sendable, Equatable, Wire {
    package struct Rate: Sendable, Equatable, Wire {
        package var units: UInt32
        package var milliseconds: UInt64
        package init(_ units: UInt32, per milliseconds: UInt64) {
            self.units = units
            self.milliseconds = milliseconds
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(units)
            writer.integer(milliseconds)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(try reader.integer(), per: try reader.integer())
        }
    }
    package static let second: UInt64 = 1000
    package static let minute: UInt64 = 60_000
    package static let hour: UInt64 = 3_600_000
    package static let day: UInt64 = 86_400_000

    package var rates: [Rate]
    package var concurrent: UInt32
    package init(_ rates: [Rate], concurrent: UInt32) {
        self.rates = rates
        self.concurrent = concurrent
    }
    package func write(to writer: inout WireWriter) {
        writer.array(rates)
        writer.integer(concurrent)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(try reader.array(), concurrent: try reader.integer())
    }
}

/// The one list of providers. To add one, write its file and add it here.
package enum ProviderList {
    package static let all: [any Provider] = [
        Polygon(), Alpaca(), TwelveData(), Tradier(), AlphaVantage(), InteractiveBrokers(), Files(),
    ]
    package static var names: [String] { all.map { $0.name } }
    package static func provider(named name: String) -> (any Provider)? { all.first { $0.name == name } }
}
