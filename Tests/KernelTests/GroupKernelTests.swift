import Jobs
import Market
import Messages
import TestSupport
import Testing

@testable import Kernels

/// Every node of the space, looked at one by one with sets: slow and obvious.
private struct Exhaustive {
    var top: [[GroupCandidate]]
    var nodes: UInt64 = 0
    var retained: UInt64 = 0

    init(_ pool: VariationPool, sizes: [UInt8], keep: Int) {
        let score = GroupScore(pool: pool)
        var all: [[GroupCandidate]] = sizes.map { _ in [] }
        var (nodes, retained): (UInt64, UInt64) = (0, 0)
        func visit(_ members: [UInt16], _ consensus: [TickerSet]) {
            for next in pool.members.indices {
                if let last = members.last, pool.members[next].algorithm <= pool.members[Int(last)].algorithm {
                    continue
                }
                nodes += 1
                let group = members + [UInt16(next)]
                let agreed = zip(consensus, pool.members[next].buys).map { $0.intersection($1) }
                if let size = sizes.firstIndex(of: UInt8(group.count)) {
                    let buys = agreed.map(\.count)
                    let hits = zip(agreed, pool.hits).map { $0.intersection($1).count }
                    if GroupScore.isRetained(buys: buys, hits: hits) {
                        retained += 1
                        let union = agreed.reduce(agreed[0]) { $0.union($1) }.count
                        all[size].append(
                            GroupCandidate(
                                members: group, score: score.score(buys: buys, hits: hits, unionCount: union),
                                buys: buys.map { UInt16($0) }, hits: hits.map { UInt16($0) }))
                    }
                }
                if group.count < Int(sizes.last!) { visit(group, agreed) }
            }
        }
        let everything = TickerSet(words: Array(repeating: .max, count: pool.hits[0].words.count))
        visit([], Array(repeating: everything, count: 5))
        top = all.map { Array($0.sorted(by: GroupCandidate.ranksBefore).prefix(keep)) }
        (self.nodes, self.retained) = (nodes, retained)
    }
}

private func whole(_ kernel: GroupKernel) throws -> Groups.Result {
    try kernel.search(
        Groups.Piece(start: Groups.Cursor(), end: nil), thresholds: kernel.sizes.map { _ in -.infinity },
        shouldStop: { false })
}

private let shapes: [(sizes: [UInt8], counts: [Int])] = [
    ([2], [4, 5, 0, 6, 2]), ([3], [5, 4, 6, 3]), ([3, 4], [5, 0, 4, 6, 3, 2]), ([2, 3, 4, 5], [3, 4, 2, 3, 2]),
    ([4, 6], [2, 3, 1, 3, 2, 2, 1]),
]

@Test(arguments: seeds(10))
func `the search finds exactly what looking at every group finds`(seed: UInt64) throws {
    for (sizes, counts) in shapes {
        let pool = randomPool(seed: seed, counts: counts)
        let slow = Exhaustive(pool, sizes: sizes, keep: 1000)
        var answers: [Groups.Result] = []
        for simd in [SIMDLevel.scalar, .avx2, .avx512] where simd <= .current {
            let kernel = try GroupKernel(pool: pool, sizes: sizes, keep: 1000, simd: simd)
            #expect(kernel.space.nodeCount == slow.nodes)
            answers.append(try whole(kernel))
        }
        #expect(answers.allSatisfy { $0 == answers[0] })
        #expect(answers[0].top == slow.top)
        let accounting = answers[0].accounting
        #expect(accounting.visited + accounting.cutByRail + accounting.cutByBound == slow.nodes)
        #expect(accounting.retained == slow.retained)
        #expect(answers[0].rest == nil)
    }
}

@Test func `the random pools have groups to find and branches to cut`() throws {
    var total = GroupAccounting()
    for (sizes, counts) in shapes {
        let found = try (1...10).map { seed in
            try whole(GroupKernel(pool: randomPool(seed: seed, counts: counts), sizes: sizes, keep: 9)).accounting
        }
        #expect(found.contains { $0.retained > 0 })
        total = found.reduce(total, +)
    }
    #expect(total.cutByRail > 1000 && total.visited > 1000)
}

@Test(arguments: seeds(10))
func `keeping few keeps the best of them`(seed: UInt64) throws {
    let pool = randomPool(seed: seed, counts: [5, 4, 6, 5])
    let slow = Exhaustive(pool, sizes: [2, 3], keep: 7)
    let fast = try whole(GroupKernel(pool: pool, sizes: [2, 3], keep: 7))
    #expect(fast.top == slow.top)
    let accounting = fast.accounting
    #expect(accounting.visited + accounting.cutByRail + accounting.cutByBound == slow.nodes)
}

