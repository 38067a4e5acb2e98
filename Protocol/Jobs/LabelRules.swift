import Messages

/// Every number that a label depends on besides the bars.
package struct LabelRules: Wire, Equatable {
    /// Bars that a window has, the event's own among them. The regime needs 31.
    package var windowBars: UInt16 = 31
    /// Of the triple barrier, in standard deviations of a day's return.
    package var upperBarrier = 2.0, lowerBarrier = 2.0
    /// The vertical barrier, in sessions after the event's.
    package var barrierSessions: UInt8 = 5
    /// Span of the exponentially weighted deviation, in daily returns; so many must be known.
    package var volatilitySpan: UInt16 = 20
    /// A return over five sessions closer to 0 than this is neutral.
    package var neutralReturn = 0.01
    /// Not to be traded: daily deviation above, mean daily turnover (price × shares) below.
    package var mostVolatility = 0.08, leastTurnover = 1_000_000.0
    /// Sessions that the mean turnover is of.
    package static let turnoverSessions = 20
    /// Sessions after the event's that returns are given for, the last of which ends the outcome window.
    package static let horizons = [1, 3, 5, 10]
    /// Sessions after the event's that run-up, drawdown and peak are of.
    package static let pathSessions = 5
    package init() {}

    /// What is wrong, for whoever chose it; nil when it will do.
    package var fault: String? {
        guard (31...1024).contains(windowBars) else { return "a window of \(windowBars) bars; give 31 to 1024" }
        guard (1...10).contains(barrierSessions) else { return "\(barrierSessions) barrier sessions; give 1 to 10" }
        guard (2...1000).contains(volatilitySpan) else {
            return "a volatility span of \(volatilitySpan); give 2 to 1000"
        }
        let numbers = [upperBarrier, lowerBarrier, neutralReturn, mostVolatility, leastTurnover]
        guard numbers.allSatisfy({ $0.isFinite && $0 >= 0 }) else { return "a threshold below 0 or not finite" }
        guard upperBarrier > 0, lowerBarrier > 0 else { return "a barrier of 0 deviations; give more than 0" }
        return nil
    }

    package func write(to writer: inout WireWriter) {
        writer.integer(windowBars)
        writer.double(upperBarrier)
        writer.double(lowerBarrier)
        writer.integer(barrierSessions)
        writer.integer(volatilitySpan)
        writer.double(neutralReturn)
        writer.double(mostVolatility)
        writer.double(leastTurnover)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        windowBars = try reader.integer()
        upperBarrier = try reader.double()
        lowerBarrier = try reader.double()
        barrierSessions = try reader.integer()
        volatilitySpan = try reader.integer()
        neutralReturn = try reader.double()
        mostVolatility = try reader.double()
        leastTurnover = try reader.double()
    }
    /// As pairs, for manifests and reports.
    package var settings: [(name: String, value: Double)] {
        [
            ("window_bars", Double(windowBars)), ("upper_barrier", upperBarrier), ("lower_barrier", lowerBarrier),
            ("barrier_sessions", Double(barrierSessions)), ("volatility_span", Double(volatilitySpan)),
            ("neutral_return", neutralReturn), ("most_volatility", mostVolatility), ("least_turnover", leastTurnover),
        ]
    }
}
