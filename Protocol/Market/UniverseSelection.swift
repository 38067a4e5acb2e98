/// The choice of a universe from all the bars of a file (DESIGN §5.1), and what was left out by which rule.
package struct UniverseSelection: Sendable {
    /// Symbols sampled when nobody says how many.
    package static let defaultCount = 1000

    /// Why a symbol was left out. It counts once, under the first of these that applies.
    package enum Rule: Int, CaseIterable, Sendable {
        case notLetters, missingDay, price, volume
        package var words: String { words(days: Universe.days) }
        /// - Parameter days: trading days that the universe holds.
        package func words(days: Int) -> String {
            switch self {
            case .notLetters: "the symbol is not letters A–Z only"
            case .missingDay: "no valid bar on one or more of the \(days) days"
            case .price: "newest close not between 10 and 90"
            case .volume: "newest volume not between 250,000 and 100,000,000"
            }
        }
    }
    package struct Rejection: Sendable, Equatable {
        package var rule: Rule
        package var count: Int
        package init(rule: Rule, count: Int) {
            self.rule = rule
            self.count = count
        }
    }

    package let universe: Universe
    /// Symbols of the file; those that passed every rule, before sampling.
    package let symbolCount: Int, eligibleCount: Int
    /// The rules that left something out, in the order they are tried.
    package let rejected: [Rejection]
    /// The newest day, as yyyymmdd.
    package var weekEnding: Int32 { universe.dates[universe.dates.count - 1] }

    /// - Parameters:
    ///   - weekEnding: days after it are not looked at, as if the file ended there; nil for the whole file.
    ///   - count: symbols to sample.
    ///   - windowBars: bars in one of the five windows, of `Universe.windowBarsAllowed`.
    ///   - seed: of the shuffle that the sample is the beginning of.
    ///   - name: what errors call the bars.
    package init(
        _ bars: DailyBars, weekEnding: Int32? = nil, count: Int = Self.defaultCount,
        windowBars: Int = Universe.windowBars,
        seed: UInt64, name: String
    ) throws(MarketError) {
        guard (1...100_000).contains(count) else {
            throw MarketError(.wrongCount, "a universe of \(count) symbols; give --universe a number from 1 to 100000.")
        }
        if let weekEnding, !MarketDate.isDay(weekEnding) {
            throw MarketError(.wrongDate, "there is no day \(weekEnding); write the week's end as YYYY-MM-DD.")
        }
        guard Universe.windowBarsAllowed.contains(windowBars) else {
            throw MarketError(.wrongCount, "windows of \(windowBars) bars; give --window a number from 31 to 120.")
        }
        let wanted = Universe.days(windowBars: windowBars)
        let days = try Self.tradingDays(bars, wanted, upTo: weekEnding, name: name)
        let (eligible, rejected) = Self.eligible(bars, days: days)
        symbolCount = bars.symbols.count
        eligibleCount = eligible.count
        self.rejected = rejected
        guard eligible.count >= count else {
            let why = rejected.map { "\($0.count) × \($0.rule.words(days: wanted))" }.joined(separator: ", ")
            throw MarketError(
                .tooFewSymbols(eligible: eligible.count),
                "\(name): \(eligible.count) of \(bars.symbols.count) symbols pass the rules"
                    + "\(why.isEmpty ? "" : " (left out: \(why))"), \(count) were wanted; "
                    + (eligible.isEmpty
                        ? "use a file with more symbols or another --week-ending."
                        : "give --universe \(eligible.count) or less, or a file with more symbols."))
        }
        var generator = SplitMix64(seed: seed)
        let sample = generator.sample(count, of: eligible.count).map { eligible[$0] }.sorted { $0.symbol < $1.symbol }
        universe = Self.universe(bars, sample, days: days)
    }

    /// A symbol that passed, and where its bars are: of day d at `bars[d]`.
    private struct Eligible {
        var symbol: Int
        var bars: [Int]
    }

    /// The last `wanted` dates, oldest first, on which at least half of the symbols of the busiest date have a bar.
    private static func tradingDays(
        _ bars: DailyBars, _ wanted: Int, upTo end: Int32?, name: String
    ) throws(MarketError) -> [Int32] {
        var counts: [Int32: Int] = [:]
        for date in bars.dates where date <= end ?? .max { counts[date, default: 0] += 1 }
        let busiest = counts.values.max() ?? 0
        let days = counts.filter { 2 * $0.value >= busiest }.keys.sorted()
        guard days.count >= wanted else {
            let reach = days.first.map { "\(MarketDate.text($0)) to \(MarketDate.text(days[days.count - 1]))" }
            throw MarketError(
                .tooFewDays(days.count),
                "\(name): \(days.count) trading days\(end.map { " up to \(MarketDate.text($0))" } ?? "")"
                    + "\(reach.map { " (\($0))" } ?? ""), \(wanted) are needed; give a longer file"
                    + "\(end == nil ? "." : " or a later --week-ending.")")
        }
        return Array(days.suffix(wanted))
    }

    private static func eligible(_ bars: DailyBars, days: [Int32]) -> ([Eligible], [Rejection]) {
        var eligible: [Eligible] = []
        var counts = [Int](repeating: 0, count: Rule.allCases.count)
        for symbol in bars.symbols.indices {
            let own = bars.starts[symbol]..<bars.starts[symbol + 1]
            if let rule = broken(by: bars.symbols[symbol]) {
                counts[rule.rawValue] += 1
                continue
            }
            var places: [Int] = []
            for at in own where places.count < days.count && bars.dates[at] >= days[places.count] {
                // A date that was passed over is a missing day; dates between trading days are not.
                guard bars.dates[at] == days[places.count] else { break }
                places.append(at)
            }
            if let rule = broken(by: bars, places, days: days) {
                counts[rule.rawValue] += 1
            } else {
                eligible.append(Eligible(symbol: symbol, bars: places))
            }
        }
        let rejected = Rule.allCases.compactMap { rule in
            counts[rule.rawValue] == 0 ? nil : Rejection(rule: rule, count: counts[rule.rawValue])
        }
        return (eligible, rejected)
    }

    private static func broken(by symbol: String) -> Rule? {
        !symbol.isEmpty && symbol.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
            ? nil : .notLetters
    }
    private static func broken(by bars: DailyBars, _ places: [Int], days: [Int32]) -> Rule? {
        guard places.count == days.count, let newest = places.last else { return .missingDay }
        guard bars.close[newest] > 10, bars.close[newest] < 90 else { return .price }
        guard (250_000...100_000_000).contains(bars.volume[newest]) else { return .volume }
        return nil
    }

    private static func universe(_ bars: DailyBars, _ sample: [Eligible], days: [Int32]) -> Universe {
        func field(_ values: [Double]) -> [Double] {
            days.indices.flatMap { day in sample.map { values[$0.bars[day]] } }
        }
        return Universe(
            symbols: sample.map { bars.symbols[$0.symbol] }, dates: days, open: field(bars.open),
            high: field(bars.high), low: field(bars.low), close: field(bars.close), volume: field(bars.volume))
    }
}
