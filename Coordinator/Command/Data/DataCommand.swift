import Bars
import Foundation
import Market
import Messages

/// `apex data`: the store of bars. Each of its own subcommands is a file in this folder.
enum DataCommand: SubcommandGroup {
    static let name = "data"
    static let summary = "the store of bars: what it holds, whether it is sound, in and out"

    /// In the order people meet them.
    static var subcommands: [any Subcommand.Type] {
        [DataImport.self, DataList.self, DataCheck.self, DataOrigin.self, DataExport.self]
    }

    static var help: String {
        """
        usage: apex data COMMAND [OPTIONS]

        \(listing(of: subcommands))

        A store is one SQLite file. Bars are only added to it; what a provider changes later is kept beside what it
        said first. `apex weekend --store FILE` runs from it alone.
        \(storeHelp)

        example: apex data import us-daily.csv.gz
                 apex data check
        `apex data COMMAND --help` shows the rest.
        """
    }
}

let storeHelp = """
      --store FILE        the store (default $APEX_STORE, else bars.sqlite in $APEX_STATE or ~/.local/state/apex)
    """

/// Where the store of bars is.
func storePath(_ arguments: inout Arguments) throws(UsageError) -> String {
    if let named = try arguments.value("--store") { return absolute(named) }
    if let named = ProcessInfo.processInfo.environment["APEX_STORE"] { return absolute(named) }
    return absolute(Place.defaultState + "/bars.sqlite")
}

/// Which series a command is about; what was not said is not asked.
struct SeriesChoice {
    var minutes: Int?
    var adjustment: SeriesKey.Adjustment?
    var feed: String?
    var symbols: Set<String>?
    static let help = """
          --symbols A,B       these symbols only
          --timeframe T       bars of this length only, as 1d, 1h or 5m
          --adjustment A      raw, split, dividend or all prices only
          --feed F            this feed only, as sip or iex
        """

    init(_ arguments: inout Arguments) throws {
        if let text = try arguments.value("--timeframe") {
            guard let minutes = SeriesKey.minutes(timeframe: text) else {
                throw UsageError("--timeframe is \(text); give one as 1d, 1h or 5m.")
            }
            self.minutes = minutes
        }
        adjustment = try Self.adjustment(&arguments)
        feed = try arguments.value("--feed")?.lowercased()
        symbols = try arguments.value("--symbols").map { Set($0.split(separator: ",").map(String.init)) }
    }

    static func adjustment(_ arguments: inout Arguments) throws(UsageError) -> SeriesKey.Adjustment? {
        guard let text = try arguments.value("--adjustment") else { return nil }
        guard let adjustment = SeriesKey.Adjustment(rawValue: text) else {
            throw UsageError(
                "--adjustment is \(text); give \(SeriesKey.Adjustment.allCases.map(\.rawValue).joined(separator: ", "))."
            )
        }
        return adjustment
    }

    func includes(_ key: SeriesKey) -> Bool {
        (minutes ?? key.minutes) == key.minutes && (adjustment ?? key.adjustment) == key.adjustment
            && (feed ?? key.feed) == key.feed && symbols?.contains(key.symbol) ?? true
    }

    /// The one basis of daily bars that is meant.
    /// - Throws: when the store has none or several.
    static func basis(
        of store: BarStore, minutes: Int, _ adjustment: SeriesKey.Adjustment?, _ feed: String?
    ) throws -> BarStore.Basis {
        let all = try store.bases(minutes: minutes)
        let fitting = all.filter { (adjustment ?? $0.adjustment) == $0.adjustment && (feed ?? $0.feed) == $0.feed }
        guard fitting.count == 1 else {
            let has = all.isEmpty ? "no daily bars" : "daily bars as \(all.map(\.description).joined(separator: ", "))"
            throw JobError(
                "\(store.path): holds \(has); "
                    + (all.isEmpty
                        ? "`apex data import` brings some."
                        : "say which with --adjustment and --feed."))
        }
        return fitting[0]
    }
}

/// The daily bars of a store that another command works on: `--store FILE`, and with it `--adjustment` and `--feed`.
struct StoredBars {
    /// As it was named.
    let name: String
    var path: String { absolute(name) }
    let adjustment: SeriesKey.Adjustment?
    let feed: String?

    /// - Returns: nil without `--store`.
    init?(_ arguments: inout Arguments) throws {
        adjustment = try SeriesChoice.adjustment(&arguments)
        feed = try arguments.value("--feed")?.lowercased()
        guard let named = try arguments.value("--store") else {
            guard adjustment == nil, feed == nil else { throw UsageError("--adjustment and --feed go with --store.") }
            return nil
        }
        name = named
    }
}

/// A bar's time for people and files: a date for daily bars, else an instant in UTC.
func barTimeText(_ start: Int64, minutes: Int) -> String {
    if minutes == SeriesKey.dayMinutes { return MarketDate.text(BarTime.date(of: start)) }
    return timestamp(Date(timeIntervalSince1970: Double(start) / 1000))
}

/// Milliseconds since 1970.
func nowMilliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

/// A day that somebody typed.
func dateArgument(_ name: String, _ arguments: inout Arguments) throws(UsageError) -> Int32? {
    guard let text = try arguments.value(name) else { return nil }
    guard let date = MarketDate.parse(text) else { throw UsageError("\(name) is \(text); write a day as YYYY-MM-DD.") }
    return date
}

/// A check reads and stores verdicts; it must not make a store where none is.
func mustExist(_ path: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
        throw JobError("\(path): there is no such store; `apex data import FILE --store \(path)` makes one.")
    }
    return path
}
