import Bars
import JSON

/// `apex data list`.
enum DataList: Subcommand {
    static let name = "list"
    static let summary = "what the store holds"
    static let help = """
        usage: apex data list [OPTIONS]

        One line for each length of bar, adjustment and feed; with --symbols or --all one for each series.

          --all               every series
        \(SeriesChoice.help)
          --json              {"store","series":[{"symbol","timeframe","adjustment","feed","bars","first","last"}…]}
        \(storeHelp)

        example: apex data list --symbols AAPL,MSFT
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let path = try storePath(&arguments)
        let choice = try SeriesChoice(&arguments)
        let showsAll = arguments.flag("--all")
        let json = arguments.flag("--json")
        try arguments.finishWithoutTrailing()
        let series = try BarStore(path: path, access: .read).series().filter { choice.includes($0.key) }
        if json {
            printJSON(["store": .string(path), "series": .array(series.map(\.json))])
        } else if series.isEmpty {
            print("\(path): no such series; `apex data import FILE` adds bars")
        } else if showsAll || choice.symbols != nil {
            var table = Table([
                .init("SYMBOL"), .init("BARS"), .init("ADJUSTMENT"), .init("FEED"), .init("COUNT", .right),
                .init("FIRST"), .init("LAST"),
            ])
            for one in series {
                table.add([one.key.symbol, one.key.timeframe, one.key.adjustment.rawValue, one.key.feed] + one.cells)
            }
            printTable(table)
        } else {
            printTable(summary(series))
        }
        return .done
    }

    private static func summary(_ series: [BarStore.Summary]) -> Table {
        var table = Table([
            .init("BARS"), .init("ADJUSTMENT"), .init("FEED"), .init("SYMBOLS", .right), .init("COUNT", .right),
            .init("FIRST"), .init("LAST"),
        ])
        var start = 0
        while start < series.count {
            let key = series[start].key
            var end = start
            func isAlike(_ other: SeriesKey) -> Bool {
                other.minutes == key.minutes && other.adjustment == key.adjustment && other.feed == key.feed
            }
            while end < series.count, isAlike(series[end].key) { end += 1 }
            let group = series[start..<end].filter { $0.bars > 0 }
            var sum = series[start]
            sum.bars = group.reduce(0) { $0 + $1.bars }
            sum.first = group.map(\.first).min() ?? 0
            sum.last = group.map(\.last).max() ?? 0
            table.add([key.timeframe, key.adjustment.rawValue, key.feed, "\(end - start)"] + sum.cells)
            start = end
        }
        return table
    }
}

extension BarStore.Summary {
    fileprivate var cells: [String] {
        guard bars > 0 else { return ["0", "–", "–"] }
        return ["\(bars)", barTimeText(first, minutes: key.minutes), barTimeText(last, minutes: key.minutes)]
    }
    fileprivate var json: JSONValue {
        .object(present: [
            "symbol": .string(key.symbol), "timeframe": .string(key.timeframe),
            "adjustment": .string(key.adjustment.rawValue), "feed": .string(key.feed), "bars": JSONValue(bars),
            "first": bars > 0 ? .string(barTimeText(first, minutes: key.minutes)) : nil,
            "last": bars > 0 ? .string(barTimeText(last, minutes: key.minutes)) : nil,
        ])
    }
}
