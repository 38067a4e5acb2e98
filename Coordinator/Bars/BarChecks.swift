import Foundation
import Market

/// Judges the bars of one series by themselves. Pure: the same bars give the same verdicts.
package enum BarChecks {
    /// - Returns: in order of time within each rule, the rules in the order of `BarVerdict.Kind`.
    package static func verdicts(
        _ bars: BarColumns, of key: SeriesKey, limits: BarLimits = BarLimits()
    ) -> [BarVerdict] {
        var verdicts: [BarVerdict] = []
        for at in 0..<bars.count {
            if at > 0, bars.starts[at] <= bars.starts[at - 1] {
                verdicts.append(BarVerdict(.timeNotAscending, at: bars.starts[at], "not after the bar before it"))
            }
            if let fault = BarFault.of(bars[at], minutes: key.minutes) {
                verdicts.append(BarVerdict(.impossible, at: bars.starts[at], fault.words))
            }
        }
        // What follows divides by prices and counts days in order.
        guard verdicts.isEmpty else { return verdicts }
        verdicts += outliers(bars, limits)
        verdicts += frozen(bars, limits)
        for at in 0..<bars.count where bars.volume[at] == 0 {
            verdicts.append(BarVerdict(.zeroVolume, at: bars.starts[at], "nothing was traded"))
        }
        if key.minutes == SeriesKey.dayMinutes { verdicts += sessions(bars) }
        return verdicts
    }

    // MARK: Against neighbours

    /// How many bars before and after a bar it is compared with.
    private static let neighbours = 3

    private static func outliers(_ bars: BarColumns, _ limits: BarLimits) -> [BarVerdict] {
        guard bars.count >= 2 * neighbours + 1 else { return [] }
        let logs = bars.close.map { log($0) }
        let typical = 1.4826 * median((1..<logs.count).map { abs(logs[$0] - logs[$0 - 1]) })
        let limit = max(log(1 + limits.move), limits.typicalMoves * typical)
        var (spikes, wicks, steps): ([BarVerdict], [BarVerdict], [BarVerdict]) = ([], [], [])
        for at in 0..<bars.count {
            let before = at > 0 ? median(Array(logs[max(0, at - neighbours)..<at])) : nil
            let after = at + 1 < bars.count ? median(Array(logs[at + 1..<min(bars.count, at + 1 + neighbours)])) : nil
            let fromBefore = before.map { logs[at] - $0 }
            let fromAfter = after.map { logs[at] - $0 }
            let start = bars.starts[at]
            if let fromBefore, let fromAfter, fromBefore * fromAfter > 0,
                min(abs(fromBefore), abs(fromAfter)) > limit
            {
                let percent = times(exp(fromBefore))
                spikes.append(BarVerdict(.spike, at: start, "close \(bars.close[at]) is \(percent) those before it"))
                continue
            }
            let reference = [logs[at], log(bars.open[at])] + [before, after].compactMap { $0 }
            if log(bars.high[at]) - reference.max()! > limit || reference.min()! - log(bars.low[at]) > limit {
                wicks.append(
                    BarVerdict(
                        .wick, at: start,
                        "high \(bars.high[at]), low \(bars.low[at]) with open \(bars.open[at]), close \(bars.close[at])"
                    ))
            }
            if at >= neighbours, at + neighbours <= bars.count { steps += step(at, bars, logs, limit) }
        }
        return spikes + wicks + steps
    }

    /// The bars before and those from `at` on agree with themselves and not with each other.
    private static func step(_ at: Int, _ bars: BarColumns, _ logs: [Double], _ limit: Double) -> [BarVerdict] {
        let before = logs[at - neighbours..<at]
        let after = logs[at..<at + neighbours]
        let gap = logs[at] - logs[at - 1]
        guard abs(gap) > limit, before.max()! - before.min()! < abs(gap) / 2, after.max()! - after.min()! < abs(gap) / 2
        else { return [] }
        // The step at the open: what happened before the market opened, without the day's own move.
        let ratio = bars.open[at] / bars.close[at - 1]
        let words = "open \(bars.open[at]) after close \(bars.close[at - 1]), \(times(ratio)) it"
        guard let split = splits.first(where: { abs(ratio * $0.ratio - 1) < 0.04 }) else {
            return [BarVerdict(.step, at: bars.starts[at], words)]
        }
        return [BarVerdict(.possibleSplit, at: bars.starts[at], words + ": \(split.name) for 1?")]
    }
    /// Shares after for each before.
    private static let splits: [(ratio: Double, name: String)] = [
        (2, "2"), (3, "3"), (4, "4"), (5, "5"), (6, "6"), (7, "7"), (8, "8"), (10, "10"), (20, "20"), (1.5, "3/2"),
        (0.5, "1/2"), (1.0 / 3, "1/3"), (0.25, "1/4"), (0.2, "1/5"), (0.1, "1/10"), (1.0 / 15, "1/15"), (0.05, "1/20"),
        (0.04, "1/25"), (0.02, "1/50"),
    ]

    private static func frozen(_ bars: BarColumns, _ limits: BarLimits) -> [BarVerdict] {
        var verdicts: [BarVerdict] = []
        var start = 0
        while start < bars.count {
            var end = start + 1
            while end < bars.count, bars[end].hasValues(of: bars[start]) { end += 1 }
            if end - start >= limits.frozen, bars.volume[start] > 0 {
                verdicts.append(BarVerdict(.frozen, at: bars.starts[start], "\(end - start) equal bars in a row"))
            }
            start = end
        }
        return verdicts
    }

    // MARK: Against the calendar

    private static func sessions(_ bars: BarColumns) -> [BarVerdict] {
        guard bars.count > 0 else { return [] }
        // Daily starts are whole days: `BarFault` judged them above.
        func day(_ at: Int) -> Int { Int(bars.starts[at] / BarTime.day) }
        // The calendar's rules begin with 1990.
        let known = MarketDate.dayNumber(1990_01_01)
        var verdicts: [BarVerdict] = []
        var missing: [Int] = []
        for at in 0..<bars.count {
            let today = day(at)
            guard today >= known else { continue }
            if TradingSession(dayNumber: today) == nil {
                verdicts.append(BarVerdict(.noSession, at: bars.starts[at], "New York was closed"))
            }
            guard at > 0 else { continue }
            for between in max(known, day(at - 1) + 1)..<today where TradingSession(dayNumber: between) != nil {
                missing.append(between)
            }
        }
        if let first = missing.first, let last = missing.last {
            verdicts.append(
                BarVerdict(
                    .gap, at: nil,
                    "\(missing.count) sessions without a bar, the first \(MarketDate.text(MarketDate.date(dayNumber: first))), "
                        + "the last \(MarketDate.text(MarketDate.date(dayNumber: last)))"))
        }
        return verdicts
    }

    // MARK: Numbers

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
    /// `2.5 times`
    static func times(_ ratio: Double) -> String { "\((ratio * 1000).rounded() / 1000) times" }
}
