/// A made-up market to try everything on without a file: trends of the market and of sectors, symbols that trend and
/// symbols that return to their mean, gaps, splits, halts, holes and rows that a reader must refuse. It comes as the
/// bytes of a CSV file, so that it goes the way of every other file.
///
/// The same seed gives the same bytes on every machine: nothing but + − × ÷ and rounding, never a library's `log`.
package struct DemoMarket {
    package static let defaultSymbols = 1600
    package static let defaultDays = 60
    /// Names of three letters, then as many of four.
    package static let mostSymbols = 46_305
    private static let shortNames = 2205
    private static let sectorCount = 12

    private let days: [Int32]
    /// Returns of the market, and of each sector beyond it, per day as fractions.
    private let market: [Double]
    private let sectors: [[Double]]

    /// - Parameters: symbolCount: 1…`mostSymbols`. dayCount: at least 1. end: the newest day as yyyymmdd, taken as a trading
    ///   day; weekends before it are left out.
    /// - Returns: CSV with a header, by symbol and day.
    package static func csv(
        seed: UInt64, symbolCount: Int = defaultSymbols, dayCount: Int = defaultDays, end: Int32 = 2026_01_30
    ) -> [UInt8] {
        precondition(
            (1...mostSymbols).contains(symbolCount) && dayCount > 0, "a demo has 1 to 46,305 symbols and some days")
        var chance = SplitMix64(seed: seed)
        let demo = DemoMarket(days: weekdays(dayCount, upTo: end), chance: &chance)
        var csv = Array("symbol,date,open,high,low,close,volume\n".utf8)
        csv.reserveCapacity(symbolCount * dayCount * 48)
        for name in names(symbolCount, &chance) {
            // A generator of its own each: a change to one symbol leaves the others as they are.
            var own = SplitMix64(seed: chance.next())
            for row in demo.rows(of: name, &own) {
                csv.append(contentsOf: row.utf8)
                csv.append(UInt8(ascii: "\n"))
            }
        }
        return csv
    }

    private init(days: [Int32], chance: inout SplitMix64) {
        self.days = days
        func path(_ deviation: Double, memory: Double, drift: Double, _ chance: inout SplitMix64) -> [Double] {
            var value = 0.0
            return days.map { _ in
                value = memory * value + deviation * Self.normal(&chance)
                return drift + value
            }
        }
        market = path(0.0025, memory: 0.3, drift: 0.0003, &chance)
        sectors = (0..<Self.sectorCount).map { _ in path(0.003, memory: 0.5, drift: 0, &chance) }
    }

    /// Mean 0, variance 1, within ±6: the sum of twelve uniform numbers, which needs no logarithm.
    private static func normal(_ chance: inout SplitMix64) -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + chance.nextUnit() }
    }

    /// Consonant, vowel, consonant, so that they can be said, and a fourth letter where three are too few; some of the last are spelled oddly.
    private static func names(_ count: Int, _ chance: inout SplitMix64) -> [String] {
        let consonants = Array("BCDFGHJKLMNPQRSTVWXYZ")
        let vowels = Array("AEIOU")
        var names = chance.sample(count, of: count > shortNames ? mostSymbols : shortNames).sorted().map {
            let short = count > shortNames ? $0 / 21 : $0
            let letters = [consonants[short / 105], vowels[short / 21 % 5], consonants[short % 21]]
            return String(count > shortNames ? letters + [consonants[$0 % 21]] : letters)
        }
        for (at, ending) in [".A", "-W", "1", "^"].enumerated() where count > 100 {
            names[count - 1 - at * 7] += ending
        }
        return names
    }

    /// The last `count` days from Monday to Friday, oldest first.
    private static func weekdays(_ count: Int, upTo end: Int32) -> [Int32] {
        var days: [Int32] = []
        var day = MarketDate.dayNumber(end)
        while days.count < count {
            // Day 0 is 1970-01-01, a Thursday.
            if ![2, 3].contains((day % 7 + 7) % 7) || days.isEmpty { days.append(MarketDate.date(dayNumber: day)) }
            day -= 1
        }
        return days.reversed()
    }
}

// MARK: One symbol

extension DemoMarket {
    /// What makes one symbol unlike another.
    private struct Character {
        var sector: Int
        var beta: Double
        /// Standard deviation of a day's own return.
        var volatility: Double
        /// Part of a day's own return that its past tells: above 0 it trends, below 0 it turns back.
        var persistence: Double
        var volume: Double
        var price: Double

        init(_ chance: inout SplitMix64) {
            sector = chance.next(below: DemoMarket.sectorCount)
            beta = 0.5 + chance.nextUnit()
            volatility = 0.006 + 0.02 * chance.nextUnit() * chance.nextUnit() + 0.004 * chance.nextUnit()
            persistence = chance.next(below: 5) < 3 ? 0.5 + 0.4 * chance.nextUnit() : -0.4 - 0.4 * chance.nextUnit()
            // Products of uniform numbers spread over decades, most of them in the traded range.
            let (u, v) = (chance.nextUnit(), chance.nextUnit())
            volume = 200_000 + 9_000_000 * u * u * v
            price = 8 + 95 * chance.nextUnit() * chance.nextUnit()
        }
    }

