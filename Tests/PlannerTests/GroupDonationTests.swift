import Blobs
import Jobs
import Kernels
import Messages
import Planners
import TestSupport
import Testing

private struct Blob: BlobSource {
    var stored: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { stored }
}

/// Time is counted in looks at the clock of a fixed amount of work: the same figures on every machine and every run.
private struct VirtualTime {
    let kernel: GroupKernel
    var looksLeft: Int

    mutating func search(_ piece: Groups.Piece, thresholds: [Double], slice: Int) throws -> Groups.Result {
        var used = 0
        let allowed = min(slice, looksLeft)
        let result = try kernel.search(piece, thresholds: thresholds, workPerLook: 60) {
            used += 1
            return used >= allowed
        }
        looksLeft -= max(1, used)
        return result
    }
}

private func bestOf(_ top: [[GroupCandidate]]) -> Double { top.compactMap { $0.first?.score }.max() ?? -.infinity }

@Test func `a budget that passes on unused time never finds worse than equal shares, and often better`() throws {
    var (better, equal, worse) = (0, 0, 0)
    for seed in seeds(50) {
        let pool = randomPool(seed: seed, counts: [5, 6, 6, 6, 5], density: 0.2...0.75)
        let kernel = try GroupKernel(pool: pool, sizes: [3, 4], keep: 20)
        let count = kernel.space.memberCount
        let slice = 2

        var fixed = VirtualTime(kernel: kernel, looksLeft: slice * count)
        var fixedBest = -Double.infinity
        for starter in 0..<count {
            let end = starter + 1 < count ? Groups.Cursor([UInt16(starter + 1)]) : nil
            let piece = Groups.Piece(start: Groups.Cursor([UInt16(starter)]), end: end)
            let result = try fixed.search(piece, thresholds: [-.infinity, -.infinity], slice: slice)
            fixedBest = max(fixedBest, bestOf(result.top))
        }

        // The planner, under the same budget in all, on one slot.
        let stored = pool.wireBytes
        let spec = Groups.Spec(pool: BlobID(of: stored), sizes: [3, 4], keep: 20)
        var planner = try GroupsPlanner(spec, blobs: Blob(stored: stored))
        planner.fewestNodesPerPiece = 1
        var donated = VirtualTime(kernel: kernel, looksLeft: slice * count)
        var donatedBest = -Double.infinity
        var (next, step) = (0, try planner.start())
        var tasks = step.tasks
        while step.end == nil, donated.looksLeft > 0 {
            let task = tasks[next]
            let result: Groups.Result
            if case .search(let piece) = task.work {
                result = try donated.search(piece, thresholds: task.thresholds, slice: slice)
            } else {
                result = Groups.Result(
                    top: [[], []], accounting: GroupAccounting(), rest: nil, restBound: 0, starters: kernel.survey())
            }
            donatedBest = max(donatedBest, bestOf(result.top))
            step = try planner.finished(next, with: result, load: Load(slots: 1, idleSlots: 0, queuedTasks: 1))
            tasks += step.tasks
            next += 1
        }
        if donatedBest > fixedBest { better += 1 } else if donatedBest == fixedBest { equal += 1 } else { worse += 1 }
    }
    print("donation against equal shares: better \(better), equal \(equal), worse \(worse)")
    #expect(worse == 0)
    if better + equal + worse > 1 { #expect(better > 0) }
}
