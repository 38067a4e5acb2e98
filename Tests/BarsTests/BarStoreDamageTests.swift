import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

@Test func `a byte changed anywhere in a block is noticed, never read as a bar`() throws {
    let folder = TemporaryFolder("bars")
    let path = folder.path + "/bars.sqlite"
    var random = SplitMix64(seed: 3)
    let bars = walk(&random, from: 2020_01_01, 300)
    do {
        let store = try BarStore(path: path, access: .write)
        _ = try store.append(batch("1", bars))
    }
    let database = try Database(path: path, mode: .durable)
    try database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for offset in [0, 255 * 8, 256 * 8 + 3, 256 * 52 - 1] {
        try database.execute(
            """
            UPDATE block SET columns = CAST(substr(columns, 1, \(offset)) || x'A5' || substr(columns, \(offset + 2)) AS BLOB)
            WHERE count = 256
            """)
        let error = #expect(throws: DatabaseError.self) {
            _ = try BarStore(path: path, access: .read).bars(SeriesKey(symbol: "AA"))
        }
        #expect(error?.cause == .corrupt)
        #expect(error?.description.contains("2020-01-01") == true, "\(String(describing: error))")
        #expect(throws: DatabaseError.self) {
            _ = try BarStore(path: path, access: .read).dailyBars(.init(adjustment: .split, feed: "sip"))
        }
    }
}

@Test func `a file cut short is refused in words, whatever is left of it`() throws {
    let folder = TemporaryFolder("bars")
    let path = folder.path + "/bars.sqlite"
    var random = SplitMix64(seed: 4)
    let bars = walk(&random, from: 2020_01_01, 3000)
    do {
        let store = try BarStore(path: path, access: .write)
        _ = try store.append(batch("1", bars))
    }
    try Database(path: path, mode: .durable).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for share in [0.1, 0.5, 0.9, 0.99] {
        let cut = folder.path + "/cut-\(share).sqlite"
        try whole.prefix(Int(Double(whole.count) * share)).write(to: URL(fileURLWithPath: cut))
        let error = #expect(throws: DatabaseError.self) {
            _ = try BarStore(path: cut, access: .read).bars(SeriesKey(symbol: "AA"))
        }
        #expect(error?.description.contains(cut) == true)
    }
}

@Test func `a log cut short loses at most what was not acknowledged`() throws {
    let folder = TemporaryFolder("bars")
    let path = folder.path + "/bars.sqlite"
    let store = try BarStore(path: path, access: .write)
    var random = SplitMix64(seed: 5)
    let bars = walk(&random, from: 2020_01_01, 50)
    for at in bars.indices { _ = try store.append(batch("\(at)", [bars[at]])) }
    // What a machine that lost power might have kept: the file and any beginning of its log.
    let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
    var newest = 0
    for cut in stride(from: 0, through: log.count, by: log.count / 40) {
        let copy = folder.path + "/copy-\(cut).sqlite"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try log.prefix(cut).write(to: URL(fileURLWithPath: copy + "-wal"))
        guard let after = try? BarStore(path: copy, access: .write) else {
            #expect(newest == 0, "before its tables were there it may be no store")
            continue
        }
        let read = try after.bars(SeriesKey(symbol: "AA"))
        #expect((0..<read.count).map { read[$0] } == Array(bars.prefix(read.count)), "a beginning of the bars, whole")
        #expect(read.count >= newest)
        newest = read.count
        // And it goes on.
        _ = try after.append(batch("rest", bars))
        #expect(try after.bars(SeriesKey(symbol: "AA")).count == 50)
    }
    #expect(newest > 0)
}

@Test func `an append that finds the disk full leaves the store as it was, and works when there is room`() throws {
    let folder = TemporaryFolder("bars")
    let path = folder.path + "/bars.sqlite"
    let store = try BarStore(path: path, access: .write)
    var random = SplitMix64(seed: 6)
    let bars = walk(&random, from: 2020_01_01, 20_000)
    _ = try store.append(batch("1", Array(bars.prefix(100))))
    try store.limit(pages: 40)
    let error = #expect(throws: DatabaseError.self) { _ = try store.append(batch("2", bars)) }
    #expect(error?.cause == .diskFull)
    let reader = try BarStore(path: path, access: .read)
    #expect(try reader.bars(SeriesKey(symbol: "AA")).count == 100)
    #expect(try reader.outcome(of: "2") == nil)
    try store.limit(pages: 1 << 30)
    #expect(try store.append(batch("2", bars)).added == 19_900)
    #expect(try reader.bars(SeriesKey(symbol: "AA")).count == 20_000)
}

@Test func `a file that is something else is left alone`() throws {
    let folder = TemporaryFolder("bars")
    let other = folder.path + "/other.sqlite"
    try Database(path: other, mode: .durable).execute("CREATE TABLE mine(x)")
    for access in [BarStore.Access.read, .write] {
        let error = #expect(throws: DatabaseError.self) { _ = try BarStore(path: other, access: access) }
        #expect(error?.description.contains("no store of bars") == true)
    }
    let text = folder.path + "/text"
    try Data("symbol,date\n".utf8).write(to: URL(fileURLWithPath: text))
    #expect(throws: DatabaseError.self) { _ = try BarStore(path: text, access: .write) }
    #expect(throws: DatabaseError.self) { _ = try BarStore(path: folder.path + "/none.sqlite", access: .read) }
    #expect(try String(contentsOfFile: text, encoding: .utf8) == "symbol,date\n")
}
