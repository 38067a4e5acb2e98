import Jobs
import Market
import Messages

/// Trades the weekend's algorithms on some symbols, day by day through a window: a BUY (DESIGN §5.2) on the 30 bars
/// before a day buys at its open and sells at its close.
///
/// The kernel's universe has "tickers" of 35 bars with five windows each; here each is five consecutive days of one
/// symbol, so that one evaluation answers for all days of all symbols.
package final class StrategyBacktest {
    private let kernel: VariationKernel
    private let bars: StrategyBars
    private let rules: TradingRules
    /// Per symbol of the stage: its place in `bars`, and the bars of its days in the window.
    private let traded: [(symbol: Int, days: Range<Int>)]
    /// Per symbol its first ticker; a ticker's window w is the traded day `5 · ticker + w`, counted from the symbol's first.
    private let tickers: [Int]

    /// - Throws: when the bars do not reach: they were cut for other stages.
    package init(_ bars: StrategyBars, _ part: ThreeStages.Part) throws(JobError) {
        var traded: [(symbol: Int, days: Range<Int>)] = []
        var tickers: [Int] = []
        var rows: [[Int]] = []  // per ticker the bars it shows
        for name in part.symbols {
            guard let symbol = bars.symbols.firstIndex(of: name) else {
                throw JobError("stage \(part.stage.name): the study's bars lack \(name); make the study again.")
            }
            let own = bars.starts[symbol]..<bars.starts[symbol + 1]
            let first = own.first { bars.dates[$0] >= part.window.first } ?? own.upperBound
            let end = own.first { bars.dates[$0] > part.window.last } ?? own.upperBound
            guard first < end, first - own.lowerBound >= StrategyBars.signalBars else {
                throw JobError(
                    "stage \(part.stage.name): the study's bars of \(name) do not cover \(part.window); make the "
                        + "study again.")
            }
            tickers.append(rows.count)
            traded.append((symbol, first..<end))
            for day in stride(from: first, to: end, by: Universe.windows) {
                // The last days may be fewer than five: what lies beyond the window repeats its last bar, and what the
                // kernel says of those days is not looked at.
                rows.append(
                    (0..<Universe.days).map { min(day - StrategyBars.signalBars + $0, end - 1) })
            }
        }
        func field(_ values: [Double]) -> [Double] {
            (0..<Universe.days).flatMap { day in rows.map { values[$0[day]] } }
        }
        let universe = Universe(
            symbols: rows.indices.map { "\($0)" }, dates: (0..<Universe.days).map { Int32($0) },
            open: field(bars.open), high: field(bars.high), low: field(bars.low), close: field(bars.close),
            volume: field(bars.volume))
        kernel = VariationKernel(universe: universe, cacheBytes: 64 << 20)
        self.bars = bars
        rules = part.rules
        self.traded = traded
        self.tickers = tickers
    }

    /// Whether `trade` takes it: `Variation.isFeasible(windowBars:)`.
    package func accepts(_ variation: Variation) -> Bool { kernel.accepts(variation) }

    /// What the variation earns and risks, per symbol in the stage's order. All in the currency of the bars.
    ///
    /// - Parameter variation: one that it accepts; traps otherwise.
    package func trade(_ variation: Variation) -> [TradingMetrics] {
        let buys = kernel.evaluate([variation])[0].buys
        return zip(traded, tickers).map { own, ticker in
            var account = TradingAccount(rules)
            for (at, day) in own.days.enumerated()
            where buys[at % Universe.windows].contains(ticker + at / Universe.windows) {
                account.buy(before: bars.close[day - 1], open: bars.open[day], close: bars.close[day])
            }
            return account.metrics
        }
    }
}

/// The books of one symbol.
struct TradingAccount {
    private let rules: TradingRules
    private var profit = 0.0, cost = 0.0
    /// The highest that profit less cost has been, from 0 at the start, and the deepest fall from there.
    private var peak = 0.0, drawdown = 0.0
    private var orders = 0, refused = 0

    init(_ rules: TradingRules) { self.rules = rules }

    /// An order for the capital at the open, sold at the close of the same day.
    mutating func buy(before: Double, open: Double, close: Double) {
        orders += 1
        guard abs(open - before) * 100 <= rules.collarPercent * before else {
            refused += 1
            return
        }
        let sold = rules.capital * (close / open)
        profit += sold - rules.capital
        cost += (rules.capital + sold) * rules.costBasisPoints / 10_000
        amount += rules.capital + sold
        peak = max(peak, profit - cost)
        drawdown = max(drawdown, peak - (profit - cost))
    }
    /// Bought and sold.
    private var amount = 0.0

    var metrics: TradingMetrics {
        TradingMetrics(
            profit: profit, cost: cost, maximumDrawdown: drawdown,
            rejectRate: orders == 0 ? 0 : Double(refused) / Double(orders), turnover: amount / rules.capital)
    }
}
