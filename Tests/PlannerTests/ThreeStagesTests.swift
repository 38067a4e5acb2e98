import Jobs
import Messages
import Planners
import Testing

private let symbols = ["AAA", "BBB", "CCC"]

private func stages(
    _ coarse: String = "2023-01-02..2023-01-31", _ refine: String = "2023-02-01..2023-03-31",
    _ forward: String = "2023-04-03..2023-09-29", gapDays: Int = 0, trials: (Int, Int, Int) = (50, 10, 3),
    promoted: Int? = nil,
    symbols: ([String], [String], [String]) = (["AAA"], symbols, symbols)
) throws(JobError) -> ThreeStages {
    func setting(
        _ symbols: [String], _ text: String, _ trials: Int, _ promoted: Int
    ) throws(JobError) -> ThreeStages.Setting {
        guard let window = ThreeStages.Window(text) else { throw JobError("\(text) is no window") }
        return ThreeStages.Setting(symbols: symbols, window: window, trials: trials, promoted: promoted)
    }
    return try ThreeStages(
        coarse: setting(symbols.0, coarse, trials.0, 0),
        refine: setting(symbols.1, refine, trials.1, promoted ?? trials.1),
        forward: setting(symbols.2, forward, trials.2, trials.2), gapDays: gapDays)
}

private func complaint(_ make: () throws(JobError) -> ThreeStages) -> String {
    do {
        _ = try make()
        return "none"
    } catch { return error.description }
}

@Test func `three windows in order, none sharing a day, are accepted`() throws {
    let good = try stages()
    #expect(good[.coarse].window.days == 30)
    #expect("\(good[.refine].window)" == "2023-02-01..2023-03-31")
    #expect(good.part(.refine).placeholders.map(\.value) == ["refine", "AAA,BBB,CCC", "2023-02-01", "2023-03-31"])
    #expect(ThreeStages.Window("2023-02-30..2023-03-31") == nil)
    #expect(ThreeStages.Window("2023-02-03.2023-03-31") == nil)
}

@Test func `windows that share a day are refused, wherever they do`() {
    #expect(
        complaint { () throws(JobError) in try stages("2023-01-02..2023-02-01") }
            == "the windows of coarse, 2023-01-02..2023-02-01, and refine, 2023-02-01..2023-03-31, overlap.")
    #expect(complaint { () throws(JobError) in try stages("2023-02-05..2023-02-25") }.contains("overlap"))
    #expect(
        complaint { () throws(JobError) in
            try stages("2023-01-02..2023-01-31", "2023-02-01..2023-04-03", "2023-04-03..2023-09-29")
        }.contains("refine, 2023-02-01..2023-04-03, and forward"))
    // Neighbours are apart, first and last lie in one another.
    #expect(
        complaint { () throws(JobError) in
            try stages("2023-05-01..2023-05-02", "2023-06-01..2023-06-05", "2023-04-03..2023-09-29")
        }.contains("overlap"))
}

@Test func `windows in another order, too near or too short are refused`() {
    #expect(
        complaint { () throws(JobError) in try stages("2024-01-02..2024-01-31") }
            .contains("lies before that of coarse"))
    #expect(complaint { () throws(JobError) in try stages("2023-01-31..2023-01-02") }.contains("ends before it begins"))
    #expect(
        complaint { () throws(JobError) in try stages("2022-01-02..2023-01-31") }
            .contains("is shorter than that of coarse, 395"))
    #expect(complaint { () throws(JobError) in try stages(gapDays: 1) }.contains("are 0 days; 1 are asked for"))
    #expect(complaint { () throws(JobError) in try stages(gapDays: -1) }.contains("0 or more"))
}

@Test func `symbols and trials that make no three stages are refused`() {
    #expect(
        complaint { () throws(JobError) in try stages(symbols: (symbols, symbols, symbols)) }
            == "stage coarse has 3 symbols; give one, for instance AAA.")
    #expect(
        complaint { () throws(JobError) in try stages(symbols: (["AAA"], ["AAA"], symbols)) }
            == "stage refine has only AAA; give several symbols.")
    #expect(
        complaint { () throws(JobError) in try stages(symbols: (["AAA"], symbols, [])) }
            == "stage forward has no symbols.")
    #expect(
        complaint { () throws(JobError) in try stages(symbols: (["AAA"], ["B", "B"], symbols)) }.contains("B twice"))
    #expect(complaint { () throws(JobError) in try stages(trials: (0, 10, 3)) }.contains("has 0 trials"))
    #expect(
        complaint { () throws(JobError) in try stages(trials: (50, 3, 10)) }
            == "stage forward takes 10 trials from refine, which has 3.")
    #expect(complaint { () throws(JobError) in try stages(trials: (9, 10, 3)) }.contains("10 trials from coarse"))
    #expect(
        complaint { () throws(JobError) in try stages(promoted: 11) }
            == "stage refine takes 11 of its 10 trials from the stage before; give 1 to 10.")
    #expect(complaint { () throws(JobError) in try stages(promoted: 0) }.contains("give 1 to 10"))
}

