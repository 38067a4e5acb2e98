import Jobs
import Market

/// Labels the events of one symbol from its finest bars. Only what was known at an event goes into what describes it, and
/// only what came after it into what came of it.
package struct Labeller: Sendable {
    package let finest: BarSeries
    package let rules: LabelRules
    private let knownUntil: Int64
    private let daily: BarSeries
    /// The bars of every timeframe that is not finer, ascending.
    private let coarser: [BarSeries]
    private let volatility: [Double?], turnover: [Double?]
    private let path: PricePath
    /// Every session from the first bar's to the tenth after the last bar's, and the daily bar of each.
    private var sessions: [TradingSession] = []
    private var dailyBar: [Int?] = []
    /// By daily bar: the position of its session.
    private var sessionOf: [Int] = []

    /// A price so many times another is a mistake.
    private static let jump = 1e6

    /// - Parameters: finest: at least one bar. knownUntil: when the newest bar of all symbols ends, in milliseconds since
    ///   1970 UTC.
    package init(finest: BarSeries, knownUntil: Int64, rules: LabelRules) {
        precondition(finest.count > 0 && rules.fault == nil, "bars and rules were checked before")
        self.finest = finest
        self.rules = rules
        self.knownUntil = knownUntil
        coarser = Timeframe.allCases.filter { $0 >= finest.timeframe }.map(finest.resampled)
        daily = coarser.last!
        volatility = dailyVolatility(close: daily.close, span: Int(rules.volatilitySpan))
        turnover = meanTurnover(close: daily.close, volume: daily.volume, sessions: LabelRules.turnoverSessions)
        path = PricePath(finest)
        var day = NewYorkTime.dayNumber(of: daily.starts[0])
        var after = 0
        while after < LabelRules.horizons.last! || sessionOf.count < daily.count {
            defer { day += 1 }
            guard let session = TradingSession(dayNumber: day) else { continue }
            if sessionOf.count < daily.count, daily.starts[sessionOf.count] == session.opens {
                dailyBar.append(sessionOf.count)
                sessionOf.append(sessions.count)
            } else {
                dailyBar.append(nil)
                if sessionOf.count == daily.count { after += 1 }
            }
            sessions.append(session)
        }
    }

    /// The events on a range of days, those that can be labelled and how many cannot, by `EventRejection`'s raw value.
    /// - Parameters: timeframe: not finer than the bars. days: since 1970-01-01. stride: every so many bars of the timeframe there is an event.
    package func label(
        _ timeframe: Timeframe, days: Range<Int>, stride: Int, into labelled: inout Label.SymbolRows
    ) {
        guard let series = coarser.first(where: { $0.timeframe == timeframe }) else {
            preconditionFailure("bars are put together, never taken apart")
        }
        let first = series.firstBar(startingAtOrAfter: NewYorkTime.instant(dayNumber: days.lowerBound, minutes: 180))
        let end = series.firstBar(startingAtOrAfter: NewYorkTime.instant(dayNumber: days.upperBound, minutes: 180))
        var session = 0
        for bar in first..<end where bar % stride == 0 {
            // Events ascend, and so do their sessions.
            while sessions[session].closes <= series.starts[bar] { session += 1 }
            switch label(series, bar, session) {
            case .success(let row): labelled.rows.append(row)
            case .failure(let failure): labelled.rejected[Int(failure.reason.rawValue)] += 1
            }
        }
    }

    package struct Rejected: Error, Equatable {
        package var reason: EventRejection
    }

    /// One event.
    /// - Parameters: bar: of `series`, which is this labeller's bars resampled. session: the position of the bar's session.
    private func label(_ series: BarSeries, _ bar: Int, _ session: Int) -> Result<LabelRow, Rejected> {
        func rejected(_ reason: EventRejection) -> Result<LabelRow, Rejected> { .failure(Rejected(reason: reason)) }
        let windowBars = Int(rules.windowBars)
        guard bar >= windowBars - 1 else { return rejected(.shortWindow) }
        if let fault = Self.fault(in: series, bar - windowBars + 1...bar) { return rejected(fault) }

        let closes = sessions[session].closes
        let end = min(series.starts[bar] + series.timeframe.milliseconds, closes)
        // The day's own daily bar is known when the session is over.
        let known = dailyBar[session]! - (end >= closes ? 0 : 1)
        guard known >= 0, let deviation = volatility[known], let turnover = turnover[known] else {
            return rejected(.unknownVolatility)
        }
        guard session + LabelRules.horizons.last! < sessions.count else { return rejected(.notElapsed) }
        let outcomeEnd = sessions[session + LabelRules.horizons.last!].closes
        guard outcomeEnd <= knownUntil else { return rejected(.notElapsed) }
        let entry = finest.firstBar(startingAtOrAfter: end)
        guard entry < finest.count, finest.starts[entry] < sessions[session + 1].closes,
            (1...LabelRules.horizons.last!).allSatisfy({ dailyBar[session + $0] != nil })
        else { return rejected(.missingBar) }

        let entryPrice = finest.open[entry]
        let horizons = LabelRules.horizons.map { daily.close[dailyBar[session + $0]!] / entryPrice - 1 }
        let bars = entry..<finest.firstBar(startingAtOrAfter: sessions[session + LabelRules.pathSessions].closes)
        let peak = path.peak(in: bars)
        let maxRunup = finest.high[peak] / entryPrice - 1
        let maxDrawdown = path.lowest(in: bars) / entryPrice - 1
        let factors = [maxRunup, maxDrawdown] + horizons
        guard factors.allSatisfy({ $0 + 1 < Self.jump && ($0 + 1) * Self.jump > 1 }) else { return rejected(.jump) }

        let last = session + Int(rules.barrierSessions)
        let barrier = TripleBarrier(
            finest, path: path, bars: entry..<finest.firstBar(startingAtOrAfter: sessions[last].closes),
            upper: entryPrice * (1 + rules.upperBarrier * deviation),
            lower: entryPrice * (1 - rules.lowerBarrier * deviation))
        var sessionsToPeak = 0
        while sessions[session + sessionsToPeak].closes <= finest.starts[peak] { sessionsToPeak += 1 }
        return .success(
            LabelRow(
                timeframe: series.timeframe.rawValue, date: sessions[session].date, start: series.starts[bar], end: end,
                entryTime: finest.starts[entry], entryPrice: entryPrice,
                returns: [horizons[0], horizons[1], horizons[2], horizons[3]], maxRunup: maxRunup,
                maxDrawdown: maxDrawdown, peakTime: finest.starts[peak], sessionsToPeak: UInt8(sessionsToPeak),
                volatility: deviation, turnover: turnover, barrier: barrier.side, isAmbiguous: barrier.isAmbiguous,
                barrierEnd: barrier.side == 0 ? sessions[last].closes : finest.end(of: barrier.bar),
                barrierReturn: barrier.exitPrice / entryPrice - 1,
                tier: QualityTier(maxRunup: maxRunup, maxDrawdown: maxDrawdown, fiveSessions: horizons[2]),
                outcome: OutcomeClass(fiveSessions: horizons[2], neutral: rules.neutralReturn),
                isRunner: isRunner(maxRunup), isMonsterRunner: isMonsterRunner(maxRunup),
                avoid: AvoidReasons(volatility: deviation, turnover: turnover, rules: rules),
                regime: Regime(of: series, endingAt: bar), outcomeEnd: outcomeEnd))
    }

    /// Why a window is none to learn from.
    private static func fault(in series: BarSeries, _ bars: ClosedRange<Int>) -> EventRejection? {
        var (high, low) = (series.high[bars.lowerBound], series.low[bars.lowerBound])
        var isTraded = false
        for at in bars {
            high = max(high, series.high[at])
            low = min(low, series.low[at])
            isTraded = isTraded || series.volume[at] > 0
        }
        if high == low { return .onePrice }
        if !isTraded { return .zeroVolume }
        // The slow look only where the window as a whole leaves room for a jump.
        guard high >= low * jump else { return nil }
        for at in bars {
            if series.high[at] >= series.low[at] * jump { return .jump }
            guard at > bars.lowerBound else { continue }
            let change = series.close[at] / series.close[at - 1]
            if change >= jump || change * jump <= 1 { return .jump }
        }
        return nil
    }
}
