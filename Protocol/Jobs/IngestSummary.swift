import Messages
import Providers

extension Ingest {
    /// What an ingest came to: the job's answer, and what it tells while it runs.
    package struct Summary: Wire, Equatable {
        /// Symbols.
        package var wanted: UInt64 = 0, answered: UInt64 = 0
        package var bars: UInt64 = 0, calls: UInt64 = 0
        package var unknown: [Left] = []
        package var gaps: [Gap] = []
        package var sources: [SourceSummary] = []
        package var alerts: [String] = []
        package init() {}
        package func write(to writer: inout WireWriter) {
            for count in [wanted, answered, bars, calls] { writer.integer(count) }
            writer.array(unknown)
            writer.array(gaps)
            writer.array(sources)
            writer.array(alerts)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            wanted = try reader.integer()
            answered = try reader.integer()
            bars = try reader.integer()
            calls = try reader.integer()
            unknown = try reader.array()
            gaps = try reader.array()
            sources = try reader.array()
            alerts = try reader.array()
        }
    }

    /// What no provider gave, and why not.
    package struct Gap: Wire, Equatable {
        package var symbol: String
        /// As yyyymmdd, both inclusive.
        package var from: Int32, to: Int32
        package var words: String
        package init(symbol: String, from: Int32, to: Int32, words: String) {
            self.symbol = symbol
            self.from = from
            self.to = to
            self.words = words
        }
        package func write(to writer: inout WireWriter) {
            writer.string(symbol)
            writer.integer(from)
            writer.integer(to)
            writer.string(words)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                symbol: try reader.string(), from: try reader.integer(), to: try reader.integer(),
                words: try reader.string())
        }
    }

    /// How a provider did. Calls are counted by how they ended, times are milliseconds.
    package struct SourceSummary: Wire, Equatable {
        package var name: String
        package var units: UInt64
        package var succeeded: UInt32, empty: UInt32, limited: UInt32, failed: UInt32, declined: UInt32
        /// Of the latest calls: the 50th and the 95th percentile.
        package var medianMilliseconds: UInt32, slowMilliseconds: UInt32
        /// Since 1970; 0: never.
        package var lastSuccess: UInt64
        /// Why it is not asked any more; empty: it is.
        package var stopped: String
        package init(
            name: String, units: UInt64, succeeded: UInt32, empty: UInt32, limited: UInt32, failed: UInt32,
            declined: UInt32, medianMilliseconds: UInt32, slowMilliseconds: UInt32, lastSuccess: UInt64, stopped: String
        ) {
            self.name = name
            self.units = units
            self.succeeded = succeeded
            self.empty = empty
            self.limited = limited
            self.failed = failed
            self.declined = declined
            self.medianMilliseconds = medianMilliseconds
            self.slowMilliseconds = slowMilliseconds
            self.lastSuccess = lastSuccess
            self.stopped = stopped
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.integer(units)
            for count in [succeeded, empty, limited, failed, declined, medianMilliseconds, slowMilliseconds] {
                writer.integer(count)
            }
            writer.integer(lastSuccess)
            writer.string(stopped)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                name: try reader.string(), units: try reader.integer(), succeeded: try reader.integer(),
                empty: try reader.integer(), limited: try reader.integer(), failed: try reader.integer(),
                declined: try reader.integer(), medianMilliseconds: try reader.integer(),
                slowMilliseconds: try reader.integer(), lastSuccess: try reader.integer(), stopped: try reader.string())
        }
    }

    /// For whoever keeps the bars and the log.
    package enum Publication: Wire, Equatable {
        /// - Parameter wall: milliseconds since 1970 by the job's clock.
        case fetched(task: UInt32, provider: String, want: BarsWanted, wall: UInt64, Result)
        case alert(String)
        package func write(to writer: inout WireWriter) {
            switch self {
            case .fetched(let task, let provider, let want, let wall, let result):
                writer.integer(UInt8(0))
                writer.integer(task)
                writer.string(provider)
                writer.value(want)
                writer.integer(wall)
                writer.value(result)
            case .alert(let words):
                writer.integer(UInt8(1))
                writer.string(words)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0:
                self = .fetched(
                    task: try reader.integer(), provider: try reader.string(), want: try reader.value(),
                    wall: try reader.integer(), try reader.value())
            case 1: self = .alert(try reader.string())
            case let other: throw WireError("publication \(other)")
            }
        }
    }
}
