import Jobs
import Market

extension VariationMetrics {
    /// The metrics of DESIGN §5.3, every sum taken in the order of the days.
    ///
    /// Where the design leaves a choice: pp of a day without buys is 0 and takes part in the median, mad, iqr and range;
    /// `buycountCV` divides the sample deviation (÷ 4) by the mean; `top10Share` counts the buys of the ten most bought
    /// tickers over the five days; it and `repeatRate` are 0 when nothing was bought.
    ///
    /// - Parameters:
    ///   - buys: per window, oldest first. Shape [5], equal capacities.
    ///   - hits: per window the tickers whose outcome bar rose. Shape [5].
    package init(buys: [TickerSet], hits: [TickerSet]) {
        self.init()
        for day in 0..<Universe.windows {
            let (bought, rose) = (buys[day].words, hits[day].words)
            var (buyCount, hitCount) = (0, 0)
            for at in bought.indices {
                buyCount += bought[at].nonzeroBitCount
                hitCount += (bought[at] & rose[at]).nonzeroBitCount
            }
            self.buys[day] = UInt32(buyCount)
            self.hits[day] = UInt32(hitCount)
            pooledBuys += UInt32(buyCount)
            pooledHits += UInt32(hitCount)
        }
        minDailyHits = self.hits.min()!
        pooledPP = pooledBuys == 0 ? 0 : 100 * Double(pooledHits) / Double(pooledBuys)
        wilsonLB = 100 * wilsonLowerBound(Int(pooledHits), of: Int(pooledBuys))

        var pps = FiveValues()
        for day in 0..<Universe.windows { pps.values[day] = pp(day) }
        ewPP =
            0.5 * pps.values[4] + 0.25 * pps.values[3] + 0.15 * pps.values[2] + 0.07 * pps.values[1]
            + 0.03 * pps.values[0]
        pps.sort()
        medianPP = pps.values[2]
        iqr = pps.values[3] - pps.values[1]
        range = pps.values[4] - pps.values[0]
        for day in 0..<Universe.windows { pps.values[day] = abs(pps.values[day] - medianPP) }
        pps.sort()
        mad = pps.values[2]

        let mean = Double(pooledBuys) / 5
        var squares = 0.0
        var counts = FiveValues()
        for day in 0..<Universe.windows {
            counts.values[day] = Double(self.buys[day])
            squares += (counts.values[day] - mean) * (counts.values[day] - mean)
        }
        counts.sort()
        buycountMedian = counts.values[2]
        buycountCV = mean == 0 ? 0 : 100 * (squares / 4).squareRoot() / mean
        measureRepeats(buys)
        stabilityScore = stability
    }

    private mutating func measureRepeats(_ buys: [TickerSet]) {
        // How many tickers were bought on at least 1…5 days, by carrying each day's set up through the levels.
        var atLeast = InlineArray<5, Int>(repeating: 0)
        for at in buys[0].words.indices {
            var levels = InlineArray<5, UInt64>(repeating: 0)
            for day in 0..<Universe.windows {
                var carried = buys[day].words[at]
                for level in 0...day {
                    let both = levels[level] & carried
                    levels[level] |= carried
                    carried = both
                }
            }
            for level in 0..<5 { atLeast[level] += levels[level].nonzeroBitCount }
        }
        repeatRate = atLeast[0] == 0 ? 0 : 100 * Double(atLeast[1]) / Double(atLeast[0])
        // A ticker among the ten most bought counts once for each level it reaches.
        var top = 0
        for level in 0..<5 { top += min(10, atLeast[level]) }
        top10Share = pooledBuys == 0 ? 0 : 100 * Double(top) / Double(pooledBuys)
    }

    /// At least 0; 0 where the consistency gate closes: fewer than 10 buys in all, or than 4 hits on some day.
    private var stability: Double {
        guard pooledBuys >= 10, minDailyHits >= 4 else { return 0 }
        let score =
            0.55 * medianPP + 0.20 * (100 - mad) + 0.10 * (100 - buycountCV) + 0.10 * (100 - repeatRate)
            + 0.05 * wilsonLB - 0.05 * top10Share + 0.02 * Double(minDailyHits)
        return max(0, score)
    }
}

/// Lower end of the Wilson score interval with z = 1.96, 0…1; 0 without trials. Source: Wilson (1927).
func wilsonLowerBound(_ hits: Int, of trials: Int) -> Double {
    guard trials > 0 else { return 0 }
    let (z, n) = (1.96, Double(trials))
    let share = Double(hits) / n
    let spread = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, (share + z * z / (2 * n) - spread) / (1 + z * z / n))
}

/// Five numbers, one a day.
private struct FiveValues {
    var values = InlineArray<5, Double>(repeating: 0)
    /// Ascending.
    mutating func sort() {
        for end in 1..<5 {
            for at in stride(from: end, to: 0, by: -1) where values[at] < values[at - 1] { values.swapAt(at, at - 1) }
        }
    }
}
