import Charts
import Jobs
import Market
import Shards

/// The columns of a shard of charts, images first.
struct ChartColumns {
    private(set) var list: [ShardColumn] = []
    private(set) var bits: Int?, float32: Int?, int8: Int?
    /// The first of the columns that `ChartFacts` fills.
    private let facts: Int
    /// Images drawn at a time: a multiple of every column's chunk.
    let pageImages: Int

    /// Decompressed, a chunk of bits has at most half of this and of others at most this: what a reader unpacks to see
    /// one image.
    private static let chunkBytes = 1 << 20

    init(_ settings: Render.Settings, rows: Int) {
        let size = Int(settings.style.size)
        let isCandles = settings.style.kind == .candles
        func chunk(_ imageBytes: Int, _ limit: Int) -> Int {
            var images = 64
            while images > 1, images * imageBytes > limit { images /= 2 }
            return images
        }
        let shape = isCandles ? [size, size] : [size, size, PatternImage.channels]
        let pixels = shape.reduce(1, *)
        pageImages = chunk(size * size / 8, Self.chunkBytes / 2)
        if settings.outputs.contains(.bits), isCandles {
            bits = list.count
            list.append(
                ShardColumn(
                    "bits", .uint8, shape: [size, size / 8], chunkRows: pageImages, filter: .deflate,
                    attributes: [
                        ShardAttribute(
                            "packing", "8 pixels a byte, the first one in the highest bit, as numpy.unpackbits"),
                        ShardAttribute("meaning", "1 white, 0 black"),
                    ]))
        }
        if settings.outputs.contains(.float32) {
            float32 = list.count
            list.append(
                ShardColumn(
                    "float32", .float32, shape: shape, chunkRows: min(pageImages, chunk(4 * pixels, Self.chunkBytes)),
                    filter: .deflate, attributes: [ShardAttribute("meaning", "grey / 255: 1 white, 0 black")]))
        }
        if settings.outputs.contains(.int8) {
            int8 = list.count
            list.append(
                ShardColumn(
                    "int8", .int8, shape: shape, chunkRows: min(pageImages, chunk(pixels, Self.chunkBytes)),
                    filter: .deflate,
                    attributes: [
                        ShardAttribute("scale", 1.0 / 255), ShardAttribute("zero_point", -128),
                        ShardAttribute("meaning", "grey − 128; real = (q − zero_point) × scale"),
                    ]))
        }
        facts = list.count
        let nanoseconds = ShardAttribute("units", "nanoseconds since 1970-01-01 UTC")
        list += [
            ShardColumn("event", .int64, attributes: [ShardAttribute("meaning", "number of the event in its job")]),
            ShardColumn("symbol", .ascii(SymbolName.mostBytes)), ShardColumn("timeframe", .ascii(4)),
            ShardColumn("date", .int32, attributes: [ShardAttribute("units", "yyyymmdd, New York, of the newest bar")]),
            ShardColumn(
                "time", .int64, attributes: [nanoseconds, ShardAttribute("meaning", "the newest bar's start")]),
            ShardColumn(
                "first_time", .int64, attributes: [nanoseconds, ShardAttribute("meaning", "the oldest bar's start")]),
            ShardColumn(
                "event_time", .int64,
                attributes: [nanoseconds, ShardAttribute("meaning", "start of the event's bar, the finest drawn")]),
            ShardColumn(
                "known_time", .int64,
                attributes: [nanoseconds, ShardAttribute("meaning", "the event's bar is over: nothing later is drawn")]),
            ShardColumn("price_low", .float64), ShardColumn("price_high", .float64), ShardColumn("close", .float64),
            ShardColumn("volume_max", .float64),
            ShardColumn(
                "regime", .ascii(10),
                attributes: [
                    ShardAttribute("meaning", "of the event's bar and the 30 before it, in the finest timeframe")
                ]),
        ].map { $0.fitted(to: rows) }
        list = list.map { $0.fitted(to: rows) }
    }
    func fact(_ position: Int) -> Int { facts + position }
}

/// What a shard says of its images, collected row by row.
struct ChartFacts {
    private var events: [Int64] = [], symbols: [String] = [], timeframes: [String] = [], dates: [Int32] = []
    private var times: [Int64] = [], firstTimes: [Int64] = [], knownTimes: [Int64] = []
    private(set) var eventStarts: [Int64] = []
    private var lows: [Double] = [], highs: [Double] = [], closes: [Double] = [], volumes: [Double] = []
    private var regimes: [String] = []
    /// Of the PNG files.
    private(set) var names: [[UInt8]] = []

    /// - Returns: the name of the row's PNG file.
    mutating func add(_ row: ChartRows.Row, _ axis: CandleChart.Axis) -> [UInt8] {
        let newest = row.window.upperBound - 1
        events.append(Int64(row.event))
        symbols.append(row.series.symbol)
        timeframes.append(row.timeframe.name)
        dates.append(row.series.date(of: newest))
        times.append(row.series.starts[newest])
        firstTimes.append(row.series.starts[row.window.lowerBound])
        eventStarts.append(row.eventStart)
        knownTimes.append(row.known)
        lows.append(axis.low)
        highs.append(axis.high)
        closes.append(row.series.close[newest])
        volumes.append(axis.volume)
        regimes.append(row.regime)
        names.append(PNGFolder.name(symbol: row.series.symbol, start: row.eventStart, timeframe: row.timeframe))
        return names[names.count - 1]
    }

    func write(to writer: inout ShardWriter, _ columns: ChartColumns) throws(ShardError) {
        var compressor = Compressor()
        func nanoseconds(_ milliseconds: [Int64]) -> [UInt8] {
            ColumnBytes.integers(milliseconds.map { $0 * 1_000_000 })
        }
        let all: [[UInt8]] = [
            ColumnBytes.integers(events), try ColumnBytes.ascii(symbols, width: SymbolName.mostBytes, column: "symbol"),
            try ColumnBytes.ascii(timeframes, width: 4, column: "timeframe"), ColumnBytes.integers(dates),
            nanoseconds(times), nanoseconds(firstTimes), nanoseconds(eventStarts), nanoseconds(knownTimes),
            ColumnBytes.doubles(lows), ColumnBytes.doubles(highs), ColumnBytes.doubles(closes),
            ColumnBytes.doubles(volumes), try ColumnBytes.ascii(regimes, width: 10, column: "regime"),
        ]
        for (position, bytes) in all.enumerated() {
            try writer.write(bytes, toColumn: columns.fact(position), &compressor)
        }
    }
}