@Test(arguments: seeds(20))
func `pieces cut anywhere add up to the whole`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    for (sizes, counts) in shapes {
        let pool = randomPool(seed: seed, counts: counts)
        let kernel = try GroupKernel(pool: pool, sizes: sizes, keep: 1000)
        let once = try whole(kernel)
        // Any node may be a cut, dead ones included.
        var cuts: [Groups.Cursor] = []
        for _ in 0..<12 {
            var path: [UInt16] = []
            for _ in 0..<Int.random(in: 1...kernel.space.maxSize, using: &random) {
                let first = kernel.space.firstChild(of: path)
                guard first < kernel.space.memberCount else { break }
                path.append(UInt16.random(in: UInt16(first)..<UInt16(kernel.space.memberCount), using: &random))
            }
            cuts.append(Groups.Cursor(path))
        }
        cuts.sort()
        var total = GroupAccounting()
        var top: [[GroupCandidate]] = sizes.map { _ in [] }
        let ends: [Groups.Cursor?] = cuts + [nil]
        for (start, end) in zip([Groups.Cursor()] + cuts, ends) {
            let piece = Groups.Piece(start: start, end: end)
            let part = try kernel.search(
                piece, thresholds: sizes.map { _ in -.infinity }, shouldStop: { false })
            let (a, nodes) = (part.accounting, kernel.space.nodeCount(of: piece))
            #expect(a.visited + a.cutByRail + a.cutByBound == nodes)
            total = total + a
            for size in sizes.indices { top[size] += part.top[size] }
        }
        #expect(total == once.accounting)
        #expect(top.map { $0.sorted(by: GroupCandidate.ranksBefore) } == once.top)
    }
}

@Test(arguments: seeds(20))
func `a search in slices of any length is one long search`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    for (sizes, counts) in shapes {
        let pool = randomPool(seed: seed, counts: counts)
        let kernel = try GroupKernel(pool: pool, sizes: sizes, keep: 1000)
        let once = try whole(kernel)
        var rest: Groups.Piece? = Groups.Piece(start: Groups.Cursor(), end: nil)
        var total = GroupAccounting()
        var top: [[GroupCandidate]] = sizes.map { _ in [] }
        var slices = 0
        while let piece = rest {
            var looks = Int.random(in: 1...4, using: &random)
            let slice = try kernel.search(piece, thresholds: sizes.map { _ in -.infinity }, workPerLook: 1) {
                looks -= 1
                return looks <= 0
            }
            slices += 1
            total = total + slice.accounting
            for size in sizes.indices { top[size] += slice.top[size] }
            if let next = slice.rest {
                #expect(piece.start < next.start)
                let a = slice.accounting
                #expect(
                    a.visited + a.cutByRail + a.cutByBound
                        == kernel.space.rank(next.start) - kernel.space.rank(piece.start))
                // Whatever is left scores no more than the bound says.
                for candidate in once.top.joined() where !(Groups.Cursor(candidate.members) < next.start) {
                    #expect(candidate.score <= slice.restBound)
                }
            }
            rest = slice.rest
        }
        #expect(slices > 3)
        #expect(total == once.accounting)
        #expect(top.map { $0.sorted(by: GroupCandidate.ranksBefore) } == once.top)
    }
}

@Test(arguments: seeds(10))
func `no group scores above its starter's bound, and known thresholds lose nothing`(seed: UInt64) throws {
    let pool = randomPool(seed: seed, counts: [5, 4, 6, 3, 4])
    let kernel = try GroupKernel(pool: pool, sizes: [3, 4], keep: 20)
    let survey = kernel.survey()
    let once = try whole(kernel)
    for candidate in once.top.joined() {
        #expect(candidate.score <= survey[Int(candidate.members[0])].bound)
        #expect(survey[Int(candidate.members[0])].livePairs > 0)
    }
    let known = once.top.map { $0.count == 20 ? $0[19].score : -.infinity }
    let again = try kernel.search(
        Groups.Piece(start: Groups.Cursor(), end: nil), thresholds: known, shouldStop: { false })
    #expect(again.top == once.top)
}

@Test func `a piece of another pool is refused`() throws {
    let kernel = try GroupKernel(pool: randomPool(seed: 1, counts: [3, 3, 3]), sizes: [3], keep: 5)
    for path: [UInt16] in [[9], [0, 1], [0, 3, 6, 8], [4, 0]] {
        #expect(throws: JobError.self) {
            try kernel.search(
                Groups.Piece(start: Groups.Cursor(path), end: nil), thresholds: [0], shouldStop: { false })
        }
    }
    #expect(throws: JobError.self) {
        try GroupKernel(pool: randomPool(seed: 1, counts: [3, 3]), sizes: [3, 11], keep: 5)
    }
}
