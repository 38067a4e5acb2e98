import Market
import Messages

/// Labels events with what came of them. An event is a bar of a symbol in a timeframe; each task takes the events of a
/// few symbols on a range of dates.
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
        package init(
            inputs: [Input], timeframes: [UInt16], stride: UInt32 = 1, knownUntil: Int64, rules: LabelRules,
            daysPerTask: UInt32
        ) {
            self.inputs = inputs
            self.timeframes = timeframes
            self.stride = stride
            self.knownUntil = knownUntil
            self.rules = rules
            self.daysPerTask = daysPerTask
        }
        package func write(to writer: inout WireWriter) {
            writer.array(inputs)
            writer.integers(timeframes)
            writer.integer(stride)
            writer.integer(knownUntil)
            writer.value(rules)
            writer.integer(daysPerTask)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                inputs: try reader.array(), timeframes: try reader.integers(), stride: try reader.integer(),
                knownUntil: try reader.integer(), rules: try reader.value(), daysPerTask: try reader.integer())
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

    /// The events of one input whose dates lie in a range of days.
    package struct Task: Wire, Equatable {
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

    /// By symbol, in the order of the blob.
    package struct Result: Wire, Equatable {
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
