import Foundation
import Market
import Testing

/// Forty weekdays from 2017-02-06 on.
private let days: [String] = (0..<56).filter { $0 % 7 < 5 }.map {
    MarketDate.text(MarketDate.date(dayNumber: MarketDate.dayNumber(20_170_206) + $0))
}

/// Rows of one symbol on `days`, priced 20 with 300,000 shares a day unless said otherwise.
private func rows(_ symbol: String, on days: [String] = days, close: String = "20", volume: String = "300000")
    -> [String]
{
    days.map { "\(symbol),\($0),20,200,1,\(close),\(volume)" }
}
private func select(
    _ rows: [String], weekEnding: Int32? = nil, count: Int = 1, seed: UInt64 = 1
) throws -> UniverseSelection {
    try UniverseSelection(
        try bars([header] + rows), weekEnding: weekEnding, count: count, seed: seed, name: "test.csv")
}
private func failure(_ body: () throws -> UniverseSelection) -> MarketError? {
    #expect(throws: MarketError.self) { _ = try body() }
}

@Test func `each rule leaves out what breaks it, and its edges count as DESIGN says`() throws {
    let last35 = Array(days.suffix(35))
    let selection = try select(
        rows("A") + rows("B", on: last35) + rows("C", close: "10.01") + rows("D", close: "89.99")
            + rows("E", volume: "250000") + rows("F", volume: "100000000")
            + rows("X.Y") + rows("x") + rows("Ä")  // not letters A–Z
            + rows("M", on: Array(last35.dropFirst())) + rows("N", on: last35.filter { $0 != last35[17] })
            + rows("O", on: Array(last35.dropLast()))  // missing days
            + rows("P", close: "10") + rows("Q", close: "90")  // price
            + rows("R", volume: "249999") + rows("S", volume: "100000001"),  // volume
        count: 6)
    #expect(selection.universe.symbols == ["A", "B", "C", "D", "E", "F"])
    #expect(selection.universe.dates.map { MarketDate.text($0) } == last35)
    #expect(selection.eligibleCount == 6 && selection.symbolCount == 16)
    #expect(selection.rejected.map(\.count) == [3, 3, 2, 2])
    #expect(selection.rejected.map(\.rule) == [.notLetters, .missingDay, .price, .volume])
    // Day by day, neighbours are tickers.
    #expect(Array(selection.universe.close[0..<6]) == [20, 20, 10.01, 89.99, 20, 20])
    #expect(selection.universe.volume[34 * 6 + 5] == 100_000_000)
}

@Test func `a date is a trading day when half of the busiest date's symbols have a bar`() throws {
    let base = ["A", "B", "C", "D"].flatMap { rows($0) }
    // Two of four on a Saturday: a trading day; then those without it miss a day.
    let half = try select(base + ["A", "B"].flatMap { rows($0, on: ["2017-03-25"]) })
    #expect(half.universe.dates.contains(20_170_325) && half.eligibleCount == 2)
    // One of four: none.
    let fewer = try select(base + rows("A", on: ["2017-03-25"]))
    #expect(!fewer.universe.dates.contains(20_170_325) && fewer.eligibleCount == 4)
}

@Test func `days after the week's end are not looked at`() throws {
    let end = MarketDate.parse(days[36])!
    // Z is wrong only afterwards; and more symbols afterwards change no trading day.
    let later = Array(days.suffix(3))
    let all = rows("A") + rows("Z", on: Array(days.prefix(37))) + (0..<9).flatMap { rows("L\($0)", on: later) }
    let selection = try select(all, weekEnding: end, count: 2)
    #expect(selection.weekEnding == end && selection.universe.symbols == ["A", "Z"])
    // On a day without trading the week ends at the trading day before it.
    #expect(try select(rows("A"), weekEnding: 20_170_402).weekEnding == MarketDate.parse("2017-03-31"))
    #expect(failure { try select(rows("A"), weekEnding: MarketDate.parse(days[33])!) }?.cause == .tooFewDays(34))
    #expect(failure { try select(rows("A"), weekEnding: 20_170_230) }?.cause == .wrongDate)
}

