import Market
import Store

extension BarStore {
    /// Stores a batch: all of it, durably, or nothing. The same identifier again changes nothing.
    package func append(_ batch: BarBatch) throws(DatabaseError) -> AppendOutcome {
        do {
            return try database.transaction { () throws(DatabaseError) in
                if let known = try outcome(of: batch.identifier) { return known }
                let id = try add(batch)
                var outcome = AppendOutcome()
                for series in batch.series { try append(series, of: batch, id, &outcome) }
                try record(outcome, of: id)
                return outcome
            }
        } catch {
            // Rows remembered may be of the transaction that is undone.
            ids = [:]
            origins = [:]
            throw error
        }
    }

    /// What became of a batch; nil when none of that identifier was stored.
    package func outcome(of identifier: String) throws(DatabaseError) -> AppendOutcome? {
        let find = try database.prepare(
            "SELECT added, same, revised, aside, refused FROM batch WHERE identifier = ?")
        try find.bind(identifier, at: 1)
        guard try find.step() else { return nil }
        return AppendOutcome(
            added: Int(find.integer(0)), same: Int(find.integer(1)), revised: Int(find.integer(2)),
            aside: Int(find.integer(3)), refused: Int(find.integer(4)))
    }

    private func add(_ batch: BarBatch) throws(DatabaseError) -> Int64 {
        let add = try database.prepare(
            """
            INSERT INTO batch(identifier, provider, request, received, tier, added, same, revised, aside, refused)
            VALUES(?, ?, ?, ?, ?, 0, 0, 0, 0, 0)
            """)
        try add.bind(batch.identifier, at: 1)
        try add.bind(batch.provider, at: 2)
        try add.bind(batch.request, at: 3)
        try add.bind(batch.received, at: 4)
        try add.bind(batch.tier, at: 5)
        try add.run()
        let id = database.lastInsertRowID
        // A bar keeps its batch in four bytes.
        guard id <= UInt32.max else {
            throw DatabaseError(cause: .tooBig, "\(path): holds 4 billion batches; begin another store.")
        }
        return id
    }
    private func record(_ outcome: AppendOutcome, of batch: Int64) throws(DatabaseError) {
        let update = try database.prepare(
            "UPDATE batch SET added = ?, same = ?, revised = ?, aside = ?, refused = ? WHERE id = ?")
        for (at, count) in [outcome.added, outcome.same, outcome.revised, outcome.aside, outcome.refused].enumerated() {
            try update.bind(count, at: at + 1)
        }
        try update.bind(batch, at: 6)
        try update.run()
    }

    // MARK: One series

    private func append(
        _ given: BarBatch.Series, of batch: BarBatch, _ id: Int64, _ outcome: inout AppendOutcome
    ) throws(DatabaseError) {
        let series = try makeID(of: given.key)
        if let covers = given.covers, !covers.isEmpty { try cover(covers, of: series, by: batch.provider) }
        let sorted = SortedBars(given.bars, minutes: given.key.minutes)
        outcome.same += sorted.repeated
        outcome.refused += sorted.refused.count
        for (bar, fault) in sorted.refused {
            try bind(bar, statements.addRefused, from: 5, series: series, word: fault.rawValue, batch: id)
            try statements.addRefused.run()
        }
        guard let first = sorted.bars.first?.start, let last = sorted.bars.last?.start else { return }

        let held = try blocks(of: series, from: first, through: last)
        var merge = Merge(series: series, batch: id, origin: BarOrigin(batch, id: id))
        try merge.run(held.columns, sorted.bars, in: self, &outcome)
        guard merge.isChanged else { return }
        for block in held.blocks {
            try statements.dropBlock.bind(block, at: 1)
            try statements.dropBlock.run()
        }
        for start in stride(from: 0, to: merge.columns.count, by: BarBlock.most) {
            try add(merge.columns, start..<min(start + BarBlock.most, merge.columns.count), of: series)
        }
        try keepNewest(of: series)
    }

    private func makeID(of key: SeriesKey) throws(DatabaseError) -> Int64 {
        if let id = try id(of: key) { return id }
        try statements.addSeries.bind(key.minutes, at: 1)
        try statements.addSeries.bind(key.adjustment.rawValue, at: 2)
        try statements.addSeries.bind(key.feed, at: 3)
        try statements.addSeries.bind(key.symbol, at: 4)
        try statements.addSeries.run()
        ids[key] = database.lastInsertRowID
        return database.lastInsertRowID
    }

