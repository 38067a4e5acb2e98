import Charts
import Jobs
import Market
import TestSupport
import Testing

@Suite struct PatternImageTests {
    /// TA-Lib's definitions of EMA and RSI, written again for one series.
    private func expected(_ series: BarSeries, size: Int, _ x: Int, _ y: Int) -> [UInt8] {
        let n = series.count
        let bar = x * n / size
        let top = series.high.max()!
        let bottom = series.low.min()!
        func row(_ price: Double) -> Int {
            top == bottom
                ? (size - 1) / 2 : Int(((top - price) / (top - bottom) * Double(size - 1) + 0.5).rounded(.down))
        }
        let (open, close) = (series.open[bar], series.close[bar])
        var texture: UInt8 = 0
        if y >= row(series.high[bar]), y <= row(series.low[bar]) { texture = 85 }
        if y >= row(max(open, close)), y <= row(min(open, close)) { texture = close > open ? 255 : 170 }
        return [texture, distance(series.close, bar), strength(series.close, bar)]
    }
    private func distance(_ close: [Double], _ bar: Int) -> UInt8 {
        guard bar >= 20 else { return 128 }
        var ema = close[0..<21].reduce(0, +) / 21
        for at in stride(from: 21, through: bar, by: 1) { ema = ema * (20.0 / 22) + close[at] * (2.0 / 22) }
        let share = min(0.1, max(-0.1, close[bar] / ema - 1))
        return UInt8((128 + 1270 * share).rounded())
    }
    private func strength(_ close: [Double], _ bar: Int) -> UInt8 {
        guard bar >= 14 else { return 128 }
        func change(_ at: Int) -> Double { close[at] - close[at - 1] }
        var gain = (1...14).reduce(0) { $0 + max(0, change($1)) } / 14
        var loss = (1...14).reduce(0) { $0 - min(0, change($1)) } / 14
        for at in stride(from: 15, through: bar, by: 1) {
            gain += (max(0, change(at)) - gain) / 14
            loss += (-min(0, change(at)) - loss) / 14
        }
        return gain + loss == 0 ? 128 : UInt8((255 * gain / (gain + loss)).rounded())
    }

    @Test(arguments: seeds(12)) func `three channels are as TA-Lib defines them`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let bars = 1 + random.next(below: 64)
        let series = Bars.random(&random, count: bars)
        let image = PatternImage(ChartStyle(kind: .pattern, size: 64, bars: UInt16(bars)))
        var pixels = [UInt8](repeating: 7, count: image.byteCount + 5)
        image.draw(series, 0..<bars, into: &pixels, at: 5)
        #expect(pixels[..<5] == [7, 7, 7, 7, 7])
        for y in 0..<64 {
            for x in 0..<64 {
                let at = 5 + (y * 64 + x) * 3
                let wanted = expected(series, size: 64, x, y)
                // Channels computed in another order may round to the next byte.
                #expect(pixels[at] == wanted[0], "(\(x), \(y)) of \(bars) bars")
                #expect(abs(Int(pixels[at + 1]) - Int(wanted[1])) <= 1)
                #expect(abs(Int(pixels[at + 2]) - Int(wanted[2])) <= 1)
            }
        }
    }
}
