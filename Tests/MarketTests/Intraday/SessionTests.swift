import Foundation
import Market
import TestSupport
import Testing

/// Golden/sessions.txt: every session since 1995 as somebody else's calendar has it.
private let golden: [[Int]] = {
    guard let file = Bundle.module.url(forResource: "sessions", withExtension: "txt", subdirectory: "Golden"),
        let text = try? String(contentsOf: file, encoding: .utf8)
    else { fatalError("Golden/sessions.txt is not beside the tests") }
    return text.split(separator: "\n").map { line in
        let words = line.split(separator: " ")
        return [words[0] == "year" ? 1 : 0] + words.dropFirst().map { Int($0)! }
    }
}()

@Test func `short days, and all of two years, open and close when another calendar says`() throws {
    let lines = golden.filter { $0[0] == 0 }
    #expect(lines.count > 500)
    for line in lines {
        let session = try #require(TradingSession(date: Int32(line[1])), "\(line[1]) has a session")
        #expect(session.opens == Int64(line[2]) * 60_000, "\(line[1])")
        #expect(session.closes == Int64(line[3]) * 60_000, "\(line[1])")
    }
}

@Test func `the sessions of each year since 1995 add up to another calendar's`() {
    let years = golden.filter { $0[0] == 1 }
    #expect(years.count == 33)
    for year in years {
        var sum = (count: 0, opens: 0, closes: 0)
        let start = MarketDate.dayNumber(Int32(year[1] * 10000 + 101))
        for day in start..<MarketDate.dayNumber(Int32((year[1] + 1) * 10000 + 101)) {
            guard let session = TradingSession(dayNumber: day) else { continue }
            sum.count += 1
            sum.opens += Int(session.opens / 60_000)
            sum.closes += Int(session.closes / 60_000)
        }
        #expect(sum == (year[2], year[3], year[4]), "\(year[1])")
    }
}

@Test func `New York's day changes at its own midnight, on the days when its clocks change too`() {
    for date: Int32 in [2006_04_02, 2006_10_29, 2024_03_10, 2024_11_03, 2024_07_04, 2024_12_31] {
        for day in MarketDate.dayNumber(date) - 1...MarketDate.dayNumber(date) + 1 {
            // Midnight is before the hour at which a change takes effect, so the day before says the offset.
            let midnight =
                Int64(day) * NewYorkTime.millisecondsPerDay - NewYorkTime.offsetMilliseconds(dayNumber: day - 1)
            #expect(NewYorkTime.dayNumber(of: midnight) == day, "\(date)")
            #expect(NewYorkTime.dayNumber(of: midnight - 1) == day - 1, "\(date)")
        }
    }
}

@Test func `the session so many sessions later skips weekends and holidays`() throws {
    let eve = try #require(TradingSession(date: 2024_12_24))
    #expect(eve.closes - eve.opens == 210 * 60_000)
    #expect(eve.later(by: 0) == eve)
    #expect(eve.later(by: 1).date == 2024_12_26)
    #expect(eve.later(by: 5).date == 2025_01_02)
    #expect(TradingSession(date: 2024_12_25) == nil && TradingSession(date: 2024_12_28) == nil)
}
