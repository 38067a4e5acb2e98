import Jobs
import Market
import Messages
import Shards

/// Labels as the columns of a shard. Times are nanoseconds since 1970 UTC, returns fractions of the entry price.
package struct LabelColumns {
    private var symbols: [String] = []
    private var inputs: [BlobID] = []
    private var rows: [LabelRow] = []

    package init() {}
    package var count: Int { rows.count }
    /// Starts of the first and the last event's bar; there is at least one row.
    package var times: ClosedRange<Int64> {
        let starts = rows.map(\.start)
        return starts.min()!...starts.max()!
    }

    /// - Parameter input: the blob that the row's bars are in.
    package mutating func append(_ row: LabelRow, symbol: String, input: BlobID) {
        rows.append(row)
        symbols.append(symbol)
        inputs.append(input)
    }

    private static let clock = ShardAttribute("units", "nanoseconds since 1970-01-01 UTC")
    private static func codes(_ names: [(Int, String)]) -> ShardAttribute {
        ShardAttribute("codes", names.map { "\($0.0)=\($0.1)" })
    }
    /// In the order in which `write` fills them.
    package static let columns: [ShardColumn] = [
        ShardColumn("symbol", .ascii(SymbolName.mostBytes)), ShardColumn("timeframe", .ascii(4)),
        ShardColumn("date", .int32, attributes: [ShardAttribute("units", "yyyymmdd, New York")]),
        ShardColumn("time", .int64, attributes: [clock, ShardAttribute("meaning", "the event's bar starts")]),
        ShardColumn("known_time", .int64, attributes: [clock, ShardAttribute("meaning", "the event's bar is over")]),
        ShardColumn("entry_time", .int64, attributes: [clock]), ShardColumn("entry_price", .float64),
        ShardColumn("ret_1d", .float64), ShardColumn("ret_3d", .float64), ShardColumn("ret_5d", .float64),
        ShardColumn("ret_10d", .float64), ShardColumn("max_runup", .float64), ShardColumn("max_drawdown", .float64),
        ShardColumn(
            "time_to_peak", .int8, attributes: [ShardAttribute("units", "sessions after the event's, which is 0")]),
        ShardColumn("peak_time", .int64, attributes: [clock]), ShardColumn("volatility", .float64),
        ShardColumn("turnover", .float64),
        ShardColumn("barrier", .int8, attributes: [codes([(-1, "lower"), (0, "time"), (1, "upper")])]),
        ShardColumn("barrier_ambiguous", .uint8), ShardColumn("barrier_time", .int64, attributes: [clock]),
        ShardColumn("barrier_return", .float64),
        ShardColumn("tier", .uint8, attributes: [codes(QualityTier.allCases.map { (Int($0.rawValue), $0.name) })]),
        ShardColumn("class", .int8, attributes: [codes(OutcomeClass.allCases.map { (Int($0.rawValue), $0.name) })]),
        ShardColumn("runner", .uint8), ShardColumn("monster_runner", .uint8), ShardColumn("avoid_trade", .uint8),
        ShardColumn("avoid_reasons", .uint8, attributes: [codes([(1, "volatility"), (2, "liquidity")])]),
        ShardColumn("regime", .ascii(10)),
        ShardColumn(
            "label_end", .int64, attributes: [clock, ShardAttribute("meaning", "nothing later went into the row")]),
        ShardColumn("input_blob", .ascii(64), attributes: [ShardAttribute("meaning", "BLAKE2b-256 of the bars used")]),
    ]

    package func write(to writer: inout ShardWriter) throws(ShardError) {
        func clock(_ times: (LabelRow) -> Int64) -> [UInt8] {
            ColumnBytes.integers(rows.map { times($0) * 1_000_000 })
        }
        func numbers(_ value: (LabelRow) -> Double) -> [UInt8] { ColumnBytes.doubles(rows.map(value)) }
        func flags(_ value: (LabelRow) -> Bool) -> [UInt8] { rows.map { value($0) ? 1 : 0 } }
        let timeframes = rows.map { Timeframe(rawValue: $0.timeframe)?.name ?? "" }
        let columns: [[UInt8]] = [
            try ColumnBytes.ascii(symbols, width: SymbolName.mostBytes, column: "symbol"),
            try ColumnBytes.ascii(timeframes, width: 4, column: "timeframe"), ColumnBytes.integers(rows.map(\.date)),
            clock { $0.start }, clock { $0.end }, clock { $0.entryTime }, numbers { $0.entryPrice },
            numbers { $0.returns[0] }, numbers { $0.returns[1] }, numbers { $0.returns[2] },
            numbers { $0.returns[3] }, numbers { $0.maxRunup }, numbers { $0.maxDrawdown },
            rows.map(\.sessionsToPeak), clock { $0.peakTime }, numbers { $0.volatility }, numbers { $0.turnover },
            rows.map { UInt8(bitPattern: $0.barrier) }, flags { $0.isAmbiguous }, clock { $0.barrierEnd },
            numbers { $0.barrierReturn }, rows.map(\.tier.rawValue),
            rows.map { UInt8(bitPattern: $0.outcome.rawValue) }, flags { $0.isRunner }, flags { $0.isMonsterRunner },
            flags { $0.avoid != [] }, rows.map(\.avoid.rawValue),
            try ColumnBytes.ascii(rows.map(\.regime.name), width: 10, column: "regime"), clock { $0.outcomeEnd },
            try ColumnBytes.ascii(inputs.map(\.description), width: 64, column: "input_blob"),
        ]
        var compressor = Compressor()
        for (index, bytes) in columns.enumerated() { try writer.write(bytes, toColumn: index, &compressor) }
    }
}
