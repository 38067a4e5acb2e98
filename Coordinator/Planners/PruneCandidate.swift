import Jobs
import Market

/// A variation in the prune, with what the rules ask of it worked out once.
struct PruneCandidate {
    let number: UInt32
    let score: Double
    let pooledPP: Double
    /// Options in 16 lanes; lanes past the parameters are 0.
    let options: SIMD16<UInt8>
    /// Shape [5].
    let buys: [TickerSet]
    let newestCount: Int
    /// Bought on any day.
    let tickers: TickerSet
    let tickerCount: Int

    init(_ evaluation: VariationEvaluation, number: UInt32) {
        self.number = number
        score = evaluation.metrics.stabilityScore
        pooledPP = evaluation.metrics.pooledPP
        precondition(evaluation.variation.options.count <= 16, "an algorithm has at most 16 parameters")
        var lanes = SIMD16<UInt8>.zero
        for (lane, option) in evaluation.variation.options.enumerated() { lanes[lane] = option }
        options = lanes
        buys = evaluation.buys
        newestCount = evaluation.buys.last?.count ?? 0
        tickers = evaluation.buys.dropFirst().reduce(evaluation.buys[0]) { $0.union($1) }
        tickerCount = tickers.count
    }

    /// What decides between near clones.
    var merit: (Double, Int) { (pooledPP, tickerCount) }

    /// Whether at least 0.60 of the larger newest-day list is shared; never when both are empty.
    func overlapsOnNewestDay(_ other: PruneCandidate) -> Bool {
        let larger = max(newestCount, other.newestCount)
        guard larger > 0, 5 * min(newestCount, other.newestCount) >= 3 * larger else { return false }
        return 5 * shared(buys[4], other.buys[4]) >= 3 * larger
    }

    /// The share of the larger ticker list that is shared.
    func overlap(_ other: PruneCandidate) -> Share {
        Share(shared(tickers, other.tickers), of: max(tickerCount, other.tickerCount))
    }
}

/// |A∩B| without making the set.
private func shared(_ a: TickerSet, _ b: TickerSet) -> Int {
    var count = 0
    for word in 0..<min(a.words.count, b.words.count) { count += (a.words[word] & b.words[word]).nonzeroBitCount }
    return count
}

/// A share compared exactly. 0 of 0 is 0.
struct Share: Comparable {
    let part: Int
    let whole: Int
    init(_ part: Int, of whole: Int) {
        self.part = part
        self.whole = max(whole, 1)
    }
    static func == (a: Share, b: Share) -> Bool { a.part * b.whole == b.part * a.whole }
    static func < (a: Share, b: Share) -> Bool { a.part * b.whole < b.part * a.whole }
}

/// Whether more than half of two variations' parameters are alike.
struct Likeness {
    private let tolerances: SIMD16<UInt8>
    private let padding: Int
    private let needed: Int
    init(tolerances: [UInt8]) {
        var lanes = SIMD16<UInt8>.zero
        for (lane, tolerance) in tolerances.enumerated() { lanes[lane] = tolerance }
        self.tolerances = lanes
        padding = 16 - tolerances.count
        needed = tolerances.count / 2 + 1
    }
    func callAsFunction(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> Bool {
        let larger = a.replacing(with: b, where: b .> a)
        let smaller = a.replacing(with: b, where: b .< a)
        let alike = SIMD16<UInt8>.zero.replacing(with: 1, where: (larger &- smaller) .<= tolerances)
        return Int(alike.wrappedSum()) - padding >= needed
    }
}

/// Greedy coverage of the tickers, then variety.
enum Coverage {
    /// Walks the candidates and keeps what adds a ticker; then fills up to `cap` by least overlap with the kept.
    ///
    /// - Returns: the picked, those that cover first; and how many these are.
    static func pick(from candidates: [PruneCandidate], cap: Int) -> (candidates: [PruneCandidate], covering: Int) {
        var kept: [PruneCandidate] = []
        var rest: [(candidate: PruneCandidate, overlap: Share)] = []
        var covered = [UInt64](repeating: 0, count: candidates.first?.tickers.words.count ?? 0)
        for candidate in candidates {
            let words = candidate.tickers.words
            if kept.count < cap, words.indices.contains(where: { words[$0] & ~covered[$0] != 0 }) {
                for word in words.indices { covered[word] |= words[word] }
                kept.append(candidate)
            } else {
                rest.append((candidate, Share(0, of: 1)))
            }
        }
        let covering = kept.count
        for index in rest.indices {
            for other in kept { rest[index].overlap = max(rest[index].overlap, rest[index].candidate.overlap(other)) }
        }
        while kept.count < cap, var best = rest.indices.first {
            for index in rest.indices.dropFirst() where ranksBefore(rest[index], rest[best]) { best = index }
            let chosen = rest.remove(at: best).candidate
            kept.append(chosen)
            for index in rest.indices {
                rest[index].overlap = max(rest[index].overlap, rest[index].candidate.overlap(chosen))
            }
        }
        return (kept, covering)
    }

    private static func ranksBefore(
        _ a: (candidate: PruneCandidate, overlap: Share), _ b: (candidate: PruneCandidate, overlap: Share)
    ) -> Bool {
        if a.overlap != b.overlap { return a.overlap < b.overlap }
        return (b.candidate.pooledPP, a.candidate.number) < (a.candidate.pooledPP, b.candidate.number)
    }
}
