import Messages
import TestSupport
import Testing

@testable import CoordinatorCore

/// The table of tasks beside plain arrays, in histories longer than its chunks.
private struct PlainTable {
    var rows: [TaskTable.Row] = []

    func unanswered(_ index: Int, _ epoch: Epoch, _ owner: WorkerID) -> TaskTable.Phase? {
        let row = rows[index]
        guard row.epoch == epoch, row.owner == owner else { return nil }
        return row.phase == .claimed || row.phase == .queued ? row.phase : nil
    }
    func end(from first: Int, _ isSo: (Int) -> Bool) -> Int {
        (first..<rows.count).first { !isSo($0) } ?? rows.count
    }
}

@Test(arguments: seeds(10))
func `a table of tasks in chunks is as plain arrays are`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var (table, plain) = (TaskTable(), PlainTable())
    let owners = (0...2 as ClosedRange<UInt64>).map { WorkerID($0) }
    for step in 0..<150 {
        let action = plain.rows.isEmpty ? 0 : Int.random(in: 0...11, using: &random)
        if action == 0 {
            let added = Int.random(in: 1...(step % 7 == 0 ? 9000 : 3), using: &random)
            table.append(added)
            plain.rows += Array(repeating: .fresh, count: added)
            continue
        }
        // Often from one end of a chunk to the other, so that chunks are over as a whole.
        let isWhole = Bool.random(using: &random)
        let at = Int.random(in: plain.rows.indices, using: &random)
        let first = isWhole ? at / TaskTable.chunkRows * TaskTable.chunkRows : at
        let length = isWhole ? TaskTable.chunkRows : Int.random(in: 1...2000, using: &random)
        let range = first..<min(first + length, plain.rows.count)
        let tasks = UInt32(range.lowerBound)..<UInt32(range.upperBound)
        let (epoch, owner) = (Epoch.random(in: 0...2, using: &random), owners.randomElement(using: &random)!)
        switch action {
        case 1...3:
            table.claim(tasks, epoch: epoch, owner: owner)
            for at in range { plain.rows[at] = TaskTable.Row(owner: owner, epoch: epoch, phase: .claimed) }
        case 4...8:
            let phase: TaskTable.Phase = action == 4 ? .queued : action == 5 ? .parked : .done
            // What is over stays over: nobody remembers whose it was.
            if phase == .queued, plain.rows[range].contains(where: \.isOver) { continue }
            table.set(tasks, phase)
            for at in range { plain.rows[at].phase = phase }
        case 9:
            table.disown(tasks.lowerBound)
            plain.rows[first].owner = WorkerID(0)
        case 10: table.compress()
        default: table = try TaskTable(wireBytes: table.wireBytes)
        }
        try compare(table, plain, from: first, epoch, owner)
    }
    // Row by row at the end: of tasks that are over, only phase and epoch have a say.
    for at in plain.rows.indices {
        let row = plain.rows[at]
        try #require(table.phase(UInt32(at)) == row.phase && table.epoch(UInt32(at)) == row.epoch)
        if row.phase == .queued || row.phase == .claimed { try #require(table.owner(UInt32(at)) == row.owner) }
    }
}

private func compare(_ table: TaskTable, _ plain: PlainTable, from first: Int, _ epoch: Epoch, _ owner: WorkerID) throws
{
    let all = UInt32(plain.rows.count)
    let (phase, end) = table.unanswered(from: UInt32(first), to: all, epoch: epoch, owner: owner)
    let expected = plain.unanswered(first, epoch, owner)
    try #require(phase == expected)
    try #require(Int(end) == plain.end(from: first) { plain.unanswered($0, epoch, owner) == expected })
    let queued = plain.end(from: first) { plain.rows[$0].phase == .queued && plain.rows[$0].epoch == epoch }
    try #require(Int(table.queued(from: UInt32(first), to: all, epoch: epoch)) == queued)
    var (next, wrong) = (0, 0)
    table.forEachRun { first, count, phase, epoch in
        if Int(first) != next { wrong += 1 }
        next += Int(count)
        for at in Int(first)..<next where plain.rows[at].phase != phase || plain.rows[at].epoch != epoch { wrong += 1 }
    }
    try #require(wrong == 0 && next == plain.rows.count)
    let counts = table.phaseCounts
    try #require(Int(counts.done) == plain.rows.count { $0.phase == .done })
    try #require(counts.queued + counts.claimed + counts.done + counts.parked == all)
}

@Test func `a table remembers nothing of chunks whose tasks are all done, and little of those nobody touched`() {
    var table = TaskTable()
    table.append(10_000_000)
    #expect(table.chunks.allSatisfy { $0.rows.isEmpty && $0.runs.isEmpty })
    for first in stride(from: 0, to: 100_000 as UInt32, by: 10) {
        table.claim(first..<first + 10, epoch: 1, owner: WorkerID(UInt64(first)))
    }
    for first in stride(from: 0, to: 100_000 as UInt32, by: 10) { table.set(first..<first + 10, .done) }
    // Only the chunk that is not over keeps its rows.
    #expect(table.chunks.count { !$0.rows.isEmpty } == 1)
    #expect(table.chunks.allSatisfy { $0.runs.count <= 1 })
    #expect(table.phaseCounts.done == 100_000)
}

@Test(arguments: seeds(20))
func `workers are found at their places, whatever came and went, and however their numbers collide`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var places = WorkerPlaces()
    var plain: [WorkerID: Int] = [:]
    // Neighbours in the table: numbers that differ by the inverse of what multiplies them; 0 is a number like any other.
    let ids = (0..<400 as Range<UInt64>).map { WorkerID($0 % 4 == 0 ? $0 &* 0xF1DE_83E1_9937_733D : $0) }
    for _ in 0..<4000 {
        let id = ids.randomElement(using: &random)!
        let at = Int.random(in: 0...9, using: &random)
        places[id] = at < 4 ? nil : at
        plain[id] = at < 4 ? nil : at
        #expect(places.count == plain.count)
    }
    for id in ids { #expect(places[id] == plain[id]) }
    #expect(places.sorted.map(\.worker) == plain.keys.sorted())
}

@Test func `a heap gives the least first`() {
    var random = SplitMix(seed: 3)
    var heap = LeastFirst<Int>()
    var plain: [Int] = []
    for _ in 0..<2000 {
        if Bool.random(using: &random), let least = plain.min() {
            #expect(heap.first == least)
            #expect(heap.popLeast() == least)
            plain.remove(at: plain.firstIndex(of: least)!)
        } else {
            let number = Int.random(in: 0...50, using: &random)
            heap.insert(number)
            plain.append(number)
        }
        #expect(heap.count == plain.count)
    }
}
