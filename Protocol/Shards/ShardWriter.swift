import Blobs
import CHDF5
import Glibc
import Messages

/// Writes one shard: an HDF5 file of columns with the same number of rows. Chunks arrive compressed, in order, and go
/// to the file as they are, so that HDF5's lock is held for a copy and no longer. The same chunks and attributes give
/// the same bytes: no times, a fixed order, explicit types.
///
/// Nobody sees the shard before `finish` and `DurableFiles.publish`: it is written under a temporary name.
package struct ShardWriter: ~Copyable {
    package let path: String
    package let rows: Int
    private let file: HDF5
    private var columns: [Column] = []

    private final class Column {
        let column: ShardColumn
        let dataset: HDF5
        var hasher = BlobHasher()
        var nextChunk = 0
        init(_ column: ShardColumn, _ dataset: consuming HDF5) {
            self.column = column
            self.dataset = dataset
        }
    }

    /// - Parameters:
    ///   - path: temporary; there must be no such file.
    ///   - rows: at least 1.
    package init(temporary path: String, columns: [ShardColumn], rows: Int, attributes: [ShardAttribute])
        throws(ShardError)
    {
        precondition(rows > 0 && !columns.isEmpty, "a shard has rows and columns")
        try HDF5.prepare()
        let creation = try HDF5.propertyList(apex_h5_file_create_list(), path)
        let access = try HDF5.propertyList(apex_h5_file_access_list(), path)
        try HDF5.check(H5Pset_obj_track_times(creation.id, false), "switching times off", path)
        try HDF5.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "setting up the file", path)
        let file = try HDF5(
            unsafe H5Fcreate(path, apex_h5_exclusive(), creation.id, access.id), "making the file", path
        ) {
            _ = H5Fclose($0)
        }
        let root = try HDF5(unsafe H5Gopen2(file.id, "/", HDF5.standard), "opening the root", path) { _ = H5Gclose($0) }
        for attribute in attributes { try HDF5.write(attribute, to: root.id, path) }
        var made: [Column] = []
        for column in columns { made.append(try Self.make(column, in: file.id, rows: rows, path)) }
        self.path = path
        self.rows = rows
        self.file = file
        self.columns = made
    }

    private static func make(_ column: ShardColumn, in file: hid_t, rows: Int, _ path: String) throws(ShardError)
        -> Column
    {
        let doing = "making the column \(column.name)"
        let column = column.fitted(to: rows)
        let list = try HDF5.propertyList(apex_h5_dataset_create_list(), path)
        try HDF5.check(H5Pset_obj_track_times(list.id, false), doing, path)
        let chunk = [column.chunkRows] + column.shape
        try HDF5.check(unsafe H5Pset_chunk(list.id, Int32(chunk.count), chunk.map(hsize_t.init)), doing, path)
        if column.filter == .shuffledDeflate, column.type.bytes > 1 {
            try HDF5.check(H5Pset_shuffle(list.id), doing, path)
        }
        try HDF5.check(H5Pset_deflate(list.id, 6), doing, path)  // the level matters to nobody who reads
        try HDF5.check(H5Pset_fill_time(list.id, H5D_FILL_TIME_NEVER), doing, path)
        let space = try HDF5.space([rows] + column.shape, path)
        let type = try HDF5.type(column.type, path)
        let id = unsafe H5Dcreate2(file, column.name, type.id, space.id, HDF5.standard, list.id, HDF5.standard)
        let dataset = try HDF5(id, doing, path) { _ = H5Dclose($0) }
        for attribute in column.attributes { try HDF5.write(attribute, to: dataset.id, path) }
        return Column(column, dataset)
    }

    /// Writes the next chunk of a column: a zlib stream of `chunkRows` rows, or of all the shard's where those are
    /// fewer; the last chunk's missing rows are any bytes. Shuffled before if the column's filter says so.
    package mutating func append(_ stream: Span<UInt8>, toColumn index: Int) throws(ShardError) {
        let column = columns[index]
        precondition(column.nextChunk < column.column.chunkCount(rows: rows), "a chunk beyond the last row")
        var offset = [hsize_t](repeating: 0, count: column.column.shape.count + 1)
        offset[0] = hsize_t(column.nextChunk * column.column.chunkRows)
        let status = unsafe stream.withUnsafeBufferPointer { bytes in
            // The library copies `count` bytes during the call.
            unsafe H5Dwrite_chunk(
                column.dataset.id, HDF5.standard, 0, offset, bytes.count, bytes.baseAddress)
        }
        guard status >= 0 else { throw .library("writing the column \(column.column.name)", path) }
        column.hasher.update(stream)
        column.nextChunk += 1
    }

    /// Writes a whole column from its rows, little-endian: `rows` × `rowBytes` bytes.
    package mutating func write(_ bytes: [UInt8], toColumn index: Int, _ compressor: inout Compressor)
        throws(ShardError)
    {
        let column = columns[index].column
        precondition(bytes.count == rows * column.rowBytes, "\(bytes.count) bytes in \(rows) rows of \(column.name)")
        for chunk in 0..<column.chunkCount(rows: rows) {
            let start = chunk * column.chunkBytes
            var part = Array(bytes[start..<min(start + column.chunkBytes, bytes.count)])
            part.append(contentsOf: repeatElement(0, count: column.chunkBytes - part.count))
            let stream =
                column.filter == .deflate
                ? compressor.zlib(part.span) : compressor.shuffledZlib(part.span, elementBytes: column.type.bytes)
            try append(stream.span, toColumn: index)
        }
    }

    /// Writes hashes, closes, and brings the file to the disk. The file still has its temporary name.
    ///
    /// - Returns: the content hash: BLAKE2b-256 over, for each column in order, the line
    ///   `name TAB type TAB shape TAB rows LF` and the BLAKE2b-256 of its stored chunks in order.
    package consuming func finish() throws(ShardError) -> BlobID {
        var all = BlobHasher()
        for column in columns {
            precondition(
                column.nextChunk == column.column.chunkCount(rows: rows), "\(column.column.name) is not complete")
            let shape = column.column.shape.map(String.init).joined(separator: "x")
            all.update(Array("\(column.column.name)\t\(column.column.type.name)\t\(shape)\t\(rows)\n".utf8))
            let hash = column.hasher.finish()
            all.update(hash.bytes)
            try HDF5.write(ShardAttribute("hash", hash.description), to: column.dataset.id, path)
        }
        let hash = all.finish()
        let root = try HDF5(unsafe H5Gopen2(file.id, "/", HDF5.standard), "opening the root", path) { _ = H5Gclose($0) }
        try HDF5.write(ShardAttribute("content_hash", hash.description), to: root.id, path)
        // A killed process leaves a file that opens only after a flush; closing alone does not reach the disk.
        try HDF5.check(H5Fflush(file.id, H5F_SCOPE_GLOBAL), "writing the file", path)
        columns = []
        let path = path
        _ = consume self
        try DurableFiles.sync(path)
        return hash
    }
}

extension ColumnType {
    /// As in the content hash.
    var name: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .int32: "int32"
        case .int64: "int64"
        case .float32: "float32"
        case .float64: "float64"
        case .ascii(let bytes): "ascii\(bytes)"
        }
    }
}
