import Foundation
import Jobs
import Labels
import Market
import Testing

/// The path of a file in Tests/Fixtures.
func fixture(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures").appendingPathComponent(name).path
}

/// Golden/labels.txt: labels that plain Python computed; Golden/labels.py says how it is written.
private struct Golden {
    var rows: [[String]] = []
    var rejected: [[String]] = []

    init() throws {
        let file = try #require(Bundle.module.url(forResource: "labels", withExtension: "txt", subdirectory: "Golden"))
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "row" { rows.append(Array(words.dropFirst())) } else { rejected.append(words) }
        }
    }
    static let strides = [1: 37, 5: 11, 15: 3, 60: 1, 1440: 1]
}

/// Equal to 1e-9 of the larger, or of 1 where both are small: a few rounded operations apart.
private func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) }

private func check(_ row: LabelRow, _ words: [String]) {
    let integers: [(String, Int64, Int)] = [
        ("date", Int64(row.date), 3), ("start", row.start, 4), ("end", row.end, 5), ("entry time", row.entryTime, 6),
        ("peak time", row.peakTime, 14), ("sessions to peak", Int64(row.sessionsToPeak), 15),
        ("barrier", Int64(row.barrier), 18), ("ambiguous", row.isAmbiguous ? 1 : 0, 19),
        ("barrier end", row.barrierEnd, 20), ("class", Int64(row.outcome.rawValue), 23),
        ("runner", row.isRunner ? 1 : 0, 24), ("monster", row.isMonsterRunner ? 1 : 0, 25),
        ("avoid", Int64(row.avoid.rawValue), 26), ("outcome end", row.outcomeEnd, 28),
    ]
    for (name, value, at) in integers { #expect(value == Int64(words[at]), "\(name) of \(words)") }
    let numbers: [(String, Double, Int)] = [
        ("entry", row.entryPrice, 7), ("1", row.returns[0], 8), ("3", row.returns[1], 9), ("5", row.returns[2], 10),
        ("10", row.returns[3], 11), ("run-up", row.maxRunup, 12), ("drawdown", row.maxDrawdown, 13),
        ("volatility", row.volatility, 16), ("turnover", row.turnover, 17), ("barrier return", row.barrierReturn, 21),
    ]
    for (name, value, at) in numbers { #expect(isNear(value, Double(words[at])!), "\(name) of \(words): \(value)") }
    #expect(row.tier.name == words[22])
    #expect(row.regime.name == words[27])
}

private func compare(_ series: BarSeries, file: String, until: Int64, _ golden: Golden) {
    let labeller = Labeller(finest: series, knownUntil: until, rules: LabelRules())
    for timeframe in Timeframe.allCases where timeframe >= series.timeframe {
        let (minutes, key) = (Int(timeframe.rawValue), [file, series.symbol, "\(timeframe.rawValue)"])
        var labelled = Label.SymbolRows(symbol: series.symbol)
        labeller.label(timeframe, days: 0..<40_000, stride: Golden.strides[minutes]!, into: &labelled)
        let expected = golden.rows.filter { Array($0.prefix(3)) == key }
        #expect(labelled.rows.count == expected.count, "\(key)")
        for (row, words) in zip(labelled.rows, expected) { check(row, words) }
        for reason in EventRejection.allCases {
            let count = golden.rejected.first { Array($0[1...3]) == key && $0[4] == reason.name }.map { UInt32($0[5])! }
            #expect(labelled.rejected[Int(reason.rawValue)] == count ?? 0, "\(reason) of \(key)")
        }
    }
}

@Test func `labels of minute bars are those that plain Python computes`() throws {
    let bars = try MinuteBars.read(path: fixture("us-minute-cut/LII.csv.gz"))
    #expect(bars.series.count == 6446 && bars.rejected[.outsideSession] == 91 && bars.rejected.total == 91)
    compare(bars.series, file: "minute", until: bars.series.end(of: bars.series.count - 1), try Golden())
}

@Test func `labels of daily bars are those that plain Python computes`() throws {
    let golden = try Golden()
    let bars = try DailyBars.read(path: fixture("us-daily-cut.csv.gz"))
    let series = bars.symbols.indices.map { bars.series(of: $0).series }.filter { $0.count > 0 }
    let until = series.map { $0.end(of: $0.count - 1) }.max()!
    let symbols = Set(
        (golden.rows + golden.rejected.map { Array($0.dropFirst()) }).filter { $0[0] == "daily" }.map { $0[1] })
    #expect(symbols.count > 50)
    for one in series where symbols.contains(one.symbol) { compare(one, file: "daily", until: until, golden) }
}