@Test func `the objective is profit after cost less what is feared`() throws {
    let objective = TradingObjective(drawdownWeight: 0.5, rejectWeight: 100, turnoverWeight: 2)
    let numbers = ["pnl": 1000.0, "cost": 50, "max_drawdown": 200, "reject_rate": 0.25, "turnover": 10]
    let one = try TradingMetrics { numbers[$0] }
    #expect(objective.score(one) == 1000 - 50 - 100 - 25 - 20)
    let idle = TradingMetrics(profit: 0, cost: 0, maximumDrawdown: 0, rejectRate: 0, turnover: 0)
    #expect(objective.score([one, idle]) == 402.5)
    #expect(objective.score([TradingMetrics]()).isNaN)
    try objective.check()
    #expect(throws: JobError.self) { try TradingObjective(rejectWeight: -1).check() }
    #expect(throws: JobError.self) { try TradingObjective(turnoverWeight: .nan).check() }
    for wrong in [("reject_rate", 1.5), ("cost", -1), ("pnl", Double.nan), ("turnover", .infinity)] {
        var numbers = Dictionary(uniqueKeysWithValues: TradingMetrics.names.map { ($0, 0.5) })
        numbers[wrong.0] = wrong.1
        #expect(throws: JobError.self) { try TradingMetrics { numbers[$0] } }
        numbers[wrong.0] = nil
        let complaint = #expect(throws: JobError.self) { try TradingMetrics { numbers[$0] } }
        #expect(complaint?.description.hasPrefix("the objective reported no \(wrong.0);") == true)
    }
}

@Test func `the best of a stage go on, each set of parameters once`() throws {
    let template = try stages(trials: (6, 3, 2))
    let trials = [
        StageTrial(number: 0, values: [1, nil], score: 5), StageTrial(number: 1, values: [2, nil], score: 9),
        StageTrial(number: 2, values: [2, nil], score: 9), StageTrial(number: 3, values: [3, 1], score: nil),
        StageTrial(number: 4, values: [4, 1], score: .nan), StageTrial(number: 5, values: [5, 1], score: 5),
        StageTrial(number: 6, values: [6, 1], score: 99, isFeasible: false),
        StageTrial(number: 7, values: [7, 1], score: 4),
    ]
    let promoted = template.promote(trials.reversed(), from: .coarse)
    #expect(promoted.map { $0.results[0].trial } == [1, 0, 5])
    #expect(template.promote([], from: .coarse) == [])
    // What traded the same as another waits for what traded otherwise.
    let twins = [(0, 9.0, "a"), (1, 9, "a"), (2, 9, "b"), (3, 4, "c"), (4, 9, "a")].map { number, score, words in
        StageTrial(
            number: UInt32(number), values: [Double(number)], score: score, reported: [.init("pnl", words)])
    }
    #expect(template.promote(twins, from: .coarse).map { $0.results[0].trial } == [0, 2, 3])
    #expect(template.promote(Array(twins.prefix(3)), from: .coarse).map { $0.results[0].trial } == [0, 2, 1])
    #expect(template.promote(trials, from: .forward) == [])
}

@Test func `only who held in the forward stage is a candidate`() throws {
    let template = try stages(trials: (6, 4, 2), promoted: 3)
    let coarse = template.promote(
        (0..<6).map { StageTrial(number: $0, values: [Double($0)], score: 10 - Double($0)) }, from: .coarse)
    #expect(coarse.map(\.values) == [[0], [1], [2]])
    // The sampler added [7] to the refinement.
    let refined = template.promote(
        [
            StageTrial(number: 0, values: [0], score: 1), StageTrial(number: 1, values: [1], score: 3),
            StageTrial(number: 2, values: [2], score: 0), StageTrial(number: 3, values: [7], score: 2),
        ], from: .refine, earlier: coarse)
    #expect(refined.map(\.values) == [[1], [7]])
    #expect(refined[0].results.map(\.stage) == [.coarse, .refine])
    let forward = [
        StageTrial(number: 0, values: [1], score: 0), StageTrial(number: 1, values: [7], score: 0.5),
        StageTrial(number: 2, values: [9], score: 50),  // not promoted: somebody's own trial
    ]
    let winners = template.candidates(forward, earlier: refined)
    #expect(winners.map(\.values) == [[7]])
    #expect(winners[0].results.map(\.stage) == [.refine, .forward])
    #expect(winners[0].results.map(\.trial) == [3, 1])
    #expect(template.candidates(forward, earlier: refined, floor: -1).map(\.values) == [[7], [1]])
}