    /// What happens to one symbol, by day; −1 never.
    private struct Fate {
        var splitDay = -1, splitFactor = 1.0
        var halt = 0..<0
        var isFlat = false
        var listed: Range<Int>

        init(days: Int, _ chance: inout SplitMix64) {
            listed = 0..<days
            switch chance.next(below: 100) {
            case 0, 1:
                splitDay = chance.next(below: days)
                splitFactor = [0.5, 1.0 / 3, 0.2, 10][chance.next(below: 4)]
            case 2: halt = chance.next(below: days)..<days
            case 3:
                let start = chance.next(below: days)
                halt = start..<min(days, start + 1 + chance.next(below: 8))
            case 4: isFlat = true
            case 5: listed = chance.next(below: days)..<days
            case 6: listed = 0..<chance.next(below: days) + 1
            default: break
            }
        }
    }

    private func rows(of name: String, _ chance: inout SplitMix64) -> [String] {
        let character = Character(&chance)
        let fate = Fate(days: days.count, &chance)
        var rows: [String] = []
        var close = character.price
        var own = 0.0
        for day in days.indices {
            if day == fate.splitDay { close *= fate.splitFactor }
            let common = character.beta * market[day] + sectors[character.sector][day]
            // The own part remembers itself over days; most of it shows between open and close.
            let news = Self.normal(&chance)
            let surprise = chance.next(below: 150) == 0 ? 8 * character.volatility * Self.normal(&chance) : 0
            let told = character.persistence * own
            own = told + 0.6 * character.volatility * Self.normal(&chance)
            let gap = 0.3 * common + 0.3 * character.volatility * news + surprise
            let session = 0.7 * common + told + 0.7 * character.volatility * Self.normal(&chance)
            let open = close * (1 + min(max(gap, -0.4), 0.4))
            close = max(0.5, open * (1 + min(max(session, -0.4), 0.4)))
            let reach = (abs(Self.normal(&chance)), abs(Self.normal(&chance)))
            let excitement = 1 + 40 * abs(session) + 0.5 * chance.nextUnit()
            let hole = chance.next(below: 4000) == 0
            guard fate.listed.contains(day), !hole else { continue }
            if fate.halt.contains(day) { continue }
            var bar = Bar(
                open: open, high: max(open, close) * (1 + 0.4 * character.volatility * reach.0),
                low: min(open, close) * (1 - 0.4 * character.volatility * reach.1), close: close,
                volume: character.volume * excitement)
            if fate.isFlat { bar = Bar(flatAt: character.price, volume: character.volume) }
            rows += bar.rows(name, MarketDate.text(days[day]), &chance)
        }
        return rows
    }

    /// One day in cents and shares.
    private struct Bar {
        var open: Int, high: Int, low: Int, close: Int, volume: Int
        init(open: Double, high: Double, low: Double, close: Double, volume: Double) {
            func cents(_ price: Double) -> Int { max(1, Int((price * 100).rounded())) }
            self.open = cents(open)
            self.high = cents(high)
            self.low = cents(low)
            self.close = cents(close)
            self.volume = Int(volume / 100) * 100
        }
        init(flatAt price: Double, volume: Double) {
            self.init(open: price, high: price, low: price, close: price, volume: volume)
        }

        /// Mostly one row; one time in four hundred something that a reader must refuse or settle.
        func rows(_ name: String, _ date: String, _ chance: inout SplitMix64) -> [String] {
            guard chance.next(below: 400) == 0 else { return [row(name, date)] }
            var wrong = self
            switch chance.next(below: 10) {
            case 0: swap(&wrong.high, &wrong.low)
            case 1: wrong.low = 0
            case 2: wrong.volume = -volume
            case 3: return [row(name, date, volume: "n/a")]
            case 4: return [row(name, date, volume: "")]
            case 5: return [row(name, String(date.dropLast(2)) + "32")]
            case 6: return [row(name, date), row(name, date)]
            case 7:
                wrong.volume += 100
                return [row(name, date), wrong.row(name, date)]
            case 8: return [row(name, date) + ",0"]
            default: return [name + "," + date]
            }
            // A wrong row is mostly followed by its correction, as feeds do.
            return chance.next(below: 3) > 0 ? [wrong.row(name, date), row(name, date)] : [wrong.row(name, date)]
        }
        private func row(_ name: String, _ date: String, volume text: String? = nil) -> String {
            func price(_ cents: Int) -> String { "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)" }
            return "\(name),\(date),\(price(open)),\(price(high)),\(price(low)),\(price(close)),\(text ?? "\(volume)")"
        }
    }
}
