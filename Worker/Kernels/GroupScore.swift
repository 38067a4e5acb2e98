import Jobs

/// The retention rules and the score of DESIGN §5.6.
///
/// The same bits on every machine: only + − × ÷ and √ in the order written below, sums from the oldest window to the
/// newest, products that the formula writes side by side from left to right; no fused multiply-add, and logarithms
/// from `portableLog`.
package struct GroupScore: Sendable {
    /// Fewest consensus hits a day, and most consensus buys.
    package static let fewestHits = 8
    package static let mostBuys = 20

    /// w_d per window, oldest first. Shape [5].
    package let weights: [Double]
    /// ln(1 + k/5) for k = 0…125.
    private let logarithms: [Double]

    package init(pool: VariationPool) {
        let bases = pool.hits.map { set in
            pool.symbolCount == 0 ? 0 : 100 * Double(set.count) / Double(pool.symbolCount)
        }
        let meanBase = bases.reduce(0, +) / 5
        weights = bases.map { min(max(1 + 0.02 * (meanBase - $0), 0.5), 1.5) }
        logarithms = (0...125).map { portableLog(1 + Double($0) / 5) }
    }

    /// What a group's consensus shows over the five windows.
    package struct Figures: Sendable, Equatable {
        /// pp_d = 100·H_d/B_d, oldest first, 0 without buys. Shape [5].
        package var pp: [Double]
        package var sortedPP: [Double]
        package var median: Double { sortedPP[2] }
        package var secondWorst: Double { sortedPP[1] }
        /// 4th − 2nd of the sorted pp.
        package var iqr: Double { sortedPP[3] - sortedPP[1] }
        /// mean |pp_d − median|.
        package var meanDeviation: Double
        package var pooledPP: Double
        /// 100 · Wilson's lower bound, z = 1.96, of pooled hits/buys.
        package var wilson: Double
        /// m = ΣB/5.
        package var meanBuys: Double
        /// Sample σ(B)/m; 0 without buys.
        package var cv: Double
        /// Least squares of pp over d = 1…5, in points a day.
        package var slope: Double

        /// - Parameters: buys, hits: B_d and H_d, oldest first. Shape [5].
        package init(buys: [Int], hits: [Int]) {
            pp = zip(buys, hits).map { $0 == 0 ? 0 : 100 * Double($1) / Double($0) }
            sortedPP = pp.sorted()
            let middle = sortedPP[2]
            meanDeviation = pp.reduce(0) { $0 + abs($1 - middle) } / 5
            let (totalBuys, totalHits) = (buys.reduce(0, +), hits.reduce(0, +))
            pooledPP = totalBuys == 0 ? 0 : 100 * Double(totalHits) / Double(totalBuys)
            wilson = wilsonLowerBound(hits: totalHits, of: totalBuys)
            meanBuys = Double(totalBuys) / 5
            // 20·σ² = 5·ΣB² − (ΣB)², in integers.
            let spread = 5 * buys.reduce(0) { $0 + $1 * $1 } - totalBuys * totalBuys
            cv = totalBuys == 0 ? 0 : (Double(spread) / 20).squareRoot() / meanBuys
            slope = (-2 * pp[0] - pp[1] + pp[3] + 2 * pp[4]) / 10
        }
    }

    /// Whether a group of a retained size passes every rule, the rail included.
    package static func isRetained(buys: [Int], hits: [Int]) -> Bool {
        guard hits.allSatisfy({ $0 >= fewestHits }), buys.allSatisfy({ $0 <= mostBuys }),
            2 * hits.reduce(0, +) >= buys.reduce(0, +)
        else { return false }
        let figures = Figures(buys: buys, hits: hits)
        return figures.meanDeviation <= 25 && figures.iqr <= 45 && figures.cv <= 0.80 && figures.wilson >= 10
    }

    /// - Parameters:
    ///   - buys, hits: B_d and H_d, oldest first; B_d ≥ 1. Shape [5].
    ///   - unionCount: tickers in the union of the five consensus sets.
    package func score(buys: [Int], hits: [Int], unionCount: Int) -> Double {
        let repeated = Double(buys.reduce(0, +)) / Double(unionCount) - 1.2
        let penalty = 25 * max(0, repeated) * max(0, repeated)
        return scoreWithoutRepeats(buys: buys, hits: hits) - penalty
    }

    /// The score but for its last term, which only lowers it: an upper bound that needs no union.
    package func scoreWithoutRepeats(buys: [Int], hits: [Int]) -> Double {
        let figures = Figures(buys: buys, hits: hits)
        let weighted = zip(figures.pp, weights).reduce(0) { $0 + $1.0 * $1.1 } / 5
        let crowd = Double(max(0, (buys.max() ?? 0) - Self.mostBuys))
        var score = 0.60 * weighted
        score += 0.25 * figures.median
        score += 0.15 * figures.secondWorst
        score += 0.80 * figures.wilson
        score += 6 * logarithms[min(buys.reduce(0, +), 125)]
        score += Self.sweet(figures.meanBuys)
        score -= 0.5 * max(0, figures.meanBuys - 25)
        score -= 6 * crowd * crowd
        score += 3 * max(0, figures.slope)
        score -= 0.25 * figures.meanDeviation
        score -= 0.18 * figures.iqr
        score -= 10 * figures.cv
        score -= 6 * max(0, -figures.slope)
        return score
    }

    /// The part of the score that depends on ΣB alone: 6·ln(1 + min(m, 25)) + sweet(m) − 0.5·max(0, m − 25).
    func sizeTerms(totalBuys: Int) -> Double {
        let mean = Double(totalBuys) / 5
        return 6 * logarithms[min(totalBuys, 125)] + Self.sweet(mean) - 0.5 * max(0, mean - 25)
    }

    private static func sweet(_ m: Double) -> Double {
        switch m {
        case ...0: -15
        case ..<7: -3 * (7 - m)
        case ...14: 2 * (m - 7)
        case ...18: 2 * (18 - m)
        default: -4 * (m - 18)
        }
    }
}

/// 100 · Wilson's lower bound, z = 1.96, for `hits` of `count`; 0 for a count of 0.
func wilsonLowerBound(hits: Int, of count: Int) -> Double {
    guard count > 0 else { return 0 }
    let (n, z) = (Double(count), 1.96)
    let p = Double(hits) / n
    let center = p + z * z / (2 * n)
    let margin = z * ((p * (1 - p) + z * z / (4 * n)) / n).squareRoot()
    return 100 * ((center - margin) / (1 + z * z / n))
}
