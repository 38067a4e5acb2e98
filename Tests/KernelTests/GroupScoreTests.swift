import Foundation
import Jobs
import Market
import TestSupport
import Testing

@testable import Kernels

/// DESIGN §5.6 written once more, from the text, with the C library's logarithm.
private func textbookScore(buys: [Double], hits: [Double], union: Double, bases: [Double]) -> Double {
    let meanBase = bases.reduce(0, +) / 5
    let pp = zip(hits, buys).map { 100 * $0 / $1 }
    let sorted = pp.sorted()
    let weightedPP = zip(pp, bases).map { $0 * min(1.5, max(0.5, 1 + 0.02 * (meanBase - $1))) }.reduce(0, +) / 5
    let (n, h) = (buys.reduce(0, +), hits.reduce(0, +))
    let m = n / 5
    let p = h / n
    let z = 1.96
    let wilson = 100 * (p + z * z / 2 / n - z * sqrt(p * (1 - p) / n + z * z / 4 / n / n)) / (1 + z * z / n)
    let cv = sqrt(buys.map { pow($0 - m, 2) }.reduce(0, +) / 4) / m
    let slope = zip(pp, [-0.2, -0.1, 0, 0.1, 0.2]).map { $0 * $1 }.reduce(0, +)
    let mad = pp.map { abs($0 - sorted[2]) }.reduce(0, +) / 5
    let rf = n / union
    let sweet = m <= 0 ? -15 : m < 7 ? -3 * (7 - m) : m <= 14 ? 2 * (m - 7) : m <= 18 ? 2 * (18 - m) : -4 * (m - 18)
    var score = 0.60 * weightedPP + 0.25 * sorted[2] + 0.15 * sorted[1] + 0.80 * wilson
    score += 6 * log(1 + min(m, 25)) + sweet - 0.5 * max(0, m - 25) - 6 * pow(max(0, buys.max()! - 20), 2)
    score += 3 * max(0, slope) - 0.25 * mad - 0.18 * (sorted[3] - sorted[1]) - 10 * cv - 6 * max(0, -slope)
    return score - 25 * pow(max(0, rf - 1.2), 2)
}

@Test(arguments: seeds(20)) func `the score is the formula's`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let pool = randomPool(seed: seed, symbols: 100, counts: [1])
    let bases = pool.hits.map { Double($0.count) }
    let score = GroupScore(pool: pool)
    for _ in 0..<200 {
        let buys = (0..<5).map { _ in Int.random(in: 1...40, using: &random) }
        let hits = buys.map { Int.random(in: 0...$0, using: &random) }
        let union = Int.random(in: buys.max()!...buys.reduce(0, +), using: &random)
        let expected = textbookScore(
            buys: buys.map(Double.init), hits: hits.map(Double.init), union: Double(union), bases: bases)
        #expect(abs(score.score(buys: buys, hits: hits, unionCount: union) - expected) < 1e-9 * max(1, abs(expected)))
    }
}

@Test func `logarithms are the C library's within one unit in the last place`() {
    for k in 0...125 {
        let x = 1 + Double(k) / 5
        #expect(abs(portableLog(x) - log(x)) <= log(x).ulp)
    }
    var random = SplitMix(seed: 7)
    for _ in 0..<1000 {
        let x = Double.random(in: 0.001...4000, using: &random)
        #expect(abs(portableLog(x) - log(x)) <= log(x).ulp)
    }
}

@Test func `within the rails only one more rule can fail, as the quick filter assumes`() {
    var random = SplitMix(seed: 3)
    var failures = 0
    for _ in 0..<20_000 {
        // The extremes are likelier than not, since the claims are about extremes.
        let buys = (0..<5).map { _ in [8, 20, Int.random(in: 8...20, using: &random)].randomElement(using: &random)! }
        let hits = buys.map { [8, $0, Int.random(in: 8...$0, using: &random)].randomElement(using: &random)! }
        guard 2 * hits.reduce(0, +) >= buys.reduce(0, +) else { continue }
        let figures = GroupScore.Figures(buys: buys, hits: hits)
        #expect(figures.meanDeviation <= 25 && figures.cv <= 0.80 && figures.wilson >= 10)
        #expect(GroupScore.isRetained(buys: buys, hits: hits) == (figures.iqr <= 45))
        if figures.iqr > 45 { failures += 1 }
    }
    #expect(failures > 0)
}