    private func add(_ columns: BarColumns, _ range: Range<Int>, of series: Int64) throws(DatabaseError) {
        let bytes = BarBlock.bytes(columns, range)
        let first = columns.starts[range.lowerBound]
        try statements.addBlock.bind(BarStoreSchema.blockID(series: series, first: first), at: 1)
        try statements.addBlock.bind(first, at: 2)
        try statements.addBlock.bind(columns.starts[range.upperBound - 1], at: 3)
        try statements.addBlock.bind(range.count, at: 4)
        try statements.addBlock.bind(BarBlock.checksum(bytes), at: 5)
        try statements.addBlock.bind(blob: bytes, at: 6)
        try statements.addBlock.run()
    }

    /// The blocks that bars from `first` through `last` touch, and those beside them that have room.
    private func blocks(of series: Int64, from first: Int64, through last: Int64) throws(DatabaseError) -> (
        blocks: [Int64], columns: BarColumns
    ) {
        let find = BlockRange(series: series)
        try statements.findBlocks.bind(find.lowest, at: 1)
        try statements.findBlocks.bind(BarStoreSchema.blockID(series: series, first: first), at: 2)
        try statements.findBlocks.bind(BarStoreSchema.blockID(series: series, first: last), at: 3)
        try statements.findBlocks.bind(find.highest, at: 4)
        defer { statements.findBlocks.reset() }
        var blocks: [Int64] = []
        var columns = BarColumns()
        while try statements.findBlocks.step() {
            let (blockFirst, blockLast) = (statements.findBlocks.integer(1), statements.findBlocks.integer(2))
            let isBeside = blockLast < first || blockFirst > last
            if isBeside, statements.findBlocks.integer(3) >= BarBlock.most { continue }
            blocks.append(statements.findBlocks.integer(0))
            try columns.appendBlock(statements.findBlocks, from: 1, path)
        }
        return (blocks, columns)
    }

    // MARK: Rows beside the bars

    /// Binds `series, start, word, batch` from parameter 1 and the values from parameter `from`.
    func bind(
        _ bar: Bar, _ statement: borrowing Statement, from: Int, series: Int64, word: String, batch: Int64
    ) throws(DatabaseError) {
        try statement.bind(series, at: 1)
        try statement.bind(bar.start, at: 2)
        try statement.bind(word, at: 3)
        try statement.bind(batch, at: 4)
        for (at, value) in [bar.open, bar.high, bar.low, bar.close, bar.volume].enumerated() {
            try statement.bind(value, at: from + at)
        }
    }

    private func cover(_ range: Range<Int64>, of series: Int64, by provider: String) throws(DatabaseError) {
        func bind(_ statement: borrowing Statement) throws(DatabaseError) {
            try statement.bind(series, at: 1)
            try statement.bind(provider, at: 2)
            try statement.bind(range.lowerBound, at: 3)
            try statement.bind(range.upperBound, at: 4)
        }
        var (since, until) = (range.lowerBound, range.upperBound)
        try bind(statements.findCoverage)
        while try statements.findCoverage.step() {
            since = min(since, statements.findCoverage.integer(0))
            until = max(until, statements.findCoverage.integer(1))
        }
        statements.findCoverage.reset()
        try bind(statements.dropCoverage)
        try statements.dropCoverage.run()
        try statements.addCoverage.bind(series, at: 1)
        try statements.addCoverage.bind(provider, at: 2)
        try statements.addCoverage.bind(since, at: 3)
        try statements.addCoverage.bind(until, at: 4)
        try statements.addCoverage.run()
    }
}

extension BarOrigin {
    init(_ batch: BarBatch, id: Int64) {
        self.init(
            batch: id, identifier: batch.identifier, provider: batch.provider, request: batch.request,
            received: batch.received, tier: batch.tier)
    }
}

/// The rows that blocks of a series have.
struct BlockRange {
    var lowest: Int64, highest: Int64
    init(series: Int64) {
        lowest = series << 32
        highest = series << 32 | 0xFFFF_FFFF
    }
}
