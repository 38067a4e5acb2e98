import Glibc  // squareRoot() needs its library
import Jobs

/// DESIGN §5.7: which of the best groups of one size to trade. Not the highest score, but a good one among the steady.
package enum GroupSelection {
    /// - Parameter top: retained groups, best first.
    /// - Returns: the position of the chosen group; nil without groups. Of equal scores the better-ranked is chosen.
    package static func choose(_ top: [GroupCandidate]) -> UInt32? {
        guard !top.isEmpty else { return nil }
        let stabilities = top.map(stability)
        let least = stabilities.sorted()[(top.count - 1) * 6 / 10]
        let pool = top.indices.filter { stabilities[$0] >= least }
        let scores = pool.map { top[$0].score }
        let mean = scores.reduce(0, +) / Double(scores.count)
        let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = scores.count < 2 ? 0 : (squares / Double(scores.count - 1)).squareRoot()
        let target = mean + deviation
        var chosen: Int?
        for at in pool where top[at].score >= target {
            if chosen.map({ top[at].score < top[$0].score }) ?? true { chosen = at }
        }
        return UInt32(chosen ?? 0)
    }

    /// mean(pp) − 1.5 · population σ(pp) over the five windows, in percentage points.
    package static func stability(_ group: GroupCandidate) -> Double {
        let pp = zip(group.hits, group.buys).map { $1 == 0 ? 0 : 100 * Double($0) / Double($1) }
        let mean = pp.reduce(0, +) / 5
        let variance = pp.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5
        return mean - 1.5 * variance.squareRoot()
    }
}
