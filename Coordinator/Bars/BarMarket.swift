import Market
import Store

/// Reads of many series at once: a market's daily bars.
extension BarStore {
    /// Which prices a read is of.
    package struct Basis: Hashable, Sendable, CustomStringConvertible {
        package var adjustment: SeriesKey.Adjustment
        package var feed: String
        package init(adjustment: SeriesKey.Adjustment, feed: String) {
            self.adjustment = adjustment
            self.feed = feed
        }
        package var description: String { "\(adjustment.rawValue)/\(feed)" }
    }

    /// The adjustments and feeds that series of a length come in, ordered.
    package func bases(minutes: Int) throws(DatabaseError) -> [Basis] {
        let rows = try database.prepare(
            "SELECT DISTINCT adjustment, feed FROM series WHERE minutes = ? ORDER BY adjustment, feed")
        try rows.bind(minutes, at: 1)
        var bases: [Basis] = []
        while try rows.step() {
            guard let adjustment = SeriesKey.Adjustment(rawValue: rows.text(0)) else { continue }
            bases.append(Basis(adjustment: adjustment, feed: rows.text(1)))
        }
        return bases
    }

    /// The current daily bars of every symbol, each bar valid, as a file of them would be read.
    /// - Parameter range: of New York dates, yyyymmdd.
    package func dailyBars(
        _ basis: Basis, dates range: ClosedRange<Int32> = 19_000_101...21_991_231
    ) throws(DatabaseError) -> DailyBars { try dailyMarket(basis, dates: range).bars }

    /// The same, and of each bar the batch that brought it: for `providers(of:)`.
    package func dailyMarket(
        _ basis: Basis, dates range: ClosedRange<Int32> = 19_000_101...21_991_231
    ) throws(DatabaseError) -> (bars: DailyBars, batches: ArraySlice<UInt32>) {
        let wanted = BarTime.of(date: range.lowerBound)..<BarTime.of(date: range.upperBound) + BarTime.day
        let all = try symbols(minutes: SeriesKey.dayMinutes, basis)
        let blocks = try database.prepare(Self.blocksInRange)
        var columns = BarColumns(count: try countBars(all.map(\.id)))
        var (symbols, starts, count) = ([String](), [0], 0)
        for series in all {
            try bind(blocks, series.id, wanted)
            while try blocks.step() { try columns.take(blocks, wanted, at: &count, path) }
            blocks.reset()
            guard count > starts.last! else { continue }
            symbols.append(series.symbol)
            starts.append(count)
        }
        let table = DateTable(columns.starts[..<count])
        func cut(_ column: [Double]) -> [Double] { count == column.count ? column : Array(column[..<count]) }
        let bars = DailyBars(
            symbols: symbols, starts: starts, dates: columns.starts[..<count].map { table[$0] },
            open: cut(columns.open),
            high: cut(columns.high), low: cut(columns.low), close: cut(columns.close), volume: cut(columns.volume))
        return (bars, columns.batches[..<count])
    }

    private static let blocksInRange =
        "SELECT first, last, count, crc, columns FROM block WHERE id BETWEEN ? AND ? AND first < ? AND last >= ? "
        + "ORDER BY id"
    private func bind(
        _ blocks: borrowing Statement, _ series: Int64, _ range: Range<Int64>
    ) throws(DatabaseError) {
        let rows = BlockRange(series: series)
        try blocks.bind(rows.lowest, at: 1)
        try blocks.bind(rows.highest, at: 2)
        try blocks.bind(range.upperBound, at: 3)
        try blocks.bind(range.lowerBound, at: 4)
    }

    func symbols(minutes: Int, _ basis: Basis) throws(DatabaseError) -> [(id: Int64, symbol: String)] {
        // SQLite compares text by its bytes.
        let rows = try database.prepare(
            "SELECT id, symbol FROM series WHERE minutes = ? AND adjustment = ? AND feed = ? ORDER BY symbol")
        try rows.bind(minutes, at: 1)
        try rows.bind(basis.adjustment.rawValue, at: 2)
        try rows.bind(basis.feed, at: 3)
        var all: [(Int64, String)] = []
        while try rows.step() { all.append((rows.integer(0), rows.text(1))) }
        return all
    }
    /// In two passes rather than by growing: columns are made once, as long as they must be.
    private func countBars(_ series: [Int64]) throws(DatabaseError) -> Int {
        let rows = try database.prepare("SELECT coalesce(sum(count), 0) FROM block WHERE id BETWEEN ? AND ?")
        var count = 0
        for id in series {
            let range = BlockRange(series: id)
            try rows.bind(range.lowest, at: 1)
            try rows.bind(range.highest, at: 2)
            if try rows.step() { count += Int(rows.integer(0)) }
            rows.reset()
        }
        return count
    }
}

extension BarColumns {
    /// Copies the bars of the current row's block that start in a range to position `at`, which moves behind them.
    fileprivate mutating func take(
        _ row: borrowing Statement, _ wanted: Range<Int64>, at position: inout Int, _ path: String
    ) throws(DatabaseError) {
        let (first, last, count, crc) = (row.integer(0), row.integer(1), Int(row.integer(2)), row.integer(3))
        let target = position
        position = try row.withBlob(4) { (block) throws(DatabaseError) in
            try BarBlock.check(block, first: first, count: count, crc: crc, path)
            var range = 0..<count
            if first < wanted.lowerBound || last >= wanted.upperBound {
                range = BarBlock.bars(block, count: count, in: wanted)
            }
            guard target + range.count <= self.count else {
                throw DatabaseError(cause: .corrupt, "\(path): a block holds more bars than it says; restore a copy.")
            }
            take(block, count: count, range, at: target)
            return target + range.count
        }
    }
}

extension BarBlock {
    /// Which bars of a block start in a range.
    static func bars(_ block: RawSpan, count: Int, in range: Range<Int64>) -> Range<Int> {
        // Starts are the first column; any eight bytes are an integer.
        func start(_ at: Int) -> Int64 { unsafe block.unsafeLoadUnaligned(fromByteOffset: at * 8, as: Int64.self) }
        func firstBar(atOrAfter wanted: Int64) -> Int {
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                if start(middle) < wanted { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let from = firstBar(atOrAfter: range.lowerBound)
        return from..<max(from, firstBar(atOrAfter: range.upperBound))
    }
}

/// Dates of days, computed once for each day there is.
private struct DateTable {
    private let first: Int64
    private var dates: [Int32] = []

    init(_ starts: ArraySlice<Int64>) {
        guard let least = starts.min(), let most = starts.max() else {
            first = 0
            return
        }
        first = least
        for start in stride(from: least, through: most, by: Int64.Stride(BarTime.day)) {
            dates.append(BarTime.date(of: start))
        }
    }
    subscript(start: Int64) -> Int32 { dates[Int((start - first) / BarTime.day)] }
}
