import Foundation
import Market
import TestSupport
import Testing

/// What the two ways of reading made of the same bytes, in words: the error, or everything there is of the bars, bit by
/// bit.
private func described(_ csv: [UInt8], isCareful: Bool) -> String {
    do {
        let bars = try DailyBars(csv: csv, name: "test.csv", isCareful: isCareful)
        let columns = [bars.open, bars.high, bars.low, bars.close, bars.volume].map { $0.map(\.bitPattern) }
        return "\(bars.symbols) \(bars.starts) \(bars.dates) \(columns) \(bars.rowCount) \(bars.rejected.list)"
    } catch {
        return "\(error)"
    }
}

@Test func `real rows give the same bits by the usual and by the careful way`() throws {
    let csv = try InputFile.bytes(path: fixture("us-daily-cut.csv.gz"))
    #expect(csv.count > 100_000)
    #expect(described(csv, isCareful: false) == described(csv, isCareful: true))
}

@Test(arguments: seeds(300))
func `made-up rows, sound and broken, are read alike by the usual and by the careful way`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func pick<Choice>(_ choices: [Choice]) -> Choice { choices[random.next(below: choices.count)] }
    func digits(_ count: Int) -> String { (0..<count).map { _ in String(random.next(below: 10)) }.joined() }
    func number() -> String {
        switch random.next(below: 12) {
        case 0: digits(random.next(below: 12))
        case 1: digits(random.next(below: 10)) + "." + digits(random.next(below: 18))
        case 2:
            pick([
                "", ".", "5.", ".5", "-1", "+1", "1e3", "1e400", "nan", "inf", "0", "-0", "0.0", "1_0", " 7", "7 ",
                "\"7\"",
                "1.5.2", "1,5", "9007199254740993", "99999999.99999999", "0.1", "12345678", "123456789", "1\u{0}",
            ])
        default: "1" + digits(random.next(below: 4)) + "." + digits(1 + random.next(below: 6))
        }
    }
    func symbol() -> String {
        random.next(below: 20) == 0
            ? pick(["", " A", "\"A\"", "ÄÖ", "LONGSYMBOL", "SEVENSY", "EIGHTSYM", "A\u{0}", "a b", "A\tB", "é"])
            : pick(["A", "AA", "AAPL", "BRK.B", "ZZ", "A-B"])
    }
    func date() -> String {
        random.next(below: 20) == 0
            ? pick([
                "2017-3-01", "2017-02-29", "2016-02-29", "2017/03/01", "20170301", "2017-13-01", "2017-00-10", "-", "",
            ])
            : "201\(random.next(below: 10))-\(pick(["01", "02", "10", "12"]))-\(pick(["01", "09", "28", "29", "31"]))"
    }
    var columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    if random.next(below: 4) == 0 { columns.shuffle(using: &random) }
    if random.next(below: 6) == 0 { columns.insert("note", at: random.next(below: columns.count + 1)) }
    var text = columns.joined(separator: ",") + pick(["\n", "\r\n"])
    for _ in 0..<200 {
        let low = 1 + random.next(below: 500)
        var fields = columns.map { column in
            switch column {
            case "symbol": symbol()
            case "date": date()
            case "low" where random.next(below: 8) > 0: "\(low).\(digits(2))"
            case "open" where random.next(below: 8) > 0: "\(low + 1).\(digits(6))"
            case "close" where random.next(below: 8) > 0: "\(low + 2)"
            case "high" where random.next(below: 8) > 0: "\(low + 3).\(digits(1))"
            case "note": pick(["", "x", "\"a, b\"", "a b", "\"", "a\"b"])
            default: number()
            }
        }
        if random.next(below: 40) == 0 { fields.removeLast() }
        if random.next(below: 40) == 0 { fields.append("1") }
        text += fields.joined(separator: ",")
        text +=
            random.next(below: 30) == 0
            ? pick(["\r", "\n\n", "\r\r\n", "\n\r\n", " \n", ""]) : pick(["\n", "\r\n", "\n"])
    }
    var csv = Array(text.utf8)
    // Cut anywhere, and a few bytes changed to anything.
    if random.next(below: 2) == 0 { csv.removeLast(random.next(below: 80)) }
    for _ in 0..<random.next(below: 6) { csv[random.next(below: csv.count)] = UInt8(random.next(below: 256)) }
    #expect(described(csv, isCareful: false) == described(csv, isCareful: true))
}
