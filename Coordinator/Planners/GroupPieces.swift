import Jobs

/// Cuts the space of a group search into pieces of about equal work, from what the survey measured.
struct GroupPieces {
    let space: GroupSpace
    private let surveys: [StarterSurvey]
    /// Work before each starter's branch, in no unit. Shape [members + 1].
    private let workBefore: [Double]
    /// No piece is cut into parts of fewer nodes on average.
    private let fewestNodes: UInt64

    init(space: GroupSpace, starters: [StarterSurvey], fewestNodes: UInt64) {
        self.fewestNodes = max(1, fewestNodes)
        self.space = space
        surveys = starters
        // The nodes below a starter that can live grow with a power of its live pairs.
        workBefore = starters.reduce(into: [0]) { sums, starter in
            let pairs = Double(starter.livePairs)
            var work = pairs
            for _ in 2..<min(max(space.maxSize, 2), 5) { work *= pairs }
            sums.append(sums[sums.count - 1] + 1 + work)
        }
    }

    /// One piece per starter.
    var starters: [Groups.Piece] {
        surveys.indices.map { at in
            Groups.Piece(
                start: Groups.Cursor(at == 0 ? [] : [UInt16(at)]),
                end: at + 1 < surveys.count ? Groups.Cursor([UInt16(at + 1)]) : nil)
        }
    }

    /// Cuts a piece into at most `count`, in order.
    func split(_ piece: Groups.Piece, into count: Int) -> [Groups.Piece] {
        let count = min(count, Int(clamping: space.nodeCount(of: piece) / fewestNodes))
        guard count > 1 else { return [piece] }
        let (first, last) = (work(before: piece.start), work(before: piece.end))
        var cuts: [Groups.Cursor] = [piece.start]
        for part in 1..<count {
            let target = first + (last - first) * Double(part) / Double(count)
            guard let cut = cursor(atWork: target), cuts[cuts.count - 1] < cut else { continue }
            if let end = piece.end, !(cut < end) { continue }
            cuts.append(cut)
        }
        var ends: [Groups.Cursor?] = []
        for cut in cuts.dropFirst() { ends.append(cut) }
        ends.append(piece.end)
        return zip(cuts, ends).map { Groups.Piece(start: $0, end: $1) }
    }

    /// Upper bound on every retained group of the piece.
    func bound(of piece: Groups.Piece) -> Double {
        guard space.nodeCount(of: piece) > 0 else { return -.infinity }
        let first = Int(piece.start.path.first ?? 0)
        let end = piece.end?.path.first.map { min(Int($0) + 1, surveys.count) } ?? surveys.count
        return surveys[first..<max(first, end)].reduce(-.infinity) { max($0, $1.bound) }
    }

    /// Within a starter's branch, work is taken to be spread evenly over its nodes.
    private func work(before cursor: Groups.Cursor?) -> Double {
        guard let cursor else { return workBefore[surveys.count] }
        guard let starter = cursor.path.first.map(Int.init) else { return 0 }
        let inside = space.rank(cursor) - space.rank(Groups.Cursor([UInt16(starter)]))
        let nodes = 1 + space.nodesBelow(starter, remaining: space.maxSize - 1)
        let share = Double(inside) / Double(nodes)
        return workBefore[starter] + (workBefore[starter + 1] - workBefore[starter]) * share
    }

    private func cursor(atWork target: Double) -> Groups.Cursor? {
        guard let after = workBefore.firstIndex(where: { $0 > target }), after > 0 else { return nil }
        let starter = after - 1
        let share = (target - workBefore[starter]) / (workBefore[after] - workBefore[starter])
        let nodes = 1 + space.nodesBelow(starter, remaining: space.maxSize - 1)
        let inside = min(nodes - 1, UInt64(Double(nodes) * max(0, share)))
        return space.cursor(atRank: space.rank(Groups.Cursor([UInt16(starter)])) + inside)
    }
}
