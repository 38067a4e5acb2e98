import Bars
import Foundation
import Jobs
import Market
import Messages
import Providers
import Store

/// What `apex submit ingest` was told: only what the store does not have is wanted.
struct IngestOptions {
    static let help = """
        ingest fetches bars from providers under one budget and stores what is new; what the store has is not asked for.

          --symbols FILE      a symbol a line, the most important first, or `universe`: those in the store, by the money
                              traded in their last 20 days
          --from DATE         first day, as 2021-01-04; instead --days N: the last N days
          --to DATE           last day (default yesterday)
          --timeframe T       1d, 1h, 15m, 5m or 1m (default 1d)
          --adjustment A      splits, raw or all (default splits); providers without it are not asked
          --providers LIST    in the order in which they are tried: polygon, alpaca, twelvedata, tradier, alphavantage, ibkr,
                              files
          --limit P=N/WINDOW  another limit than the free plan's, as alpaca=10000/minute; may be given several times
          --ceiling N         units to use at most; the least important symbols are left out
          --ceiling-dollars D what they may cost at most, as 12.50, by the --price of each provider
          --price P=D         dollars a unit of a provider costs, as polygon=0.002; may be given several times
          --store FILE        the store that is looked at (default bars.sqlite of the coordinator's state)

        Several ingests at once share one budget: no provider is asked more than its plan allows, whoever submits. A
        batch that waits for its quota holds no slot. The provider files reads APEX_FILES_PATH of the worker: a CSV file,
        plain or gzip, or a folder of them, of the adjustment that --adjustment says. A symbol that no provider knows is
        reported and left out for 30 days, one that is not in the files for a day.

        Keys are the workers': APEX_POLYGON_KEY, APEX_ALPACA_KEY and APEX_ALPACA_SECRET, APEX_TWELVEDATA_KEY,
        APEX_TRADIER_KEY, APEX_ALPHAVANTAGE_KEY, in their environment or in ~/.config/apex/provider-keys (mode 600).

        example: apex submit ingest --symbols sp500.txt --from 2021-01-04 --providers alpaca,tradier --wait
        """

    private var wants: [BarsWanted]
    private let providers: [String]
    private var limits: [Ingest.Limits] = []
    private let ceiling: UInt64, ceilingMicrodollars: UInt64
    /// Symbols left out, because every provider said lately that they do not exist.
    let unknown: [String]

