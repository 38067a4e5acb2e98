import Bars
import Blobs
import JSON
import Market
import Messages

/// `apex data import`.
enum DataImport: Subcommand {
    static let name = "import"
    static let summary = "add the daily bars of CSV files"
    static let help = """
        usage: apex data import FILE… [OPTIONS]

        Adds the bars of files (CSV or gzip, with symbol,date,open,high,low,close,volume in any order). The same file
        again adds nothing; after an interruption it goes on where it stopped. Rows that are no bars are counted.

          --provider NAME     whose bars they are (default file)
          --adjustment A      how prices were adjusted: raw, split (default), dividend or all
          --feed F            whose trades: sip (default), iex, …
          --tier N            the source's quality, 0 the best (default 5); where two sources differ the better counts
          --json              one JSON object: {"store","rows","rejected","added","same","revised","aside","refused"}
        \(storeHelp)

        example: apex data import us-daily.csv.gz --adjustment split
        """

    /// Symbols stored at once: an interruption loses no more.
    private static let symbolsPerBatch = 200

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let path = try storePath(&arguments)
        let provider = try arguments.value("--provider") ?? "file"
        let adjustment = try SeriesChoice.adjustment(&arguments) ?? .split
        let feed = try arguments.value("--feed")?.lowercased() ?? SeriesKey.consolidated
        let tier = try arguments.integer("--tier", 0...100) ?? 5
        let json = arguments.flag("--json")
        var files = [try arguments.word("the file of bars")]
        while let file = arguments.optionalWord() { files.append(file) }
        try arguments.finishWithoutTrailing()

        let store = try BarStore(path: path, access: .write)
        var total = AppendOutcome()
        var (rows, rejected) = (0, 0)
        for file in files {
            let csv = try InputFile.bytes(path: file)
            let bars = try DailyBars(csv: csv, name: file)
            rows += bars.rowCount
            rejected += bars.rejected.total
            for row in bars.rejected.list {
                complain("\(file): \(row.count) × \(row.reason.words), first in line \(row.firstLine)")
            }
            let content = BlobID(of: csv).description
            for first in stride(from: 0, to: bars.symbols.count, by: symbolsPerBatch) {
                let symbols = first..<min(first + symbolsPerBatch, bars.symbols.count)
                let batch = BarBatch(
                    identifier: "import \(content) \(provider) \(adjustment.rawValue) \(feed) \(tier) \(first)",
                    provider: provider, request: "import of \(absolute(file)), symbols \(symbols)",
                    received: nowMilliseconds(), tier: tier,
                    series: symbols.map { symbol in
                        BarBatch.Series(
                            SeriesKey(symbol: bars.symbols[symbol], adjustment: adjustment, feed: feed),
                            (bars.starts[symbol]..<bars.starts[symbol + 1]).map { bars.bar($0) })
                    })
                total.add(try store.append(batch))
            }
        }
        if json {
            printJSON([
                "store": .string(path), "rows": JSONValue(rows), "rejected": JSONValue(rejected),
                "added": JSONValue(total.added), "same": JSONValue(total.same), "revised": JSONValue(total.revised),
                "aside": JSONValue(total.aside), "refused": JSONValue(total.refused),
            ])
        } else {
            print(
                "\(path): \(total.added) bars added, \(total.same) there already, \(total.revised) revised, "
                    + "\(total.aside) kept beside better ones; \(rejected) of \(rows) rows are no bars")
        }
        return .done
    }
}

extension DailyBars {
    fileprivate func bar(_ at: Int) -> Bar {
        Bar(
            start: BarTime.of(date: dates[at]), open: open[at], high: high[at], low: low[at], close: close[at],
            volume: volume[at])
    }
}

extension AppendOutcome {
    mutating func add(_ other: AppendOutcome) {
        added += other.added
        same += other.same
        revised += other.revised
        aside += other.aside
        refused += other.refused
    }
}
