import Market
import Messages
import Providers

/// Bars fetched from providers under one budget.
package enum Ingest: JobKind {
    package static let name = "ingest"
    package static let codeVersion: UInt32 = 3

    package struct Spec: Wire, Equatable {
        /// Names, in the order in which they are tried.
        package var providers: [String]
        /// What is missing, the most important symbols first.
        package var wants: [BarsWanted]
        /// Other limits than the cheapest plan's, by provider.
        package var limits: [Limits] = []
        /// Units that may be used in all, and what they may cost; 0: no ceiling.
        package var ceilingUnits: UInt64 = 0, ceilingMicrodollars: UInt64 = 0
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
            writer.integer(seed)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            providers = try reader.array()
            wants = try reader.array()
            limits = try reader.array()
            ceilingUnits = try reader.integer()
            ceilingMicrodollars = try reader.integer()
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

    /// Some symbols from one provider.
    package struct Task: Wire, Equatable {
        package var provider: String
        package var want: BarsWanted
        /// Of the pauses between tries.
        package var seed: UInt64
        /// The planner's number for it.
        package var item: UInt32 = 0
        /// What an earlier task of the same batch had already.
        package var rest: Rest?
        /// The task whose slow call this one is made beside, if any.
        package var hedges: UInt32?
        package init(provider: String, want: BarsWanted, seed: UInt64) {
            self.provider = provider
            self.want = want
            self.seed = seed
        }
        package func write(to writer: inout WireWriter) {
            writer.string(provider)
            writer.value(want)
            writer.integer(seed)
            writer.integer(item)
            writer.optional(rest)
            writer.integer(hedges ?? .max)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(provider: try reader.string(), want: try reader.value(), seed: try reader.integer())
            item = try reader.integer()
            rest = try reader.optional()
            let beside: UInt32 = try reader.integer()
            hedges = beside == .max ? nil : beside
        }
    }

    /// A batch that was broken off to wait for its quota: what is left to call, and what was answered so far.
    package struct Rest: Wire, Equatable {
        package var calls: [ProviderCall]
        package var series: [BarSeries]
        package var unknown: [String]
        package var lost: [Left]
        /// How often it was sent away for being too many.
        package var refusals: UInt32
        /// Of the calls that were made for it, so that every bar can be traced.
        package var targets: [String]
        package init(
            calls: [ProviderCall], series: [BarSeries], unknown: [String], lost: [Left], refusals: UInt32,
            targets: [String]
        ) {
            self.refusals = refusals
            self.targets = targets
            self.calls = calls
            self.series = series
            self.unknown = unknown
            self.lost = lost
        }
        package func write(to writer: inout WireWriter) {
            writer.array(calls)
            writer.array(series.map { Given($0) })
            writer.array(unknown)
            writer.array(lost)
            writer.integer(refusals)
            writer.array(targets)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            calls = try reader.array()
            series = try reader.array(of: Given.self).map { $0.series }
            unknown = try reader.array()
            lost = try reader.array()
            refusals = try reader.integer()
            targets = try reader.array()
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
        /// Calls that earlier tasks made for the same batch.
        package var earlier: [String] = []
        /// The run that this is of, its last question, and how the call after that ended; see `Ask`.
        package var run: UInt64 = 0
        package var number: UInt32 = 0
        package var news: News?
        /// As `Ask.date`.
        package var date: UInt64?
        /// Broken off: what is left of the batch. None of its symbols stands above.
        package var rest: Rest?
        package init() {}
        package func write(to writer: inout WireWriter) {
            writer.array(series.map { Given($0) })
            writer.array(answered)
            writer.array(unknown)
            writer.array(left)
            writer.array(calls)
            writer.array(earlier)
            writer.integer(run)
            writer.integer(number)
            writer.optional(news)
            writer.integer(date ?? .max)
            writer.optional(rest)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            series = try reader.array(of: Given.self).map { $0.series }
            answered = try reader.array()
            unknown = try reader.array()
            left = try reader.array()
            calls = try reader.array()
            earlier = try reader.array()
            run = try reader.integer()
            number = try reader.integer()
            news = try reader.optional()
            let told: UInt64 = try reader.integer()
            date = told == .max ? nil : told
            rest = try reader.optional()
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
            // From 1970 to 9999: what is later or earlier is no bar, and is nothing to count days with.
            guard series.starts.allSatisfy({ (0..<253_402_300_800_000).contains($0) }) else {
                throw WireError("bars of \(symbol) at no time")
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
        /// How it ended, by what the provider's health is judged by.
        package enum Outcome: UInt8, Sendable {
            case answered = 0
            case empty, limited, failed, declined
            /// Nobody waited for its answer any more.
            case abandoned
        }
        package var target: String
        package var units: UInt32
        /// 0: no answer came.
        package var status: UInt16
        package var milliseconds: UInt32
        package var bars: UInt32
        package var outcome: Outcome
        /// Empty: answered.
        package var refusal: String
        package init(
            target: String, units: UInt32, status: UInt16, milliseconds: UInt32, bars: UInt32, outcome: Outcome,
            refusal: String
        ) {
            self.target = target
            self.units = units
            self.status = status
            self.milliseconds = milliseconds
            self.bars = bars
            self.outcome = outcome
            self.refusal = refusal
        }
        package func write(to writer: inout WireWriter) {
            writer.string(target)
            writer.integer(units)
            writer.integer(status)
            writer.integer(milliseconds)
            writer.integer(bars)
            writer.integer(outcome.rawValue)
            writer.string(refusal)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            target = try reader.string()
            units = try reader.integer()
            status = try reader.integer()
            milliseconds = try reader.integer()
            bars = try reader.integer()
            guard let outcome = Outcome(rawValue: try reader.integer()) else { throw WireError("no such outcome") }
            self.outcome = outcome
            refusal = try reader.string()
        }
    }
}
