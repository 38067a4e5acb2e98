import Blobs
import Jobs
import Labels
import Market
import Messages
import Planners
import Runners
import TestSupport
import Testing

@Test func `tiers hold at their thresholds, the best that fits`() {
    func tier(_ runup: Double, _ drawdown: Double, _ five: Double = 0) -> QualityTier {
        QualityTier(maxRunup: runup, maxDrawdown: drawdown, fiveSessions: five)
    }
    #expect(tier(12.0 / 10 - 1, 9.5 / 10 - 1) == .aPlus)
    #expect(tier(0.2, -0.0501) == .a && tier(0.1999, -0.05) == .a && tier(0.5, -0.07) == .a)
    #expect(tier(0.5, -0.0701) == .b && tier(0.0999, 0) == .b && tier(0.05, -0.10) == .b)
    #expect(tier(0.5, -0.11, -0.05) == .d && tier(0.04, -0.01, -0.0501) == .d)
    #expect(tier(0.04, -0.01, -0.0499) == .c && tier(0.5, -0.2, 0.3) == .c)
    // A fall of 5 % does not undo a rise that came first.
    #expect(tier(0.06, -0.08, -0.06) == .b)
}

@Test func `runners, classes and reasons to stay away hold at their thresholds`() {
    #expect(isRunner(0.15) && isRunner(11.5 / 10 - 1) && !isRunner(0.1499))
    #expect(isMonsterRunner(0.25) && !isMonsterRunner(0.2499))
    func outcome(_ five: Double, _ neutral: Double = 0.01) -> OutcomeClass {
        OutcomeClass(fiveSessions: five, neutral: neutral)
    }
    #expect(outcome(0.01) == .up && outcome(-0.01) == .down && outcome(0.0099) == .neutral && outcome(0) == .neutral)
    #expect(outcome(0, 0) == .neutral && outcome(1e-9, 0) == .up)
    func avoid(_ volatility: Double, _ turnover: Double) -> AvoidReasons {
        AvoidReasons(volatility: volatility, turnover: turnover, rules: LabelRules())
    }
    #expect(avoid(0.08, 1e6) == [] && avoid(0.081, 1e6) == .volatility && avoid(0.01, 999_999) == .liquidity)
    #expect(avoid(0.2, 0) == [.volatility, .liquidity])
}

/// Sixty sessions of daily bars; event 35's outcome is over by the end.
private func daily(_ change: (inout BarSeries) -> Void = { _ in }) -> BarSeries {
    var chance = SplitMix(seed: 5)
    var series = randomSeries(.day1, bars: 60, missing: 0, &chance)
    change(&series)
    return series
}
private func labelled(_ series: BarSeries, until: Int64? = nil) -> Label.SymbolRows {
    var rows = Label.SymbolRows(symbol: series.symbol)
    Labeller(
        finest: series, knownUntil: until ?? series.end(of: series.count - 1), rules: LabelRules()
    ).label(.day1, days: 0..<40_000, stride: 1, into: &rows)
    return rows
}
private func counts(_ rows: Label.SymbolRows) -> [EventRejection: UInt32] {
    var counts: [EventRejection: UInt32] = [:]
    for reason in EventRejection.allCases where rows.rejected[Int(reason.rawValue)] > 0 {
        counts[reason] = rows.rejected[Int(reason.rawValue)]
    }
    return counts
}

@Test func `an event is labelled when its outcome window has fully elapsed and not a moment earlier`() {
    let series = daily()
    #expect(counts(labelled(series)) == [.shortWindow: 30, .notElapsed: 10])
    #expect(labelled(series).rows.count == 20)
    // The newest bar of any symbol ends a millisecond before the tenth session of one more event does.
    #expect(counts(labelled(series, until: series.end(of: 59) - 1)) == [.shortWindow: 30, .notElapsed: 11])
    // The clock of other symbols goes on, this one's bars do not: elapsed, and not to be had.
    #expect(
        counts(labelled(series, until: series.end(of: 59) + 400 * 86_400_000))
            == [.shortWindow: 30, .missingBar: 10])
}

