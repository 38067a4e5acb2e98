/// Why values are no bar, whatever market they are of. A bar counts under the first of these that applies.
package enum BarFault: String, CaseIterable, Sendable {
    case badTime = "bad_time"
    case notANumber = "not_a_number"
    case priceNotPositive = "price_not_positive"
    case highLowCrossed = "high_low_crossed"
    case negativeVolume = "negative_volume"
    /// Two different bars of one start in one answer: nobody can say which is right.
    case conflicting

    package var words: String {
        switch self {
        case .badTime: "the time is no whole bar between 1900 and 2200"
        case .notANumber: "a price or the volume is not a finite number"
        case .priceNotPositive: "a price is zero or negative"
        case .highLowCrossed: "the high is below, or the low above, the open or close"
        case .negativeVolume: "the volume is negative"
        case .conflicting: "two different bars of one time in one answer"
        }
    }

    static func of(_ bar: Bar, minutes: Int) -> BarFault? {
        let unit = minutes == SeriesKey.dayMinutes ? BarTime.day : 60_000
        guard BarStoreSchema.starts.contains(bar.start), bar.start % unit == 0 else { return .badTime }
        guard bar.open.isFinite, bar.high.isFinite, bar.low.isFinite, bar.close.isFinite, bar.volume.isFinite else {
            return .notANumber
        }
        guard bar.open > 0, bar.high > 0, bar.low > 0, bar.close > 0 else { return .priceNotPositive }
        guard bar.low <= min(bar.open, bar.close), bar.high >= max(bar.open, bar.close) else {
            return .highLowCrossed
        }
        return bar.volume < 0 ? .negativeVolume : nil
    }
}

/// The bars of one answer that are possible, ascending in start and each start once, and the others with their faults.
struct SortedBars {
    var bars: [Bar] = []
    var refused: [(bar: Bar, fault: BarFault)] = []
    /// Exact repetitions of bars above.
    var repeated = 0

    init(_ given: [Bar], minutes: Int) {
        var possible: [Bar] = []
        possible.reserveCapacity(given.count)
        for bar in given {
            if let fault = BarFault.of(bar, minutes: minutes) {
                refused.append((bar, fault))
            } else {
                var bar = bar
                bar.volume += 0  // −0 equals 0 and has other bits
                possible.append(bar)
            }
        }
        if !zip(possible, possible.dropFirst()).allSatisfy({ $0.start < $1.start }) {
            // In the order given where starts are equal; which is first does not matter below but to the list of faults.
            let order = possible.indices.sorted { (possible[$0].start, $0) < (possible[$1].start, $1) }
            possible = order.map { possible[$0] }
        }
        bars.reserveCapacity(possible.count)
        var at = 0
        while at < possible.count {
            var end = at + 1
            while end < possible.count, possible[end].start == possible[at].start { end += 1 }
            if possible[at..<end].allSatisfy({ $0.hasValues(of: possible[at]) }) {
                bars.append(possible[at])
                repeated += end - at - 1
            } else {
                refused += possible[at..<end].map { ($0, .conflicting) }
            }
            at = end
        }
    }
}
