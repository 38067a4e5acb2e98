import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

private let basis = BarStore.Basis(adjustment: .split, feed: SeriesKey.consolidated)

/// The newest bars of each symbol by the plain read of a whole series.
private func expected(_ store: BarStore, _ wanted: Int, through last: Int64) throws -> [String: [Double]] {
    var all: [String: [Double]] = [:]
    for summary in try store.series() {
        let bars = try store.bars(summary.key, in: Int64.min..<(last == .max ? .max : last + 1))
        guard bars.count >= wanted else { continue }
        all[summary.key.symbol] = Array(bars.close.suffix(wanted))
    }
    return all
}
private func cut(_ windows: BarStore.Windows) -> [String: [Double]] {
    var all: [String: [Double]] = [:]
    for (at, symbol) in windows.symbols.enumerated() {
        all[symbol] = Array(windows.bars.close[windows.offsets[at]..<windows.offsets[at + 1]])
    }
    return all
}

@Test(arguments: seeds(6))
func `windows are the newest bars of whole series, whatever was added, changed or damaged`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    let folder = TemporaryFolder("newest")
    let path = folder.path + "/bars.sqlite"
    do {
        let store = try BarStore(path: path, access: .write)
        for number in 0..<30 {
            var series: [BarBatch.Series] = []
            for symbol in ["CC", "AA", "BB", "DD"] where chance.next(below: 3) > 0 {
                let first = 19_000 + chance.next(below: 700)
                let count = 1 + chance.next(below: symbol == "DD" ? 8 : 200)
                series.append(
                    BarBatch.Series(
                        SeriesKey(symbol: symbol),
                        (first..<first + count).filter { $0 % 7 < 5 }.map { day in
                            let close = 10 + Double((day * 31 + number * 7) % 900) / 100
                            return Bar(
                                start: Int64(day) * BarTime.day, open: close, high: close + 1, low: close - 1,
                                close: close, volume: 1000)
                        }))
            }
            _ = try store.append(
                BarBatch(
                    identifier: "\(number)", provider: "p", request: "r", received: Int64(number), tier: 1,
                    series: series))
        }
    }
    func check(_ what: String) throws {
        let store = try BarStore(path: path, access: .read)
        for wanted in [1, 35, 40, 41, 300] {
            for last in [Int64.max, 19_500 * BarTime.day, 19_690 * BarTime.day] {
                let windows = try store.windows(minutes: 1440, basis, bars: wanted, through: last)
                let right = try expected(store, wanted, through: last)
                #expect(cut(windows) == right, "\(what): \(wanted) through \(last), seed \(seed)")
                #expect(windows.symbols == windows.symbols.sorted() && windows.bars.count == right.count * wanted)
            }
        }
    }
    try check("as written")
    // A row that is damaged, or was never written, only costs time.
    let database = try Database(path: path, mode: .durable)
    try database.execute("UPDATE newest SET crc = crc + 1 WHERE series = 1; DELETE FROM newest WHERE series = 2")
    try check("damaged")
    // As a program of before left it: read as it is, and brought up to date when something is added.
    try database.execute("DROP TABLE newest; UPDATE store_info SET version = 1")
    try check("of version 1")
    let bar = Bar(start: 19_990 * BarTime.day, open: 5, high: 6, low: 4, close: 5, volume: 1)
    _ = try BarStore(path: path, access: .write).append(
        BarBatch(
            identifier: "later", provider: "p", request: "r", received: 99, tier: 1,
            series: [BarBatch.Series(SeriesKey(symbol: "AA"), [bar])]))
    let rows = try database.prepare("SELECT version, (SELECT count(*) FROM newest) FROM store_info")
    #expect(try rows.step() && rows.integer(0) == 2 && rows.integer(1) == 1)
    try check("brought up to date")
}
