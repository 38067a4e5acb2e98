import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

@Test func `bars come back as they went in, in order, whatever order they came in`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    let key = SeriesKey(symbol: "AA")
    let given = [bar(2024_01_05, 12), bar(2024_01_03, 10), bar(2024_01_04, 11)]
    #expect(try store.append(batch("1", given)) == AppendOutcome(added: 3, same: 0, revised: 0, aside: 0, refused: 0))
    let read = try store.bars(key)
    #expect(read.starts == [day(2024_01_03), day(2024_01_04), day(2024_01_05)])
    #expect(read.close == [10, 11, 12] && read.high == [11, 12, 13] && read.volume == [1000, 1000, 1000])
    #expect(try store.bars(key, in: day(2024_01_04)..<day(2024_01_05)).close == [11])
    #expect(
        try store.bars(SeriesKey(symbol: "AA", adjustment: .raw)).count == 0, "another adjustment is another series")
    #expect(try store.bars(SeriesKey(symbol: "AA", feed: "iex")).count == 0, "another feed is another series")
}

@Test func `the same batch again changes nothing, under its own name or another`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    let given = [bar(2024_01_03, 10), bar(2024_01_04, 11)]
    let first = try store.append(batch("1", given))
    #expect(try store.append(batch("1", given + [bar(2024_01_05, 9)])) == first, "known by its identifier")
    #expect(try store.append(batch("2", given)) == AppendOutcome(added: 0, same: 2, revised: 0, aside: 0, refused: 0))
    #expect(try store.bars(SeriesKey(symbol: "AA")).count == 2)
    #expect(try store.revisions(SeriesKey(symbol: "AA")).isEmpty)
}

@Test func `a provider's later word is current and its earlier one is kept`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    let key = SeriesKey(symbol: "AA")
    _ = try store.append(batch("1", [bar(2024_01_03, 10), bar(2024_01_04, 11)], received: 100))
    let outcome = try store.append(batch("2", [bar(2024_01_04, 11.5)], received: 200))
    #expect(outcome == AppendOutcome(added: 0, same: 0, revised: 1, aside: 0, refused: 0))
    #expect(try store.bars(key).close == [10, 11.5])
    #expect(try store.origin(key, start: day(2024_01_04))?.identifier == "2")
    #expect(try store.origin(key, start: day(2024_01_03))?.identifier == "1")
    let kept = try store.revisions(key)
    #expect(kept.map(\.bar.close) == [11] && kept.map(\.why) == ["superseded"])
    #expect(kept.map(\.origin.identifier) == ["1"] && kept.map(\.instead.identifier) == ["2"])

    // An answer that was received before, and stored late, does not undo the newer one.
    #expect(try store.append(batch("0", [bar(2024_01_04, 9)], received: 50)).aside == 1)
    #expect(try store.bars(key).close == [10, 11.5])
}

@Test func `the better source's bar is current whichever came first, and the other is kept once`() throws {
    for betterFirst in [true, false] {
        let folder = TemporaryFolder("bars")
        let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
        let better = batch("better", [bar(2024_01_03, 10)], provider: "polygon", tier: 0)
        let worse = batch("worse", [bar(2024_01_03, 12)], provider: "tradier", tier: 2)
        for batch in betterFirst ? [better, worse] : [worse, better] { _ = try store.append(batch) }
        #expect(try store.bars(SeriesKey(symbol: "AA")).close == [10])
        #expect(try store.revisions(SeriesKey(symbol: "AA")).map(\.bar.close) == [12])
        #expect(try store.revisions(SeriesKey(symbol: "AA")).map(\.why) == ["other_source"])
        if betterFirst {
            var again = worse
            again.identifier = "again"
            #expect(try store.append(again).same == 1)
            #expect(try store.revisions(SeriesKey(symbol: "AA")).count == 1)
        }
    }
}

@Test func `what no bar can be is kept aside with its reason and never read`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    var wrong = (0..<6).map { bar(2024_01_03 + $0, 10) }
    wrong[0].start += 1
    wrong[1].open = .nan
    wrong[2].low = 0
    wrong[3].high = 9.5
    wrong[4].volume = -1
    let conflicting = [bar(2024_02_01, 10), bar(2024_02_01, 11), bar(2024_02_02, 5), bar(2024_02_02, 5)]
    let outcome = try store.append(batch("1", wrong + conflicting))
    #expect(outcome == AppendOutcome(added: 2, same: 1, revised: 0, aside: 0, refused: 7))
    #expect(try store.bars(SeriesKey(symbol: "AA")).starts == [day(2024_01_08), day(2024_02_02)])
    let rows = try Database(path: store.path, mode: .readOnly).prepare("SELECT reason FROM refused ORDER BY id")
    var reasons: [String] = []
    while try rows.step() { reasons.append(rows.text(0)) }
    #expect(
        reasons == [
            "bad_time", "not_a_number", "price_not_positive", "high_low_crossed", "negative_volume", "conflicting",
            "conflicting",
        ])
}

