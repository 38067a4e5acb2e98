import Jobs
import Market

/// The image of a window, pixel by pixel, from the definition alone: what colour is (x, y)?
struct SlowChart {
    let size: Int, bars: Int
    let hasVolume: Bool, hasGrid: Bool
    let open: [Double], high: [Double], low: [Double], close: [Double], volume: [Double]

    init(_ style: ChartStyle, _ series: BarSeries, _ window: Range<Int>) {
        size = Int(style.size)
        bars = Int(style.bars)
        hasVolume = style.hasVolume
        hasGrid = style.hasGrid
        open = Array(series.open[window])
        high = Array(series.high[window])
        low = Array(series.low[window])
        close = Array(series.close[window])
        volume = Array(series.volume[window])
    }

    private var priceRows: Int { hasVolume ? size - size / 5 : size }

    /// Where a price is, by trying every row: the one whose middle is nearest, the lower one of two.
    private func row(of price: Double) -> Int {
        let top = high.max()!
        let bottom = low.min()!
        if top == bottom { return (priceRows - 1) / 2 }
        let wanted = (top - price) / (top - bottom) * Double(priceRows - 1)
        return (0..<priceRows).last { Double($0) <= wanted + 0.5 }!
    }

    func isWhite(_ x: Int, _ y: Int) -> Bool {
        let step = size / bars
        let inner = x - (size - step * bars) / 2
        guard inner >= 0, inner < step * bars else { return !isDot(x, y) }
        let bar = inner / step
        let aside = abs(inner % step - step / 2)
        let half = halfBody(step)
        let rises = close[bar] > open[bar]
        if y < priceRows {
            let first = row(of: max(open[bar], close[bar]))
            let last = row(of: min(open[bar], close[bar]))
            if aside <= half, y >= first, y <= last {
                return rises && aside < half && y > first && y < last
            }
            if aside == 0, y >= row(of: high[bar]), y <= row(of: low[bar]) { return false }
            return !isDot(x, y)
        }
        let most = size / 5 - max(1, size / 128)
        let tallest = volume.max()!
        guard volume[bar] > 0, aside <= half else { return true }
        let wanted = volume[bar] / tallest * Double(most)
        let height = max(1, (0...most).last { Double($0) <= wanted + 0.5 }!)
        if size - y > height { return true }
        return rises && aside < half && size - y < height && y < size - 1
    }

    /// A body is an odd number of columns, near 0.7 of a step, with a column free unless a step has only 3.
    private func halfBody(_ step: Int) -> Int {
        if step == 3 { return 1 }
        var width = 1
        for candidate in stride(from: 1, to: step, by: 2) where candidate <= step * 7 / 10 | 1 { width = candidate }
        return width / 2
    }

    private func isDot(_ x: Int, _ y: Int) -> Bool {
        guard hasGrid, y < priceRows else { return false }
        let isOnRow = [1, 2, 3].contains { priceRows * $0 / 4 == y } && x % 8 == 0
        let isOnColumn = [1, 2, 3].contains { size * $0 / 4 == x } && y % 8 == 0
        return isOnRow || isOnColumn
    }
}
