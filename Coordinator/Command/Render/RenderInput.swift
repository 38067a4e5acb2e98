import Bars
import Foundation
import Jobs
import Market
import Messages
import Providers

/// The bars that a render job draws, and where they come from.
struct RenderInput {
    private(set) var series: [BarSeries] = []
    private(set) var sources: [ChartEvents.Source] = []

    /// Daily bars of many symbols in one file.
    mutating func readDaily(_ path: String) throws {
        let bytes = try InputFile.bytes(path: path)
        let bars = try DailyBars(csv: bytes, name: path)
        var rejections = bars.rejected.list.map { ChartEvents.Rejection(reason: $0.reason.words, count: $0.count) }
        var strange = 0
        var outside = 0
        for symbol in bars.symbols.indices {
            guard SymbolName.fault(in: bars.symbols[symbol]) == nil else {
                strange += bars.starts[symbol + 1] - bars.starts[symbol]
                continue
            }
            let made = bars.series(of: symbol)
            outside += made.outsideSessions
            if made.series.count > 0 { series.append(made.series) }
        }
        for (reason, count) in [
            ("the symbol is not 1 to \(SymbolName.mostBytes) letters, digits or . - ^ _", strange),
            ("a day without a session", outside),
        ] where count > 0 { rejections.append(ChartEvents.Rejection(reason: reason, count: count)) }
        sources.append(source(path, bytes, rows: bars.rowCount, rejections))
    }

    /// Daily bars of a store: each known by who gave it.
    mutating func readStore(_ path: String, _ adjustment: SeriesKey.Adjustment?, _ feed: String?) throws {
        let store = try BarStore(path: try mustExist(path), access: .read)
        let basis = try SeriesChoice.basis(of: store, minutes: SeriesKey.dayMinutes, adjustment, feed)
        let (bars, batches) = try store.dailyMarket(basis)
        let before = series.count
        var outside = 0
        for symbol in bars.symbols.indices {
            let made = bars.series(of: symbol)
            outside += made.outsideSessions
            if made.series.count > 0 { series.append(made.series) }
        }
        let provided = try store.providers(of: batches).map {
            ProvidedBars(provider: $0.provider, tier: UInt8(clamping: $0.tier), bars: $0.bars)
        }
        sources.append(
            ChartEvents.Source(
                name: path.split(separator: "/").last.map(String.init) ?? path,
                // A store grows: what was read of it is what counts.
                hash: BlobID(of: SeriesSet(Array(series[before...])).wireBytes), rows: bars.count,
                rejected: outside > 0
                    ? [ChartEvents.Rejection(reason: "a day without a session", count: outside)] : [],
                provided: provided))
    }

    /// One-minute bars of one symbol a file; of a folder, all its files.
    mutating func readMinutes(_ path: String) throws {
        // Fails for a file, and for what is not there, of which the reader speaks.
        guard let all = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return try readMinuteFile(path)
        }
        let names = all.filter { $0.hasSuffix(".csv") || $0.hasSuffix(".csv.gz") }
        guard !names.isEmpty else {
            throw JobError("\(path): no file of bars here; give a folder of SYMBOL.csv or SYMBOL.csv.gz.")
        }
        for name in names.sorted() { try readMinuteFile(path + "/" + name) }
    }

    private mutating func readMinuteFile(_ path: String) throws {
        let minutes = try MinuteBars.read(path: path)
        guard !series.contains(where: { $0.symbol == minutes.series.symbol }) else {
            throw JobError("\(path): the symbol \(minutes.series.symbol) comes twice; give each file once.")
        }
        series.append(minutes.series)
        sources.append(
            source(
                path, try InputFile.bytes(path: path), rows: minutes.rowCount,
                minutes.rejected.list.map { ChartEvents.Rejection(reason: $0.reason.words, count: $0.count) }))
    }

    private func source(_ path: String, _ bytes: [UInt8], rows: Int, _ rejected: [ChartEvents.Rejection])
        -> ChartEvents.Source
    {
        ChartEvents.Source(
            name: path.split(separator: "/").last.map(String.init) ?? path, hash: BlobID(of: bytes), rows: rows,
            rejected: rejected, provided: [Self.unnamed(rows - rejected.reduce(0) { $0 + Int($1.count) })])
    }

    /// A file says nothing of who its bars are from.
    private static func unnamed(_ bars: Int) -> ProvidedBars {
        ProvidedBars(provider: Files.name, tier: Files().traits.tier, bars: max(0, bars))
    }
}
