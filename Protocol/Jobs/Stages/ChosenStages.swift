import Market
import Messages

extension ThreeStages {
    /// Trading days of the three windows, of each six: more where less is tuned.
    private static let shares = (coarse: 1, refine: 2)
    private static let fewestDays = 12

    /// Stages for who has bars and no plan: the days that signals can be had for, cut in windows of 1 : 2 : 3, and the
    /// symbols that traded for the most money in the 30 days before the first window, when nothing later was known.
    ///
    /// - Parameter name: what errors call the bars.
    package init(choosingFrom bars: DailyBars, name: String) throws(JobError) {
        var counts: [Int32: Int] = [:]
        for date in bars.dates { counts[date, default: 0] += 1 }
        let busiest = counts.values.max() ?? 0
        let days = counts.filter { 2 * $0.value >= busiest }.keys.sorted()
        let traded = Array(days.dropFirst(StrategyBars.signalBars))
        guard traded.count >= Self.fewestDays else {
            throw JobError(
                "\(name): \(days.count) trading days; three stages want \(StrategyBars.signalBars + Self.fewestDays), "
                    + "of which the first \(StrategyBars.signalBars) are only looked back on. Give a longer file.")
        }
        // A signal looks back on bars, not days: only symbols that miss none have the 30.
        let money: [(symbol: String, amount: Double)] = bars.symbols.indices.compactMap { symbol in
            let own = bars.starts[symbol]..<bars.starts[symbol + 1]
            let isPlain = bars.symbols[symbol].utf8.allSatisfy { (65...90).contains($0) }
            guard isPlain, own.count >= days.count, Set(bars.dates[own]).isSuperset(of: days) else { return nil }
            let amount = own.filter { bars.dates[$0] < traded[0] }.reduce(0) { $0 + bars.close[$1] * bars.volume[$1] }
            return (bars.symbols[symbol], amount)
        }
        guard money.count >= 2 else {
            throw JobError(
                "\(name): \(money.count) symbols have a bar on each of the \(days.count) trading days; three stages "
                    + "want at least 2. Give a file with more symbols, or say the stages in a file.")
        }
        let best = money.sorted { $0.amount == $1.amount ? $0.symbol < $1.symbol : $0.amount > $1.amount }
            .map(\.symbol)
        let coarseEnd = traded.count * Self.shares.coarse / 6
        let refineEnd = coarseEnd + traded.count * Self.shares.refine / 6
        func window(_ range: Range<Int>) -> Window { Window(traded[range.lowerBound], traded[range.upperBound - 1]) }
        try self.init(
            coarse: Setting(symbols: [best[0]], window: window(0..<coarseEnd), trials: 200),
            refine: Setting(
                symbols: Array(best.prefix(5)), window: window(coarseEnd..<refineEnd), trials: 60, promoted: 20),
            forward: Setting(
                symbols: Array(best.prefix(20)), window: window(refineEnd..<traded.count), trials: 5, promoted: 5))
    }
}
