import Jobs
import Market

/// Finds the events of a render job in bars, and puts them in the order of its shards.
package struct ChartEventFinder {
    /// How events are cut into folders.
    package enum Partition: String, CaseIterable, Sendable {
        /// `by_date/2017-03-31`, of the day an event's bar is of.
        case date
        /// `by_date/2017-03`
        case month
        /// `by_regime/trend_up`, of the event's bar and the 30 before it
        case regime
    }
    /// Why an event is not drawn, in the order the reasons are tried.
    package enum Rejection: Int, CaseIterable, Sendable {
        case shortWindow, onePrice, zeroVolume, jump
        package var words: String {
            switch self {
            case .shortWindow: "fewer bars before it than an image has"
            case .onePrice: "a window of one price"
            case .zeroVolume: "a window in which nothing was traded"
            case .jump: "a price that jumps a millionfold"
            }
        }
    }
    /// A window with prices this many times others shows a mistake of its feed.
    private static let jump = 1e6

    /// Finest first.
    private let timeframes: [Timeframe]
    private let bars: Int
    private let stride: Int
    /// Dates as yyyymmdd, New York.
    private let dates: ClosedRange<Int32>
    private var found: [Event] = []
    private var rejected = Rejection.allCases.map { _ in 0 }

    private struct Event {
        var date: Int32
        var start: Int64
        var series: UInt32, bar: UInt32
        /// Nil where there are too few bars to tell.
        var regime: Regime?
    }

    /// - Parameters: timeframes: finest first. bars: in one image. stride: every so many bars there is an event.
    package init(timeframes: [Timeframe], bars: Int, stride: Int, dates: ClosedRange<Int32>) {
        precondition(!timeframes.isEmpty && bars > 0 && stride > 0, "events of nothing")
        self.timeframes = timeframes
        self.bars = bars
        self.stride = stride
        self.dates = dates
    }

    /// Looks at the next symbol's bars; its position is the number of calls before.
    package mutating func add(_ finest: BarSeries, position: Int) {
        let series = timeframes.map { finest.resampled(to: $0) }
        let faults = series.map(faults)
        let ends = series.map { bars in (0..<bars.count).map(bars.end) }
        let base = series[0]
        // Of each timeframe, how many bars are over: it only grows.
        var over = series.map { _ in 0 }
        for bar in 0..<base.count {
            let known = ends[0][bar]
            for at in over.indices { while over[at] < ends[at].count, ends[at][over[at]] <= known { over[at] += 1 } }
            guard bar % stride == 0 else { continue }
            let date = base.date(of: bar)
            guard dates.contains(date) else { continue }
            var fault: Rejection?
            for at in over.indices {
                let found = over[at] < bars ? .shortWindow : faults[at][over[at] - 1]
                if let found, fault.map({ found.rawValue < $0.rawValue }) ?? true { fault = found }
            }
            if let fault {
                rejected[fault.rawValue] += 1
            } else {
                found.append(
                    Event(
                        date: date, start: base.starts[bar], series: UInt32(position), bar: UInt32(bar),
                        regime: bar + 1 >= Regime.bars ? Regime(of: base, endingAt: bar) : nil))
            }
        }
    }

    /// By bar, what is wrong with the window that it is the newest of.
    private func faults(_ series: BarSeries) -> [Rejection?] {
        (0..<series.count).map { newest in
            guard newest + 1 >= bars else { return .shortWindow }
            var low = Double.infinity
            var high = 0.0
            var volume = 0.0
            for bar in newest + 1 - bars...newest {
                low = min(low, series.low[bar])
                high = max(high, series.high[bar])
                volume = max(volume, series.volume[bar])
            }
            return low == high ? .onePrice : volume == 0 ? .zeroVolume : high / low >= Self.jump ? .jump : nil
        }
    }

    /// Every event once for each partition: those of the first, then those of the next.
    package func events(_ partitions: [Partition]) -> ChartEvents {
        var events = ChartEvents()
        events.rejected = Rejection.allCases.filter { rejected[$0.rawValue] > 0 }.map {
            ChartEvents.Rejection(reason: $0.words, count: rejected[$0.rawValue])
        }
        let inTime = found.sorted { ($0.start, $0.series) < ($1.start, $1.series) }
        for partition in partitions {
            let ordered =
                partition != .regime
                ? inTime
                : (Regime.allCases.map { Optional($0) } + [nil]).flatMap { regime in
                    inTime.filter { $0.regime == regime }
                }
            for event in ordered {
                events.series.append(event.series)
                events.bars.append(event.bar)
                let folder = folder(event, partition)
                if events.parts.last?.folder == folder {
                    events.parts[events.parts.count - 1].count += 1
                } else {
                    events.parts.append(ChartEvents.Part(folder: folder, count: 1))
                }
            }
        }
        return events
    }

    private func folder(_ event: Event, _ partition: Partition) -> String {
        if partition == .regime { return "by_regime/" + (event.regime?.name ?? "unknown") }
        let day = MarketDate.text(event.date)
        return "by_date/" + (partition == .date ? day : String(day.prefix(7)))
    }
}