@Test func `windows that nothing can be learnt from are counted by reason`() {
    let flat = daily { series in
        for bar in 0..<40 {
            (series.open[bar], series.high[bar], series.low[bar], series.close[bar]) = (9, 9, 9, 9)
        }
    }
    #expect(counts(labelled(flat))[.onePrice] == 10)
    let untraded = daily { series in for bar in 0..<33 { series.volume[bar] = 0 } }
    #expect(counts(labelled(untraded))[.zeroVolume] == 3)
    let jumped = daily { series in
        for bar in 35..<60 {
            series.open[bar] *= 2e6
            series.high[bar] *= 2e6
            series.low[bar] *= 2e6
            series.close[bar] *= 2e6
        }
    }
    // Events 30 to 33 see the jump in their outcome, 34 enters after it, the others have it in their window.
    #expect(counts(labelled(jumped))[.jump] == 29)
    // Without the bar of session 40 its own event is gone, and the ten before it have no whole outcome.
    let hole = daily { series in
        for column in [\BarSeries.open, \.high, \.low, \.close, \.volume] { series[keyPath: column].remove(at: 40) }
        series.starts.remove(at: 40)
    }
    #expect(counts(labelled(hole))[.missingBar] == 10)
    let short = daily { series in while series.count > 30 { series.removeLast() } }
    #expect(counts(labelled(short)) == [.shortWindow: 30])
}

@Test func `the planner refuses what cannot be labelled, and plans by dates`() throws {
    let blob = BlobID(of: [1])
    func spec(_ change: (inout Label.Spec) -> Void) -> Label.Spec {
        var spec = Label.Spec(
            inputs: [
                Label.Input(series: blob, firstDay: 100, lastDay: 140),
                Label.Input(series: BlobID(of: [2]), firstDay: 130, lastDay: 131),
            ], timeframes: [1440], knownUntil: 0, rules: LabelRules(), daysPerTask: 32)
        change(&spec)
        return spec
    }
    var planner = try LabelPlanner(spec { _ in }, blobs: NoBlobs())
    let tasks = try planner.start().tasks
    #expect(tasks.map(\.firstDay) == [100, 100, 132] && tasks.map(\.endDay) == [132, 132, 164])
    #expect(tasks.map(\.series) == [blob, BlobID(of: [2]), blob])
    let wrong: [(inout Label.Spec) -> Void] = [
        { $0.inputs = [] }, { $0.timeframes = [] }, { $0.timeframes = [7] }, { $0.stride = 0 }, { $0.daysPerTask = 0 },
        { $0.rules.windowBars = 30 }, { $0.rules.upperBarrier = 0 }, { $0.rules.neutralReturn = .nan },
        { $0.rules.barrierSessions = 11 }, { $0.rules.volatilitySpan = 1 }, { $0.inputs[0].lastDay = 99 },
    ]
    for change in wrong { #expect(throws: JobError.self) { try LabelPlanner(spec(change), blobs: NoBlobs()) } }
}

private struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
}
private struct OneBlob: BlobSource {
    var held: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { held }
}

@Test func `what a runner answers goes over the wire unchanged, and finer bars than there are refuse`() throws {
    let bytes = SeriesSet([daily()]).wireBytes
    var task = Label.Task(
        series: BlobID(of: bytes), firstDay: 0, endDay: 40_000, timeframes: [1440], stride: 1,
        knownUntil: daily().end(of: 59), rules: LabelRules())
    let result = try LabelRunner.run(task, index: 0, context: RunContext(blobs: OneBlob(held: bytes)))
    #expect(result.symbols == [labelled(daily())])
    #expect(try Label.Result(wireBytes: result.wireBytes) == result)
    #expect(try Label.Task(wireBytes: task.wireBytes) == task)
    task.timeframes = [60]
    #expect(throws: JobError.self) {
        try LabelRunner.run(task, index: 0, context: RunContext(blobs: OneBlob(held: bytes)))
    }
    task.timeframes = [1440]
    for cut in [0, 1, 40, bytes.count - 1] {
        #expect(throws: JobError.self) {
            try LabelRunner.run(task, index: 0, context: RunContext(blobs: OneBlob(held: Array(bytes[..<cut]))))
        }
    }
}
