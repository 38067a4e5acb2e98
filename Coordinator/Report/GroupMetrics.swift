import Glibc
import Market

/// What DESIGN §5.6 and §5.7 say of one group, from its consensus sets: the plain way, to be read beside the formulas
/// and to check what the fast search answered.
struct GroupMetrics {
    /// Per window, oldest first. Shape [5].
    var buys: [Int], hits: [Int], pp: [Double]
    var pooledBuys: Int, pooledHits: Int, distinctTickers: Int, maxBuys: Int
    var pooledPP: Double, weightedPP: Double, medianPP: Double, secondWorstPP: Double, wilsonLB: Double
    var meanBuys: Double, cv: Double, mad: Double, iqr: Double, slope: Double
    /// Repeat factor: buys per distinct ticker, at least 1.
    var rf: Double
    /// What the score is the sum of, in the order of the formula.
    var terms: [Term]
    var score: Double
    struct Term {
        var words: String
        var value: Double
    }
    /// mean(pp) − 1.5 · population σ(pp)
    var stability: Double

    /// - Parameters: consensus, hits: per window, shape [5]. weights: w_d of the universe, shape [5].
    init(consensus: [TickerSet], hits hitSets: [TickerSet], weights: [Double]) {
        buys = consensus.map(\.count)
        hits = zip(consensus, hitSets).map { $0.intersection($1).count }
        pp = zip(buys, hits).map { $0 == 0 ? 0 : 100 * Double($1) / Double($0) }
        pooledBuys = buys.reduce(0, +)
        pooledHits = hits.reduce(0, +)
        maxBuys = buys.max() ?? 0
        distinctTickers = consensus.dropFirst().reduce(consensus[0]) { $0.union($1) }.count
        pooledPP = pooledBuys == 0 ? 0 : 100 * Double(pooledHits) / Double(pooledBuys)
        weightedPP = zip(pp, weights).reduce(0) { $0 + $1.0 * $1.1 } / 5
        let sorted = pp.sorted()
        let median = sorted[2]
        medianPP = median
        secondWorstPP = sorted[1]
        iqr = sorted[3] - sorted[1]
        mad = pp.reduce(0) { $0 + abs($1 - median) } / 5
        wilsonLB = Self.wilson(hits: pooledHits, buys: pooledBuys)
        let mean = Double(pooledBuys) / 5
        meanBuys = mean
        let spread = (buys.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 4).squareRoot()
        cv = mean == 0 ? 0 : spread / mean
        // Least squares over d = 1…5: Σ (d − 3)·pp / Σ (d − 3)².
        slope = (-2 * pp[0] - pp[1] + pp[3] + 2 * pp[4]) / 10
        rf = distinctTickers == 0 ? 0 : Double(pooledBuys) / Double(distinctTickers)
        let meanPP = pp.reduce(0, +) / 5
        stability = meanPP - 1.5 * (pp.reduce(0) { $0 + ($1 - meanPP) * ($1 - meanPP) } / 5).squareRoot()

        let excess = Double(max(0, maxBuys - 20))
        let repeats = max(0, rf - 1.2)
        terms = [
            Term(words: "right share, hard days weighted more (0.60)", value: 0.60 * weightedPP),
            Term(words: "right share of the middle day (0.25)", value: 0.25 * medianPP),
            Term(words: "right share of the second-worst day (0.15)", value: 0.15 * secondWorstPP),
            Term(words: "lower bound of the right share (0.80)", value: 0.80 * wilsonLB),
            Term(words: "enough buys a day", value: 6 * log(1 + min(mean, 25))),
            Term(words: "a handy number of buys, best 14", value: Self.sweet(mean)),
            Term(words: "too many buys on average", value: -0.5 * max(0, mean - 25)),
            Term(words: "too many buys on one day", value: -6 * excess * excess),
            Term(words: "getting better over the week", value: 3 * max(0, slope)),
            Term(words: "days differ from the middle one", value: -0.25 * mad),
            Term(words: "spread between days", value: -0.18 * iqr),
            Term(words: "uneven number of buys", value: -10 * cv),
            Term(words: "getting worse over the week", value: -6 * max(0, -slope)),
            Term(words: "the same tickers again and again", value: -25 * repeats * repeats),
        ]
        score = terms.reduce(0) { $0 + $1.value }
    }

    /// w_d of DESIGN §5.6: days on which fewer tickers rose weigh more.
    static func weights(_ universe: Universe) -> [Double] {
        let base = universe.hits.map { 100 * Double($0.count) / Double(universe.symbols.count) }
        let mean = base.reduce(0, +) / 5
        return base.map { min(max(1 + 0.02 * (mean - $0), 0.5), 1.5) }
    }

    /// 100 · lower bound of the share of hits, 95 % two-sided. Source: Wilson (1927).
    static func wilson(hits: Int, buys: Int) -> Double {
        guard buys > 0 else { return 0 }
        let (z, n) = (1.96, Double(buys))
        let share = Double(hits) / n
        let root = (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return 100 * (share + z * z / (2 * n) - z * root) / (1 + z * z / n)
    }

    private static func sweet(_ m: Double) -> Double {
        if m <= 0 { return -15 }
        if m < 7 { return -3 * (7 - m) }
        if m <= 14 { return 2 * (m - 7) }
        if m <= 18 { return 2 * (18 - m) }
        return -4 * (m - 18)
    }
}
