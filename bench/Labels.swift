import Foundation
import Jobs
import Labels
import Market

/// `bench labels [ROUNDS]`: labels of every minute of a year of one symbol on one thread, beside looking at every bar of
/// every outcome.
enum LabelsBench {
    static func run(_ words: [String]) {
        let rounds = words.first.flatMap { Int($0) } ?? 5
        let series = minutes(sessions: 250)
        let until = series.end(of: series.count - 1)
        var (ours, ratios) = ([Double](), [Double]())
        for round in 1...max(rounds, 1) {
            let start = ContinuousClock.now
            let labeller = Labeller(finest: series, knownUntil: until, rules: LabelRules())
            var labelled = Label.SymbolRows(symbol: series.symbol)
            labeller.label(.minute1, days: 0..<40_000, stride: 1, into: &labelled)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let plainStart = ContinuousClock.now
            guard plain(series, labelled.rows) else { return print("WRONG: a bar-by-bar look finds other outcomes") }
            let plainSeconds = (ContinuousClock.now - plainStart) / .seconds(1)
            ours.append(Double(labelled.rows.count) / seconds)
            ratios.append(seconds / plainSeconds)
            print(
                "round \(round): \(labelled.rows.count) events, \(Int(ours[round - 1])) labels/s on one thread; "
                    + "bar by bar, outcomes alone: \(Int(Double(labelled.rows.count) / plainSeconds)) a second")
        }
        print(
            "median: \(Int(ours.sorted()[ours.count / 2])) labels/s; labels / bar by bar: "
                + "\((ratios.sorted()[ratios.count / 2] * 1000).rounded() / 1000) of its time")
    }

    /// Run-up, drawdown and barrier of every event from the bars one by one; true when they are the labels'.
    private static func plain(_ series: BarSeries, _ rows: [LabelRow]) -> Bool {
        for row in rows {
            let entry = series.firstBar(startingAtOrAfter: row.entryTime)
            guard let session = TradingSession(date: row.date) else { return false }
            let closes = session.later(by: LabelRules.pathSessions).closes
            let upper = row.entryPrice * (1 + 2 * row.volatility)
            let lower = row.entryPrice * (1 - 2 * row.volatility)
            var (high, low, side) = (0.0, Double.infinity, Int8(0))
            var bar = entry
            while bar < series.count, series.starts[bar] < closes {
                high = max(high, series.high[bar])
                low = min(low, series.low[bar])
                if side == 0 {
                    side =
                        series.open[bar] >= upper
                        ? 1 : series.low[bar] <= lower ? -1 : series.high[bar] >= upper ? 1 : 0
                }
                bar += 1
            }
            guard row.maxRunup == high / row.entryPrice - 1, row.maxDrawdown == low / row.entryPrice - 1,
                row.barrier == side
            else { return false }
        }
        return true
    }

    /// A walk of prices, a tenth of whose minutes are missing.
    private static func minutes(sessions: Int) -> BarSeries {
        var chance = SplitMix64(seed: 1)
        var series = BarSeries(symbol: "AA", timeframe: .minute1)
        guard var session = TradingSession(date: 2024_01_02) else { preconditionFailure("a day of trading") }
        var price = 50.0
        for _ in 0..<sessions {
            for start in stride(from: session.opens, to: session.closes, by: 60_000) where chance.next(below: 10) > 0 {
                let close = price * (1 + (chance.nextUnit() - 0.5) * 0.003)
                series.append(
                    start: start, open: price, high: max(price, close) * 1.0005, low: min(price, close) * 0.9995,
                    close: close, volume: 1000)
                price = close
            }
            session = session.later(by: 1)
        }
        return series
    }
}
