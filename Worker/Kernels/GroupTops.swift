import Jobs

/// The best groups of one search, per size. Keeps up to twice as many as wanted between sorts.
struct GroupTops {
    private let keep: Int
    private var lists: [[GroupCandidate]]
    /// Per size: a score that `keep` groups are known to reach, or −∞.
    private(set) var thresholds: [Double]

    init(keep: Int, thresholds: [Double]) {
        self.keep = keep
        self.thresholds = thresholds
        lists = thresholds.map { _ in [] }
    }

    /// A group below the threshold is dropped; one at it is kept, since ties go to the smaller member list.
    mutating func offer(_ group: GroupCandidate, at size: Int) {
        guard group.score >= thresholds[size], keep > 0 else { return }
        lists[size].append(group)
        if lists[size].count >= 2 * keep { trim(size) }
    }

    mutating func finish() -> [[GroupCandidate]] {
        for size in lists.indices { trim(size) }
        return lists
    }

    private mutating func trim(_ size: Int) {
        lists[size].sort(by: GroupCandidate.ranksBefore)
        guard lists[size].count >= keep else { return }
        lists[size].removeSubrange(keep...)
        thresholds[size] = max(thresholds[size], lists[size].last?.score ?? -.infinity)
    }
}