    /// - Parameter looksAtStore: false: only whether the words can be understood.
    init(_ arguments: inout Arguments, _ place: Place, looksAtStore: Bool = true) throws {
        func date(_ name: String, _ text: String) throws -> Int32 {
            guard let date = MarketDate.parse(text) else {
                throw UsageError("\(name) is \(text); give a day as 2021-01-04.")
            }
            return date
        }
        let wall = UInt64(Date().timeIntervalSince1970 * 1000)
        let today = MarketDate.date(dayNumber: NewYorkTime.dayNumber(of: Int64(wall)))
        guard let symbols = try arguments.value("--symbols") else {
            throw UsageError("--symbols is missing; give a file with a symbol a line, or universe.")
        }
        let first = try arguments.value("--from")
        let days = try arguments.integer("--days", 1...36_500)
        guard (first == nil) != (days == nil) else {
            throw UsageError("give --from, the first day, as 2021-01-04, or --days, how many days back.")
        }
        let from =
            try first.map { try date("--from", $0) }
            ?? MarketDate.date(
                dayNumber: MarketDate.dayNumber(today) - (days ?? 1))
        let yesterday = MarketDate.date(dayNumber: MarketDate.dayNumber(today) - 1)
        let to = try arguments.value("--to").map { try date("--to", $0) } ?? yesterday
        guard from <= to else {
            throw UsageError(
                "--from \(MarketDate.text(from)) is after --to \(MarketDate.text(to)); give the earlier day first.")
        }
        guard to <= today else {
            throw UsageError("--to \(MarketDate.text(to)) is in the future; give a day up to today.")
        }
        let timeframeName = try arguments.value("--timeframe") ?? "1d"
        guard let timeframe = Timeframe(name: timeframeName) else {
            throw UsageError("--timeframe is \(timeframeName); give 1d, 1h, 15m, 5m or 1m.")
        }
        let adjustmentName = try arguments.value("--adjustment") ?? "splits"
        guard let adjustment = Adjustment(name: adjustmentName) else {
            throw UsageError("--adjustment is \(adjustmentName); give splits, raw or all.")
        }
        guard let list = try arguments.value("--providers") else {
            throw UsageError(
                "--providers is missing; name those that keys are for: \(ProviderList.names.joined(separator: ", ")).")
        }
        providers = list.split(separator: ",").map(String.init)
        for name in providers where ProviderList.provider(named: name) == nil {
            throw UsageError("there is no provider \(name); there are \(ProviderList.names.joined(separator: ", ")).")
        }
        while let text = try arguments.firstValue("--limit") { limits.append(try Self.limit(text)) }
        while let text = try arguments.firstValue("--price") { try Self.price(text, &limits) }
        ceiling = try arguments.integer("--ceiling", 1...UInt64.max) ?? 0
        ceilingMicrodollars =
            try arguments.value("--ceiling-dollars").map { text in
                guard let micro = Self.microdollars(text), micro > 0 else {
                    throw UsageError("--ceiling-dollars is \(text); give dollars above 0, as 12.50.")
                }
                return micro
            } ?? 0
        if ceilingMicrodollars > 0, !limits.contains(where: { $0.microdollarsPerUnit > 0 }) {
            throw UsageError("--ceiling-dollars needs a --price for a provider, as --price polygon=0.002.")
        }
        let named = try arguments.value("--store")
        try arguments.finishWithoutTrailing()
        guard looksAtStore else {
            (unknown, wants) = ([], [])
            return
        }
        var path: String?
        if let named { path = absolute(named) } else if case .local(let folder) = place { path = folder.bars }
        let store = try path.flatMap {
            FileManager.default.fileExists(atPath: $0) ? try BarStore(path: $0, access: .read) : nil
        }
        let want = BarsWanted(
            symbols: [], from: from, to: to, timeframe: timeframe, adjustment: adjustment, today: today)
        let feeds = providers.compactMap { ProviderList.provider(named: $0)?.traits.feed }
        let all = try symbols == "universe" ? Self.universe(store, want, feeds) : Self.symbols(in: symbols)
        var unknown: Set<String>?
        for name in providers {
            let days = ProviderList.provider(named: name)?.traits.unknownDays ?? 0
            let known = try store?.unknown(to: name, since: wall - min(wall, days * ProviderLimits.day)) ?? []
            unknown = unknown.map { $0.intersection(known) } ?? known
        }
        self.unknown = all.filter { unknown?.contains($0) ?? false }
        wants = try Self.missing(all.filter { !(unknown?.contains($0) ?? false) }, want, feeds, in: store)
    }

    static func show(_ summary: Ingest.Summary) {
        print(
            "\(counted(summary.bars, "bar")) of \(summary.answered) of \(counted(summary.wanted, "symbol")) in "
                + counted(summary.calls, "call"))
        for source in summary.sources {
            print(
                "  \(source.name): \(counted(source.units, "unit")); \(source.succeeded) answered, \(source.empty) empty, "
                    + "\(source.limited) too many, \(source.failed) failed, \(source.declined) declined; p50 "
                    + "\(source.medianMilliseconds) ms, p95 \(source.slowMilliseconds) ms"
                    + (source.stopped.isEmpty ? "" : "; stopped: \(source.stopped)"))
        }
        for words in summary.alerts { print("  alert: \(words)") }
        for unknown in summary.unknown { print("  \(unknown.symbol): \(unknown.words)") }
        let shown = 20
        for gap in summary.gaps.prefix(shown) {
            print("  gap: \(gap.symbol) \(MarketDate.text(gap.from)) to \(MarketDate.text(gap.to)): \(gap.words)")
        }
        if summary.gaps.count > shown { print("  … and \(summary.gaps.count - shown) gaps more.") }
    }

    func spec() -> Ingest.Spec {
        var spec = Ingest.Spec(providers: providers, wants: wants)
        spec.limits = limits
        spec.ceilingUnits = ceiling
        spec.ceilingMicrodollars = ceilingMicrodollars
        return spec
    }

