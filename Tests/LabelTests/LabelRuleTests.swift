import Jobs
import Labels
import Market
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
