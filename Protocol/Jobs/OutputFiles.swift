import Messages

/// A small file that a job leaves in its folder when all the others are there.
package struct OutputFile: Wire, Equatable {
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

/// One shard as it lies on the disk.
package struct ShardFile: Wire, Equatable {
    /// In the job's folder.
    package var path: String
    package var rows: UInt32
    package var bytes: UInt64
    /// Of the file, and of its columns (`ShardWriter.finish`).
    package var hash: BlobID, contentHash: BlobID
    /// Of the first and the last bar of an event: milliseconds since 1970 UTC.
    package var firstTime: Int64, lastTime: Int64
    package init(
        path: String, rows: Int, bytes: UInt64, hash: BlobID, contentHash: BlobID, firstTime: Int64, lastTime: Int64
    ) {
        self.path = path
        self.rows = UInt32(rows)
        self.bytes = bytes
        self.hash = hash
        self.contentHash = contentHash
        self.firstTime = firstTime
        self.lastTime = lastTime
    }
    package func write(to writer: inout WireWriter) {
        writer.string(path)
        writer.integer(rows)
        writer.integer(bytes)
        writer.value(hash)
        writer.value(contentHash)
        writer.integer(firstTime)
        writer.integer(lastTime)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        path = try reader.string()
        rows = try reader.integer()
        bytes = try reader.integer()
        hash = try reader.value()
        contentHash = try reader.value()
        firstTime = try reader.integer()
        lastTime = try reader.integer()
    }
}
