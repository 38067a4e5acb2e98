import Jobs
import Messages
import Shards

/// What tells the rows of a shard apart, and when each was known and what came of it was over.
struct ShardKeys {
    struct Key: Hashable {
        var symbol: String
        var timeframe: String
        /// Of the newest bar: nanoseconds since 1970 UTC.
        var time: Int64
    }
    let reader: ShardReader
    let symbols: [String], timeframes: [String]
    let times: [Int64], known: [Int64]
    /// Nil in a shard without labels.
    let ends: [Int64]?
    let dates: [Int32]
    var count: Int { times.count }
    func key(_ row: Int) -> Key { Key(symbol: symbols[row], timeframe: timeframes[row], time: times[row]) }

    init(_ shard: Aggregate.SourceShard, isChecked: Bool) throws(ShardError) {
        if isChecked {
            let hash = try DurableFiles.hash(of: shard.path).hash
            guard hash == shard.hash else {
                throw ShardError(
                    .damaged,
                    "\(shard.path): is not the file that its manifest names (hash \(hash)); it was cut short or changed: "
                        + "make it again.")
            }
        }
        reader = try ShardReader(shard.path)
        symbols = try reader.strings("symbol")
        timeframes = try reader.strings("timeframe")
        times = try reader.integers("time")
        known = try reader.integers("known_time")
        dates = try reader.integers("date").map { Int32(clamping: $0) }
        ends = reader.column("label_end") == nil ? nil : try reader.integers("label_end")
    }
}

/// Looks through one shard.
package enum ShardScan {
    package static func scan(_ shard: Aggregate.SourceShard) throws(JobError) -> Aggregate.Scan {
        do throws(ShardError) {
            let keys = try ShardKeys(shard, isChecked: true)
            // Looked up by key, listed only after sorting.
            var dates: [Int32: Aggregate.DateRows] = [:]
            for row in 0..<keys.count {
                var date =
                    dates[keys.dates[row]]
                    ?? Aggregate.DateRows(date: keys.dates[row], rows: 0, lastKnown: .min, lastEnd: 0)
                date.rows += 1
                date.lastKnown = max(date.lastKnown, keys.known[row] / 1_000_000)
                date.lastEnd = max(date.lastEnd, (keys.ends?[row] ?? 0) / 1_000_000)
                dates[keys.dates[row]] = date
            }
            return Aggregate.Scan(
                form: TrainingColumns.form(keys.reader), hasLabels: keys.ends != nil,
                dates: dates.keys.sorted().map { dates[$0]! })
        } catch { throw JobError(error.description) }
    }
}
