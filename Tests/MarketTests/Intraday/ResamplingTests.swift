import Foundation
import Market
import TestSupport
import Testing

/// Minutes of a few sessions, short days and both changes of the clock among them, most of them missing.
private func randomMinutes(seed: UInt64) -> BarSeries {
    var chance = SplitMix(seed: seed)
    var series = BarSeries(symbol: "AA", timeframe: .minute1)
    let firsts: [Int32] = [2024_03_07, 2024_11_01, 2024_11_27, 2024_12_23, 2006_10_27]
    var session = TradingSession(date: firsts[chance.next(below: firsts.count)])!
    for _ in 0..<1 + chance.next(below: 4) {
        let density = 1 + chance.next(below: 100)
        for start in stride(from: session.opens, to: session.closes, by: 60_000)
        where chance.next(below: 100) < density {
            let low = 1 + Double(chance.next(below: 1000)) / 8
            let open = low + Double(chance.next(below: 64)) / 8
            let close = low + Double(chance.next(below: 64)) / 8
            series.append(
                start: start, open: open, high: max(open, close) + Double(chance.next(below: 8)) / 8, low: low,
                close: close, volume: Double(chance.next(below: 1000)))
        }
        session = session.later(by: 1 + chance.next(below: 2))
    }
    return series
}

/// The slow way: for each coarse bar there could be, look at every minute.
private func slowly(_ minutes: BarSeries, _ timeframe: Timeframe) -> BarSeries {
    var coarse = BarSeries(symbol: minutes.symbol, timeframe: timeframe)
    for date in Set(minutes.starts.indices.map { minutes.date(of: $0) }).sorted() {
        let session = TradingSession(date: date)!
        var begin = session.opens
        while begin < session.closes {
            let end = min(begin + timeframe.milliseconds, session.closes)
            let inside = minutes.starts.indices.filter { begin <= minutes.starts[$0] && minutes.starts[$0] < end }
            if let first = inside.first, let last = inside.last {
                coarse.append(
                    start: begin, open: minutes.open[first], high: inside.map { minutes.high[$0] }.max()!,
                    low: inside.map { minutes.low[$0] }.min()!, close: minutes.close[last],
                    volume: inside.map { minutes.volume[$0] }.reduce(0, +))
            }
            begin = end
        }
    }
    return coarse
}

@Test(arguments: seeds(60))
func `coarser bars are what every minute in them says`(seed: UInt64) {
    let minutes = randomMinutes(seed: seed)
    for timeframe in Timeframe.allCases {
        let coarse = minutes.resampled(to: timeframe)
        #expect(coarse == slowly(minutes, timeframe), "\(timeframe.name)")
        // Step by step gives the same as at once.
        for middle in Timeframe.allCases where middle < timeframe {
            #expect(minutes.resampled(to: middle).resampled(to: timeframe) == coarse)
        }
    }
}

@Test(arguments: seeds(20))
func `the newest bar that is over is the last one with an end in the past`(seed: UInt64) {
    let minutes = randomMinutes(seed: seed)
    for timeframe in Timeframe.allCases {
        let series = minutes.resampled(to: timeframe)
        for at in stride(from: 0, to: minutes.count, by: 17) {
            for instant in [minutes.starts[at], minutes.end(of: at), minutes.starts[at] - 1] {
                let slow = series.starts.indices.last { series.end(of: $0) <= instant }
                #expect(series.newestBar(overBy: instant) == slow)
            }
        }
    }
}

@Test func `daily bars become a series of sessions, and a bar on a holiday is left out`() throws {
    let daily = try bars([
        header, "A,2017-01-02,10,11,9,10,1", "A,2017-01-03,10,11,9,10.5,2", "A,2016-12-30,10,12,9,10.5,3",
        "B,2017-01-03,1,1,1,1,0",
    ])
    let (series, outside) = daily.series(of: 0)
    #expect(outside == 1)
    #expect(series.symbol == "A" && series.timeframe == .day1)
    #expect(series.starts.indices.map { series.date(of: $0) } == [2016_12_30, 2017_01_03])
    #expect(series.high == [12, 11] && series.volume == [3, 2])
    #expect(series.end(of: 0) - series.starts[0] == 390 * 60_000)
}
