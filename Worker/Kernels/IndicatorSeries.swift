import Market

/// An indicator of all tickers at the bars that triggers can look at: the nine newest signal bars of each window.
///
/// Shape [blocks][rows][64]. A recursive indicator is seeded in its window and has 9 rows a window, 45 in all; one that
/// depends on its last bars only is the same in every window that shows the bar, and has a row for each of 13 days.
struct IndicatorSeries {
    /// Lookback is at most 8, and a cross needs the bar before.
    static let positions = 9

    let values: [Double]
    /// Rows from one window's bar to the same position of the next window: 9, or 1 for a series by day.
    let windowStride: Int
    var rows: Int { Self.rows(windowStride) }

    static func rows(_ windowStride: Int) -> Int { (Universe.windows - 1) * windowStride + positions }

    /// Element where block `block`'s row `row` begins.
    @inline(__always) func start(_ block: Int, _ row: Int) -> Int {
        (block &* rows &+ row) &* BlockedBars.blockTickers
    }
}
