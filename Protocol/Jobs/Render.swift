import Messages

/// Draws chart images from windows of bars, into PNG files and HDF5 shards. A task makes one shard, and the last one
/// writes what says that all of them are there.
package enum Render: JobKind {
    package static let name = "render"
    package static let codeVersion: UInt32 = 1

    package struct Spec: Wire, Equatable {
        /// A `SeriesSet`.
        package var series: BlobID
        /// A `ChartEvents`.
        package var events: BlobID
        package var settings: Settings
        /// Events in one shard.
        package var shardEvents: UInt32
        package init(series: BlobID, events: BlobID, settings: Settings, shardEvents: UInt32) {
            self.series = series
            self.events = events
            self.settings = settings
            self.shardEvents = shardEvents
        }
        package func write(to writer: inout WireWriter) {
            writer.value(series)
            writer.value(events)
            writer.value(settings)
            writer.integer(shardEvents)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                series: try reader.value(), events: try reader.value(), settings: try reader.value(),
                shardEvents: try reader.integer())
        }
    }

    /// What every shard of a job shares.
    package struct Settings: Wire, Equatable {
        /// Where the images go: a folder that every worker sees under this name.
        package var folder: String
        package var style: ChartStyle
        package var outputs: ChartOutputs
        /// `Timeframe`'s raw values, the finest first: an event has an image of each.
        package var timeframes: [UInt16]
        package init(folder: String, style: ChartStyle, outputs: ChartOutputs, timeframes: [UInt16]) {
            self.folder = folder
            self.style = style
            self.outputs = outputs
            self.timeframes = timeframes
        }
        package func write(to writer: inout WireWriter) {
            writer.string(folder)
            writer.value(style)
            writer.integer(outputs.rawValue)
            writer.integers(timeframes)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                folder: try reader.string(), style: try reader.value(),
                outputs: ChartOutputs(rawValue: try reader.integer()), timeframes: try reader.integers())
        }
    }

    package enum Task: Wire, Equatable {
        case shard(ShardTask)
        /// Every shard is there: write these files beside them.
        case close(folder: String, files: [File])

        package func write(to writer: inout WireWriter) {
            switch self {
            case .shard(let task):
                writer.integer(UInt8(0))
                writer.value(task)
            case .close(let folder, let files):
                writer.integer(UInt8(1))
                writer.string(folder)
                writer.array(files)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .shard(try reader.value())
            case 1: self = .close(folder: try reader.string(), files: try reader.array())
            case let other: throw WireError("there is no render task \(other)")
            }
        }
    }

    /// Events `first ..< first + count` of the list, as one shard.
    package struct ShardTask: Wire, Equatable {
        package var series: BlobID, events: BlobID
        package var settings: Settings
        package var first: UInt32, count: UInt32
        /// Of the shard in the folder, without an ending: `by_date/2017-03-31/shard-00000`.
        package var path: String
        package init(
            series: BlobID, events: BlobID, settings: Settings, first: UInt32, count: UInt32, path: String
        ) {
            self.series = series
            self.events = events
            self.settings = settings
            self.first = first
            self.count = count
            self.path = path
        }
        package func write(to writer: inout WireWriter) {
            writer.value(series)
            writer.value(events)
            writer.value(settings)
            writer.integer(first)
            writer.integer(count)
            writer.string(path)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                series: try reader.value(), events: try reader.value(), settings: try reader.value(),
                first: try reader.integer(), count: try reader.integer(), path: try reader.string())
        }
    }

    package struct File: Wire, Equatable {
        package var name: String
        package var bytes: BlobID
        package init(name: String, bytes: BlobID) {
            self.name = name
            self.bytes = bytes
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.value(bytes)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(name: try reader.string(), bytes: try reader.value())
        }
    }

    package enum Result: Wire, Equatable {
        case shard(ShardResult)
        case closed
        package func write(to writer: inout WireWriter) {
            switch self {
            case .shard(let result):
                writer.integer(UInt8(0))
                writer.value(result)
            case .closed: writer.integer(UInt8(1))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .shard(try reader.value())
            case 1: self = .closed
            case let other: throw WireError("there is no render result \(other)")
            }
        }
    }

    /// One shard as it lies on the disk.
    package struct ShardResult: Wire, Equatable {
        /// A row is an image: events × timeframes.
        package var rows: UInt32
        package var fileBytes: UInt64
        /// Of the file, and of its columns (`ShardWriter.finish`).
        package var fileHash: BlobID, contentHash: BlobID
        /// Of all the shard's PNG files, and over each one's name, a line feed and its bytes, in row order.
        package var pngBytes: UInt64, pngHash: BlobID
        /// Starts of the newest bars of its first and last event: milliseconds since 1970 UTC.
        package var firstTime: Int64, lastTime: Int64
        package init(
            rows: UInt32, fileBytes: UInt64, fileHash: BlobID, contentHash: BlobID, pngBytes: UInt64, pngHash: BlobID,
            firstTime: Int64, lastTime: Int64
        ) {
            self.rows = rows
            self.fileBytes = fileBytes
            self.fileHash = fileHash
            self.contentHash = contentHash
            self.pngBytes = pngBytes
            self.pngHash = pngHash
            self.firstTime = firstTime
            self.lastTime = lastTime
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(rows)
            writer.integer(fileBytes)
            writer.value(fileHash)
            writer.value(contentHash)
            writer.integer(pngBytes)
            writer.value(pngHash)
            writer.integer(firstTime)
            writer.integer(lastTime)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                rows: try reader.integer(), fileBytes: try reader.integer(), fileHash: try reader.value(),
                contentHash: try reader.value(), pngBytes: try reader.integer(), pngHash: try reader.value(),
                firstTime: try reader.integer(), lastTime: try reader.integer())
        }
    }
}