@Test func `too few days or symbols are told with what would do`() throws {
    let short = failure { try select(rows("A", on: Array(days.prefix(34)))) }
    #expect(short?.cause == .tooFewDays(34))
    #expect(short?.description.contains("34 trading days (2017-02-06 to 2017-03-23), 35 are needed") == true)
    let few = failure { try select(rows("A") + rows("B") + rows("C", close: "5"), count: 3) }
    #expect(few?.cause == .tooFewSymbols(eligible: 2))
    #expect(few?.description.contains("2 of 3 symbols pass the rules") == true)
    #expect(few?.description.contains("--universe 2 or less") == true)
    #expect(failure { try select(rows("A"), count: 0) }?.cause == .wrongCount)
}

@Test func `the sample follows the seed, and every symbol can be in it`() throws {
    let read = try bars([header] + (0..<20).flatMap { rows(String(UnicodeScalar(UInt8(65 + $0)))) })
    func sample(_ seed: UInt64) throws -> [String] {
        try UniverseSelection(read, count: 7, seed: seed, name: "x").universe.symbols
    }
    #expect(try sample(1) == sample(1))
    // From an independent program with the same generator and shuffle.
    #expect(try sample(1) == ["A", "K", "L", "P", "Q", "S", "T"])
    var seen: Set<String> = []
    for seed in 1...40 as ClosedRange<UInt64> {
        let symbols = try sample(seed)
        #expect(symbols == symbols.sorted() && Set(symbols).count == 7)
        seen.formUnion(symbols)
    }
    #expect(seen.count == 20)
}

@Test func `the fixture holds symbols that break each rule and rows of each kind`() throws {
    let read = try DailyBars.read(path: fixture("us-daily-cut.csv.gz"))
    let selection = try UniverseSelection(read, count: 44, seed: 1, name: "fixture")
    #expect(selection.eligibleCount == 44 && selection.weekEnding == 20_170_331)
    #expect(selection.rejected.map(\.rule) == UniverseSelection.Rule.allCases)
    #expect(selection.rejected.map(\.count) == [1, 8, 5, 5])
    #expect(read.rejected.list.map(\.reason) == RowRejectionReason.allCases)
}

@Test func `1,758 symbols of the real file pass the rules`() throws {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    let path = root.appendingPathComponent("shared/data/us-daily-2016-2017.csv.gz").path
    guard FileManager.default.fileExists(atPath: path) else {
        print("Not checked, because it is not here: \(path)")
        return
    }
    let read = try DailyBars.read(path: path)
    #expect(read.rowCount == 539_885 && read.count == 539_885 && read.symbols.count == 6181)
    let selection = try UniverseSelection(read, seed: 1, name: path)
    #expect(selection.eligibleCount == 1758 && selection.weekEnding == 20_170_331)
    #expect(selection.rejected.map(\.count) == [260, 2043, 2120])
    #expect(selection.universe.symbols.count == 1000)
}

@Test func `longer windows take as many days more`() throws {
    let bars = try DailyBars(csv: DemoMarket.csv(seed: 1, symbolCount: 60, dayCount: 70), name: "demo")
    let usual = try UniverseSelection(bars, count: 10, seed: 1, name: "demo").universe
    let longer = try UniverseSelection(bars, count: 10, windowBars: 60, seed: 1, name: "demo").universe
    #expect(usual.windowBars == 31 && usual.dates.count == 35)
    #expect(longer.windowBars == 60 && longer.dates.count == 64 && longer.dates.suffix(35) == usual.dates[...])
    #expect(try Universe(wireBytes: longer.wireBytes) == longer)
    #expect(throws: MarketError.self) { try UniverseSelection(bars, count: 10, windowBars: 67, seed: 1, name: "demo") }
    for wrong in [30, 121] {
        #expect(throws: MarketError.self) {
            try UniverseSelection(bars, count: 10, windowBars: wrong, seed: 1, name: "demo")
        }
    }
}
