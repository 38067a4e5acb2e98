import Foundation
import Jobs
import Market
import TestSupport
import Testing

@testable import Kernels

/// DESIGN §5.3, as slowly as it reads.
private func slowMetrics(buys: [[Int]], hits: [Set<Int>]) -> VariationMetrics {
    func median(_ x: [Double]) -> Double { x.sorted()[2] }
    var m = VariationMetrics()
    m.buys = buys.map { UInt32($0.count) }
    m.hits = zip(buys, hits).map { buys, hits in UInt32(buys.filter(hits.contains).count) }
    m.pooledBuys = m.buys.reduce(0, +)
    m.pooledHits = m.hits.reduce(0, +)
    m.pooledPP = m.pooledBuys == 0 ? 0 : 100 * Double(m.pooledHits) / Double(m.pooledBuys)
    let pps = zip(m.hits, m.buys).map { $1 == 0 ? 0 : 100 * Double($0) / Double($1) }
    m.medianPP = median(pps)
    m.mad = median(pps.map { abs($0 - m.medianPP) })
    m.iqr = pps.sorted()[3] - pps.sorted()[1]
    m.range = pps.max()! - pps.min()!
    let counts = m.buys.map(Double.init)
    let mean = counts.reduce(0, +) / 5
    m.buycountMedian = median(counts)
    let deviation = (counts.map { pow($0 - mean, 2) }.reduce(0, +) / 4).squareRoot()
    m.buycountCV = mean == 0 ? 0 : 100 * deviation / mean
    if m.pooledBuys > 0 {
        let (n, p, z) = (Double(m.pooledBuys), Double(m.pooledHits) / Double(m.pooledBuys), 1.96)
        let root = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        m.wilsonLB = max(0, 100 * (p + z * z / (2 * n) - root) / (1 + z * z / n))
    }
    m.ewPP = zip([0.03, 0.07, 0.15, 0.25, 0.50], pps).map { $0 * $1 }.reduce(0, +)
    let daysBought = Dictionary(grouping: buys.joined(), by: { $0 }).mapValues(\.count)
    if !daysBought.isEmpty {
        m.repeatRate = 100 * Double(daysBought.values.filter { $0 >= 2 }.count) / Double(daysBought.count)
        let top = daysBought.values.sorted(by: >).prefix(10).reduce(0, +)
        m.top10Share = 100 * Double(top) / Double(m.pooledBuys)
    }
    m.minDailyHits = m.hits.min()!
    if m.pooledBuys >= 10 && m.minDailyHits >= 4 {
        let score =
            0.55 * m.medianPP + 0.20 * (100 - m.mad) + 0.10 * (100 - m.buycountCV) + 0.10 * (100 - m.repeatRate)
            + 0.05 * m.wilsonLB - 0.05 * m.top10Share + 0.02 * Double(m.minDailyHits)
        m.stabilityScore = max(0, score)
    }
    return m
}

private func close(_ a: VariationMetrics, _ b: VariationMetrics) -> Bool {
    let numbers: [KeyPath<VariationMetrics, Double>] = [
        \.pooledPP, \.medianPP, \.mad, \.iqr, \.range, \.buycountMedian, \.buycountCV, \.wilsonLB, \.ewPP, \.repeatRate,
        \.top10Share, \.stabilityScore,
    ]
    return a.buys == b.buys && a.hits == b.hits && a.pooledBuys == b.pooledBuys && a.pooledHits == b.pooledHits
        && a.minDailyHits == b.minDailyHits && numbers.allSatisfy { abs(a[keyPath: $0] - b[keyPath: $0]) <= 1e-9 }
}

@Test(arguments: seeds(60))
func `metrics of random buys are the definitions'`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let tickers = Int.random(in: 1...300, using: &random)
    func draw(_ share: Double) -> [Int] {
        (0..<tickers).filter { _ in Double.random(in: 0..<1, using: &random) < share }
    }
    func set(_ members: some Sequence<Int>) -> TickerSet {
        var set = TickerSet(capacity: tickers)
        for ticker in members { set.insert(ticker) }
        return set
    }
    let hits = (0..<5).map { _ in Set(draw(0.5)) }
    let share = [0, 0.005, 0.05, 0.3, 1][Int(seed % 5)]
    let buys = (0..<5).map { day in seed % 7 == 0 && day == 2 ? [] : draw(share) }
    let measured = VariationMetrics(buys: buys.map(set), hits: hits.map { set($0.sorted()) })
    #expect(close(measured, slowMetrics(buys: buys, hits: hits)), "seed \(seed): \(measured)")
}

@Test func `a variation that buys nothing has zeros and no score`() {
    let none = [TickerSet](repeating: TickerSet(capacity: 100), count: 5)
    let measured = VariationMetrics(buys: none, hits: none)
    #expect(measured == VariationMetrics())
}

@Test func `the consistency gate closes below ten buys or four daily hits`() {
    func days(_ buys: [Int], _ hits: [Int]) -> VariationMetrics {
        func first(_ count: Int) -> TickerSet {
            var set = TickerSet(capacity: 64)
            for ticker in 0..<count { set.insert(ticker) }
            return set
        }
        return VariationMetrics(buys: buys.map(first), hits: hits.map(first))
    }
    #expect(days([8, 8, 8, 8, 8], [4, 4, 4, 4, 4]).stabilityScore > 0)
    #expect(days([8, 8, 8, 8, 8], [4, 4, 3, 4, 4]).stabilityScore == 0)
    #expect(days([8, 8, 8, 0, 8], [4, 4, 4, 4, 4]).stabilityScore == 0)
}

@Test func `a Wilson bound is the published one`() {
    // 10 of 20: 0.29930 with z = 1.959964 (statsmodels), 0.299295 with z = 1.96.
    #expect(abs(wilsonLowerBound(10, of: 20) - 0.299295) < 1e-6)
    #expect(wilsonLowerBound(0, of: 20) == 0)
    #expect(wilsonLowerBound(0, of: 0) == 0)
}
