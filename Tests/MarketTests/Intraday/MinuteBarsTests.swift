import Foundation
import Market
import TestSupport
import Testing

private let minuteHeader = "timestamp_ms,open,high,low,close,volume"
/// 09:30 in New York on 2 January 2024.
private let open: Int64 = 1_704_205_800_000

private func read(_ rows: [String], symbol: String = "AA") throws -> MinuteBars {
    try MinuteBars(csv: Array(([minuteHeader] + rows).joined(separator: "\n").utf8), symbol: symbol, name: "AA.csv")
}
private func row(_ minute: Int, _ values: String = "10,11,9,10.5,100") -> String {
    "\(open + Int64(minute) * 60_000),\(values)"
}
private func reasons(_ rows: [String]) throws -> [BarRejection] { try read(rows).rejected.list.map(\.reason) }

@Test func `columns in any order, CR LF and blank lines give the same minute bars`() throws {
    let plain = try read([row(0), row(2, "1.5,2,1,2,0")])
    #expect(plain.rowCount == 2 && plain.rejected.total == 0)
    #expect(plain.series.starts == [open, open + 120_000])
    #expect(plain.series.open == [10, 1.5] && plain.series.high == [11, 2] && plain.series.low == [9, 1])
    #expect(plain.series.close == [10.5, 2] && plain.series.volume == [100, 0])
    let other =
        "\u{FEFF}close,volume,note,open,low,high,Timestamp_MS\r\n10.5,1e2,x,10,9,11,\(open)\r\n\r\n"
        + "2,-0,,1.5,1,2.0,\(open + 120_000)"
    let same = try MinuteBars(csv: Array(other.utf8), symbol: "AA", name: "other.csv")
    #expect(same.series == plain.series)
    #expect(same.series.volume.map(\.sign) == [.plus, .plus])
}

@Test func `each wrong row is counted under its reason and the others stay`() throws {
    let good = (0..<5).map { row($0) }
    let cases: [(String, BarRejection)] = [
        (row(9, "10,11,9,10"), .missingField), (row(9, "10,11,9,,1"), .missingField),
        (row(9, "10,11,9,10,1,7"), .extraField), (row(9, "nan,11,9,10,1"), .notANumber),
        (row(9, "10,inf,9,10,1"), .notANumber), (row(9, "10,1e999,9,10,1"), .notANumber),
        (row(9, "10,11,9,ten,1"), .notANumber), (row(9, "0,11,0,10,1"), .priceNotPositive),
        (row(9, "10,11,-9,10,1"), .priceNotPositive), (row(9, "10,9,11,10,1"), .highLowCrossed),
        (row(9, "12,11,9,10,1"), .highLowCrossed), (row(9, "10,11,9,10,-1"), .negativeVolume),
        ("1704205800,10,11,9,10,1", .badTime), ("\(open + 1),10,11,9,10,1", .badTime),
        ("1e300,10,11,9,10,1", .badTime), ("-60000,10,11,9,10,1", .badTime), ("noon,10,11,9,10,1", .badTime),
        (row(9, "11e6,11e6,11e6,11e6,1"), .jump), (row(9, "10,11,0.000009,10,1"), .jump),
        (row(3), .timeGoingBack), (row(4), .repeated), (row(-1), .timeGoingBack), (row(390), .outsideSession),
        (row(24 * 60 - 1), .outsideSession),
    ]
    for (line, reason) in cases {
        let bars = try read(good + [line])
        #expect(bars.rejected.list.map(\.reason) == [reason], "\(line)")
        #expect(bars.rejected[reason] == 1, "\(line)")
        #expect(bars.series.starts == (0..<5).map { open + $0 * 60_000 }, "\(line)")
        #expect(bars.rowCount == 6)
    }
}

@Test func `two different bars of one minute leave none, however often it is repeated`() throws {
    let bars = try read([row(0), row(1), row(1, "10,11,9,10.6,100"), row(1), row(2)])
    #expect(bars.series.starts == [open, open + 120_000])
    #expect(bars.rejected[.conflicting] == 3 && bars.rejected.total == 3)
}

@Test func `a first bar that is a millionfold off does not take the rest with it`() throws {
    let bars = try read([row(0, "1e9,1e9,1e9,1e9,1"), row(1), row(2), row(3)])
    #expect(bars.rejected[.jump] == 1 && bars.series.count == 3)
}

@Test func `a file without a bar, a column or a proper name says so`() {
    #expect(throws: MarketError.self) { try read([]) }
    let outside = #expect(throws: MarketError.self) { try read([row(-60)]) }
    #expect(outside?.description.contains("1 × outside the regular session") == true)
    let column = #expect(throws: MarketError.self) {
        try MinuteBars(csv: Array("timestamp_ms,open,high,low,close\n".utf8), symbol: "A", name: "A.csv")
    }
    #expect(column?.cause == .missingColumn)
    for name in ["", String(repeating: "A", count: 40), "A B", ".A"] {
        let error = #expect(throws: MarketError.self, "\(name)") {
            try MinuteBars.read(path: "/nowhere/\(name).csv.gz")
        }
        #expect(error?.cause == .wrongSymbol, "\(name)")
    }
    #expect(SymbolName.fault(in: "BRK/A") != nil)
    #expect(SymbolName.fault(in: "BRK.A") == nil && SymbolName.fault(in: "ABCDEFGHIJKLMNOP") == nil)
}

@Test func `a short day ends at one o'clock`() throws {
    // 24 December 2024, 12:59 and 13:00.
    let rows = [1_735_063_140_000, 1_735_063_200_000].map { "\($0),10,11,9,10,1" }
    let bars = try read(rows)
    #expect(bars.series.count == 1 && bars.rejected[.outsideSession] == 1)
    #expect(bars.series.end(of: 0) == 1_735_063_200_000)
}
