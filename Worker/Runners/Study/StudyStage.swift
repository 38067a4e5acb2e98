import Jobs
import Kernels
import Messages

// Trials of a three-stage study.
extension StudyRunner {
    /// A trading algorithm of the weekend on the symbols and days of the trial's stage. Its attributes are the metrics of
    /// each symbol; `score` makes the value of them.
    ///
    /// A combination that the algorithm cannot have violates the constraint `infeasible`, by 1, and trades nothing.
    static func evaluate(
        strategy name: String, _ bars: BlobID, _ part: ThreeStages.Part, of task: Study.Task, _ context: RunContext,
        _ result: inout Study.Result
    ) throws(ObjectiveError) {
        let variation = try variation(named: name, task)
        let backtest: StrategyBacktest
        do throws(JobError) { backtest = try self.backtest(bars, part, context) } catch {
            throw ObjectiveError(error.description, mayRetry: true)
        }
        let isPossible = backtest.accepts(variation)
        let metrics =
            isPossible
            ? backtest.trade(variation)
            : part.symbols.map { _ in
                TradingMetrics(profit: 0, cost: 0, maximumDrawdown: 0, rejectRate: 0, turnover: 0)
            }
        result.constraints = [Study.NamedNumber("infeasible", isPossible ? 0 : 1)]
        result.attributes = zip(part.symbols, metrics).map { symbol, metrics in
            let members = zip(TradingMetrics.names, metrics.numbers).map { ($0, ObjectiveJSON.number($1)) }
            return Study.NamedText(symbol, ObjectiveJSON.object(members.map { (key: $0.0, value: $0.1) }).text)
        }
        result.end = .complete([])
    }

    /// Kept by the thread for the next trial of the stage.
    private static func backtest(_ bars: BlobID, _ part: ThreeStages.Part, _ context: RunContext) throws(JobError)
        -> StrategyBacktest
    {
        let kept = try context.decoded(bars) { bytes throws(JobError) in
            do throws(WireError) { return Backtests(bars: try StrategyBars(wireBytes: bytes)) } catch {
                throw JobError(error, while: "reading the bars of a study")
            }
        }
        return try kept.backtest(part)
    }

    /// The value of a trial that ended well: what the study's objective makes of the metrics it reported. Attributes
    /// named `pnl`, `cost`, `max_drawdown`, `reject_rate` and `turnover` speak for all symbols at once; an attribute named
    /// as a symbol holds an object with those of that symbol, and then every symbol has one, and their scores' mean
    /// counts. Whatever number the program printed besides is not looked at.
    static func score(_ part: ThreeStages.Part, _ result: inout Study.Result) throws(ObjectiveError) {
        guard case .complete = result.end else { return }
        func attribute(_ name: String) -> ObjectiveJSON? {
            result.attributes.last { $0.name == name }.flatMap { try? ObjectiveJSON(Array($0.text.utf8)[...]) }
        }
        var metrics: [TradingMetrics] = []
        do throws(JobError) {
            if part.symbols.contains(where: { attribute($0) != nil }) {
                for symbol in part.symbols {
                    guard let object = attribute(symbol) else {
                        throw JobError(
                            "the objective reported metrics of some symbols, and none of \(symbol); report those of "
                                + part.symbols.joined(separator: ", ") + ".")
                    }
                    do throws(JobError) { metrics.append(try TradingMetrics { object[$0]?.double }) } catch {
                        throw JobError("\(symbol): \(error.description)")
                    }
                }
            } else {
                metrics = [try TradingMetrics { attribute($0)?.double }]
            }
        } catch { throw ObjectiveError(error.description) }
        let score = part.objective.score(metrics)
        guard score.isFinite else {
            throw ObjectiveError("its score is \(score): the metrics it reported are too large.")
        }
        result.end = .complete([score])
    }
}

/// The backtests of one study's bars, one a stage.
private final class Backtests {
    private let bars: StrategyBars
    private var known: [(part: ThreeStages.Part, backtest: StrategyBacktest)] = []

    init(bars: StrategyBars) { self.bars = bars }

    func backtest(_ part: ThreeStages.Part) throws(JobError) -> StrategyBacktest {
        if let entry = known.first(where: { $0.part == part }) { return entry.backtest }
        let backtest = try StrategyBacktest(bars, part)
        // Studies that share their bars may have other stages; trials of one stage come together.
        if known.count == 4 { known.removeFirst() }
        known.append((part, backtest))
        return backtest
    }
}
