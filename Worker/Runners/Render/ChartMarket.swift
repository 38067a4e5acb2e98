import Jobs
import Market
import Messages

/// A job's bars in every timeframe that is asked for, made when they are first asked for.
final class ChartMarket {
    private let finest: [BarSeries]
    private var coarser: [Timeframe: [BarSeries?]] = [:]  // looked up by key only

    init(_ bytes: [UInt8], name: BlobID) throws(JobError) {
        do throws(WireError) { finest = try SeriesSet(wireBytes: bytes).series } catch {
            throw JobError(error, while: "reading the bars \(name)")
        }
        for series in finest {
            for bar in 0..<series.count {
                let (low, high) = (series.low[bar], series.high[bar])
                let (least, most) = (min(series.open[bar], series.close[bar]), max(series.open[bar], series.close[bar]))
                guard low > 0, low <= least, most <= high, high.isFinite, series.volume[bar] >= 0,
                    series.volume[bar].isFinite
                else { throw JobError("bar \(bar) of \(series.symbol) in \(name) is not valid; submit the job again.") }
            }
        }
    }
    var count: Int { finest.count }

    func series(_ index: Int, _ timeframe: Timeframe) throws(JobError) -> BarSeries {
        let bars = finest[index]
        if bars.timeframe == timeframe { return bars }
        guard timeframe > bars.timeframe, timeframe.rawValue % bars.timeframe.rawValue == 0 else {
            throw JobError("bars of \(bars.timeframe.name) cannot be made into \(timeframe.name).")
        }
        if let made = coarser[timeframe]?[index] { return made }
        let made = bars.resampled(to: timeframe)
        coarser[timeframe, default: Array(repeating: nil, count: finest.count)][index] = made
        return made
    }
}

/// The images of one shard in order: for each event one of each timeframe.
struct ChartRows {
    struct Row {
        var series: BarSeries
        var timeframe: Timeframe
        var window: Range<Int>
        /// The event's number in the job, and when its bar starts and ends: milliseconds since 1970 UTC.
        var event: Int, eventStart: Int64, known: Int64
        /// Of the event's bar in the finest timeframe; `unknown` where fewer bars are there than it is told from.
        var regime: String
    }
    private let task: Render.ShardTask
    private let market: ChartMarket
    private let events: ChartEvents
    private let timeframes: [Timeframe]

    init(_ task: Render.ShardTask, _ market: ChartMarket, _ events: ChartEvents) throws(JobError) {
        let timeframes = task.settings.timeframes.compactMap(Timeframe.init(rawValue:))
        guard !timeframes.isEmpty, timeframes.count == task.settings.timeframes.count else {
            throw JobError("timeframes of \(task.settings.timeframes) minutes; there are 1, 5, 15, 60 and 1440.")
        }
        guard task.count > 0, Int(task.first) + Int(task.count) <= events.bars.count else {
            throw JobError("events \(task.first) and \(task.count) more of \(events.bars.count).")
        }
        (self.task, self.market, self.events, self.timeframes) = (task, market, events, timeframes)
    }
    var count: Int { Int(task.count) * timeframes.count }

    /// - Throws: when an event is not among the bars, or lacks bars before it: its list is not of these bars.
    func row(_ index: Int) throws(JobError) -> Row {
        let event = Int(task.first) + index / timeframes.count
        let timeframe = timeframes[index % timeframes.count]
        let symbol = Int(events.series[event])
        guard symbol < market.count else { throw stray(event) }
        let base = try market.series(symbol, timeframes[0])
        let bar = Int(events.bars[event])
        guard bar < base.count else { throw stray(event) }
        let known = base.end(of: bar)
        var series = base
        var newest = bar
        if timeframe != timeframes[0] {
            series = try market.series(symbol, timeframe)
            guard let found = series.newestBar(overBy: known) else { throw stray(event) }
            newest = found
        }
        let first = newest - Int(task.settings.style.bars) + 1
        guard first >= 0 else { throw stray(event) }
        return Row(
            series: series, timeframe: timeframe, window: first..<newest + 1, event: event,
            eventStart: base.starts[bar], known: known,
            regime: bar + 1 >= Regime.bars ? Regime(of: base, endingAt: bar).name : "unknown")
    }
    private func stray(_ event: Int) -> JobError {
        JobError("event \(event) does not fit the bars \(task.series); submit the job again.")
    }
}