    /// `12.50` as millionths, exactly.
    private static func microdollars(_ text: String) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = UInt64(parts[0]), whole <= 1_000_000_000 else { return nil }
        let part = parts.count == 2 ? String(parts[1]) : ""
        guard part.count <= 6, part.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return whole * 1_000_000 + (UInt64(part + String(repeating: "0", count: 6 - part.count)) ?? 0)
    }
    /// `polygon=0.002`.
    private static func price(_ text: String, _ limits: inout [Ingest.Limits]) throws {
        let parts = text.split(separator: "=").map(String.init)
        guard parts.count == 2, let provider = ProviderList.provider(named: parts[0]),
            let micro = microdollars(parts[1])
        else { throw UsageError("--price is \(text); give PROVIDER=DOLLARS, as polygon=0.002.") }
        if let at = limits.firstIndex(where: { $0.provider == provider.name }) {
            limits[at].microdollarsPerUnit = micro
        } else {
            limits.append(
                Ingest.Limits(provider: provider.name, limits: provider.traits.limits, microdollarsPerUnit: micro))
        }
    }

    /// `alpaca=10000/minute`: instead of all of the plan's rates.
    private static func limit(_ text: String) throws -> Ingest.Limits {
        let windows = [
            ("second", ProviderLimits.second), ("minute", ProviderLimits.minute), ("hour", ProviderLimits.hour),
            ("day", ProviderLimits.day),
        ]
        let parts = text.split { $0 == "=" || $0 == "/" }.map(String.init)
        guard parts.count == 3, let provider = ProviderList.provider(named: parts[0]), let units = UInt32(parts[1]),
            units > 0, let window = windows.first(where: { $0.0 == parts[2] })
        else { throw UsageError("--limit is \(text); give PROVIDER=UNITS/WINDOW, as alpaca=10000/minute.") }
        let limits = ProviderLimits([.init(units, per: window.1)], concurrent: provider.traits.limits.concurrent)
        return Ingest.Limits(provider: parts[0], limits: limits)
    }

    private static func symbols(in path: String) throws -> [String] {
        let text: String
        do { text = try String(contentsOfFile: absolute(path), encoding: .utf8) } catch {
            throw UsageError("--symbols \(path): cannot be read; give a file with a symbol a line, or universe.")
        }
        var (symbols, seen): ([String], Set<String>) = ([], [])
        for (at, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            let symbol = line.split(separator: ",", omittingEmptySubsequences: false)[0].trimmingCharacters(
                in: .whitespaces)
            if symbol.isEmpty || (at == 0 && symbol.lowercased() == "symbol") { continue }
            if let fault = SymbolName.fault(in: symbol) { throw UsageError("--symbols \(path):\(at + 1): \(fault).") }
            if seen.insert(symbol).inserted { symbols.append(symbol) }
        }
        guard !symbols.isEmpty else { throw UsageError("--symbols \(path): holds no symbol; give one a line.") }
        return symbols
    }

    /// Those in the store, by the money traded in their last 20 bars of a day.
    private static func universe(_ store: BarStore?, _ want: BarsWanted, _ feeds: [String]) throws -> [String] {
        var money: [String: Double] = [:]
        for summary in try store?.series() ?? [] where summary.key.minutes == SeriesKey.dayMinutes {
            guard let store, feeds.contains(summary.key.feed) else { continue }
            let bars = try store.bars(summary.key, in: summary.last - 30 * BarTime.day..<summary.last + 1)
            var traded = 0.0
            for at in max(0, bars.count - 20)..<bars.count { traded += bars.close[at] * bars.volume[at] }
            money[summary.key.symbol] = max(money[summary.key.symbol] ?? 0, traded)
        }
        guard !money.isEmpty else {
            throw UsageError("--symbols universe: the store has no daily bars yet; give a file with a symbol a line.")
        }
        return money.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    }

    /// What no provider's answer covers, in batches of symbols that lack the same days, in the symbols' order.
    private static func missing(_ symbols: [String], _ want: BarsWanted, _ feeds: [String], in store: BarStore?) throws
        -> [BarsWanted]
    {
        var wants: [BarsWanted] = []
        var places: [Range<Int64>: Int] = [:]  // looked up only
        let whole = BarTime.of(date: want.from)..<BarTime.of(date: want.to) + BarTime.day
        for symbol in symbols {
            var ranges = [whole]
            if let store {
                for feed in Set(feeds).sorted() {
                    ranges = try ranges.flatMap { try store.missing(SeriesKey(want, symbol, feed: feed), $0) }
                }
            }
            for range in ranges {
                if let place = places[range] {
                    wants[place].symbols.append(symbol)
                    continue
                }
                var part = want
                part.symbols = [symbol]
                part.from = BarTime.date(of: range.lowerBound)
                part.to = BarTime.date(of: range.upperBound - 1)
                places[range] = wants.count
                wants.append(part)
            }
        }
        return wants
    }
}
