import Foundation

/// DESIGN §5.3, §5.6 and §5.7 once more, slowly and on names instead of bits, by somebody who has not seen the program.
enum Outsider {
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.count % 2 == 1
            ? sorted[sorted.count / 2] : (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2
    }
    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    /// - Parameter correction: 1 for a sample, 0 for a population.
    static func deviation(_ values: [Double], correction: Int) -> Double {
        let mean = mean(values)
        return sqrt(values.map { pow($0 - mean, 2) }.reduce(0, +) / Double(values.count - correction))
    }
    static func wilson(_ hits: Int, _ buys: Int) -> Double {
        guard buys > 0 else { return 0 }
        let p = Double(hits) / Double(buys)
        let n = Double(buys)
        let z = 1.96
        return 100 * (p + z * z / (2 * n) - z * sqrt((p * (1 - p) + z * z / (4 * n)) / n)) / (1 + z * z / n)
    }

    /// The metrics of a variation by column name.
    /// - Parameters: buys, hits: tickers per day, oldest first.
    static func variation(buys: [Set<String>], hits: [Set<String>]) -> [String: Double] {
        let bought = buys.map { Double($0.count) }
        let right = (0..<5).map { Double(buys[$0].intersection(hits[$0]).count) }
        let pp = (0..<5).map { bought[$0] == 0 ? 0 : 100 * right[$0] / bought[$0] }
        let pooledBuys = bought.reduce(0, +)
        let pooledHits = right.reduce(0, +)
        let sorted = pp.sorted()
        var days: [String: Int] = [:]
        for day in buys { for ticker in day { days[ticker, default: 0] += 1 } }
        var metrics: [String: Double] = [:]
        metrics["pooled_buys"] = pooledBuys
        metrics["pooled_hits"] = pooledHits
        metrics["pooled_pp"] = pooledBuys == 0 ? 0 : 100 * pooledHits / pooledBuys
        metrics["median_pp"] = median(pp)
        metrics["mad"] = median(pp.map { abs($0 - median(pp)) })
        metrics["iqr"] = sorted[3] - sorted[1]
        metrics["range"] = sorted[4] - sorted[0]
        metrics["buycount_median"] = median(bought)
        metrics["buycount_cv"] = mean(bought) == 0 ? 0 : 100 * deviation(bought, correction: 1) / mean(bought)
        metrics["wilson_lb"] = wilson(Int(pooledHits), Int(pooledBuys))
        metrics["ew_pp"] = 0.50 * pp[4] + 0.25 * pp[3] + 0.15 * pp[2] + 0.07 * pp[1] + 0.03 * pp[0]
        metrics["repeat_rate"] =
            days.isEmpty ? 0 : 100 * Double(days.values.filter { $0 >= 2 }.count) / Double(days.count)
        metrics["top10_share"] =
            pooledBuys == 0 ? 0 : 100 * Double(days.values.sorted(by: >).prefix(10).reduce(0, +)) / pooledBuys
        metrics["min_daily_hits"] = right.min()
        metrics["last_day_buys"] = bought[4]
        metrics["last_day_hits"] = right[4]
        metrics["last_day_pp"] = pp[4]
        var score = 0.55 * metrics["median_pp"]! + 0.20 * (100 - metrics["mad"]!)
        score += 0.10 * (100 - metrics["buycount_cv"]!) + 0.10 * (100 - metrics["repeat_rate"]!)
        score += 0.05 * metrics["wilson_lb"]! - 0.05 * metrics["top10_share"]! + 0.02 * metrics["min_daily_hits"]!
        metrics["stability_score"] = pooledBuys < 10 || right.min()! < 4 ? 0 : max(0, score)
        return metrics
    }

