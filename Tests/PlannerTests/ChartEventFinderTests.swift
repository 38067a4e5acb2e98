import Jobs
import Market
import TestSupport
import Testing

@testable import Planners

@Suite struct ChartEventFinderTests {
    private func series(_ symbol: String, _ rows: [(Double, Double, Double)]) -> BarSeries {
        var series = BarSeries(symbol: symbol, timeframe: .day1)
        var day = MarketDate.dayNumber(2020_01_02)
        for (low, high, volume) in rows {
            while TradingSession(dayNumber: day) == nil { day += 1 }
            series.append(
                start: TradingSession(dayNumber: day)!.opens, open: low, high: high, low: low, close: high,
                volume: volume)
            day += 1
        }
        return series
    }
    private func find(
        _ all: [BarSeries], bars: Int, stride: Int = 1, timeframes: [Timeframe] = [.day1],
        dates: ClosedRange<Int32> = 0...9999_12_31, _ partitions: [ChartEventFinder.Partition] = [.date]
    ) -> ChartEvents {
        var finder = ChartEventFinder(timeframes: timeframes, bars: bars, stride: stride, dates: dates)
        for (position, series) in all.enumerated() { finder.add(series, position: position) }
        return finder.events(partitions)
    }
    private func counts(_ events: ChartEvents) -> [String: UInt64] {
        events.rejected.reduce(into: [:]) { $0[$1.reason] = $1.count }
    }

    @Test func `events that cannot be drawn are counted by reason`() {
        let flat = series("FLAT", Array(repeating: (5, 5, 9), count: 4))
        let quiet = series("QUIET", [(5, 6, 0), (5, 7, 0), (5, 8, 0), (4, 8, 1)])
        let wild = series("WILD", [(1, 2, 1), (1, 2, 1), (1, 1e6, 1), (1, 2, 1)])
        let short = series("SHORT", [(1, 2, 1)])
        let events = find([flat, quiet, wild, short], bars: 2)
        #expect(
            counts(events) == [
                "fewer bars before it than an image has": 4, "a window of one price": 3,
                "a window in which nothing was traded": 2, "a price that jumps a millionfold": 2,
            ])
        #expect(events.series == [2, 1])
        #expect(events.bars == [1, 3])
    }

    @Test func `events come by day and symbol, every so many bars, of the days asked for`() {
        let rows = (0..<6).map { (Double($0 + 1), Double($0 + 2), 1.0) }
        let both = [series("A", rows), series("B", Array(rows.prefix(5)))]
        let events = find(both, bars: 2, stride: 2)
        #expect(events.series == [0, 1, 0, 1] && events.bars == [2, 2, 4, 4])
        #expect(events.parts.map(\.folder) == ["by_date/2020-01-06", "by_date/2020-01-08"])
        #expect(events.parts.map(\.count) == [2, 2])
        let days = find(both, bars: 2, dates: 2020_01_07...2020_01_08)
        #expect(days.bars == [3, 3, 4, 4])
        let months = find(both, bars: 2, [.month])
        #expect(months.parts == [ChartEvents.Part(folder: "by_date/2020-01", count: 9)])
    }

    @Test func `regimes are folders of their own, each event once in each partition`() {
        let rising = series("UP", (0..<60).map { (10 + Double($0), 10.5 + Double($0), 1) })
        let events = find([rising], bars: 20, [.month, .regime])
        #expect(events.bars.count == 82)
        #expect(events.parts.filter { $0.folder.hasPrefix("by_date/") }.reduce(0) { $0 + $1.count } == 41)
        let regimes = events.parts.filter { $0.folder.hasPrefix("by_regime/") }
        #expect(regimes.map(\.folder) == ["by_regime/trend_up", "by_regime/unknown"])
        #expect(regimes.map(\.count) == [30, 11])
    }

    @Test func `no image shows what was not over when its event was known`() throws {
        var minutes = BarSeries(symbol: "M", timeframe: .minute1)
        for date in [2024_01_02, 2024_01_03, 2024_01_04] as [Int32] {
            let session = try #require(TradingSession(date: date))
            for minute in 0..<390 where minute % 7 != 3 {
                minutes.append(
                    start: session.opens + Int64(minute) * 60_000, open: 10, high: 11 + Double(minute % 5), low: 9,
                    close: 10, volume: 5)
            }
        }
        // Two days are over only when the second has closed: nothing before can show two of them.
        let events = find([minutes], bars: 2, timeframes: [.minute1, .hour1, .day1])
        let first = try #require(events.bars.first)
        #expect(minutes.end(of: Int(first)) >= (try #require(TradingSession(date: 2024_01_03))).closes)
        #expect(events.bars.count == 335)  // the second day's last minute, and the third day
    }
}
