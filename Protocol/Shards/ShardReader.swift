import CHDF5

/// Reads one shard.
package final class ShardReader {
    package let path: String
    /// In the order of the file's names, which is the alphabet's.
    package private(set) var columns: [ShardColumn] = []
    package private(set) var rows = 0
    private let file: HDF5

    package init(_ path: String) throws(ShardError) {
        try HDF5.prepare()
        self.path = path
        let access = try HDF5.propertyList(apex_h5_file_access_list(), path)
        try HDF5.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "setting up the file", path)
        let id = unsafe H5Fopen(path, apex_h5_read_only(), access.id)
        guard id >= 0 else {
            let reason = ShardError.library("opening the shard", path, .damaged)
            throw ShardError(.damaged, "\(reason.description); is it cut short, or no shard?")
        }
        file = try HDF5(id, "opening the shard", path) { _ = H5Fclose($0) }
        var links: [String] = []
        var info = H5G_info_t()
        try HDF5.check(unsafe H5Gget_info(file.id, &info), "listing the columns", path)
        for at in 0..<min(info.nlinks, 1000) {
            var name = [CChar](repeating: 0, count: 256)
            let length = unsafe H5Lget_name_by_idx(
                file.id, "/", H5_INDEX_NAME, H5_ITER_INC, at, &name, name.count, HDF5.standard)
            guard length > 0, length < name.count else {
                throw ShardError(.damaged, "\(path): a column has no readable name; is it a shard?")
            }
            links.append(String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        for name in links { if let column = try describe(name) { columns.append(column) } }
    }

    /// The columns' common number of rows is found on the way.
    private func describe(_ name: String) throws(ShardError) -> ShardColumn? {
        let dataset = try open(name)
        let type = try HDF5(H5Dget_type(dataset.id), "reading the type of \(name)", path) { _ = H5Tclose($0) }
        let space = try HDF5(H5Dget_space(dataset.id), "reading the shape of \(name)", path) { _ = H5Sclose($0) }
        let list = try HDF5(H5Dget_create_plist(dataset.id), "reading the form of \(name)", path) { _ = H5Pclose($0) }
        let rank = H5Sget_simple_extent_ndims(space.id)
        guard rank >= 1, rank <= 8, let columnType = Self.type(type.id) else { return nil }
        var dimensions = [hsize_t](repeating: 0, count: Int(rank))
        guard unsafe H5Sget_simple_extent_dims(space.id, &dimensions, nil) == rank,
            dimensions.allSatisfy({ $0 < 1 << 40 })
        else { throw .library("reading the shape of \(name)", path, .damaged) }
        guard columns.isEmpty || Int(dimensions[0]) == rows else {
            throw ShardError(
                .damaged, "\(path): the column \(name) has \(dimensions[0]) rows and the others have \(rows).")
        }
        rows = Int(dimensions[0])
        var chunk = dimensions
        if H5Pget_layout(list.id) == H5D_CHUNKED { _ = unsafe H5Pget_chunk(list.id, rank, &chunk) }
        let filters = H5Pget_nfilters(list.id)
        return ShardColumn(
            name, columnType, shape: dimensions.dropFirst().map { Int($0) }, chunkRows: Int(chunk[0]),
            filter: filters > 1 ? .shuffledDeflate : .deflate)
    }

    private static func type(_ id: hid_t) -> ColumnType? {
        let bytes = H5Tget_size(id)
        switch (H5Tget_class(id), bytes) {
        case (H5T_INTEGER, 1): return H5Tget_sign(id) == H5T_SGN_NONE ? .uint8 : .int8
        case (H5T_INTEGER, 4): return .int32
        case (H5T_INTEGER, 8): return .int64
        case (H5T_FLOAT, 4): return .float32
        case (H5T_FLOAT, 8): return .float64
        case (H5T_STRING, _) where H5Tis_variable_str(id) == 0: return .ascii(bytes)
        default: return nil
        }
    }

    private func open(_ name: String) throws(ShardError) -> HDF5 {
        let id = unsafe H5Dopen2(file.id, name, HDF5.standard)
        guard id >= 0 else {
            throw ShardError(
                .missing,
                "\(path): there is no column \(name); there are \(columns.map(\.name).joined(separator: ", ")).")
        }
        return try HDF5(id, "opening the column \(name)", path) { _ = H5Dclose($0) }
    }

    package func column(_ name: String) -> ShardColumn? { columns.first { $0.name == name } }

    /// Rows of a column, decompressed: count × `rowBytes` bytes, little-endian.
    package func bytes(of name: String, rows range: Range<Int>? = nil) throws(ShardError) -> [UInt8] {
        let dataset = try open(name)
        guard let column = column(name) else { throw ShardError(.missing, "\(path): \(name) is no column of a shard.") }
        let range = range ?? 0..<rows
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        guard !range.isEmpty else { return [] }
        let doing = "reading the column \(name)"
        let space = try HDF5(H5Dget_space(dataset.id), doing, path) { _ = H5Sclose($0) }
        let start = [hsize_t(range.lowerBound)] + column.shape.map { _ in 0 }
        let count = ([range.count] + column.shape).map(hsize_t.init)
        try HDF5.check(unsafe H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, count, nil), doing, path)
        let memory = try HDF5.space([range.count] + column.shape, path)
        let type = try HDF5.type(column.type, path)
        var bytes = [UInt8](repeating: 0, count: range.count * column.rowBytes)
        // The call writes the elements that `memory` describes: as many bytes as the array has.
        let status = unsafe bytes.withUnsafeMutableBytes {
            unsafe H5Dread(dataset.id, type.id, memory.id, space.id, HDF5.standard, $0.baseAddress)
        }
        guard status >= 0 else { throw .library(doing, path, .damaged) }
        return bytes
    }

    /// A column of any integers, as 64 bits.
    package func integers(_ name: String, rows range: Range<Int>? = nil) throws(ShardError) -> [Int64] {
        let bytes = try bytes(of: name, rows: range)
        switch column(name)?.type {
        case .uint8: return bytes.map { Int64($0) }
        case .int8: return bytes.map { Int64(Int8(bitPattern: $0)) }
        case .int32: return Self.words(bytes, as: Int32.self).map { Int64($0) }
        case .int64: return Self.words(bytes, as: Int64.self)
        default: throw ShardError(.wrongUse, "\(path): the column \(name) does not hold integers.")
        }
    }
    /// A column of float32 or float64.
    package func doubles(_ name: String, rows range: Range<Int>? = nil) throws(ShardError) -> [Double] {
        let bytes = try bytes(of: name, rows: range)
        switch column(name)?.type {
        case .float32: return Self.words(bytes, as: UInt32.self).map { Double(Float(bitPattern: $0)) }
        case .float64: return Self.words(bytes, as: UInt64.self).map { Double(bitPattern: $0) }
        default: throw ShardError(.wrongUse, "\(path): the column \(name) does not hold floating-point numbers.")
        }
    }
    package func strings(_ name: String, rows range: Range<Int>? = nil) throws(ShardError) -> [String] {
        let bytes = try bytes(of: name, rows: range)
        guard case .ascii(let width) = column(name)?.type else {
            throw ShardError(.wrongUse, "\(path): the column \(name) does not hold text.")
        }
        return stride(from: 0, to: bytes.count, by: width).map {
            String(decoding: bytes[$0..<$0 + width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }
    private static func words<I: FixedWidthInteger & BitwiseCopyable>(_ bytes: [UInt8], as type: I.Type) -> [I] {
        let size = I.bitWidth / 8
        return unsafe bytes.withUnsafeBytes { source in
            // Whole elements inside the array; every bit pattern is a valid integer.
            (0..<source.count / size).map {
                I(littleEndian: unsafe source.loadUnaligned(fromByteOffset: $0 * size, as: I.self))
            }
        }
    }

    /// Of the shard, or of one of its columns; nil when there is no such attribute.
    package func attribute(_ name: String, ofColumn column: String? = nil) throws(ShardError) -> ShardAttribute.Value? {
        guard let column else {
            let root = try HDF5(unsafe H5Gopen2(file.id, "/", HDF5.standard), "opening the root", path) {
                _ = H5Gclose($0)
            }
            return try HDF5.attribute(name, of: root.id, path)
        }
        let dataset = try open(column)
        return try HDF5.attribute(name, of: dataset.id, path)
    }
}
