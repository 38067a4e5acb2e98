import CKernels
import Jobs
import Market
import Messages

/// The search for groups over one pool (DESIGN §5.6): depth first over paths of pool indices, exact and exhaustive.
///
/// A node's children are tested all at once, eight to a vector, against its own consensus; those that pass the rail
/// are copied seen only where the node agrees (`GroupLevel`), so the deeper the node, the fewer bits its children have.
/// The last level is never stored: only groups within the integer rails leave the vector loop, and only those whose
/// quick score reaches the threshold are scored.
///
/// No branch is cut because its bound is below the best: thresholds depend on which task finished first, and the
/// account of a finished search must be the same bytes whoever ran it. (On real pools that bound cuts next to nothing.)
///
/// One per thread: it holds the scratch memory of a search.
package final class GroupKernel {
    package let space: GroupSpace
    let score: GroupScore
    let bound: GroupBound
    let pool: VariationPool
    package let sizes: [UInt8]
    package let keep: Int
    /// `levels[d]`: live children of the current node of size d. The root's never changes.
    let levels: [GroupLevel]

    /// - Throws: when a size is out of range or the space is too large to count.
    package init(pool: VariationPool, sizes: [UInt8], keep: Int, simd: SIMDLevel = .current) throws(JobError) {
        space = try GroupSpace(pool: pool, sizes: sizes)
        score = GroupScore(pool: pool)
        bound = GroupBound(score)
        self.pool = pool
        self.sizes = sizes
        self.keep = keep
        let wordsPerField = (Int(pool.symbolCount) + 63) / 64
        // A variation with a day of fewer than 8 hits is in no group.
        let live = pool.members.enumerated().compactMap { at, member -> (member: UInt16, fields: [[UInt64]])? in
            let right = zip(member.buys, pool.hits).map { $0.intersection($1).words }
            let wrong = zip(member.buys, right).map { buys, right in zip(buys.words, right).map { $0 ^ $1 } }
            guard right.allSatisfy({ TickerSet(words: $0).count >= GroupScore.fewestHits }) else { return nil }
            return (UInt16(at), right + wrong)
        }
        let firstChild = space.firstChild
        levels = (0..<space.maxSize - 1).map { _ in
            GroupLevel(capacity: live.count, rowCapacity: 10 * wordsPerField, firstChild: firstChild, simd: simd)
        }
        levels[0].fill(live, wordsPerField: wordsPerField)
    }

    /// Every starter's branch, measured without searching it. One per pool index.
    package func survey() -> [StarterSurvey] {
        var surveys = Array(repeating: StarterSurvey(bound: -.infinity, livePairs: 0), count: pool.members.count)
        var positions = [UInt32](repeating: 0, count: levels[0].count)
        for k in 0..<levels[0].count {
            let starter = Int(levels[0].members[k])
            let start = levels[0].position(of: space.firstChild[starter], from: k)
            let pairs = levels[0].live(with: k, from: start, into: &positions)
            guard pairs > 0 else { continue }
            surveys[starter] = StarterSurvey(
                bound: bound.highest(hits: levels[0].hits(of: k)), livePairs: UInt32(pairs))
        }
        return surveys
    }

    /// Searches a piece from its start until it is finished or `shouldStop`, which is asked about every millisecond and
    /// never before some nodes are done.
    ///
    /// - Parameters:
    ///   - thresholds: per size a score that `keep` groups are already known to reach, or −∞.
    ///   - workPerLook: candidates tested between two calls of `shouldStop`; a million take less than a millisecond.
    /// - Throws: when the piece is not one of this pool's.
    package func search(
        _ piece: Groups.Piece, thresholds: [Double], workPerLook: Int = 1_000_000, shouldStop: () -> Bool
    ) throws(JobError) -> Groups.Result {
        guard space.contains(piece.start), piece.end.map(space.contains) ?? true, thresholds.count == sizes.count
        else { throw JobError("a piece from \(piece.start.path) that is not of this pool's \(space.memberCount)") }
        var search = GroupSearch(self, piece, thresholds: thresholds, workPerLook: workPerLook)
        return search.run(shouldStop)
    }

    /// Upper bound on the score of every retained group in the piece: the highest of its starters' bounds.
    func highest(in piece: Groups.Piece) -> Double {
        let end = piece.end?.path.first.map(Int.init) ?? (piece.end == nil ? space.memberCount - 1 : -1)
        let root = levels[0]
        return (root.position(of: Int(piece.start.path.first ?? 0))..<root.count).reduce(-.infinity) {
            Int(root.members[$1]) <= end ? max($0, bound.highest(hits: root.hits(of: $1))) : $0
        }
    }

    /// The group of these members with its exact score.
    func candidate(_ members: [UInt16], buys: [Int], hits: [Int]) -> GroupCandidate {
        var union = TickerSet(capacity: Int(pool.symbolCount))
        for window in 0..<5 {
            var consensus = pool.members[Int(members[0])].buys[window]
            for member in members.dropFirst() {
                consensus = consensus.intersection(pool.members[Int(member)].buys[window])
            }
            union = union.union(consensus)
        }
        return GroupCandidate(
            members: members, score: score.score(buys: buys, hits: hits, unionCount: union.count),
            buys: buys.map { UInt16($0) }, hits: hits.map { UInt16($0) })
    }
}
