/// What a column holds, little-endian.
package enum ColumnType: Sendable, Equatable {
    case uint8, int8, int32, int64, float32, float64
    /// ASCII of a fixed size in bytes, padded with NULs: readers that know no other strings know these.
    case ascii(Int)

    /// Of one element.
    package var bytes: Int {
        switch self {
        case .uint8, .int8: 1
        case .int32, .float32: 4
        case .int64, .float64: 8
        case .ascii(let bytes): bytes
        }
    }
}

/// A column of a shard: an HDF5 dataset of shape [rows] + `shape`, the first axis being the sample.
package struct ShardColumn: Sendable, Equatable {
    package enum Filter: Sendable, Equatable {
        /// Zlib. What images take: shuffling bytes gains nothing on them.
        case deflate
        /// The elements' first bytes together, then their second ones, and so on; then zlib. What numbers take.
        case shuffledDeflate
    }
    package var name: String
    package var type: ColumnType
    /// Of one row; empty for one element.
    package var shape: [Int]
    /// Rows in a chunk: what a reader decompresses to see one row.
    package var chunkRows: Int
    package var filter: Filter
    package var attributes: [ShardAttribute]

    package init(
        _ name: String, _ type: ColumnType, shape: [Int] = [], chunkRows: Int = 4096,
        filter: Filter = .shuffledDeflate, attributes: [ShardAttribute] = []
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.chunkRows = chunkRows
        self.filter = filter
        self.attributes = attributes
    }

    package var rowBytes: Int { type.bytes * shape.reduce(1, *) }
    package var chunkBytes: Int { rowBytes * chunkRows }
    /// A chunk has no more rows than its shard.
    package func fitted(to rows: Int) -> ShardColumn {
        var fitted = self
        fitted.chunkRows = min(chunkRows, rows)
        return fitted
    }
    package func chunkCount(rows: Int) -> Int { (rows + chunkRows - 1) / chunkRows }
}

/// A name and a value beside a column, or beside the whole shard.
package struct ShardAttribute: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case string(String)
        case strings([String])
        case integer(Int64)
        case double(Double)
    }
    package var name: String
    package var value: Value
    package init(_ name: String, _ value: String) { self.init(name, .string(value)) }
    package init(_ name: String, _ values: [String]) { self.init(name, .strings(values)) }
    package init(_ name: String, _ value: Int) { self.init(name, .integer(Int64(value))) }
    package init(_ name: String, _ value: Double) { self.init(name, .double(value)) }
    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}
