import Charts
import Foundation
import Images
import Jobs
import Market
import TestSupport
import Testing

/// Every pixel is compared with an independent definition.
@Suite struct CandleChartTests {
    private func draw(_ style: ChartStyle, _ series: BarSeries, _ window: Range<Int>) -> Bitmap {
        var page = Bitmap(width: Int(style.size), height: Int(style.size))
        CandleChart(ChartLayout(style)).draw(series, window, top: 0, into: &page)
        return page
    }
    private func differences(_ style: ChartStyle, _ series: BarSeries, _ window: Range<Int>) -> [String] {
        let page = draw(style, series, window)
        let slow = SlowChart(style, series, window)
        var found: [String] = []
        for y in 0..<page.height {
            for x in 0..<page.width where page[x, y] != slow.isWhite(x, y) { found.append("(\(x), \(y))") }
        }
        return Array(found.prefix(5))
    }

    @Test(arguments: seeds(40)) func `random windows are drawn as defined, in every size`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<2 {
            let size = UInt16(8 * (8 + random.next(below: 121)))
            let style = ChartStyle(
                size: size, bars: UInt16(1 + random.next(below: Int(size / 3))),
                hasVolume: random.next(below: 3) > 0, hasGrid: random.next(below: 2) == 0)
            let series = Bars.random(&random, count: Int(style.bars))
            #expect(differences(style, series, 0..<Int(style.bars)) == [], "\(style)")
        }
    }

    @Test func `real windows are drawn as defined`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/us-daily-cut.csv.gz").path
        let bars = try DailyBars.read(path: path)
        var random = SplitMix(seed: seeds(1)[0])
        var drawn = 0
        while drawn < 25 {
            let series = bars.series(of: random.next(below: bars.symbols.count)).series
            guard series.count >= 31 else { continue }
            let first = random.next(below: series.count - 30)
            let style = ChartStyle(hasGrid: drawn % 2 == 0)
            #expect(differences(style, series, first..<first + 31) == [], "\(series.symbol) from bar \(first)")
            drawn += 1
        }
    }

    @Test func `a window of one price is a line in the middle, and no volume leaves the bottom white`() {
        let series = Bars.make([(5, 5, 5, 5, 0), (5, 5, 5, 5, 0), (5, 5, 5, 5, 0)])
        let style = ChartStyle(size: 64, bars: 3)
        let page = draw(style, series, 0..<3)
        let black = (0..<64).flatMap { y in (0..<64).compactMap { x in page[x, y] ? nil : y } }
        #expect(Set(black) == [25])  // of 52 rows
        #expect(differences(style, series, 0..<3) == [])
    }

    @Test func `hollow rises, filled falls, a line stands still`() {
        let series = Bars.make([(10, 30, 0.5, 20, 1), (20, 30, 0.5, 10, 1), (15, 30, 0.5, 15, 1)])
        let layout = ChartLayout(ChartStyle(size: 96, bars: 3, hasVolume: false))
        let page = draw(ChartStyle(size: 96, bars: 3, hasVolume: false), series, 0..<3)
        // Beside the wick, halfway between open and close.
        let middle = Int((30.0 - 15) / 29.5 * 95)
        #expect(page[layout.centre(0) + 2, middle])
        #expect(!page[layout.centre(1) + 2, middle])
        #expect(!page[layout.centre(2) + 2, Int((30.0 - 15) / 29.5 * 95 + 0.5)])
        #expect(page[layout.centre(2) + 2, middle + 4])
    }

    @Test func `prices of any size and the closest ones stay inside the picture`() {
        let huge = Double.greatestFiniteMagnitude
        for (low, high) in [
            (huge / 2, huge), (.leastNonzeroMagnitude, 2 * .leastNonzeroMagnitude), (1, 1.nextUp), (1e-300, 1e300),
        ] {
            let series = Bars.make([
                (low, high, low, high, huge), (high, high, low, low, .leastNonzeroMagnitude), (low, low, low, low, 0),
            ])
            for size in [64, 1024] as [UInt16] {
                #expect(differences(ChartStyle(size: size, bars: 3), series, 0..<3) == [], "\(low) … \(high)")
            }
        }
    }

    @Test func `styles that cannot be drawn say why`() {
        for (size, bars) in [(63, 10), (60, 10), (1032, 10), (512, 0), (512, 171), (64, 31), (100, 5)] {
            #expect(ChartStyle(size: UInt16(size), bars: UInt16(bars)).fault != nil, "\(bars) bars in \(size)")
        }
        for (size, bars) in [(64, 21), (1024, 341), (512, 170), (104, 5)] {
            #expect(ChartStyle(size: UInt16(size), bars: UInt16(bars)).fault == nil, "\(bars) bars in \(size)")
        }
    }
}

/// Series for tests.
enum Bars {
    /// From open, high, low, close, volume, on successive sessions.
    static func make(_ rows: [(Double, Double, Double, Double, Double)], symbol: String = "TEST") -> BarSeries {
        var series = BarSeries(symbol: symbol, timeframe: .day1)
        var day = MarketDate.dayNumber(2020_01_02)
        for row in rows {
            while TradingSession(dayNumber: day) == nil { day += 1 }
            series.append(
                start: TradingSession(dayNumber: day)!.opens, open: row.0, high: row.1, low: row.2, close: row.3,
                volume: row.4)
            day += 1
        }
        return series
    }
    static func random(_ random: inout SplitMix, count: Int, symbol: String = "TEST") -> BarSeries {
        var price = 1 + 100 * random.nextUnit()
        // Few distinct prices, so that bars without body and windows without range occur.
        let tick = [0.01, 0.5, 5][random.next(below: 3)]
        func rounded(_ value: Double) -> Double { max(tick, (value / tick).rounded() * tick) }
        return make(
            (0..<count).map { _ in
                let open = rounded(price * (1 + 0.05 * (random.nextUnit() - 0.5)))
                price = rounded(open * (1 + 0.1 * (random.nextUnit() - 0.5)))
                let high = rounded(max(open, price) * (1 + 0.03 * random.nextUnit()))
                let low = rounded(min(open, price) * (1 - 0.03 * random.nextUnit()))
                return (
                    open, max(high, open, price), min(low, open, price), price,
                    random.next(below: 6) == 0 ? 0 : (1e5 * random.nextUnit()).rounded()
                )
            }, symbol: symbol)
    }
}