    /// The metrics of a group by column name; nil when a rule of DESIGN §5.6 forbids it.
    /// - Parameters: consensus, hits: tickers per day, oldest first. universe: how many tickers there are.
    static func group(consensus: [Set<String>], hits: [Set<String>], universe: Int) -> [String: Double]? {
        let b = consensus.map { Double($0.count) }
        let h = (0..<5).map { Double(consensus[$0].intersection(hits[$0]).count) }
        let pp = (0..<5).map { b[$0] == 0 ? 0 : 100 * h[$0] / b[$0] }
        let base = hits.map { 100 * Double($0.count) / Double(universe) }
        let weights = base.map { min(1.5, max(0.5, 1 + 0.02 * (mean(base) - $0))) }
        let sorted = pp.sorted()
        let m = mean(b)
        let distinct = consensus.reduce(Set<String>()) { $0.union($1) }.count
        var metrics: [String: Double] = [:]
        metrics["pooled_buys"] = b.reduce(0, +)
        metrics["pooled_hits"] = h.reduce(0, +)
        metrics["pooled_pp"] = 100 * h.reduce(0, +) / b.reduce(0, +)
        metrics["max_buys"] = b.max()
        metrics["distinct_tickers"] = Double(distinct)
        metrics["weighted_pp"] = mean((0..<5).map { pp[$0] * weights[$0] })
        metrics["median_pp"] = median(pp)
        metrics["second_worst_pp"] = sorted[1]
        metrics["wilson_lb"] = wilson(Int(h.reduce(0, +)), Int(b.reduce(0, +)))
        metrics["mean_buys"] = m
        metrics["cv"] = deviation(b, correction: 1) / m
        metrics["mad"] = mean(pp.map { abs($0 - median(pp)) })
        metrics["iqr"] = sorted[3] - sorted[1]
        let covariance = (0..<5).map { (Double($0 + 1) - 3) * (pp[$0] - mean(pp)) }.reduce(0, +)
        metrics["slope"] = covariance / 10
        metrics["rf"] = b.reduce(0, +) / Double(distinct)
        metrics["stability"] = mean(pp) - 1.5 * deviation(pp, correction: 0)
        var score = 0.60 * metrics["weighted_pp"]! + 0.25 * metrics["median_pp"]! + 0.15 * sorted[1]
        score += 0.80 * metrics["wilson_lb"]! + 6 * log(1 + min(m, 25))
        switch m {
        case ...0: score -= 15
        case ..<7: score -= 3 * (7 - m)
        case ...14: score += 2 * (m - 7)
        case ...18: score += 2 * (18 - m)
        default: score -= 4 * (m - 18)
        }
        score += -0.5 * max(0, m - 25) - 6 * pow(max(0, b.max()! - 20), 2)
        score += 3 * max(0, covariance / 10) - 6 * max(0, -covariance / 10)
        score += -0.25 * metrics["mad"]! - 0.18 * metrics["iqr"]! - 10 * metrics["cv"]!
        score -= 25 * pow(max(0, metrics["rf"]! - 1.2), 2)
        metrics["score"] = score

        let isRetained =
            h.min()! >= 8 && metrics["pooled_pp"]! >= 50 && b.max()! <= 20 && metrics["mad"]! <= 25
            && metrics["iqr"]! <= 45 && metrics["cv"]! <= 0.8 && metrics["wilson_lb"]! >= 10
        return isRetained ? metrics : nil
    }

    /// The position of the chosen group among those of one size, best first (DESIGN §5.7).
    static func choose(scores: [Double], stabilities: [Double]) -> Int? {
        guard !scores.isEmpty else { return nil }
        let floor = stabilities.sorted()[Int((0.6 * Double(scores.count - 1)).rounded(.down))]
        let stable = scores.indices.filter { stabilities[$0] >= floor }.map { scores[$0] }
        let sigma = stable.count < 2 ? 0 : deviation(stable, correction: 1)
        let target = mean(stable) + sigma
        return scores.indices.filter { scores[$0] >= target }.min { (scores[$0], $0) < (scores[$1], $1) } ?? 0
    }
}
