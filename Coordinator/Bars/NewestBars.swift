import Store

/// The newest bars of every series, as windows of a market are cut. A row for each holds them once more, so that a page of
/// the file has those of several series; longer or earlier windows are cut from the blocks.
extension BarStore {
    /// The newest bars of many series, one after the other.
    package struct Windows: Sendable {
        /// Ordered by their UTF-8 bytes.
        package var symbols: [String] = []
        /// The bars of symbol s are `offsets[s] ..< offsets[s + 1]`.
        package var offsets: [Int] = [0]
        package var bars: BarColumns
    }

    /// For every symbol that has so many, its newest `bars` bars that start at or before a time.
    package func windows(
        minutes: Int, _ basis: Basis, bars wanted: Int, through last: Int64 = .max
    ) throws(DatabaseError) -> Windows {
        guard hasNewest, wanted <= BarStoreSchema.newestBars else {
            return try windowsOfBlocks(try symbols(minutes: minutes, basis), wanted, last)
        }
        // In the order of the index of series: by symbol, as bytes.
        let rows = try database.prepare(
            """
            SELECT symbol, series.id, newest.count, newest.crc, newest.columns
            FROM series LEFT JOIN newest ON newest.series = series.id
            WHERE minutes = ? AND adjustment = ? AND feed = ? ORDER BY symbol
            """)
        let count = try database.prepare(
            "SELECT count(*) FROM series WHERE minutes = ? AND adjustment = ? AND feed = ?")
        func bind(_ statement: borrowing Statement) throws(DatabaseError) {
            try statement.bind(minutes, at: 1)
            try statement.bind(basis.adjustment.rawValue, at: 2)
            try statement.bind(basis.feed, at: 3)
        }
        try bind(count)
        try bind(rows)
        let most = try count.step() ? Int(count.integer(0)) : 0
        var windows = Windows(bars: BarColumns(count: most * wanted))
        windows.symbols.reserveCapacity(most)
        windows.offsets.reserveCapacity(most + 1)
        var next = 0
        while try rows.step() {
            guard windows.bars.count >= next + wanted else { break }  // added since they were counted
            switch try windows.bars.takeNewest(rows, through: last, next..<next + wanted) {
            case .whole: break
            case .short: continue
            case .elsewhere:
                guard try take(rows.integer(1), through: last, into: &windows.bars, next..<next + wanted) else {
                    continue
                }
            }
            next += wanted
            windows.symbols.append(rows.text(0))
            windows.offsets.append(next)
        }
        windows.bars = windows.bars.part(0..<next)
        return windows
    }

    private func windowsOfBlocks(
        _ all: [(id: Int64, symbol: String)], _ wanted: Int, _ last: Int64
    ) throws(DatabaseError) -> Windows {
        var windows = Windows(bars: BarColumns(count: all.count * wanted))
        var next = 0
        for series in all {
            guard try take(series.id, through: last, into: &windows.bars, next..<next + wanted) else { continue }
            next += wanted
            windows.symbols.append(series.symbol)
            windows.offsets.append(next)
        }
        windows.bars = windows.bars.part(0..<next)
        return windows
    }

    /// From a series' blocks, from the window's end towards its beginning.
    /// - Returns: false when there are not so many; what was taken is then to be written over, or cut.
    private func take(
        _ series: Int64, through last: Int64, into columns: inout BarColumns, _ room: Range<Int>
    ) throws(DatabaseError) -> Bool {
        let blocks = BlockRange(series: series)
        try statements.findNewest.bind(blocks.lowest, at: 1)
        try statements.findNewest.bind(blocks.highest, at: 2)
        try statements.findNewest.bind(last, at: 3)
        defer { statements.findNewest.reset() }
        var end = room.upperBound
        while end > room.lowerBound, try statements.findNewest.step() {
            try columns.takeNewestOfBlock(statements.findNewest, through: last, room.lowerBound..<end, &end, path)
        }
        return end == room.lowerBound
    }

    /// Writes the newest bars of a series once more, from its blocks as they are now.
    func keepNewest(of series: Int64) throws(DatabaseError) {
        let most = BarStoreSchema.newestBars
        var columns = BarColumns(count: most)
        let blocks = BlockRange(series: series)
        try statements.findNewest.bind(blocks.lowest, at: 1)
        try statements.findNewest.bind(blocks.highest, at: 2)
        try statements.findNewest.bind(Int64.max, at: 3)
        var end = most
        while end > 0, try statements.findNewest.step() {
            try columns.takeNewestOfBlock(statements.findNewest, through: .max, 0..<end, &end, path)
        }
        statements.findNewest.reset()
        let bytes = BarBlock.bytes(columns, end..<most)
        let add = try database.prepare("INSERT OR REPLACE INTO newest(series, count, crc, columns) VALUES(?, ?, ?, ?)")
        try add.bind(series, at: 1)
        try add.bind(most - end, at: 2)
        try add.bind(BarBlock.checksum(bytes), at: 3)
        try add.bind(blob: bytes, at: 4)
        try add.run()
    }
}

extension BarColumns {
    fileprivate enum Taken { case whole, short, elsewhere }

    /// From a row of newest bars, whose columns from 2 on are count, crc and the bars.
    /// - Returns: short: the series has not so many bars. elsewhere: its blocks have to say; also for a row that is
    ///   damaged, for it only repeats what they hold.
    fileprivate mutating func takeNewest(
        _ row: borrowing Statement, through last: Int64, _ room: Range<Int>
    ) throws(DatabaseError) -> Taken {
        if row.isNull(2) { return .elsewhere }
        let (count, crc) = (Int(row.integer(2)), row.integer(3))
        if count < room.count, count < BarStoreSchema.newestBars { return .short }
        return try row.withBlob(4) { (block) throws(DatabaseError) in
            guard block.byteCount == count * BarBlock.bytesPerBar, BarBlock.checksum(block) == crc else {
                return .elsewhere
            }
            let bars = last == .max ? 0..<count : BarBlock.bars(block, count: count, in: .min..<last + 1)
            guard bars.count >= room.count else { return .elsewhere }
            take(block, count: count, bars.suffix(room.count), at: room.lowerBound)
            return .whole
        }
    }

    /// Copies the newest bars of the current row's block to the end of `room`, as many as fit.
    /// - Parameter end: moves to the first of them.
    fileprivate mutating func takeNewestOfBlock(
        _ row: borrowing Statement, through last: Int64, _ room: Range<Int>, _ end: inout Int, _ path: String
    ) throws(DatabaseError) {
        let (first, newest, count, crc) = (row.integer(0), row.integer(1), Int(row.integer(2)), row.integer(3))
        end = try row.withBlob(4) { (block) throws(DatabaseError) in
            try BarBlock.check(block, first: first, count: count, crc: crc, path)
            let bars = newest <= last ? 0..<count : BarBlock.bars(block, count: count, in: .min..<last + 1)
            let range = bars.suffix(room.count)
            take(block, count: count, range, at: room.upperBound - range.count)
            return room.upperBound - range.count
        }
    }
}
