import Market
import Messages

/// How good an event was to buy, from its best and worst price over five sessions.
package enum QualityTier: UInt8, CaseIterable, Sendable {
    case aPlus, a, b, c, d
    package var name: String {
        switch self {
        case .aPlus: "A_PLUS"
        case .a: "A"
        case .b: "B"
        case .c: "C"
        case .d: "D"
        }
    }
}

/// The return over five sessions, coarsely.
package enum OutcomeClass: Int8, CaseIterable, Sendable {
    case down = -1
    case neutral = 0
    case up = 1
    package var name: String { self == .down ? "down" : self == .up ? "up" : "neutral" }
}

/// Why an event is better not traded; several may hold.
package struct AvoidReasons: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let volatility = AvoidReasons(rawValue: 1)
    package static let liquidity = AvoidReasons(rawValue: 2)
}

/// Why an event has no label. It counts under the first that applies.
package enum EventRejection: UInt8, CaseIterable, Sendable {
    case shortWindow, onePrice, zeroVolume, jump, unknownVolatility, notElapsed, missingBar
    package var name: String {
        switch self {
        case .shortWindow: "short_window"
        case .onePrice: "one_price"
        case .zeroVolume: "zero_volume"
        case .jump: "jump"
        case .unknownVolatility: "unknown_volatility"
        case .notElapsed: "not_elapsed"
        case .missingBar: "missing_bar"
        }
    }
    package var words: String {
        switch self {
        case .shortWindow: "fewer bars before it than a window has"
        case .onePrice: "a window of one price"
        case .zeroVolume: "a window in which nothing was traded"
        case .jump: "a price that jumps a millionfold in the window or the outcome"
        case .unknownVolatility: "too few daily returns before it, or none that moved"
        case .notElapsed: "the outcome window is not over yet"
        case .missingBar: "no bar to enter at, or a session without a bar in the outcome window"
        }
    }
}

/// One event and what came of it. Times are milliseconds since 1970 UTC; returns are fractions of the entry price.
package struct LabelRow: Wire, Equatable {
    /// In minutes: `Timeframe`'s raw value.
    package var timeframe: UInt16
    /// New York's date of the event's bar, yyyymmdd.
    package var date: Int32
    /// Of the event's bar: it is known at its end.
    package var start: Int64, end: Int64
    /// The open of the first bar that starts when the event is known, or later.
    package var entryTime: Int64, entryPrice: Double
    /// Close of the 1st, 3rd, 5th and 10th session after the event's date ÷ entry − 1.
    package var returns: InlineArray<4, Double>
    /// Highest high and lowest low from the entry to the end of the 5th session ÷ entry − 1.
    package var maxRunup: Double, maxDrawdown: Double
    /// The first bar that holds the highest high, and its session, counted from the event's as 0.
    package var peakTime: Int64, sessionsToPeak: UInt8
    /// Deviation of a day's return, known at the event.
    package var volatility: Double
    /// Mean daily turnover known at the event.
    package var turnover: Double
    /// +1, −1 by the barrier touched first, 0 when time ran out.
    package var barrier: Int8
    /// Both barriers lie in the bar that touched: taken as −1.
    package var isAmbiguous: Bool
    /// End of the touching bar or of the vertical barrier's session, and the return that it was left with.
    package var barrierEnd: Int64, barrierReturn: Double
    package var tier: QualityTier
    package var outcome: OutcomeClass
    package var isRunner: Bool, isMonsterRunner: Bool
    package var avoid: AvoidReasons
    package var regime: Regime
    /// End of the last session that the row depends on: what purging needs.
    package var outcomeEnd: Int64

    package init(
        timeframe: UInt16, date: Int32, start: Int64, end: Int64, entryTime: Int64, entryPrice: Double,
        returns: InlineArray<4, Double>, maxRunup: Double, maxDrawdown: Double, peakTime: Int64, sessionsToPeak: UInt8,
        volatility: Double, turnover: Double, barrier: Int8, isAmbiguous: Bool, barrierEnd: Int64,
        barrierReturn: Double, tier: QualityTier, outcome: OutcomeClass, isRunner: Bool, isMonsterRunner: Bool,
        avoid: AvoidReasons, regime: Regime, outcomeEnd: Int64
    ) {
        self.timeframe = timeframe
        self.date = date
        self.start = start
        self.end = end
        self.entryTime = entryTime
        self.entryPrice = entryPrice
        self.returns = returns
        self.maxRunup = maxRunup
        self.maxDrawdown = maxDrawdown
        self.peakTime = peakTime
        self.sessionsToPeak = sessionsToPeak
        self.volatility = volatility
        self.turnover = turnover
        self.barrier = barrier
        self.isAmbiguous = isAmbiguous
        self.barrierEnd = barrierEnd
        self.barrierReturn = barrierReturn
        self.tier = tier
        self.outcome = outcome
        self.isRunner = isRunner
        self.isMonsterRunner = isMonsterRunner
        self.avoid = avoid
        self.regime = regime
        self.outcomeEnd = outcomeEnd
    }

    package func write(to writer: inout WireWriter) {
        writer.integer(timeframe)
        writer.integer(date)
        writer.integer(start)
        writer.integer(end)
        writer.integer(entryTime)
        writer.integer(peakTime)
        writer.integer(barrierEnd)
        writer.integer(outcomeEnd)
        writer.double(entryPrice)
        writer.double(returns[0])
        writer.double(returns[1])
        writer.double(returns[2])
        writer.double(returns[3])
        writer.double(maxRunup)
        writer.double(maxDrawdown)
        writer.double(volatility)
        writer.double(turnover)
        writer.double(barrierReturn)
        writer.integer(sessionsToPeak)
        writer.integer(barrier)
        writer.bool(isAmbiguous)
        writer.integer(tier.rawValue)
        writer.integer(outcome.rawValue)
        writer.bool(isRunner)
        writer.bool(isMonsterRunner)
        writer.integer(avoid.rawValue)
        writer.integer(regime.rawValue)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        timeframe = try reader.integer()
        date = try reader.integer()
        start = try reader.integer()
        end = try reader.integer()
        entryTime = try reader.integer()
        peakTime = try reader.integer()
        barrierEnd = try reader.integer()
        outcomeEnd = try reader.integer()
        entryPrice = try reader.double()
        returns = [try reader.double(), try reader.double(), try reader.double(), try reader.double()]
        maxRunup = try reader.double()
        maxDrawdown = try reader.double()
        volatility = try reader.double()
        turnover = try reader.double()
        barrierReturn = try reader.double()
        sessionsToPeak = try reader.integer()
        barrier = try reader.integer()
        isAmbiguous = try reader.bool()
        guard let tier = QualityTier(rawValue: try reader.integer()),
            let outcome = OutcomeClass(rawValue: try reader.integer())
        else { throw WireError("a label of an unknown tier or class") }
        self.tier = tier
        self.outcome = outcome
        isRunner = try reader.bool()
        isMonsterRunner = try reader.bool()
        avoid = AvoidReasons(rawValue: try reader.integer())
        guard let regime = Regime(rawValue: try reader.integer()) else { throw WireError("an unknown regime") }
        self.regime = regime
    }
    package static func == (a: LabelRow, b: LabelRow) -> Bool { a.wireBytes == b.wireBytes }
}
