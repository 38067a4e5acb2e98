import Foundation
import Market
import TestSupport
import Testing

func bars(_ lines: [String]) throws -> DailyBars {
    try DailyBars(csv: Array(lines.joined(separator: "\n").utf8), name: "test.csv")
}
let header = "symbol,date,open,high,low,close,volume"

/// The path of a file in Tests/Fixtures.
func fixture(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures").appendingPathComponent(name).path
}

@Test func `columns in any order, spaces, quotes, CR LF and a byte order mark change nothing`() throws {
    let plain = try bars([header, "AA,2017-03-31,10,11.5,9,10.25,300000", "B,2017-03-30,1,2,1,2,0"])
    #expect(plain.symbols == ["AA", "B"])
    #expect(plain.starts == [0, 1, 2])
    #expect(plain.dates == [20_170_331, 20_170_330])
    #expect(plain.open == [10, 1] && plain.high == [11.5, 2] && plain.low == [9, 1] && plain.close == [10.25, 2])
    #expect(plain.volume == [300_000, 0])
    #expect(plain.rowCount == 2 && plain.rejected.total == 0)

    let other =
        "\u{FEFF}Volume, \"close\" ,note,date,low,high,open,symbol\r\n"
        + "3e5,10.25,\"a, b\",2017-03-31,9,11.50, 10 ,\"AA\"\r\n\r\n0,2,,2017-03-30,1,2,+1.,B\r\n"
    let same = try DailyBars(csv: Array(other.utf8), name: "other.csv")
    #expect(same.symbols == plain.symbols && same.dates == plain.dates && same.starts == plain.starts)
    #expect(same.open == plain.open && same.high == plain.high && same.low == plain.low)
    #expect(same.close == plain.close && same.volume == plain.volume)
    #expect(same.rowCount == 2 && same.rejected.total == 0)
}

@Test func `every rejected row is counted once, with the first line of its reason`() throws {
    let read = try bars([
        header,
        "A,2017-03-31,10,11,9,10,1",
        "A,2017-03-30,10,11,9,10",  // 3: missing field
        "A,2017-03-30,10,11,9,,1",  // missing field
        "",  // no row
        "A,2017-03-30,10,11,9,10,1,0",  // 6: extra field
        "A,2017-3-30,10,11,9,10,1",  // 7: bad date
        "A,2017-02-29,10,11,9,10,1",  // bad date
        "A,2017-03-30,ten,11,9,10,1",  // 9: not a number
        "A,2017-03-30,nan,11,9,10,1",  // not a number
        "A,2017-03-30,0x10,11,9,10,1e999",  // not a number
        "A,2017-03-30,0,11,0,10,1",  // 12: not positive
        "A,2017-03-30,10,9,9,10,1",  // 13: crossed
        "A,2017-03-30,10,11,10.5,10,1",  // crossed
        "A,2017-03-30,10,11,9,10,-1",  // 15: negative
        "A,2017-03-29,10,11,9,10,1",
        "A,2017-03-29,10.0,11,9,10,1",  // 17: repeated
        "B,2017-03-29,10,11,9,10,1",  // 18: conflicting
        "B,2017-03-29,10,11,9,10,2",
        "B,2017-03-29,10,11,9,10,1",
    ])
    let expected: [(RowRejectionReason, Int, Int)] = [
        (.missingField, 2, 3), (.extraField, 1, 6), (.badDate, 2, 7), (.unparsableNumber, 3, 9),
        (.priceNotPositive, 1, 12), (.highLowCrossed, 2, 13), (.negativeVolume, 1, 15), (.repeated, 1, 17),
        (.conflicting, 3, 18),
    ]
    #expect(read.rejected.list == expected.map { RowRejection(reason: $0.0, count: $0.1, firstLine: $0.2) })
    #expect(read.rowCount == 18)
    #expect(read.count == 2 && read.rowCount == read.count + read.rejected.total)
    // B is left without a bar and still known.
    #expect(read.symbols == ["A", "B"] && read.starts == [0, 2, 2])
}

