import Bars
import Foundation
import Market
import Messages

/// `apex data export`.
enum DataExport: Subcommand {
    static let name = "export"
    static let summary = "write bars as CSV"
    static let help = """
        usage: apex data export [OPTIONS]

        Writes the current bars as CSV, sorted by symbol and time, numbers with as many digits as read back the same:
        symbol,date,open,high,low,close,volume for daily bars, else timestamp_ms (UTC, since 1970) instead of date.

          --out FILE          write there, whole or not at all (default: standard output)
          --from DATE         the first day; --to DATE the last
        \(SeriesChoice.help)
        \(storeHelp)

        example: apex data export --from 2024-01-01 --out bars.csv
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let path = try storePath(&arguments)
        var choice = try SeriesChoice(&arguments)
        let out = try arguments.value("--out")
        let from = try dateArgument("--from", &arguments) ?? 19_000_101
        let to = try dateArgument("--to", &arguments) ?? 21_991_231
        try arguments.finishWithoutTrailing()

        let minutes = choice.minutes ?? SeriesKey.dayMinutes
        let store = try BarStore(path: path, access: .read)
        let basis = try SeriesChoice.basis(of: store, minutes: minutes, choice.adjustment, choice.feed)
        (choice.minutes, choice.adjustment, choice.feed) = (minutes, basis.adjustment, basis.feed)
        let times = BarTime.of(date: from)..<BarTime.of(date: to) + BarTime.day
        let target = try Target(out)
        let isDaily = minutes == SeriesKey.dayMinutes
        var text = "symbol,\(isDaily ? "date" : "timestamp_ms"),open,high,low,close,volume\n"
        var count = 0
        for series in try store.series() where choice.includes(series.key) {
            let bars = try store.bars(series.key, in: times)
            count += bars.count
            for at in 0..<bars.count {
                text += series.key.symbol + ","
                text += isDaily ? MarketDate.text(BarTime.date(of: bars.starts[at])) : String(bars.starts[at])
                for value in [bars.open[at], bars.high[at], bars.low[at], bars.close[at], bars.volume[at]] {
                    text += "," + plain(value)
                }
                text += "\n"
                if text.utf8.count > 1 << 20 {
                    try target.write(text)
                    text = ""
                }
            }
        }
        try target.write(text)
        try target.finish()
        if let out { complain("\(out): \(count) bars") }
        return .done
    }

    /// The shortest digits that read back as the same double, whole numbers without a point.
    private static func plain(_ value: Double) -> String {
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return "\(value)"
    }

    /// Standard output, or a file that appears when it is complete.
    private struct Target {
        private let handle: FileHandle
        private let path: String?
        private var draft: String { (path ?? "") + ".part" }

        init(_ path: String?) throws {
            self.path = path
            guard let path else {
                handle = .standardOutput
                return
            }
            guard FileManager.default.createFile(atPath: path + ".part", contents: nil),
                let file = FileHandle(forWritingAtPath: path + ".part")
            else { throw JobError("\(path): cannot be written; check the folder and its permissions.") }
            handle = file
        }
        func write(_ text: String) throws { try handle.write(contentsOf: Data(text.utf8)) }
        func finish() throws {
            guard let path else { return }
            try handle.synchronize()
            try handle.close()
            guard unsafe rename(draft, path) == 0 else {
                throw JobError("\(path): cannot be replaced; \(draft) has the bars.")
            }
        }
    }
}
