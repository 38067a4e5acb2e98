import Jobs
import Planners
import TestSupport
import Testing

/// DESIGN §5.7, sentence by sentence.
private func slowChoice(_ top: [GroupCandidate]) -> Int {
    func stability(_ g: GroupCandidate) -> Double {
        let pp = (0..<5).map { 100 * Double(g.hits[$0]) / Double(g.buys[$0]) }
        let mean = (pp[0] + pp[1] + pp[2] + pp[3] + pp[4]) / 5
        var variance = 0.0
        for value in pp { variance += (value - mean) * (value - mean) / 5 }
        return mean - 1.5 * variance.squareRoot()
    }
    let ascending = top.map(stability).sorted()
    let least = ascending[Int(0.6 * Double(top.count - 1))]
    var pool: [Int] = []
    for at in top.indices where stability(top[at]) > least - 1e-9 { pool.append(at) }
    var mean = 0.0
    for at in pool { mean += top[at].score / Double(pool.count) }
    var variance = 0.0
    if pool.count > 1 {
        for at in pool { variance += (top[at].score - mean) * (top[at].score - mean) / Double(pool.count - 1) }
    }
    let target = mean + variance.squareRoot()
    var choice = 0
    var smallest = Double.infinity
    for at in pool where top[at].score > target - 1e-9 && top[at].score < smallest {
        (choice, smallest) = (at, top[at].score)
    }
    return choice
}

@Test(arguments: seeds(50)) func `the chosen group is the one the rule names`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let count = Int.random(in: 1...60, using: &random)
    let top = (0..<count).map { at in
        let buys = (0..<5).map { _ in UInt16.random(in: 8...20, using: &random) }
        return GroupCandidate(
            members: [UInt16(at), 100, 200], score: Double.random(in: 90...160, using: &random), buys: buys,
            hits: buys.map { UInt16.random(in: 8...$0, using: &random) })
    }.sorted(by: GroupCandidate.ranksBefore)
    #expect(GroupSelection.choose(top) == UInt32(slowChoice(top)))
}

@Test func `without groups nothing is chosen, and of one group that one`() {
    #expect(GroupSelection.choose([]) == nil)
    let only = GroupCandidate(members: [1, 2, 3], score: 100, buys: [9, 9, 9, 9, 9], hits: [8, 8, 8, 8, 8])
    #expect(GroupSelection.choose([only]) == 0)
}