@Test(arguments: seeds(20))
func `the order of the rows changes nothing but line numbers`(seed: UInt64) throws {
    let lines = String(decoding: DemoMarket.csv(seed: seed, symbolCount: 40, dayCount: 40), as: UTF8.self)
        .split(separator: "\n").map(String.init)
    var chance = SplitMix(seed: seed)
    let sorted = try bars(lines)
    let shuffled = try bars([lines[0]] + lines.dropFirst().shuffled(using: &chance))
    #expect(sorted.symbols == shuffled.symbols && sorted.starts == shuffled.starts && sorted.dates == shuffled.dates)
    #expect(sorted.open == shuffled.open && sorted.high == shuffled.high && sorted.low == shuffled.low)
    #expect(sorted.close == shuffled.close && sorted.volume == shuffled.volume)
    #expect(sorted.rowCount == shuffled.rowCount)
    #expect(sorted.rejected.list.map(\.reason) == shuffled.rejected.list.map(\.reason))
    #expect(sorted.rejected.list.map(\.count) == shuffled.rejected.list.map(\.count))
    for symbol in sorted.symbols.indices {
        let own = sorted.dates[sorted.starts[symbol]..<sorted.starts[symbol + 1]]
        #expect(zip(own, own.dropFirst()).allSatisfy { $0 < $1 })
    }
}

@Test(arguments: seeds(200))
func `numbers are read as the nearest double`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    var lines = [header]
    var expected: [Double] = []
    for _ in 0..<50 {
        // Any digits with a point anywhere, and now and then an exponent.
        let digits = Int.random(in: 1...22, using: &chance)
        var text = (0..<digits).map { _ in String(Int.random(in: 0...9, using: &chance)) }.joined()
        text.insert(".", at: text.index(text.startIndex, offsetBy: Int.random(in: 0...digits, using: &chance)))
        if Int.random(in: 0...4, using: &chance) == 0 { text += "e\(Int.random(in: -30...30, using: &chance))" }
        let value = unsafe strtod(text, nil)
        guard value > 0 else { continue }
        expected.append(value)
        lines.append("A,2017-01-01,\(text),\(text),\(text),\(text),1")
    }
    // Of one symbol on one day in different versions: distinct days keep them apart.
    lines = lines.enumerated().map { at, line in
        at == 0 ? line : line.replacingOccurrences(of: "2017-01-01", with: "\(2000 + at)-01-01")
    }
    let read = try bars(lines)
    #expect(read.close.map(\.bitPattern) == expected.map(\.bitPattern), "\(lines)")
}

@Test(arguments: seeds(300))
func `no bytes make the reader trap`(seed: UInt64) {
    var chance = SplitMix(seed: seed)
    let alphabet = Array("A,B\"\r\n 0123456789.-+eE\t\u{FEFF}".utf8) + [0, 255]
    var bytes = Array((header + "\n").utf8)
    for _ in 0..<Int.random(in: 0...400, using: &chance) {
        if Int.random(in: 0...5, using: &chance) == 0 {
            bytes += Array("A,2017-03-31,10,11,9,10,1\n".utf8).prefix(Int.random(in: 0...27, using: &chance))
        } else {
            bytes.append(alphabet.randomElement(using: &chance)!)
        }
    }
    if seed % 3 == 0 {
        bytes[Int.random(in: 0..<bytes.count, using: &chance)] = alphabet.randomElement(using: &chance)!
    }
    do {
        let read = try DailyBars(csv: bytes, name: "random")
        #expect(read.rowCount == read.count + read.rejected.total)
    } catch {
        #expect(error.description.hasPrefix("random"))
    }
}

@Test func `a file without what is needed is refused in words`() {
    func cause(_ text: String) -> MarketError? {
        #expect(throws: MarketError.self) { try DailyBars(csv: Array(text.utf8), name: "bars.csv") }
    }
    #expect(cause("")?.cause == .missingColumn)
    let missing = cause("symbol,date,open,high,low,volume\n")
    #expect(missing?.cause == .missingColumn)
    #expect(missing?.description.hasPrefix("bars.csv:1: no column `close`") == true)
    #expect(cause(header + ",close\n")?.cause == .repeatedColumn)
    let empty = cause(header + "\nA,2017-03-31,10,9,9,10,1\n")
    #expect(empty?.cause == .noBars)
    #expect(empty?.description.contains("1 × the high is below") == true)
    let none = #expect(throws: MarketError.self) { try DailyBars.read(path: "/no/such/file.csv") }
    #expect(none?.cause == .unreadable)
    #expect(none?.description.contains("No such file") == true)
    #expect(throws: MarketError.self) { try DailyBars.read(path: "/") }
}
