import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

/// Sessions from a date on.
private func sessions(from date: Int32, _ count: Int) -> [Int32] {
    var dates: [Int32] = []
    var day = MarketDate.dayNumber(date)
    while dates.count < count {
        if let session = TradingSession(dayNumber: day) { dates.append(session.date) }
        day += 1
    }
    return dates
}

/// A quiet market: closes near 100, a little different every day.
private func quiet(_ count: Int = 60) -> [Bar] {
    sessions(from: 2024_01_02, count).enumerated().map { at, date in
        let close = 100 + Double(at * 7 % 5)
        return Bar(
            start: day(date), open: close - 1, high: close + 2, low: close - 2, close: close, volume: 5000 + Double(at))
    }
}

private func verdicts(_ bars: [Bar]) throws -> [BarVerdict] {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    _ = try store.append(batch("1", bars))
    let found = try store.check(at: 1).found.flatMap(\.verdicts)
    #expect(try store.verdicts(SeriesKey(symbol: "AA")) == found, "what is told is stored")
    #expect(try store.bars(SeriesKey(symbol: "AA")).count == bars.count, "and no bar is changed")
    return found
}

@Test func `a quiet market has nothing to judge`() throws { #expect(try verdicts(quiet()) == []) }

@Test func `a close far from its neighbours on both sides is a spike, to either side`() throws {
    for factor in [10.0, 0.1] {
        var bars = quiet()
        bars[20].close *= factor
        bars[20].high = max(bars[20].high, bars[20].close)
        bars[20].low = min(bars[20].low, bars[20].close)
        let found = try verdicts(bars)
        #expect(found.map(\.kind) == [.spike] && found[0].start == bars[20].start, "\(found)")
    }
}

@Test func `a high that nothing beside it bears out is a wick`() throws {
    var bars = quiet()
    bars[20].high = 1000
    bars[30].low = 1
    let found = try verdicts(bars)
    #expect(found.map(\.kind) == [.wick, .wick] && found.map(\.start) == [bars[20].start, bars[30].start])
}

@Test func `prices that halve and stay there are a possible split, an odd step is a step`() throws {
    for (factor, kind) in [(0.5, BarVerdict.Kind.possibleSplit), (3, .possibleSplit), (0.58, .step)] {
        var bars = quiet()
        for at in 30..<bars.count {
            bars[at].open *= factor
            bars[at].high *= factor
            bars[at].low *= factor
            bars[at].close *= factor
        }
        // As a split does: the open of the day against the close before.
        bars[30].open = bars[29].close * factor
        bars[30].low = min(bars[30].low, bars[30].open)
        bars[30].high = max(bars[30].high, bars[30].open)
        let found = try verdicts(bars)
        #expect(found.map(\.kind) == [kind] && found[0].start == bars[30].start, "\(factor): \(found)")
    }
}

@Test func `frozen bars, days without volume, missing sessions and bars on holidays are told`() throws {
    var bars = quiet()
    for at in 11...13 {
        let start = bars[at].start
        bars[at] = bars[10]
        bars[at].start = start
    }
    bars[20].volume = 0
    bars.removeSubrange(40..<42)
    // Good Friday 2024.
    bars.append(bar(2024_03_29, 102, volume: 1))
    let found = try verdicts(bars)
    #expect(found.map(\.kind) == [.frozen, .zeroVolume, .noSession, .gap], "\(found)")
    #expect(found[0].detail.contains("4 equal bars"))
    #expect(found[2].start == day(2024_03_29))
    #expect(found[3].detail.hasPrefix("3 sessions"))
}

@Test func `refused bars and another source's prices are told, and a small difference is not`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    let bars = quiet()
    var wrong = bars[5]
    wrong.start += BarTime.day * 365
    wrong.high = 0.5
    _ = try store.append(batch("1", bars + [wrong], tier: 0))
    var others = bars
    others[10].close += 0.1
    others[11].close += 1.5
    _ = try store.append(batch("2", others, provider: "tradier", tier: 2))
    let found = try store.check(at: 1).found.flatMap(\.verdicts)
    #expect(found.map(\.kind) == [.refused, .sourcesDiffer], "\(found)")
    #expect(found[1].start == bars[11].start && found[1].detail.contains("tradier"))
}

@Test func `a damaged block is a fault, the other blocks are judged, and the next check replaces the verdicts`() throws
{
    let folder = TemporaryFolder("bars")
    let path = folder.path + "/bars.sqlite"
    let store = try BarStore(path: path, access: .write)
    _ = try store.append(batch("1", quiet(600)))
    let database = try Database(path: path, mode: .durable)
    try database.execute("UPDATE block SET crc = crc + 1 WHERE first = (SELECT min(first) FROM block)")
    let found = try store.check(at: 1).found.flatMap(\.verdicts)
    #expect(found.first?.kind == .damagedBlock && found.first?.kind.isFault == true)
    #expect(found.first?.start == day(2024_01_02) && found.first?.detail.contains("256 bars") == true)
    try database.execute("UPDATE block SET crc = crc - 1 WHERE first = (SELECT min(first) FROM block)")
    #expect(try store.check(at: 2).found.isEmpty)
    #expect(try store.verdicts(SeriesKey(symbol: "AA")).isEmpty)
}
