import CKernels
import Jobs

/// One run over one piece of the space.
struct GroupSearch {
    private let kernel: GroupKernel
    private let space: GroupSpace
    private let piece: Groups.Piece
    private let startRank: UInt64
    private let endRank: UInt64
    private var tops: GroupTops
    private var accounting = GroupAccounting()
    /// The node being searched.
    private var path: [UInt16] = []
    /// Set when the run stops early: the next node, neither counted nor offered yet.
    private var cursor: Groups.Cursor?
    /// Candidates tested since the clock was asked, and how many to test between two looks.
    private var work = 0
    private let workPerLook: Int
    /// Scratch: per depth the groups of the current node and one candidate, and the positions of live candidates.
    private var survivors: [[apex_groups_survivor]]
    private var positions: [UInt32]

    init(_ kernel: GroupKernel, _ piece: Groups.Piece, thresholds: [Double], workPerLook: Int) {
        self.kernel = kernel
        self.workPerLook = workPerLook
        self.piece = piece
        space = kernel.space
        startRank = kernel.space.rank(piece.start)
        endRank = kernel.space.rank(piece.end)
        tops = GroupTops(keep: kernel.keep, thresholds: thresholds)
        let room = kernel.levels[0].count
        positions = Array(repeating: 0, count: room)
        survivors = (0..<kernel.space.maxSize).map { _ in
            Array(repeating: apex_groups_survivor(hits: 0, buys: 0, position: 0, unused: 0), count: room)
        }
    }

    mutating func run(_ shouldStop: () -> Bool) -> Groups.Result {
        if startRank < endRank {
            let everyone = Siblings(candidates: (0..<space.memberCount).map { UInt16($0) }[...], offers: 0)
            _ = descend(everyone, lo: !piece.start.path.isEmpty, hi: piece.end != nil, shouldStop)
        }
        let rest = cursor.map { Groups.Piece(start: $0, end: piece.end) }
        return Groups.Result(
            top: tops.finish(), accounting: accounting, rest: rest,
            restBound: rest.map(kernel.highest(in:)) ?? -.infinity)
    }

    /// The children of one node that an ancestor's consensus did not rule out.
    private struct Siblings {
        /// Pool indices, ascending.
        var candidates: ArraySlice<UInt16>
        /// How many entries of `survivors` at the node's depth are groups of the node and one candidate.
        var offers: Int
    }

    /// Searches below the node `path`, whose live children its level holds.
    ///
    /// - Parameters lo, hi: whether the piece's start or end is a child of this node or below one.
    /// - Returns: false when the run was stopped; `cursor` says where.
    private mutating func descend(_ siblings: Siblings, lo: Bool, hi: Bool, _ shouldStop: () -> Bool) -> Bool {
        let level = kernel.levels[path.count]
        let range = children(lo: lo, hi: hi)
        for at in level.position(of: range.partialStart ?? range.own.lowerBound)..<level.count {
            let child = Int(level.members[at])
            guard child < range.own.upperBound || child == range.partialStart else { break }
            let childLo = child == range.partialStart
            if work >= workPerLook, !childLo {
                let here = Groups.Cursor(path + [UInt16(child)])
                work = 0
                // Never at the very start: every run gets somewhere.
                if here != piece.start, shouldStop() {
                    cursor = here
                    finish(siblings, range, until: child)
                    return false
                }
            }
            path.append(UInt16(child))
            let isFinished = searchChild(level, at, lo: childLo, hi: child == range.partialEnd, shouldStop)
            path.removeLast()
            guard isFinished else {
                finish(siblings, range, until: child + 1)
                return false
            }
        }
        finish(siblings, range, until: range.own.upperBound)
        return true
    }

    /// Searches below candidate `at` of its parent's level; `path` ends in it already.
    private mutating func searchChild(_ level: GroupLevel, _ at: Int, lo: Bool, hi: Bool, _ shouldStop: () -> Bool)
        -> Bool
    {
        let hits = level.hits(of: at)
        let start = level.firstChild(of: at)
        let depth = path.count
        work += level.count - start
        if depth + 1 == space.maxSize {
            let range = children(lo: lo, hi: hi).own
            let from = lo ? level.position(of: range.lowerBound) : start
            let to = hi ? level.position(of: range.upperBound) : level.count
            let visited = UInt64(max(0, to - from))
            accounting.visited += visited
            accounting.cutByRail += space.nodes(in: range, remaining: 0) - visited
            if to > from {
                let found = level.survivors(with: at, from: from, order: Self.order(hits), into: &survivors[depth])
                if found > 0 { offer(found, of: level, in: range) }
            }
            return true
        }
        let found =
            kernel.sizes.contains(UInt8(depth + 1))
            ? level.survivors(with: at, from: start, order: Self.order(hits), into: &survivors[depth]) : 0
        let live = level.live(with: at, from: start, into: &positions)
        work += 8 * live
        level.project(onto: at, positions, count: live, into: kernel.levels[depth])
        let siblings = Siblings(candidates: level.members[start..<level.count], offers: found)
        return descend(siblings, lo: lo, hi: hi, shouldStop)
    }

