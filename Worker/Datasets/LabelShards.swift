import Jobs
import Market
import Messages
import Shards

/// Writes the daily shards of a range of dates.
package struct LabelShards {
    private let task: Label.ShardsTask
    /// The shard's place in the dates: `by_date/2024-10-21/labels-00000.h5`.
    package static func path(_ date: Int32, _ number: Int) -> String {
        let digits = String(number)
        return "by_date/\(MarketDate.text(date))/labels-\(String(repeating: "0", count: max(0, 5 - digits.count)))"
            + "\(digits).h5"
    }
    package init(_ task: Label.ShardsTask) { self.task = task }

    private struct Place {
        var date: Int32
        var input: Int, symbol: Int, row: Int
    }

    /// - Parameter labels: of each input, in the task's order.
    package func write(_ labels: [Label.Events]) throws(JobError) -> [ShardFile] {
        guard labels.count == task.series.count, task.shardRows > 0 else {
            throw JobError("\(labels.count) lists of labels for \(task.series.count) inputs; submit the job again.")
        }
        var places: [Place] = []
        for (input, events) in labels.enumerated() {
            for (symbol, rows) in events.symbols.enumerated() {
                for row in rows.rows.indices {
                    places.append(Place(date: rows.rows[row].date, input: input, symbol: symbol, row: row))
                }
            }
        }
        // By date, then by input, symbol, timeframe and time, as they came.
        places.sort { ($0.date, $0.input, $0.symbol, $0.row) < ($1.date, $1.input, $1.symbol, $1.row) }
        let folder = try ShardPlace(folder: task.folder)
        defer { folder.close() }
        var files: [ShardFile] = []
        var start = 0
        while start < places.count {
            let date = places[start].date
            var number = 0
            while start < places.count, places[start].date == date {
                var end = start
                while end < places.count, end - start < Int(task.shardRows), places[end].date == date { end += 1 }
                var columns = LabelColumns()
                for place in places[start..<end] {
                    let symbol = labels[place.input].symbols[place.symbol]
                    columns.append(symbol.rows[place.row], symbol: symbol.symbol, input: task.series[place.input])
                }
                files.append(
                    try folder.shard(
                        Self.path(date, number), columns: LabelColumns.columns, rows: columns.count,
                        attributes: attributes, times: columns.times
                    ) { writer throws(ShardError) in try columns.write(to: &writer) })
                number += 1
                start = end
            }
        }
        return files
    }

    private var attributes: [ShardAttribute] {
        [
            ShardAttribute("schema", "apex-labels"), ShardAttribute("schema_version", 1),
            ShardAttribute("code_version", Self.version),
            ShardAttribute("input_hashes", task.series.map(\.description)),
            ShardAttribute("horizons_sessions", LabelRules.horizons.map(String.init)),
            ShardAttribute("adjustment", "as the input: prices are not adjusted here"),
        ] + task.rules.settings.map { ShardAttribute($0.name, $0.value) }
    }
    package static var version: String { "\(codeVersion)/\(Label.name) \(Label.codeVersion)" }
}
