import Foundation
import Store

/// A weekend as anybody with the sqlite3 shell sees it: run.sqlite and nothing else.
struct RunFile {
    /// One ticker's 31 bars in one window: 30 that the signal sees, then the outcome.
    struct Window {
        var open: [Double] = [], high: [Double] = [], low: [Double] = [], close: [Double] = [], volume: [Double] = []
        var isHit: Bool { close[30] > open[30] }
    }
    struct Variation {
        var identifier: String
        var parameters: [String: Any]
        /// By column name.
        var metrics: [String: Double]
        /// Per day, oldest first, as stored.
        var buys: [[String]]
        func number(_ name: String) -> Double { (parameters[name] as? NSNumber)?.doubleValue ?? .nan }
        func integer(_ name: String) -> Int { Int(number(name)) }
        func word(_ name: String) -> String { parameters[name] as? String ?? "" }
    }
    struct Group {
        var identifier: String
        var size: Int
        var members: [String]
        var numbers: [String: Double]
        var dayPP: [Double]
        var dayBuys: [[String]]
        var isChosen: Bool
    }

    static let algorithms = [
        "macd", "ema", "rsi", "breakout", "adx", "volatility", "sma", "bollinger", "ema_macd", "rsi_bollinger",
    ]
    static let metricColumns = [
        "pooled_buys", "pooled_hits", "pooled_pp", "median_pp", "mad", "iqr", "range", "buycount_median", "buycount_cv",
        "wilson_lb", "ew_pp", "repeat_rate", "top10_share", "min_daily_hits", "stability_score",
    ]

    /// In `order_idx` order.
    var symbols: [String] = []
    /// `windows[day][symbol]`
    var windows: [[String: Window]] = []
    var variations: [String: [Variation]] = [:]
    var pruned: [String: [String]] = [:]
    var candidates: [Group] = []
    var finals: [Group] = []
    var info: [String: String] = [:]

    init(_ path: String) throws {
        let database = try Database(path: path, mode: .readOnly)
        let universe = try database.prepare("SELECT symbol FROM universe ORDER BY order_idx")
        while try universe.step() { symbols.append(universe.text(0)) }
        for day in 1...5 {
            var windows: [String: Window] = [:]
            let bars = try database.prepare(
                "SELECT symbol, open, high, low, close, volume FROM ds_day\(day) ORDER BY symbol, bar")
            while try bars.step() {
                var window = windows[bars.text(0)] ?? Window()
                window.open.append(bars.double(1))
                window.high.append(bars.double(2))
                window.low.append(bars.double(3))
                window.close.append(bars.double(4))
                window.volume.append(bars.double(5))
                windows[bars.text(0)] = window
            }
            self.windows.append(windows)
        }
        let metrics = Self.metricColumns.joined(separator: ", ")
        for algorithm in Self.algorithms {
            let rows = try database.prepare(
                """
                SELECT identifier, params_json, day1_buys_json, day2_buys_json, day3_buys_json, day4_buys_json,
                    day5_buys_json, \(metrics) FROM \(algorithm)
                """)
            while try rows.step() {
                let parameters = try JSONSerialization.jsonObject(with: Data(rows.text(1).utf8)) as? [String: Any]
                var variation = Variation(
                    identifier: rows.text(0), parameters: parameters ?? [:], metrics: [:], buys: [])
                for day in 0..<5 { variation.buys.append(try Self.strings(rows.text(2 + day))) }
                for (at, name) in Self.metricColumns.enumerated() { variation.metrics[name] = rows.double(7 + at) }
                variations[algorithm, default: []].append(variation)
            }
            let kept = try database.prepare("SELECT identifier FROM pruned_\(algorithm)")
            while try kept.step() { pruned[algorithm, default: []].append(kept.text(0)) }
        }
        candidates = try Self.groups(database, "candidate_groups")
        finals = try Self.groups(database, "final_groups")
        let rows = try database.prepare("SELECT key, value FROM run_info")
        while try rows.step() { info[rows.text(0)] = rows.text(1) }
    }

    private static func strings(_ json: String) throws -> [String] {
        try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String] ?? []
    }

    private static func groups(_ database: borrowing Database, _ table: String) throws -> [Group] {
        let numbers = ["score", "pooled_pp", "median_pp", "wilson_lb", "mean_buys", "cv", "mad", "iqr", "slope", "rf"]
        let rows = try database.prepare(
            """
            SELECT identifier, group_size, members_json, day_pp_json, day_buys_json, chosen,
                \(numbers.joined(separator: ", ")) FROM \(table) ORDER BY rowid
            """)
        var groups: [Group] = []
        while try rows.step() {
            let pp = try JSONSerialization.jsonObject(with: Data(rows.text(3).utf8)) as? [Double] ?? []
            let buys = try JSONSerialization.jsonObject(with: Data(rows.text(4).utf8)) as? [[String]] ?? []
            var group = Group(
                identifier: rows.text(0), size: Int(rows.integer(1)), members: try strings(rows.text(2)), numbers: [:],
                dayPP: pp, dayBuys: buys, isChosen: rows.integer(5) == 1)
            for (at, name) in numbers.enumerated() { group.numbers[name] = rows.double(6 + at) }
            groups.append(group)
        }
        return groups
    }
}
