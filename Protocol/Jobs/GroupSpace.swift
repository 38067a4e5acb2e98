import Messages

/// The space of a group search: every set of 1…maxSize variations of distinct algorithms is one node, and the nodes
/// stand in depth-first order of their paths of pool indices. Everything here is counted in closed form, from how many
/// variations each algorithm has.
package struct GroupSpace: Sendable, Equatable {
    package let maxSize: Int
    /// Variations in the pool.
    package let memberCount: Int
    /// Per pool index the position of its algorithm among those present, from 0.
    package let algorithms: [Int]
    /// Per pool index the first pool index of a later algorithm: where its children begin.
    package let firstChild: [Int]
    /// Nodes in the whole space.
    package let nodeCount: UInt64
    /// `below[r][x]`: nodes strictly below a node whose last member is x, when r more members may be added.
    private let below: [[UInt64]]
    /// `before[r][x]`: Σ over pool indices y < x of 1 + below[r][y]. Shape [maxSize][memberCount + 1].
    private let before: [[UInt64]]

    /// - Throws: when a size is out of range or the space has 2⁶⁴ nodes or more.
    package init(pool: VariationPool, sizes: [UInt8]) throws(JobError) {
        guard let last = sizes.last, zip(sizes, sizes.dropFirst()).allSatisfy({ $0 < $1 }),
            sizes.allSatisfy({ 2...10 ~= $0 })
        else { throw JobError("group sizes \(sizes): give some of 2…10, ascending") }
        maxSize = Int(last)
        memberCount = pool.members.count
        var counts: [Int] = []
        var algorithms: [Int] = []
        for (at, member) in pool.members.enumerated() {
            if at == 0 || member.algorithm != pool.members[at - 1].algorithm { counts.append(0) }
            counts[counts.count - 1] += 1
            algorithms.append(counts.count - 1)
        }
        self.algorithms = algorithms
        guard let nodeCount = Self.nodeCount(counts: counts, maxSize: maxSize) else {
            throw JobError(
                "groups of up to \(maxSize) from \(pool.members.count) variations are 2⁶⁴ or more; "
                    + "give a smaller size or a smaller pool")
        }
        self.nodeCount = nodeCount
        let ends = counts.indices.map { counts[...$0].reduce(0, +) }
        firstChild = algorithms.map { ends[$0] }
        // Sums of elementary symmetric polynomials of the later algorithms' counts; no term exceeds the whole space.
        let levels = 0..<Int(last)
        let perAlgorithm = counts.indices.map { algorithm in
            levels.map { Self.nodeCount(counts: Array(counts[(algorithm + 1)...]), maxSize: $0) ?? .max }
        }
        let below = levels.map { r in algorithms.map { perAlgorithm[$0][r] } }
        self.below = below
        before = below.map { row in
            row.reduce(into: [0]) { sums, nodes in sums.append(sums[sums.count - 1] &+ 1 &+ nodes) }
        }
    }

    /// Σ over sizes 1…maxSize of the elementary symmetric polynomial of `counts`; nil from 2⁶⁴ on.
    package static func nodeCount(counts: [Int], maxSize: Int) -> UInt64? {
        var polynomials: [UInt64] = [1] + Array(repeating: 0, count: maxSize)
        for count in counts {
            for size in stride(from: maxSize, to: 0, by: -1) {
                let (product, tooLarge) = polynomials[size - 1].multipliedReportingOverflow(by: UInt64(count))
                let (sum, overflow) = polynomials[size].addingReportingOverflow(product)
                guard !tooLarge, !overflow else { return nil }
                polynomials[size] = sum
            }
        }
        var total: UInt64 = 0
        for count in polynomials.dropFirst() {
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow else { return nil }
            total = sum
        }
        return total
    }

    /// Nodes strictly below a node that ends in `member`, when `remaining` more members may be added.
    package func nodesBelow(_ member: Int, remaining: Int) -> UInt64 { below[remaining][member] }

    /// Nodes at or below siblings `range`, when `remaining` more members may be added to each.
    package func nodes(in range: Range<Int>, remaining: Int) -> UInt64 {
        before[remaining][range.upperBound] - before[remaining][range.lowerBound]
    }

    /// Where the children of `path` begin in the pool.
    package func firstChild(of path: some BidirectionalCollection<UInt16>) -> Int {
        path.last.map { firstChild[Int($0)] } ?? 0
    }

    /// Whether the cursor names a node of this space, or its beginning.
    package func contains(_ cursor: Groups.Cursor) -> Bool {
        cursor.path.count <= maxSize && cursor.path.allSatisfy { Int($0) < memberCount }
            && zip(cursor.path, cursor.path.dropFirst()).allSatisfy { Int($1) >= firstChild[Int($0)] }
    }

    /// Nodes that come before the cursor's; nil stands for the end of the space. The cursor must be in the space.
    package func rank(_ cursor: Groups.Cursor?) -> UInt64 {
        guard let path = cursor?.path else { return nodeCount }
        var rank: UInt64 = 0
        var first = 0
        for (depth, member) in path.enumerated() {
            if depth > 0 { rank += 1 }  // the ancestor itself
            rank += nodes(in: first..<Int(member), remaining: maxSize - depth - 1)
            first = firstChild[Int(member)]
        }
        return rank
    }

    /// The node before which exactly `rank` nodes come; nil at or past the end of the space.
    package func cursor(atRank rank: UInt64) -> Groups.Cursor? {
        guard rank < nodeCount else { return nil }
        var left = rank
        var path: [UInt16] = []
        while true {
            let (first, sums) = (firstChild(of: path), before[maxSize - path.count - 1])
            // The last child whose subtree begins at or before the wanted node.
            var (low, high) = (first, memberCount)
            while high - low > 1 {
                let middle = (low + high) / 2
                if sums[middle] - sums[first] <= left { low = middle } else { high = middle }
            }
            left -= sums[low] - sums[first]
            path.append(UInt16(low))
            if left == 0 { return Groups.Cursor(path) }
            left -= 1  // that child itself
        }
    }

    /// Nodes of a piece.
    package func nodeCount(of piece: Groups.Piece) -> UInt64 {
        let (start, end) = (rank(piece.start), rank(piece.end))
        return end > start ? end - start : 0
    }
}
