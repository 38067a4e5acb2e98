import Bars
import JSON
import Market
import Messages

/// `apex data origin`.
enum DataOrigin: Subcommand {
    static let name = "origin"
    static let summary = "which request brought a bar, and what else was said of it"
    static let help = """
        usage: apex data origin SYMBOL DATE [OPTIONS]

        The current values of a daily bar, the request that brought them, and every other word on it that was kept.

          --adjustment A      of these prices, where the store has several
          --feed F            of this feed, where the store has several
          --json              {"symbol","date","current":{…},"others":[…]}
        \(storeHelp)

        example: apex data origin AAPL 2024-03-28
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let path = try storePath(&arguments)
        let adjustment = try SeriesChoice.adjustment(&arguments)
        let feed = try arguments.value("--feed")?.lowercased()
        let json = arguments.flag("--json")
        let symbol = try arguments.word("the symbol")
        let text = try arguments.word("the date")
        try arguments.finishWithoutTrailing()
        guard let date = MarketDate.parse(text) else { throw UsageError("\(text) is no date; write YYYY-MM-DD.") }

        let store = try BarStore(path: path, access: .read)
        let basis = try SeriesChoice.basis(of: store, minutes: SeriesKey.dayMinutes, adjustment, feed)
        let key = SeriesKey(symbol: symbol, adjustment: basis.adjustment, feed: basis.feed)
        let start = BarTime.of(date: date)
        let bars = try store.bars(key, in: start..<start + 1)
        guard bars.count == 1, let origin = try store.origin(key, start: start) else {
            throw JobError(
                "\(path): no bar of \(symbol) on \(text); `apex data list --symbols \(symbol)` shows what is.")
        }
        let others = try store.revisions(key).filter { $0.bar.start == start }
        if json {
            printJSON([
                "symbol": .string(symbol), "date": .string(text), "current": describe(bars[0], origin, why: nil),
                "others": .array(others.map { describe($0.bar, $0.origin, why: $0.why) }),
            ])
        } else {
            for line in words(bars[0], origin, "current") { print(line) }
            for other in others { for line in words(other.bar, other.origin, other.why) { print(line) } }
        }
        return .done
    }

    private static func words(_ bar: Bar, _ origin: BarOrigin, _ why: String) -> [String] {
        [
            "\(why): open \(bar.open) high \(bar.high) low \(bar.low) close \(bar.close) volume \(bar.volume)",
            "    from \(origin.provider), tier \(origin.tier), received "
                + barTimeText(origin.received, minutes: 1) + ": \(printable(origin.request))",
        ]
    }
    private static func describe(_ bar: Bar, _ origin: BarOrigin, why: String?) -> JSONValue {
        .object(present: [
            "why": why.map { .string($0) }, "open": .number(bar.open), "high": .number(bar.high),
            "low": .number(bar.low), "close": .number(bar.close), "volume": .number(bar.volume),
            "provider": .string(origin.provider), "tier": JSONValue(origin.tier),
            "received": .string(barTimeText(origin.received, minutes: 1)), "request": .string(origin.request),
            "batch": .string(origin.identifier),
        ])
    }
}
