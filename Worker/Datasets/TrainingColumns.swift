import Jobs
import Messages
import Shards

/// The columns of a training shard, and where each one's bytes come from.
struct TrainingColumns {
    enum Origin {
        /// The column of that name of the row's own shard, or of the shard of its label.
        case own, label
        /// The hash of the bars, from an attribute of the row's shard.
        case inputBlob
        /// Content hash of the row's shard, and the row's number in it.
        case sourceShard, sourceRow
        /// Content hash of the shard that the row's label is from.
        case labelShard
    }
    private(set) var columns: [ShardColumn] = []
    private(set) var origins: [Origin] = []

    /// Attributes of columns that go with them.
    private static let kept = ["units", "meaning", "codes", "packing", "scale", "zero_point", "note"]
    /// What a label says again that the row itself says, or says of itself.
    private static let shared: Set<String> = [
        "symbol", "timeframe", "date", "time", "known_time", "regime", "input_blob",
    ]

    /// - Parameter label: a shard of labels; nil where rows have their own.
    init(_ own: ShardReader, label: ShardReader?) throws(ShardError) {
        for column in own.columns { try add(column, of: own, .own) }
        if let label {
            for column in label.columns where !Self.shared.contains(column.name) && own.column(column.name) == nil {
                try add(column, of: label, .label)
            }
            add(
                ShardColumn(
                    "label_shard", .ascii(64),
                    attributes: [ShardAttribute("meaning", "content hash of the shard its label is from")]),
                .labelShard)
        }
        if !columns.contains(where: { $0.name == "input_blob" }) {
            add(ShardColumn("input_blob", .ascii(64)), .inputBlob)
        }
        add(
            ShardColumn(
                "source_shard", .ascii(64),
                attributes: [ShardAttribute("meaning", "content hash of the shard it is from")]),
            .sourceShard)
        add(
            ShardColumn("source_row", .int32, attributes: [ShardAttribute("meaning", "its row there, from 0")]),
            .sourceRow)
    }

    private mutating func add(_ column: ShardColumn, of reader: ShardReader, _ origin: Origin) throws(ShardError) {
        var column = column
        column.attributes = []
        for name in Self.kept {
            guard let value = try reader.attribute(name, ofColumn: column.name) else { continue }
            column.attributes.append(ShardAttribute(name, value))
        }
        // A source shard of a few rows had small chunks; images keep theirs, so that a reader unpacks no more at once.
        if column.shape.isEmpty { column.chunkRows = 4096 }
        add(column, origin)
    }
    private mutating func add(_ column: ShardColumn, _ origin: Origin) {
        columns.append(column)
        origins.append(origin)
    }

    /// Names, types and shapes: alike in shards that fit together.
    static func form(_ reader: ShardReader) -> String {
        reader.columns.map { "\($0.name) \($0.type) \($0.shape)" }.joined(separator: "; ")
    }
}
