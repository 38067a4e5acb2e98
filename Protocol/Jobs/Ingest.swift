import Market
import Messages
import Providers

/// Bars fetched from providers under one budget.
package enum Ingest: JobKind {
    package static let name = "ingest"
    package static let codeVersion: UInt32 = 1

    package struct Spec: Wire, Equatable {
        /// Names, in the order in which they are tried.
        package var providers: [String]
        /// What is missing, the most important symbols first.
        package var wants: [BarsWanted]
        /// Other limits than the cheapest plan's, by provider.
        package var limits: [Limits] = []
        /// Units that may be used in all, and what they may cost; 0: no ceiling.
        package var ceilingUnits: UInt64 = 0, ceilingMicrodollars: UInt64 = 0
        /// What was used lately, by earlier jobs.
        package var spent: [Spent] = []
        package var seed: UInt64 = 1
        package init(providers: [String], wants: [BarsWanted]) {
            self.providers = providers
            self.wants = wants
        }
        package func write(to writer: inout WireWriter) {
            writer.array(providers)
            writer.array(wants)
            writer.array(limits)
            writer.integer(ceilingUnits)
            writer.integer(ceilingMicrodollars)
            writer.array(spent)
            writer.integer(seed)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            providers = try reader.array()
            wants = try reader.array()
            limits = try reader.array()
            ceilingUnits = try reader.integer()
            ceilingMicrodollars = try reader.integer()
            spent = try reader.array()
            seed = try reader.integer()
        }
    }

    package struct Limits: Wire, Equatable {
        package var provider: String
        package var limits: ProviderLimits
        package var microdollarsPerUnit: UInt64
        package init(provider: String, limits: ProviderLimits, microdollarsPerUnit: UInt64 = 0) {
            self.provider = provider
            self.limits = limits
            self.microdollarsPerUnit = microdollarsPerUnit
        }
        package func write(to writer: inout WireWriter) {
            writer.string(provider)
            writer.value(limits)
            writer.integer(microdollarsPerUnit)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                provider: try reader.string(), limits: try reader.value(), microdollarsPerUnit: try reader.integer())
        }
    }

    package struct Spent: Wire, Equatable {
        package var provider: String
        /// Milliseconds since 1970.
        package var wall: UInt64
        package var units: UInt32
        package init(provider: String, wall: UInt64, units: UInt32) {
            self.provider = provider
            self.wall = wall
            self.units = units
        }
        package func write(to writer: inout WireWriter) {
            writer.string(provider)
            writer.integer(wall)
            writer.integer(units)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(provider: try reader.string(), wall: try reader.integer(), units: try reader.integer())
        }
    }

    /// Some symbols from one provider.
    package struct Task: Wire, Equatable {
        package var provider: String
        package var want: BarsWanted
        /// Of the pauses between tries.
        package var seed: UInt64
        package init(provider: String, want: BarsWanted, seed: UInt64) {
            self.provider = provider
            self.want = want
            self.seed = seed
        }
        package func write(to writer: inout WireWriter) {
            writer.string(provider)
            writer.value(want)
            writer.integer(seed)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(provider: try reader.string(), want: try reader.value(), seed: try reader.integer())
        }
    }

    /// What came of it, symbol by symbol. A provider that refuses is a result, not a failure.
    package struct Result: Wire, Equatable {
        /// Ascending; of symbols that were answered whole.
        package var series: [BarSeries] = []
        /// Answered whole, with bars or without.
        package var answered: [String] = []
        /// Of those the ones that the provider says do not exist.
        package var unknown: [String] = []
        package var left: [Left] = []
        package var calls: [Call] = []
        /// The run that this is of, and how its last call ended; see `Ask`.
        package var run: UInt64 = 0
        package var news: News?
        package init() {}
        package func write(to writer: inout WireWriter) {
            writer.array(series.map { Given($0) })
            writer.array(answered)
            writer.array(unknown)
            writer.array(left)
            writer.array(calls)
            writer.integer(run)
            writer.optional(news)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            series = try reader.array(of: Given.self).map { $0.series }
            answered = try reader.array()
            unknown = try reader.array()
            left = try reader.array()
            calls = try reader.array()
            run = try reader.integer()
            news = try reader.optional()
        }
    }

    /// Bars as a provider gave them, which may be impossible, twice or on a holiday: whoever stores them judges that.
    private struct Given: Wire {
        var series: BarSeries
        init(_ series: BarSeries) { self.series = series }
        func write(to writer: inout WireWriter) {
            writer.string(series.symbol)
            writer.integer(series.timeframe.rawValue)
            writer.integers(series.starts)
            for column in [series.open, series.high, series.low, series.close, series.volume] { writer.doubles(column) }
        }
        init(from reader: inout WireReader) throws(WireError) {
            let symbol = try reader.string()
            guard let timeframe = Timeframe(rawValue: try reader.integer()) else {
                throw WireError("no such timeframe")
            }
            series = BarSeries(symbol: symbol, timeframe: timeframe)
            series.starts = try reader.integers()
            series.open = try reader.doubles()
            series.high = try reader.doubles()
            series.low = try reader.doubles()
            series.close = try reader.doubles()
            series.volume = try reader.doubles()
            let columns = [series.open, series.high, series.low, series.close, series.volume]
            guard columns.allSatisfy({ $0.count == series.count }) else {
                throw WireError("columns of unlike length in the bars of \(symbol)")
            }
        }
    }

    /// A symbol that was not answered, and why.
    package struct Left: Wire, Equatable {
        package var symbol: String
        package var words: String
        package init(_ symbol: String, _ words: String) {
            self.symbol = symbol
            self.words = words
        }
        package func write(to writer: inout WireWriter) {
            writer.string(symbol)
            writer.string(words)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(try reader.string(), try reader.string())
        }
    }

    /// One call, for the log. Without a key: a request holds none.
    package struct Call: Wire, Equatable {
        package var target: String
        package var units: UInt32
        /// 0: no answer came.
        package var status: UInt16
        package var milliseconds: UInt32
        package var bars: UInt32
        /// Empty: answered.
        package var refusal: String
        package init(
            target: String, units: UInt32, status: UInt16, milliseconds: UInt32, bars: UInt32, refusal: String
        ) {
            self.target = target
            self.units = units
            self.status = status
            self.milliseconds = milliseconds
            self.bars = bars
            self.refusal = refusal
        }
        package func write(to writer: inout WireWriter) {
            writer.string(target)
            writer.integer(units)
            writer.integer(status)
            writer.integer(milliseconds)
            writer.integer(bars)
            writer.string(refusal)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                target: try reader.string(), units: try reader.integer(), status: try reader.integer(),
                milliseconds: try reader.integer(), bars: try reader.integer(), refusal: try reader.string())
        }
    }
}