@Test func `what was asked for in full is not missing, bars or none`() throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    let key = SeriesKey(symbol: "AA")
    let year = day(2024_01_01)..<day(2025_01_01)
    #expect(try store.missing(key, year) == [year])
    _ = try store.append(batch("1", [], covers: day(2024_03_01)..<day(2024_04_01)))
    _ = try store.append(batch("2", [bar(2024_05_02, 10)], covers: day(2024_05_01)..<day(2024_06_01)))
    #expect(
        try store.missing(key, year) == [
            day(2024_01_01)..<day(2024_03_01), day(2024_04_01)..<day(2024_05_01), day(2024_06_01)..<day(2025_01_01),
        ])
    _ = try store.append(batch("3", [], covers: day(2024_04_01)..<day(2024_05_01)))
    #expect(try store.missing(key, day(2024_03_15)..<day(2024_05_15)).isEmpty)
    _ = try store.append(batch("4", [], provider: "alpaca", covers: day(2024_01_01)..<day(2024_02_01)))
    #expect(try store.missing(key, year).count == 2)
    #expect(try store.missing(key, year, provider: "polygon").first == day(2024_01_01)..<day(2024_03_01))
}

@Test(arguments: seeds(20))
func `any history of appends reads as a plain dictionary of bars would`(seed: UInt64) throws {
    let folder = TemporaryFolder("bars")
    let store = try BarStore(path: folder.path + "/bars.sqlite", access: .write)
    var random = SplitMix64(seed: seed)
    let keys = ["AA", "B", "ZZZ"].map { SeriesKey(symbol: $0) }
    var model: [SeriesKey: [Int64: Bar]] = [:]
    var revisions = 0
    for number in 0..<40 {
        let key = keys[Int(random.next() % 3)]
        // Often the days after the newest, as every day brings; often a span anywhere, as a backfill does.
        let offset = random.next() % 2 == 0 ? Int64(model[key]?.count ?? 0) : Int64(random.next() % 1500)
        var bars = walk(&random, from: 2015_01_01, Int(random.next() % 400) + 1)
        for at in bars.indices { bars[at].start += offset * BarTime.day }
        bars.removeAll { _ in random.next() % 7 == 0 }
        for bar in bars {
            if let held = model[key]?[bar.start], held != bar { revisions += 1 }
            model[key, default: [:]][bar.start] = bar
        }
        if random.next() % 3 == 0 { bars.reverse() }
        _ = try store.append(batch("\(number)", bars, of: key, received: Int64(number)))
    }
    // Another connection: what is on the disk, not what this one remembers.
    let reader = try BarStore(path: store.path, access: .read)
    for key in keys {
        let read = try reader.bars(key)
        let expected = (model[key] ?? [:]).values.sorted { $0.start < $1.start }
        #expect((0..<read.count).map { read[$0] } == expected)
        let some = day(2016_01_01)..<day(2017_01_01)
        #expect(try reader.bars(key, in: some).starts == expected.map(\.start).filter { some.contains($0) })
    }
    #expect(try keys.map { try reader.revisions($0).count }.reduce(0, +) == revisions)
    let daily = try reader.dailyBars(BarStore.Basis(adjustment: .split, feed: "sip"))
    #expect(daily.count == model.values.map(\.count).reduce(0, +))
    for (at, symbol) in daily.symbols.enumerated() {
        let expected = model[SeriesKey(symbol: symbol)]!.values.sorted { $0.start < $1.start }
        let range = daily.starts[at]..<daily.starts[at + 1]
        #expect(daily.close[range].elementsEqual(expected.map(\.close)))
        #expect(daily.dates[range].elementsEqual(expected.map { BarTime.date(of: $0.start) }))
    }
    let windows = try reader.windows(
        minutes: 1440, BarStore.Basis(adjustment: .split, feed: "sip"), bars: 300, through: day(2018_01_01))
    for (at, symbol) in windows.symbols.enumerated() {
        let expected = model[SeriesKey(symbol: symbol)]!.values.filter { $0.start <= day(2018_01_01) }
            .sorted { $0.start < $1.start }.suffix(300)
        let range = windows.offsets[at]..<windows.offsets[at + 1]
        #expect(range.map { windows.bars[$0] } == Array(expected))
    }
}
