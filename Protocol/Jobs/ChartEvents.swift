import Messages

/// Which images a render job makes, as one blob: events in the order of the shards, cut into parts that have a folder
/// each. An event is a bar of a symbol in the finest timeframe that is drawn, and known when that bar is over.
package struct ChartEvents: Wire, Equatable {
    /// One element an event: the symbol's position among the series, and the bar's in the finest timeframe drawn.
    package var series: [UInt32] = []
    package var bars: [UInt32] = []
    package var parts: [Part] = []
    /// Events that were found and are not drawn, by reason, in the order the reasons are tried.
    package var rejected: [Rejection] = []
    /// The files that the bars were read from.
    package var sources: [Source] = []
    package init() {}

    /// Events that share a folder, in order.
    package struct Part: Wire, Equatable {
        /// As `by_date/2017-03-31`.
        package var folder: String
        package var count: UInt32
        package init(folder: String, count: UInt32) {
            self.folder = folder
            self.count = count
        }
        package func write(to writer: inout WireWriter) {
            writer.string(folder)
            writer.integer(count)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(folder: try reader.string(), count: try reader.integer())
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
    package struct Source: Wire, Equatable {
        /// The file's name without its folder.
        package var name: String
        /// Of its bytes as they were read.
        package var hash: BlobID
        package var rows: UInt64
        /// Rows that could not be used, by reason.
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

    package func write(to writer: inout WireWriter) {
        writer.integers(series)
        writer.integers(bars)
        writer.array(parts)
        writer.array(rejected)
        writer.array(sources)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        series = try reader.integers()
        bars = try reader.integers()
        parts = try reader.array()
        rejected = try reader.array()
        sources = try reader.array()
        guard series.count == bars.count, parts.reduce(0, { $0 + Int($1.count) }) == bars.count else {
            throw WireError("\(bars.count) events do not fill their parts")
        }
    }
}
