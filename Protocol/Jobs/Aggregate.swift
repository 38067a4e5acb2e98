import Messages

/// Makes training sets of daily shards: every bar once, split by blocks of dates, purged and embargoed, each row with
/// where it comes from. Shards are looked through first, one by one; then the sets' shards are written; then the
/// manifest and the log.
package enum Aggregate: JobKind {
    package static let name = "aggregate"
    package static let codeVersion: UInt32 = 1

    package struct Spec: Wire, Equatable {
        /// In the order in which the first of equal rows stays.
        package var shards: [SourceShard]
        /// Labels for shards that have none of their own, joined by symbol and the time an event is known; else empty.
        package var labels: [SourceShard]
        package var settings: Settings
        package init(shards: [SourceShard], labels: [SourceShard], settings: Settings) {
            self.shards = shards
            self.labels = labels
            self.settings = settings
        }
        package func write(to writer: inout WireWriter) {
            writer.array(shards)
            writer.array(labels)
            writer.value(settings)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(shards: try reader.array(), labels: try reader.array(), settings: try reader.value())
        }
    }

    package struct Settings: Wire, Equatable {
        /// Where the sets go: a folder that every worker sees under this name.
        package var folder: String
        /// Of the dates: training, validation, test. Together 100.
        package var percent: [UInt8] = [70, 15, 15]
        /// The dates are cut into so many stretches, each of which is split.
        package var blocks: UInt32 = 1
        /// Sessions after a held-out block from which nothing is learnt; 0: ten, or a hundredth of the dates if more.
        package var embargoSessions: UInt32 = 0
        package var shardRows: UInt32 = 20_000
        package init(folder: String) { self.folder = folder }
        package func write(to writer: inout WireWriter) {
            writer.string(folder)
            writer.blob(percent)
            writer.integer(blocks)
            writer.integer(embargoSessions)
            writer.integer(shardRows)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            folder = try reader.string()
            percent = try reader.blob()
            blocks = try reader.integer()
            embargoSessions = try reader.integer()
            shardRows = try reader.integer()
        }
    }

    package struct SourceShard: Wire, Equatable {
        /// Absolute.
        package var path: String
        /// Of the file, as its manifest says.
        package var hash: BlobID
        package var contentHash: BlobID
        package init(path: String, hash: BlobID, contentHash: BlobID) {
            self.path = path
            self.hash = hash
            self.contentHash = contentHash
        }
        package func write(to writer: inout WireWriter) {
            writer.string(path)
            writer.value(hash)
            writer.value(contentHash)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(path: try reader.string(), hash: try reader.value(), contentHash: try reader.value())
        }
    }

    /// Which set a row is for, in the order in which one is protected from the one before.
    package enum Split: UInt8, CaseIterable, Sendable {
        case train, valid, test
        package var name: String {
            switch self {
            case .train: "train"
            case .valid: "valid"
            case .test: "test"
            }
        }
    }

    package enum Task: Wire, Equatable {
        case scan(SourceShard)
        case write(WriteTask)
        case close(folder: String, files: [OutputFile])
        package func write(to writer: inout WireWriter) {
            switch self {
            case .scan(let shard):
                writer.integer(UInt8(0))
                writer.value(shard)
            case .write(let task):
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
            case 0: self = .scan(try reader.value())
            case 1: self = .write(try reader.value())
            case 2: self = .close(folder: try reader.string(), files: try reader.array())
            case let other: throw WireError("there is no aggregate task \(other)")
            }
        }
    }

    /// One shard of one set.
    package struct WriteTask: Wire, Equatable {
        package var folder: String
        /// `train/shard-00000.h5`
        package var path: String
        package var split: Split
        /// Consecutive dates, whose rows are looked for in the shards.
        package var dates: [Int32]
        package var shards: [SourceShard]
        package var labels: [SourceShard]
        /// Blocks that rows of this set must keep away from.
        package var spans: [Span]
        package init(
            folder: String, path: String, split: Split, dates: [Int32], shards: [SourceShard], labels: [SourceShard],
            spans: [Span]
        ) {
            self.folder = folder
            self.path = path
            self.split = split
            self.dates = dates
            self.shards = shards
            self.labels = labels
            self.spans = spans
        }
        package func write(to writer: inout WireWriter) {
            writer.string(folder)
            writer.string(path)
            writer.integer(split.rawValue)
            writer.integers(dates)
            writer.array(shards)
            writer.array(labels)
            writer.array(spans)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            folder = try reader.string()
            path = try reader.string()
            let code: UInt8 = try reader.integer()
            guard let split = Split(rawValue: code) else { throw WireError("there is no split \(code)") }
            self.split = split
            dates = try reader.integers()
            shards = try reader.array()
            labels = try reader.array()
            spans = try reader.array()
        }
    }

    /// A held-out block in time, in milliseconds since 1970 UTC.
    package struct Span: Wire, Equatable {
        /// From its first session's open to the end of the last outcome in it: a row that knows or learns something in
        /// between is purged.
        package var start: Int64, end: Int64
        /// A row known after the block's last session and not after this is embargoed.
        package var blockEnd: Int64, embargoEnd: Int64
        package init(start: Int64, end: Int64, blockEnd: Int64, embargoEnd: Int64) {
            self.start = start
            self.end = end
            self.blockEnd = blockEnd
            self.embargoEnd = embargoEnd
        }
        package func write(to writer: inout WireWriter) {
            for time in [start, end, blockEnd, embargoEnd] { writer.integer(time) }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                start: try reader.integer(), end: try reader.integer(), blockEnd: try reader.integer(),
                embargoEnd: try reader.integer())
        }
    }

    package enum Result: Wire, Equatable {
        case scan(Scan)
        case written(Written)
        case closed
        package func write(to writer: inout WireWriter) {
            switch self {
            case .scan(let scan):
                writer.integer(UInt8(0))
                writer.value(scan)
            case .written(let written):
                writer.integer(UInt8(1))
                writer.value(written)
            case .closed: writer.integer(UInt8(2))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .scan(try reader.value())
            case 1: self = .written(try reader.value())
            case 2: self = .closed
            case let other: throw WireError("there is no aggregate result \(other)")
            }
        }
    }

    /// What a shard holds.
    package struct Scan: Wire, Equatable {
        /// Its columns in words, alike where shards fit together.
        package var form: String
        package var hasLabels: Bool
        package var dates: [DateRows]
        package init(form: String, hasLabels: Bool, dates: [DateRows]) {
            self.form = form
            self.hasLabels = hasLabels
            self.dates = dates
        }
        package func write(to writer: inout WireWriter) {
            writer.string(form)
            writer.bool(hasLabels)
            writer.array(dates)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(form: try reader.string(), hasLabels: try reader.bool(), dates: try reader.array())
        }
    }

    /// The rows of a shard whose bars are of one date.
    package struct DateRows: Wire, Equatable {
        package var date: Int32
        package var rows: UInt32
        /// When the last of them is known, and when the last outcome ends (0 without labels): milliseconds since 1970 UTC.
        package var lastKnown: Int64, lastEnd: Int64
        package init(date: Int32, rows: UInt32, lastKnown: Int64, lastEnd: Int64) {
            self.date = date
            self.rows = rows
            self.lastKnown = lastKnown
            self.lastEnd = lastEnd
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(date)
            writer.integer(rows)
            writer.integer(lastKnown)
            writer.integer(lastEnd)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                date: try reader.integer(), rows: try reader.integer(), lastKnown: try reader.integer(),
                lastEnd: try reader.integer())
        }
    }

    /// One shard as it was written, and what became of the rows that were looked at.
    package struct Written: Wire, Equatable {
        /// Nil when no row was left.
        package var file: ShardFile?
        package var duplicates: UInt32 = 0, purged: UInt32 = 0, embargoed: UInt32 = 0, unlabelled: UInt32 = 0
        /// Of the rows that were written, by `QualityTier` and by `OutcomeClass` + 1; empty without such columns.
        package var tiers: [UInt32] = [], classes: [UInt32] = []
        package init() {}
        package func write(to writer: inout WireWriter) {
            writer.optional(file)
            for count in [duplicates, purged, embargoed, unlabelled] { writer.integer(count) }
            writer.integers(tiers)
            writer.integers(classes)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            file = try reader.optional()
            duplicates = try reader.integer()
            purged = try reader.integer()
            embargoed = try reader.integer()
            unlabelled = try reader.integer()
            tiers = try reader.integers()
            classes = try reader.integers()
        }
    }
}
