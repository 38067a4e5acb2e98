import CKernels

/// The live children of one node of the group search, each seen only where the node's members agree (see
/// `apex_groups_level`), and the three operations of the search on them: each in Swift, which is the definition, and
/// for wider machines in C.
@safe final class GroupLevel {
    /// Pool index per candidate, ascending. Its first `count` are valid.
    private(set) var members: [UInt16]
    /// Per candidate the position of the first candidate of a later algorithm.
    private var firstChildren: [UInt32]
    /// Per pool index the first pool index of a later algorithm.
    private let firstChildMembers: [Int]
    private let simd: SIMDLevel
    /// Its pointers are this object's own memory, freed with it.
    private var level: apex_groups_level
    private let capacity: Int

    var count: Int { unsafe Int(level.count) }

    /// - Parameters:
    ///   - capacity: most candidates it will hold.
    ///   - rowCapacity: most rows of all ten fields together.
    ///   - firstChild: per pool index the first pool index of a later algorithm.
    init(capacity: Int, rowCapacity: Int, firstChild: [Int], simd: SIMDLevel) {
        self.simd = simd
        firstChildMembers = firstChild
        firstChildren = Array(repeating: 0, count: capacity)
        self.capacity = capacity
        members = Array(repeating: 0, count: capacity)
        // An odd number of cache lines, so that rows do not fall on each other in the cache.
        let stride = ((capacity + 7) / 8 | 1) * 8
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: stride * (rowCapacity + 1))
        unsafe words.initialize(repeating: 0, count: stride * (rowCapacity + 1))
        let starts = UnsafeMutablePointer<UInt32>.allocate(capacity: 11)
        unsafe starts.initialize(repeating: 0, count: 11)
        unsafe level = apex_groups_level(
            words: words, row_starts: starts, stride: UInt32(stride), buys_order: 0x43210, count: 0)
    }
    deinit {
        unsafe level.words.deallocate()
        unsafe level.row_starts.deallocate()
    }

    /// The root: every candidate by its whole buy lists.
    /// - Parameter fields: per candidate ten bitsets, hits then misses, each of `wordsPerField` words.
    func fill(_ candidates: [(member: UInt16, fields: [[UInt64]])], wordsPerField: Int) {
        precondition(candidates.count <= capacity, "more candidates than the level holds")
        unsafe level.count = UInt32(candidates.count)
        for field in 0...10 { unsafe level.row_starts[field] = UInt32(field * wordsPerField) }
        for (c, candidate) in candidates.enumerated() {
            members[c] = candidate.member
            for (field, words) in candidate.fields.enumerated() {
                for (row, word) in words.enumerated() {
                    unsafe level.words[(field * wordsPerField + row) * Int(level.stride) + c] = word
                }
            }
        }
        findFirstChildren()
    }

    /// Position of the first candidate of a later algorithm than candidate `k`'s.
    func firstChild(of k: Int) -> Int { Int(firstChildren[k]) }

    func contains(_ member: Int) -> Bool {
        let at = position(of: member)
        return at < count && Int(members[at]) == member
    }

    private func findFirstChildren() {
        var next = 0
        for c in 0..<count {
            let wanted = firstChildMembers[Int(members[c])]
            while next < count, Int(members[next]) < wanted { next += 1 }
            firstChildren[c] = UInt32(next)
        }
    }

    /// Consensus hits H_d of the node and candidate `k`. Shape [5].
    func hits(of k: Int) -> InlineArray<5, Int> {
        precondition(k < count, "no such candidate")
        return InlineArray { count(field: $0, k, k) }
    }

    /// First position at or after `from` whose pool index is at least `member`.
    func position(of member: Int, from: Int = 0) -> Int {
        var (low, high) = (from, count)
        while low < high {
            let middle = (low + high) / 2
            if Int(members[middle]) < member { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Positions from `start` on whose group with candidate `k` has at least 8 hits in every window.
    /// - Returns: how many were written to `positions`.
    func live(with k: Int, from start: Int, into positions: inout [UInt32]) -> Int {
        precondition(k < count && positions.count >= count, "no such candidate, or no room")
        #if arch(x86_64)
            // Reads within `count` rounded up to 8, which the stride covers; writes at most `count` positions.
            switch simd {
            case .avx512:
                return unsafe Int(apex_groups_live_avx512(&level, UInt32(k), UInt32(start), &positions))
            case .avx2: return unsafe Int(apex_groups_live_avx2(&level, UInt32(k), UInt32(start), &positions))
            case .scalar: break
            }
        #endif
        var found = 0
        for c in start..<max(start, count)
        where (0..<5).allSatisfy({ count(field: $0, k, c) >= GroupScore.fewestHits }) {
            positions[found] = UInt32(c)
            found += 1
        }
        return found
    }

    /// Groups of candidate `k` and one from `start` on that pass the integer rules of retention.
    /// - Parameter order: the windows in the order to test them, four bits each, the first lowest; it changes the speed, not the result.
    /// - Returns: how many were written to `survivors`.
    func survivors(
        with k: Int, from start: Int, order: UInt32, into survivors: inout [apex_groups_survivor]
    ) -> Int {
        precondition(k < count && survivors.count >= count, "no such candidate, or no room")
        #if arch(x86_64)
            switch simd {
            case .avx512:
                return unsafe Int(
                    apex_groups_survivors_avx512(&level, UInt32(k), UInt32(start), order, &survivors))
            case .avx2:
                return unsafe Int(apex_groups_survivors_avx2(&level, UInt32(k), UInt32(start), order, &survivors))
            case .scalar: break
            }
        #endif
        var found = 0
        candidates: for c in start..<max(start, count) {
            var (hits, buys): (UInt64, UInt64) = (0, 0)
            var surplus = 0
            for d in 0..<5 {
                let right = count(field: d, k, c)
                guard right >= GroupScore.fewestHits, right <= GroupScore.mostBuys else { continue candidates }
                let wrong = count(field: d + 5, k, c)
                guard right + wrong <= GroupScore.mostBuys else { continue candidates }
                hits |= UInt64(right) << UInt64(8 * d)
                buys |= UInt64(right + wrong) << UInt64(8 * d)
                surplus += right - wrong
            }
            guard surplus >= 0 else { continue }
            survivors[found] = apex_groups_survivor(hits: hits, buys: buys, position: UInt32(c), unused: 0)
            found += 1
        }
        return found
    }

    /// Fills `child` with the candidates at `positions`, seen only where candidate `k` agrees with them.
    func project(onto k: Int, _ positions: [UInt32], count kept: Int, into child: GroupLevel) {
        precondition(k < count && kept <= child.capacity && kept <= positions.count, "no such candidate, or no room")
        for at in 0..<kept { child.members[at] = members[Int(positions[at])] }
        #if arch(x86_64)
            if simd > .scalar {
                // The child's rows are never more than this level's: both have one capacity, and bits only go.
                unsafe apex_groups_project_bmi2(&level, UInt32(k), positions, UInt32(kept), &child.level)
                child.findFirstChildren()
                return
            }
        #endif
        let padded = (kept + 7) & ~7
        unsafe child.level.count = UInt32(kept)
        var next = 0
        for field in 0..<10 {
            unsafe child.level.row_starts[field] = UInt32(next)
            var bit = 0  // the next bit of the child's field
            for row in rows(of: field) {
                var mask = word(row, k)
                while mask != 0 {
                    let source = mask.trailingZeroBitCount
                    mask &= mask - 1
                    if bit % 64 == 0 { for c in 0..<padded { unsafe child.words(next + bit / 64)[c] = 0 } }
                    for c in 0..<kept {
                        let value = word(row, Int(positions[c])) >> UInt64(source) & 1
                        unsafe child.words(next + bit / 64)[c] |= value << UInt64(bit % 64)
                    }
                    bit += 1
                }
            }
            next += (bit + 63) / 64
        }
        unsafe child.level.row_starts[10] = UInt32(next)
        child.findFirstChildren()
    }

    private func rows(of field: Int) -> Range<Int> {
        unsafe Int(level.row_starts[field])..<Int(level.row_starts[field + 1])
    }
    private func words(_ row: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe level.words + row * Int(level.stride)
    }
    private func word(_ row: Int, _ candidate: Int) -> UInt64 { unsafe words(row)[candidate] }
    private func count(field: Int, _ a: Int, _ b: Int) -> Int {
        rows(of: field).reduce(0) { $0 + (word($1, a) & word($1, b)).nonzeroBitCount }
    }
}
