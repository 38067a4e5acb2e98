import Jobs
import Market

/// Thins the variations of each algorithm to those worth combining (DESIGN §5.5), algorithm by algorithm, then caps the
/// whole. What the design leaves open is decided so:
///
/// - Near clones are judged on all parameters as stored, those a variation ignores included. Walking the stability
///   order, a variation meets those kept so far: it is dropped if one it clones has at least its (pooled_pp, distinct
///   tickers), else every one it clones is dropped for it. A dropped one stays dropped.
/// - A variation's tickers, for coverage and for distinct tickers, are the union of its five days.
/// - The overlap with the kept, in filling up, is the largest |A∩B| / max(|A|, |B|) of the tickers with any one of them,
///   those filled up before included; then higher pooled_pp, then the smaller number.
/// - Above 1,300 in all, what was filled up goes first, then what covers; lowest stability score first, ties to the
///   later algorithm, then the larger number.
package struct Prune {
    private static let total = 1300

    /// Per algorithm in `Algorithm` order the numbers kept, ascending.
    package let numbers: [[UInt32]]
    /// Reasons in the order of the rules, algorithms inside; only what dropped something.
    package let rejections: [Weekend.Rejection]
    package let pool: VariationPool

    /// The rules in their order, as `rejections` words them.
    enum Reason: Int, CaseIterable {
        case score, median, spread, sameBuys, nearClone, algorithmCap, totalCap
        var text: String {
            switch self {
            case .score: "stability score is 0"
            case .median: "median_pp is 0"
            case .spread: "mad above 25 and range above 80"
            case .sameBuys: "same buys as a better variation"
            case .nearClone: "near clone of a better variation"
            case .algorithmCap: "adds no ticker, and the algorithm's cap is reached"
            case .totalCap: "the cap of \(total) in all is reached"
            }
        }
    }

    /// - Parameters:
    ///   - evaluations: per algorithm in `Algorithm` order; variation number n is element n − 1.
    ///   - hits: per window the universe's tickers with a hit. Shape [5].
    package init(evaluations: [[VariationEvaluation]], hits: [TickerSet], symbolCount: Int) {
        var counts = [[UInt32]](
            repeating: [UInt32](repeating: 0, count: evaluations.count), count: Reason.allCases.count)
        var kept: [Kept] = []
        for (at, list) in evaluations.enumerated() {
            guard let algorithm = list.first?.variation.algorithm else { continue }
            var survivors: [PruneCandidate] = []
            for (index, evaluation) in list.enumerated() {
                if let reason = Self.ineligible(evaluation.metrics) {
                    counts[reason.rawValue][at] += 1
                } else {
                    survivors.append(PruneCandidate(evaluation, number: UInt32(index + 1)))
                }
            }
            survivors.sort { ($1.score, $0.number) < ($0.score, $1.number) }
            func drop(_ reason: Reason, _ rule: ([PruneCandidate]) -> [PruneCandidate]) {
                let left = rule(survivors)
                counts[reason.rawValue][at] = UInt32(survivors.count - left.count)
                survivors = left
            }
            drop(.sameBuys, Self.withoutSameBuys)
            drop(.nearClone) { Self.withoutNearClones($0, tolerances: Self.tolerances(algorithm)) }
            var covering = 0
            drop(.algorithmCap) { candidates in
                let picked = Coverage.pick(from: candidates, cap: Self.cap(algorithm))
                covering = picked.covering
                return picked.candidates
            }
            for (place, candidate) in survivors.enumerated() {
                kept.append(
                    Kept(algorithm: at, isCovering: place < covering, score: candidate.score, number: candidate.number))
            }
        }
        kept.sort()
        for dropped in kept.dropFirst(Self.total) { counts[Reason.totalCap.rawValue][dropped.algorithm] += 1 }
        kept = Array(kept.prefix(Self.total))

        numbers = evaluations.indices.map { at in kept.filter { $0.algorithm == at }.map(\.number).sorted() }
        rejections = Reason.allCases.flatMap { reason in
            Algorithm.allCases.compactMap { algorithm in
                let at = Int(algorithm.rawValue)
                guard at < evaluations.count, counts[reason.rawValue][at] > 0 else { return nil }
                return Weekend.Rejection(
                    algorithm: algorithm, reason: reason.text, count: counts[reason.rawValue][at])
            }
        }
        var members: [VariationPool.Member] = []
        for (at, list) in numbers.enumerated() {
            for number in list {
                let evaluation = evaluations[at][Int(number) - 1]
                members.append(
                    .init(algorithm: evaluation.variation.algorithm, number: number, buys: evaluation.buys))
            }
        }
        pool = VariationPool(symbolCount: UInt32(symbolCount), hits: hits, members: members)
    }

    /// Variations of one algorithm that may stay, before the cap in all.
    static func cap(_ algorithm: Algorithm) -> Int {
        switch algorithm {
        case .macd, .ema, .breakout: 250
        default: 100
        }
    }

    private static func ineligible(_ metrics: VariationMetrics) -> Reason? {
        if !(metrics.stabilityScore > 0) { return .score }
        if !(metrics.medianPP > 0) { return .median }
        return metrics.mad > 25 && metrics.range > 80 ? .spread : nil
    }

    private static func withoutSameBuys(_ candidates: [PruneCandidate]) -> [PruneCandidate] {
        var seen: Set<[TickerSet]> = []  // only asked for membership
        return candidates.filter { seen.insert($0.buys).inserted }
    }

    /// Per parameter how many steps apart still counts as alike: 0, 1, 2 or 3 by the number of options; choices 0.
    static func tolerances(_ algorithm: Algorithm) -> [UInt8] {
        algorithm.parameters.map { parameter in
            if parameter.isCategorical { return 0 }
            return parameter.optionCount <= 10
                ? 0 : parameter.optionCount <= 40 ? 1 : parameter.optionCount <= 150 ? 2 : 3
        }
    }

    private static func withoutNearClones(_ candidates: [PruneCandidate], tolerances: [UInt8]) -> [PruneCandidate] {
        let alike = Likeness(tolerances: tolerances)
        var kept: [PruneCandidate] = []
        for candidate in candidates {
            let clones = kept.indices.filter {
                alike(kept[$0].options, candidate.options) && kept[$0].overlapsOnNewestDay(candidate)
            }
            if clones.contains(where: { kept[$0].merit >= candidate.merit }) { continue }
            for index in clones.reversed() { kept.remove(at: index) }
            kept.append(candidate)
        }
        return kept
    }
}

/// A variation that an algorithm's rules kept. Sorted: the ones to keep first when all together are too many.
private struct Kept: Comparable {
    let algorithm: Int
    let isCovering: Bool
    let score: Double
    let number: UInt32
    static func < (a: Kept, b: Kept) -> Bool {
        (a.isCovering ? 0 : 1, b.score, a.algorithm, a.number) < (b.isCovering ? 0 : 1, a.score, b.algorithm, b.number)
    }
}
