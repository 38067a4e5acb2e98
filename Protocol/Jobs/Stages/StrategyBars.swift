import Market
import Messages

/// The bars on which a three-stage study trades one of the weekend's algorithms: of its symbols only, from what the
/// first signal looks back on to the last day of the forward window.
package struct StrategyBars: Sendable, Equatable {
    /// Bars that a signal sees, as in the weekend; the bar after them is traded.
    package static let signalBars = Universe.windowBars - 1

    /// In the order of the forward stage, then those that only earlier ones have. Count n.
    package private(set) var symbols: [String]
    /// The bars of symbol s are `starts[s] ..< starts[s + 1]`, ascending in date. Count n + 1.
    package private(set) var starts: [Int]
    package private(set) var dates: [Int32]
    package private(set) var open: [Double], high: [Double], low: [Double], close: [Double], volume: [Double]

    /// - Parameter name: what errors call the bars.
    /// - Throws: which stage lacks which bars.
    package init(_ bars: DailyBars, for stages: ThreeStages, name: String) throws(JobError) {
        var wanted: [String] = []
        for stage in ThreeStages.Stage.allCases.reversed() {
            wanted += stages[stage].symbols.filter { !wanted.contains($0) }
        }
        self.init()
        for symbol in wanted {
            guard let at = bars.symbols.firstIndex(of: symbol) else {
                let stage = ThreeStages.Stage.allCases.first { stages[$0].symbols.contains(symbol) }!
                throw JobError(
                    "stage \(stage.name): \(name) has no bars of \(symbol); it has \(bars.symbols.count) symbols, "
                        + "\(bars.symbols.prefix(3).joined(separator: ", "))… among them.")
            }
            let own = bars.starts[at]..<bars.starts[at + 1]
            for stage in ThreeStages.Stage.allCases where stages[stage].symbols.contains(symbol) {
                try Self.check(bars.dates[own], symbol, stage, stages[stage].window, name)
            }
            let first = ThreeStages.Stage.allCases.first { stages[$0].symbols.contains(symbol) }!
            let last = ThreeStages.Stage.allCases.last { stages[$0].symbols.contains(symbol) }!
            let traded = own.first { bars.dates[$0] >= stages[first].window.first } ?? own.upperBound
            let from = max(own.lowerBound, traded - Self.signalBars)
            let end = own.first { bars.dates[$0] > stages[last].window.last } ?? own.upperBound
            add(symbol, bars, from..<end)
        }
    }

    private init() {
        (symbols, starts, dates) = ([], [0], [])
        (open, high, low, close, volume) = ([], [], [], [], [])
    }

    private mutating func add(_ symbol: String, _ bars: DailyBars, _ range: Range<Int>) {
        symbols.append(symbol)
        dates += bars.dates[range]
        open += bars.open[range]
        high += bars.high[range]
        low += bars.low[range]
        close += bars.close[range]
        volume += bars.volume[range]
        starts.append(dates.count)
    }

    private static func check(
        _ dates: ArraySlice<Int32>, _ symbol: String, _ stage: ThreeStages.Stage, _ window: ThreeStages.Window,
        _ name: String
    ) throws(JobError) {
        let before = dates.count { $0 < window.first }
        let inside = dates.count { $0 >= window.first && $0 <= window.last }
        let reach = "\(MarketDate.text(dates.first!)) to \(MarketDate.text(dates.last!))"
        guard inside > 0 else {
            throw JobError(
                "stage \(stage.name): \(symbol) has no bar in \(window); \(name) has it from \(reach).")
        }
        guard before >= signalBars else {
            let advice =
                dates.count > signalBars
                ? "begin the window on \(MarketDate.text(dates[dates.startIndex + signalBars])) or later."
                : "take another symbol or a longer file."
            throw JobError(
                "stage \(stage.name): \(symbol) has \(before) bars before \(MarketDate.text(window.first)) in \(name) "
                    + "(\(reach)), and a signal looks back on \(signalBars); \(advice)")
        }
    }
}

extension StrategyBars: Wire {
    package func write(to writer: inout WireWriter) {
        writer.array(symbols)
        writer.integers(starts.map { UInt32($0) })
        writer.integers(dates)
        for field in [open, high, low, close, volume] { writer.doubles(field) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init()
        symbols = try reader.array()
        let starts = try reader.integers(of: UInt32.self).map { Int($0) }
        dates = try reader.integers()
        open = try reader.doubles()
        high = try reader.doubles()
        low = try reader.doubles()
        close = try reader.doubles()
        volume = try reader.doubles()
        guard starts.count == symbols.count + 1, starts.first == 0, starts.last == dates.count,
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }),
            [open, high, low, close, volume].allSatisfy({ $0.count == dates.count })
        else { throw WireError("bars of \(symbols.count) symbols that do not fit together") }
        self.starts = starts
    }
}
