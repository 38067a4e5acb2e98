import Market
import Store

extension BarColumns {
    /// Appends the block of the current row, whose columns from `column` on are first, last, count, crc, columns.
    mutating func appendBlock(_ row: borrowing Statement, from column: Int, _ path: String) throws(DatabaseError) {
        let (first, count, crc) = (row.integer(column), Int(row.integer(column + 2)), row.integer(column + 3))
        let before = self.count
        grow(by: count)
        try row.withBlob(column + 4) { (block) throws(DatabaseError) in
            try BarBlock.check(block, first: first, count: count, crc: crc, path)
            take(block, count: count, 0..<count, at: before)
        }
    }
    private mutating func grow(by count: Int) {
        starts += repeatElement(0, count: count)
        open += repeatElement(0, count: count)
        high += repeatElement(0, count: count)
        low += repeatElement(0, count: count)
        close += repeatElement(0, count: count)
        volume += repeatElement(0, count: count)
        batches += repeatElement(0, count: count)
    }
}

extension BarBlock {
    static func check(
        _ block: RawSpan, first: Int64, count: Int, crc: Int64, _ path: String
    ) throws(DatabaseError) {
        guard block.byteCount == count * bytesPerBar, checksum(block) == crc else {
            throw DatabaseError(
                cause: .corrupt,
                "\(path): the block of \(count) bars from \(MarketDate.text(BarTime.date(of: first))) on is damaged; "
                    + "`apex data check` lists what is; restore a copy, or fetch these bars again into another store.")
        }
    }
}

extension BarStore {
    /// One series and how much there is of it.
    package struct Summary: Sendable, Equatable {
        package var key: SeriesKey
        package var id: Int64
        package var bars: Int
        /// Starts of the first and the newest bar; 0 without bars.
        package var first: Int64, last: Int64
    }

    /// Every series, in the order of their keys.
    package func series() throws(DatabaseError) -> [Summary] {
        let rows = try database.prepare(
            """
            SELECT series.id, minutes, adjustment, feed, symbol, coalesce(sum(count), 0), coalesce(min(first), 0),
                coalesce(max(last), 0)
            FROM series LEFT JOIN block ON block.id BETWEEN series.id << 32 AND series.id << 32 | 4294967295
            GROUP BY series.id
            """)
        var all: [Summary] = []
        while try rows.step() {
            guard let adjustment = SeriesKey.Adjustment(rawValue: rows.text(2)) else {
                throw DatabaseError(
                    cause: .other, "\(path): there is no adjustment \(rows.text(2)); use the program that wrote it.")
            }
            let key = SeriesKey(
                symbol: rows.text(4), minutes: Int(rows.integer(1)), adjustment: adjustment, feed: rows.text(3))
            ids[key] = rows.integer(0)
            all.append(
                Summary(
                    key: key, id: rows.integer(0), bars: Int(rows.integer(5)), first: rows.integer(6),
                    last: rows.integer(7)))
        }
        return all.sorted { $0.key < $1.key }
    }

    /// The current bars of a series that start in a range; none for a series that is not there.
    package func bars(
        _ key: SeriesKey, in range: Range<Int64> = Int64.min..<Int64.max
    ) throws(DatabaseError) -> BarColumns {
        guard let id = try id(of: key) else { return BarColumns() }
        let rows = BlockRange(series: id)
        let find = try database.prepare(
            "SELECT first, last, count, crc, columns FROM block WHERE id BETWEEN ? AND ? AND first < ? AND last >= ? "
                + "ORDER BY id")
        try find.bind(rows.lowest, at: 1)
        try find.bind(rows.highest, at: 2)
        try find.bind(range.upperBound, at: 3)
        try find.bind(range.lowerBound, at: 4)
        var columns = BarColumns()
        while try find.step() { try columns.appendBlock(find, from: 0, path) }
        return columns.part(
            columns.firstBar(atOrAfter: range.lowerBound)..<columns.firstBar(atOrAfter: range.upperBound))
    }

    /// What of a range no answer covers: still to be asked for, ascending.
    /// - Parameter provider: whose answers count; nil: any provider's.
    package func missing(
        _ key: SeriesKey, _ range: Range<Int64>, provider: String? = nil
    ) throws(DatabaseError) -> [Range<Int64>] {
        guard !range.isEmpty else { return [] }
        guard let id = try id(of: key) else { return [range] }
        let find = try database.prepare(
            "SELECT since, until FROM coverage WHERE series = ? AND since < ? AND until > ? AND (? IS NULL OR "
                + "provider = ?4) ORDER BY since, until")
        try find.bind(id, at: 1)
        try find.bind(range.upperBound, at: 2)
        try find.bind(range.lowerBound, at: 3)
        if let provider { try find.bind(provider, at: 4) } else { try find.bindNull(at: 4) }
        var gaps: [Range<Int64>] = []
        var at = range.lowerBound
        while try find.step() {
            if find.integer(0) > at { gaps.append(at..<find.integer(0)) }
            at = max(at, find.integer(1))
        }
        if at < range.upperBound { gaps.append(at..<range.upperBound) }
        return gaps
    }

    /// Which request brought the current bar of a time; nil without one.
    package func origin(_ key: SeriesKey, start: Int64) throws(DatabaseError) -> BarOrigin? {
        let found = try bars(key, in: start..<start + 1)
        guard found.count == 1 else { return nil }
        return try origin(ofBatch: Int64(found.batches[0]))
    }

    /// Who gave the bars that these batches brought: how many bars of each provider and tier, by name.
    package func providers(
        of batches: some Sequence<UInt32>
    ) throws(DatabaseError) -> [(provider: String, tier: Int, bars: Int)] {
        var counts: [UInt32: Int] = [:]
        for batch in batches { counts[batch, default: 0] += 1 }
        var all: [(provider: String, tier: Int, bars: Int)] = []
        for (batch, count) in counts.sorted(by: { $0.key < $1.key }) {
            let origin = try origin(ofBatch: Int64(batch))
            if let at = all.firstIndex(where: { $0.provider == origin.provider && $0.tier == origin.tier }) {
                all[at].bars += count
            } else {
                all.append((origin.provider, origin.tier, count))
            }
        }
        return all.sorted { ($0.provider, $0.tier) < ($1.provider, $1.tier) }
    }

    /// A bar's values that are not current.
    package struct Revision: Equatable, Sendable {
        package var bar: Bar
        /// `superseded`, `other_source` or `older`.
        package var why: String
        package var origin: BarOrigin
        /// What brought the current values at the time.
        package var instead: BarOrigin
    }
    /// Of a series, in the order they were set aside.
    package func revisions(_ key: SeriesKey) throws(DatabaseError) -> [Revision] {
        guard let id = try id(of: key) else { return [] }
        let rows = try database.prepare(
            "SELECT start, open, high, low, close, volume, why, batch, instead FROM revision WHERE series = ? ORDER BY id"
        )
        try rows.bind(id, at: 1)
        var all: [Revision] = []
        while try rows.step() {
            let bar = Bar(
                start: rows.integer(0), open: rows.double(1), high: rows.double(2), low: rows.double(3),
                close: rows.double(4), volume: rows.double(5))
            all.append(
                Revision(
                    bar: bar, why: rows.text(6), origin: try origin(ofBatch: rows.integer(7)),
                    instead: try origin(ofBatch: rows.integer(8))))
        }
        return all
    }
}
