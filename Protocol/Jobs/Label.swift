import Market
import Messages

/// Labels events with what came of them. An event is a bar of a symbol in a timeframe. First the events of a few symbols on
/// a range of dates are labelled, task by task; when a range is complete, its daily shards are written; and when all are
/// there, the manifest and the log.
package enum Label: JobKind {
    package static let name = "label"
    package static let codeVersion: UInt32 = 1

    package struct Spec: Wire, Equatable {
        /// Blobs of `SeriesSet`, ascending in time, and the dates that each has bars on.
        package var inputs: [Input]
        /// In minutes, ascending: no finer than the inputs' bars.
        package var timeframes: [UInt16]
        /// Every so many bars of a timeframe there is an event.
        package var stride: UInt32
        /// When the newest of all the bars ends: what is over by then has elapsed.
        package var knownUntil: Int64
        package var rules: LabelRules
        /// Dates of one task, in calendar days.
        package var daysPerTask: UInt32
        /// Where the shards go: a folder that every worker sees under this name. Rows in one shard at most.
        package var folder: String
        package var shardRows: UInt32
        /// The files that the bars were read from.
        package var sources: [Source]
        package init(
            inputs: [Input], timeframes: [UInt16], stride: UInt32 = 1, knownUntil: Int64, rules: LabelRules,
            daysPerTask: UInt32, folder: String, shardRows: UInt32 = 50_000, sources: [Source] = []
        ) {
            self.inputs = inputs
            self.timeframes = timeframes
            self.stride = stride
            self.knownUntil = knownUntil
            self.rules = rules
            self.daysPerTask = daysPerTask
            self.folder = folder
            self.shardRows = shardRows
            self.sources = sources
        }
        package func write(to writer: inout WireWriter) {
            writer.array(inputs)
            writer.integers(timeframes)
            writer.integer(stride)
            writer.integer(knownUntil)
            writer.value(rules)
            writer.integer(daysPerTask)
            writer.string(folder)
            writer.integer(shardRows)
            writer.array(sources)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                inputs: try reader.array(), timeframes: try reader.integers(), stride: try reader.integer(),
                knownUntil: try reader.integer(), rules: try reader.value(), daysPerTask: try reader.integer(),
                folder: try reader.string(), shardRows: try reader.integer(), sources: try reader.array())
        }
    }

    package struct Input: Wire, Equatable {
        package var series: BlobID
        /// New York's dates of the first and the last bar, as days since 1970-01-01.
        package var firstDay: Int32, lastDay: Int32
        package init(series: BlobID, firstDay: Int32, lastDay: Int32) {
            self.series = series
            self.firstDay = firstDay
            self.lastDay = lastDay
        }
        package func write(to writer: inout WireWriter) {
            writer.value(series)
            writer.integer(firstDay)
            writer.integer(lastDay)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(series: try reader.value(), firstDay: try reader.integer(), lastDay: try reader.integer())
        }
    }

    /// A file of bars, and what of it could not be used.
    package struct Source: Wire, Equatable {
        /// Without its folder.
        package var name: String
        /// Of its bytes, decompressed.
        package var hash: BlobID
        package var rows: UInt64
        package var rejected: [Rejection]
        /// Who gave its bars, by name and tier.
        package var provided: [ProvidedBars]
        package init(
            name: String, hash: BlobID, rows: Int, rejected: [Rejection], provided: [ProvidedBars] = []
        ) {
            self.name = name
            self.hash = hash
            self.rows = UInt64(rows)
            self.rejected = rejected
            self.provided = provided
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.value(hash)
            writer.integer(rows)
            writer.array(rejected)
            writer.array(provided)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            name = try reader.string()
            hash = try reader.value()
            rows = try reader.integer()
            rejected = try reader.array()
            provided = try reader.array()
        }
    }
    package struct Rejection: Wire, Equatable {
        package var reason: String
        package var count: UInt64
        package init(reason: String, count: Int) {
            self.reason = reason
            self.count = UInt64(count)
        }
        package func write(to writer: inout WireWriter) {
            writer.string(reason)
            writer.integer(count)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            reason = try reader.string()
            count = try reader.integer()
        }
    }

    package enum Task: Wire, Equatable {
        case events(EventsTask)
        case shards(ShardsTask)
        /// Every shard is there: write these files beside them.
        case close(folder: String, files: [OutputFile])
        package func write(to writer: inout WireWriter) {
            switch self {
            case .events(let task):
                writer.integer(UInt8(0))
                writer.value(task)
            case .shards(let task):
                writer.integer(UInt8(1))
                writer.value(task)
            case .close(let folder, let files):
                writer.integer(UInt8(2))
                writer.string(folder)
                writer.array(files)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .events(try reader.value())
            case 1: self = .shards(try reader.value())
            case 2: self = .close(folder: try reader.string(), files: try reader.array())
            case let other: throw WireError("there is no label task \(other)")
            }
        }
    }
    package enum Result: Wire, Equatable {
        case events(Events)
        case shards([ShardFile])
        case closed
        package func write(to writer: inout WireWriter) {
            switch self {
            case .events(let events):
                writer.integer(UInt8(0))
                writer.value(events)
            case .shards(let shards):
                writer.integer(UInt8(1))
                writer.array(shards)
            case .closed: writer.integer(UInt8(2))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .events(try reader.value())
            case 1: self = .shards(try reader.array())
            case 2: self = .closed
            case let other: throw WireError("there is no label result \(other)")
            }
        }
    }

    /// The events of one input whose dates lie in a range of days.
    package struct EventsTask: Wire, Equatable {
        package var series: BlobID
        /// First day and the one after the last.
        package var firstDay: Int32, endDay: Int32
        package var timeframes: [UInt16]
        package var stride: UInt32
        package var knownUntil: Int64
        package var rules: LabelRules
        package init(
            series: BlobID, firstDay: Int32, endDay: Int32, timeframes: [UInt16], stride: UInt32, knownUntil: Int64,
            rules: LabelRules
        ) {
            self.series = series
            self.firstDay = firstDay
            self.endDay = endDay
            self.timeframes = timeframes
            self.stride = stride
            self.knownUntil = knownUntil
            self.rules = rules
        }
        package func write(to writer: inout WireWriter) {
            writer.value(series)
            writer.integer(firstDay)
            writer.integer(endDay)
            writer.integers(timeframes)
            writer.integer(stride)
            writer.integer(knownUntil)
            writer.value(rules)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                series: try reader.value(), firstDay: try reader.integer(), endDay: try reader.integer(),
                timeframes: try reader.integers(), stride: try reader.integer(), knownUntil: try reader.integer(),
                rules: try reader.value())
        }
    }

    /// The daily shards of one range of dates, from the labels of every input.
    package struct ShardsTask: Wire, Equatable {
        package var folder: String
        package var shardRows: UInt32
        /// Of each input with bars in the range, in order: its blob, and the blob of its `Events`.
        package var series: [BlobID]
        package var labels: [BlobID]
        package var rules: LabelRules
        package init(folder: String, shardRows: UInt32, series: [BlobID], labels: [BlobID], rules: LabelRules) {
            self.folder = folder
            self.shardRows = shardRows
            self.series = series
            self.labels = labels
            self.rules = rules
        }
        package func write(to writer: inout WireWriter) {
            writer.string(folder)
            writer.integer(shardRows)
            writer.array(series)
            writer.array(labels)
            writer.value(rules)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                folder: try reader.string(), shardRows: try reader.integer(), series: try reader.array(),
                labels: try reader.array(), rules: try reader.value())
        }
    }

    /// By symbol, in the order of the blob.
    package struct Events: Wire, Equatable {
        package var symbols: [SymbolRows]
        package init(symbols: [SymbolRows]) { self.symbols = symbols }
        package func write(to writer: inout WireWriter) { writer.array(symbols) }
        package init(from reader: inout WireReader) throws(WireError) { symbols = try reader.array() }
    }

    /// The labels of one symbol, by timeframe and time.
    package struct SymbolRows: Wire, Equatable {
        package var symbol: String
        package var rows: [LabelRow]
        /// Events without a label, indexed by `EventRejection`'s raw value.
        package var rejected: [UInt32]
        package init(symbol: String) {
            self.symbol = symbol
            rows = []
            rejected = EventRejection.allCases.map { _ in 0 }
        }
        package func write(to writer: inout WireWriter) {
            writer.string(symbol)
            writer.array(rows)
            writer.integers(rejected)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            symbol = try reader.string()
            rows = try reader.array()
            rejected = try reader.integers()
            guard rejected.count == EventRejection.allCases.count else {
                throw WireError("\(rejected.count) counts of rejected events")
            }
        }
    }
}