    /// Counts and offers the children of the node `path` up to but not including pool index `end`.
    private mutating func finish(_ siblings: Siblings, _ range: Children, until end: Int) {
        let remaining = space.maxSize - path.count - 1
        let level = kernel.levels[path.count]
        let own = range.own.lowerBound..<max(range.own.lowerBound, min(end, range.own.upperBound))
        let visited = siblings.candidates.reduce(0) { own.contains(Int($1)) ? $0 + 1 : $0 }
        accounting.visited += UInt64(visited)
        // Every node at or below these children, less those visited and those below live children, which count
        // themselves.
        var cut = space.nodes(in: own, remaining: remaining) - UInt64(visited)
        for at in level.position(of: own.lowerBound)..<level.position(of: own.upperBound) {
            cut -= space.nodesBelow(Int(level.members[at]), remaining: remaining)
        }
        // A child through which the piece's start or end runs has only part of its nodes in the piece.
        if let child = range.partialEnd, own.contains(child), !level.contains(child) {
            cut -= space.nodesBelow(child, remaining: remaining) - nodesBelowPartial(child)
        }
        if let child = range.partialStart, !level.contains(child) { cut += nodesBelowPartial(child) }
        accounting.cutByRail += cut
        if siblings.offers > 0 { offer(siblings.offers, of: kernel.levels[path.count - 1], in: own) }
    }

    /// Offers the first `count` groups of `survivors` at this depth, each the node `path` and a candidate of `level`,
    /// as far as their last member is in `range`.
    private mutating func offer(_ count: Int, of level: GroupLevel, in range: Range<Int>) {
        let depth = path.count
        guard let size = kernel.sizes.firstIndex(of: UInt8(depth + 1)) else { return }
        var inRange = 0
        for at in 0..<count where range.contains(Int(level.members[Int(survivors[depth][at].position)])) {
            survivors[depth][inRange] = survivors[depth][at]
            inRange += 1
        }
        work += 16 * inRange
        let (kept, retained) = kernel.bound.filter(
            &survivors[depth], count: inRange, threshold: tops.thresholds[size])
        accounting.retained += UInt64(retained)
        for survivor in survivors[depth][..<kept] {
            let bytes = { (packed: UInt64) in (0..<5).map { Int(packed >> UInt64(8 * $0) & 255) } }
            let members = path + [level.members[Int(survivor.position)]]
            tops.offer(kernel.candidate(members, buys: bytes(survivor.buys), hits: bytes(survivor.hits)), at: size)
        }
    }

    /// The day with fewest hits first: it is the likeliest to fall below the rail.
    private static func order(_ hits: InlineArray<5, Int>) -> UInt32 {
        var order: InlineArray<5, Int> = [0, 1, 2, 3, 4]
        for end in 1..<5 {
            var at = end
            while at > 0, hits[order[at]] < hits[order[at - 1]] {
                order.swapAt(at, at - 1)
                at -= 1
            }
        }
        return (0..<5).reduce(0) { $0 | UInt32(order[$1]) << UInt32(4 * $1) }
    }
}

// What part of a node's children lies in the piece.
extension GroupSearch {
    private struct Children {
        /// Children that are themselves nodes of the piece, as pool indices.
        var own: Range<Int>
        /// The child above the piece's start, and the one above its end.
        var partialStart: Int?
        var partialEnd: Int?
    }

    private func children(lo: Bool, hi: Bool) -> Children {
        let depth = path.count
        var (first, end) = (space.firstChild(of: path), space.memberCount)
        var (partialStart, partialEnd): (Int?, Int?) = (nil, nil)
        if lo {
            first = Int(piece.start.path[depth])
            if piece.start.path.count > depth + 1 {
                partialStart = first
                first += 1
            }
        }
        if hi, let path = piece.end?.path {
            // The end itself is not in the piece, but its ancestors that come after the start are.
            end = Int(path[depth])
            if path.count > depth + 1 {
                partialEnd = end
                end += 1
            }
        }
        return Children(own: first..<max(first, end), partialStart: partialStart, partialEnd: partialEnd)
    }

    /// Nodes of the piece strictly below one child of the node `path`, where the piece starts or ends.
    private func nodesBelowPartial(_ child: Int) -> UInt64 {
        let first = space.rank(Groups.Cursor(path + [UInt16(child)])) + 1
        let whole = space.nodesBelow(child, remaining: space.maxSize - path.count - 1)
        let (low, high) = (max(first, startRank), min(first + whole, endRank))
        return high > low ? high - low : 0
    }
}
