/// DESIGN §5.3 and §5.6–5.7, as they are written.
enum SlowMetrics {
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let half = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    }
    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    static func sampleDeviation(_ values: [Double]) -> Double {
        let middle = mean(values)
        return (values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count - 1)).squareRoot()
    }
    static func wilson(_ hits: Int, _ buys: Int) -> Double {
        guard buys > 0 else { return 0 }
        let (p, n, z) = (Double(hits) / Double(buys), Double(buys), 1.96)
        let root = (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        return 100 * (p + z * z / (2 * n) - z * root) / (1 + z * z / n)
    }

    /// - Parameters: buys: tickers a day, oldest first. hits: tickers that rose, a day.
    static func variation(buys: [[String]], hits: [Set<String>]) -> [String: Double] {
        let counts = buys.map(\.count)
        let right = zip(buys, hits).map { day, risen in day.filter(risen.contains).count }
        let pp = zip(right, counts).map { $1 == 0 ? 0 : 100 * Double($0) / Double($1) }
        let pooledBuys = counts.reduce(0, +)
        let pooledHits = right.reduce(0, +)
        var times: [String: Int] = [:]
        for ticker in buys.flatMap({ $0 }) { times[ticker, default: 0] += 1 }
        let middle = median(pp)
        let sorted = pp.sorted()
        let mad = median(pp.map { abs($0 - middle) })
        let meanBuys = mean(counts.map(Double.init))
        let cv = meanBuys == 0 ? 0 : 100 * sampleDeviation(counts.map(Double.init)) / meanBuys
        let repeats = times.isEmpty ? 0 : 100 * Double(times.values.filter { $0 >= 2 }.count) / Double(times.count)
        let top = times.values.sorted(by: >).prefix(10).reduce(0, +)
        let share = pooledBuys == 0 ? 0 : 100 * Double(top) / Double(pooledBuys)
        let lower = wilson(pooledHits, pooledBuys)
        let fewest = right.min()!
        var score =
            0.55 * middle + 0.20 * (100 - mad) + 0.10 * (100 - cv) + 0.10 * (100 - repeats) + 0.05 * lower
            - 0.05 * share + 0.02 * Double(fewest)
        if pooledBuys < 10 || fewest < 4 { score = 0 }
        return [
            "pooled_buys": Double(pooledBuys), "pooled_hits": Double(pooledHits),
            "pooled_pp": pooledBuys == 0 ? 0 : 100 * Double(pooledHits) / Double(pooledBuys), "median_pp": middle,
            "mad": mad, "iqr": sorted[3] - sorted[1], "range": sorted[4] - sorted[0],
            "buycount_median": median(counts.map(Double.init)), "buycount_cv": cv, "wilson_lb": lower,
            "ew_pp": zip([0.03, 0.07, 0.15, 0.25, 0.50], pp).reduce(0) { $0 + $1.0 * $1.1 }, "repeat_rate": repeats,
            "top10_share": share, "min_daily_hits": Double(fewest), "stability_score": max(0, score),
        ]
    }

    /// A group's score; nil when it is not retained.
    /// - Parameter bases: 100 · share of the universe that rose, a day.
    static func group(buys: [Int], hits: [Int], distinct: Int, bases: [Double]) -> Double? {
        guard hits.allSatisfy({ $0 >= 8 }), buys.allSatisfy({ $0 <= 20 }) else { return nil }
        let pp = zip(hits, buys).map { 100 * Double($0) / Double($1) }
        let counts = buys.map(Double.init)
        let (m, middle, sorted) = (mean(counts), median(pp), pp.sorted())
        let spread = mean(pp.map { abs($0 - middle) })
        let cv = sampleDeviation(counts) / m
        let lower = wilson(hits.reduce(0, +), buys.reduce(0, +))
        let pooled = 100 * Double(hits.reduce(0, +)) / Double(buys.reduce(0, +))
        let iqr = sorted[3] - sorted[1]
        guard pooled >= 50, spread <= 25, iqr <= 45, cv <= 0.80, lower >= 10 else { return nil }
        let weights = bases.map { min(max(1 + 0.02 * (mean(bases) - $0), 0.5), 1.5) }
        let weighted = zip(pp, weights).reduce(0) { $0 + $1.0 * $1.1 } / 5
        let slope = zip([-2.0, -1, 0, 1, 2], pp).reduce(0) { $0 + $1.0 * $1.1 } / 10
        let rf = Double(buys.reduce(0, +)) / Double(distinct)
        let sweet =
            m <= 0 ? -15 : m < 7 ? -3 * (7 - m) : m <= 14 ? 2 * (m - 7) : m <= 18 ? 2 * (18 - m) : -4 * (m - 18)
        let excess = max(0, counts.max()! - 20)
        return 0.60 * weighted + 0.25 * middle + 0.15 * sorted[1] + 0.80 * lower + 6 * logarithm(1 + min(m, 25)) + sweet
            - 0.5 * max(0, m - 25) - 6 * excess * excess + 3 * max(0, slope) - 0.25 * spread - 0.18 * iqr - 10 * cv
            - 6 * max(0, -slope) - 25 * max(0, rf - 1.2) * max(0, rf - 1.2)
    }

    /// Which of these groups, best first, is chosen (§5.7).
    static func chosen(_ groups: [(score: Double, pp: [Double])]) -> Int? {
        guard !groups.isEmpty else { return nil }
        let stability = groups.map { group in
            let middle = mean(group.pp)
            return middle - 1.5 * mean(group.pp.map { ($0 - middle) * ($0 - middle) }).squareRoot()
        }
        let bar = stability.sorted()[Int(0.6 * Double(groups.count - 1))]
        let pool = groups.indices.filter { stability[$0] >= bar }
        let scores = pool.map { groups[$0].score }
        let target = mean(scores) + (scores.count > 1 ? sampleDeviation(scores) : 0)
        return pool.filter { groups[$0].score >= target }.min { groups[$0].score < groups[$1].score } ?? 0
    }
}
