import Bars
import Foundation
import Market
import Store
import TestSupport

/// A store in a folder of its own, and what to fill it with.
func day(_ date: Int32) -> Int64 { BarTime.of(date: date) }

func bar(_ date: Int32, _ close: Double, volume: Double = 1000) -> Bar {
    Bar(start: day(date), open: close, high: close + 1, low: close - 1, close: close, volume: volume)
}

func batch(
    _ identifier: String, _ bars: [Bar], of key: SeriesKey = SeriesKey(symbol: "AA"), provider: String = "polygon",
    tier: Int = 1, received: Int64 = 1, covers: Range<Int64>? = nil
) -> BarBatch {
    BarBatch(
        identifier: identifier, provider: provider, request: "daily bars of \(key.symbol)", received: received,
        tier: tier, series: [.init(key, bars, covers: covers)])
}

/// A random walk of valid daily bars on `count` days in a row from a date on.
func walk(_ random: inout SplitMix64, from date: Int32, _ count: Int) -> [Bar] {
    var close = 50.0
    return (0..<count).map { at in
        let open = close
        close = max(1, close + Double(Int(random.next() % 401)) / 100 - 2)
        return Bar(
            start: day(date) + Int64(at) * BarTime.day, open: open, high: max(open, close) + 0.25,
            low: min(open, close) - 0.25, close: close, volume: Double(random.next() % 1_000_000))
    }
}
