import Jobs
import Messages
import Shards

/// Writes one shard of a training set: the rows of some dates that are the first of their bar, have a label, and keep away
/// from what is held out. Rows are copied a chunk at a time, so that memory is bounded whatever a row holds.
package struct TrainingShard {
    private let task: Aggregate.WriteTask
    private var shards: [ShardKeys] = []
    private var labels: [ShardKeys] = []
    private var rows: [Row] = []
    private var counts = Aggregate.Written()

    /// A row that stays: where it is, and where its label is.
    private struct Row {
        var shard: Int, row: Int
        var labelShard: Int, labelRow: Int
    }

    package static func write(_ task: Aggregate.WriteTask) throws(JobError) -> Aggregate.Written {
        do throws(ShardError) {
            var shard = try TrainingShard(task)
            shard.choose()
            return try shard.write()
        } catch { throw JobError(error.description) }
    }

    private init(_ task: Aggregate.WriteTask) throws(ShardError) {
        self.task = task
        // Every file was hashed when it was looked through.
        for shard in task.shards { shards.append(try ShardKeys(shard, isChecked: false)) }
        for shard in task.labels { labels.append(try ShardKeys(shard, isChecked: false)) }
    }

    // MARK: Choosing

    private struct Event: Hashable {
        var symbol: String
        var known: Int64
    }

    private mutating func choose() {
        // The first label of an event: one known at the same moment has the same outcome in every timeframe.
        var labelOf: [Event: (shard: Int, row: Int)] = [:]
        for (shard, keys) in labels.enumerated() {
            for row in 0..<keys.count {
                let event = Event(symbol: keys.symbols[row], known: keys.known[row])
                if labelOf[event] == nil { labelOf[event] = (shard, row) }
            }
        }
        // A bar's rows have its date, so that date by date is enough to see every repetition.
        for date in task.dates {
            var seen: Set<ShardKeys.Key> = []
            for (shard, keys) in shards.enumerated() {
                for row in 0..<keys.count where keys.dates[row] == date {
                    guard seen.insert(keys.key(row)).inserted else {
                        counts.duplicates += 1
                        continue
                    }
                    var label = (shard: shard, row: row)
                    var end = keys.ends?[row]
                    if end == nil {
                        let event = Event(symbol: keys.symbols[row], known: keys.known[row])
                        if let found = labelOf[event] {
                            label = found
                            end = labels[found.shard].ends?[found.row]
                        }
                    }
                    guard let end else {
                        counts.unlabelled += 1
                        continue
                    }
                    if isKept(known: keys.known[row] / 1_000_000, end: end / 1_000_000) {
                        rows.append(Row(shard: shard, row: row, labelShard: label.shard, labelRow: label.row))
                    }
                }
            }
        }
    }

    /// Counts why not.
    private mutating func isKept(known: Int64, end: Int64) -> Bool {
        // Overlap in all three ways: it begins inside, ends inside, or spans the block.
        if task.spans.contains(where: { known <= $0.end && end >= $0.start }) {
            counts.purged += 1
            return false
        }
        if task.spans.contains(where: { known > $0.blockEnd && known <= $0.embargoEnd }) {
            counts.embargoed += 1
            return false
        }
        return true
    }

    // MARK: Writing

    private func write() throws(ShardError) -> Aggregate.Written {
        var written = counts
        guard let first = rows.first else { return written }
        let label = shards[first.shard].ends == nil ? labels[first.labelShard].reader : nil
        let columns = try TrainingColumns(shards[first.shard].reader, label: label)
        var times = (first: Int64.max, last: Int64.min)
        for row in rows {
            times.first = min(times.first, shards[row.shard].times[row.row] / 1_000_000)
            times.last = max(times.last, shards[row.shard].times[row.row] / 1_000_000)
        }
        let rowCount = rows.count
        do throws(JobError) {
            let place = try ShardPlace(folder: task.folder)
            defer { place.close() }
            written.file = try place.shard(
                task.path, columns: columns.columns, rows: rowCount, attributes: attributes,
                times: times.first...times.last
            ) { writer throws(ShardError) in
                var compressor = Compressor()
                for index in columns.columns.indices { try fill(index, of: columns, &writer, &compressor) }
            }
        } catch { throw ShardError(.system, error.description) }
        written.tiers = try count("tier", columns, kinds: QualityTier.allCases.count, from: 0)
        written.classes = try count("class", columns, kinds: OutcomeClass.allCases.count, from: -1)
        return written
    }

    private var attributes: [ShardAttribute] {
        [
            ShardAttribute("schema", "apex-dataset"), ShardAttribute("schema_version", 1),
            ShardAttribute("code_version", "\(codeVersion)/\(Aggregate.name) \(Aggregate.codeVersion)"),
            ShardAttribute("split", task.split.name),
            ShardAttribute("first_date", Int(task.dates[0])),
            ShardAttribute("last_date", Int(task.dates[task.dates.count - 1])),
            ShardAttribute("source_shards", task.shards.map(\.contentHash.description)),
            ShardAttribute("label_shards", task.labels.map(\.contentHash.description)),
        ]
    }

    private func fill(
        _ index: Int, of columns: TrainingColumns, _ writer: inout ShardWriter, _ compressor: inout Compressor
    ) throws(ShardError) {
        let column = columns.columns[index].fitted(to: rows.count)
        var start = 0
        while start < rows.count {
            let chunk = rows[start..<min(start + column.chunkRows, rows.count)]
            var bytes: [UInt8] = []
            bytes.reserveCapacity(column.chunkBytes)
            switch columns.origins[index] {
            case .own: try copy(column, chunk, \.shard, \.row, shards, &bytes)
            case .label: try copy(column, chunk, \.labelShard, \.labelRow, labels, &bytes)
            case .inputBlob:
                for row in chunk { bytes += try inputBlob(of: row.shard) }
            case .sourceShard:
                let names = task.shards.map { Array($0.contentHash.description.utf8) }
                for row in chunk { bytes += names[row.shard] }
            case .labelShard:
                let names = task.labels.map { Array($0.contentHash.description.utf8) }
                for row in chunk { bytes += names[row.labelShard] }
            case .sourceRow: bytes = ColumnBytes.integers(chunk.map { Int32($0.row) })
            }
            bytes.append(contentsOf: repeatElement(0, count: column.chunkBytes - bytes.count))
            let stream =
                column.filter == .deflate
                ? compressor.zlib(bytes.span) : compressor.shuffledZlib(bytes.span, elementBytes: column.type.bytes)
            try writer.append(stream.span, toColumn: index)
            start += chunk.count
        }
    }

    /// Runs of rows that follow each other in a shard are read at once.
    private func copy(
        _ column: ShardColumn, _ chunk: ArraySlice<Row>, _ shard: KeyPath<Row, Int>, _ row: KeyPath<Row, Int>,
        _ from: [ShardKeys], _ bytes: inout [UInt8]
    ) throws(ShardError) {
        var at = chunk.startIndex
        while at < chunk.endIndex {
            let first = chunk[at]
            var end = at + 1
            while end < chunk.endIndex, chunk[end][keyPath: shard] == first[keyPath: shard],
                chunk[end][keyPath: row] == first[keyPath: row] + (end - at)
            { end += 1 }
            let start = first[keyPath: row]
            bytes += try from[first[keyPath: shard]].reader.bytes(of: column.name, rows: start..<start + (end - at))
            at = end
        }
    }

    private func inputBlob(of shard: Int) throws(ShardError) -> [UInt8] {
        guard case .string(let hash)? = try shards[shard].reader.attribute("input_hash"), hash.utf8.count == 64 else {
            throw ShardError(
                .missing,
                "\(task.shards[shard].path): does not say which bars it was made of (input_hash); make it again.")
        }
        return Array(hash.utf8)
    }

    /// Rows by the values of a column of codes; empty without such a column.
    private func count(_ name: String, _ columns: TrainingColumns, kinds: Int, from lowest: Int64) throws(ShardError)
        -> [UInt32]
    {
        guard let index = columns.columns.firstIndex(where: { $0.name == name }) else { return [] }
        var counts = [UInt32](repeating: 0, count: kinds)
        let isOwn = if case .own = columns.origins[index] { true } else { false }
        let values: [[Int64]] = try (isOwn ? shards : labels).map { keys throws(ShardError) in
            try keys.reader.integers(name)
        }
        for row in rows {
            let value = isOwn ? values[row.shard][row.row] : values[row.labelShard][row.labelRow]
            guard value >= lowest, value < lowest + Int64(kinds) else {
                throw ShardError(.damaged, "\(task.path): \(value) is no code of the column \(name).")
            }
            counts[Int(value - lowest)] += 1
        }
        return counts
    }
}
