import Configuration
import Jobs
import Testing

private let good = """
    stages:
      coarse:  {symbols: [AAPL], window: 2017-01-05..2017-01-19, trials: 200}
      refine:  {symbols: [AAPL, MSFT], window: 2017-01-20..2017-02-16, trials: 60, promoted: 20}
      forward: {symbols: [AAPL, MSFT, XOM], window: 2017-02-17..2017-03-31, promoted: 5}
    weights: {drawdown: 0.5, turnover: 2}
    trading: {capital: 1000, cost_bps: 3}
    floor: 10
    """

private func complaint(_ text: String) -> String {
    do {
        _ = try StagesFile.parse(Array(text.utf8), file: "s.yaml")
        return "none"
    } catch { return error.description }
}

@Test func `three stages are read as they are written`() throws {
    let stages = try StagesFile.parse(Array(good.utf8), file: "s.yaml")
    #expect(stages.trials == 265)
    #expect(stages.refine.promoted == 20 && stages.forward.trials == 5 && stages.forward.promoted == 5)
    #expect(stages.forward.symbols == ["AAPL", "MSFT", "XOM"])
    #expect(stages.objective == TradingObjective(drawdownWeight: 0.5, rejectWeight: 0, turnoverWeight: 2))
    #expect(stages.rules == TradingRules(capital: 1000, costBasisPoints: 3, collarPercent: 3))
    #expect(stages.floor == 10 && stages.gapDays == 0)
    #expect(try ThreeStages(wireBytes: stages.wireBytes) == stages)
}

@Test(
    arguments: [
        ("window: 2017-01-05..2017-01-19", "window: 2017-01-05", "s.yaml:2: window of coarse is 2017-01-05; give two"),
        ("2017-01-05..2017-01-19", "2017-01-05..2017-01-20", "s.yaml:2: the windows of coarse"),
        ("symbols: [AAPL],", "", "s.yaml:2: coarse has no symbols; give a list"),
        ("symbols: [AAPL],", "symbols: [AAPL, GE],", "s.yaml:2: stage coarse has 2 symbols; give one"),
        ("[AAPL, MSFT]", "[[AAPL]]", "s.yaml:3: symbols of refine is a list; give a list, as"),
        ("trials: 200", "trials: many", "s.yaml:2: trials of coarse is many; give a whole number from 1 to"),
        ("trials: 200", "trials: 0", "s.yaml:2: trials of coarse is 0;"),
        (", promoted: 20", "", "s.yaml:3: refine has no promoted; give a whole number"),
        ("promoted: 20", "promoted: 61", "s.yaml:3: stage refine takes 61 of its 60 trials"),
        ("promoted: 5", "promoted: 5, trials: 9", "s.yaml:4: trials means nothing in forward; it takes"),
        ("forward:", "backward:", "s.yaml:4: backward means nothing in stages; it takes coarse"),
        ("drawdown: 0.5", "drawdown: -1", "s.yaml:1: the drawdown weight is -1.0; give a number of at least 0."),
        ("drawdown: 0.5", "drawdown: much", "s.yaml:5: drawdown of weights is much; give a number."),
        ("cost_bps: 3", "costs: 3", "s.yaml:6: costs means nothing in trading; it takes capital"),
        ("capital: 1000", "capital: 0", "s.yaml:1: the capital is 0.0; give an amount above 0."),
        ("floor: 10", "floor: ten", "s.yaml:7: floor of the file is ten; give a number."),
        ("floor: 10", "gap_days: 1", "are 0 days; 1 are asked for"),
        ("stages:", "phases:", "s.yaml:1: phases means nothing in the file; it takes stages"),
    ])
func `a mistake in a file of stages is answered with its line and what would be right`(
    change: (String, String, String)
) {
    let text = good.replacing(change.0, with: change.1, maxReplacements: 1)
    #expect(text != good)
    #expect(complaint(text).contains(change.2), "\(complaint(text))")
}

@Test func `a file without stages, or that is no YAML, is refused`() {
    #expect(complaint("").contains("s.yaml:1: the file has no stages"))
    #expect(complaint("stages: 3").contains("s.yaml:1: stages is 3; give coarse, refine, forward below it."))
    #expect(complaint("stages: {").hasPrefix("s.yaml:"))
}
