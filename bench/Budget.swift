import Foundation
import Jobs
import Kernels

/// What donated time is worth: the same searches under the same budget, once with equal time for every starter, as
/// today's scripts give it, once with unused time passed on to whoever still has work. Time is counted in looks at the
/// clock of a fixed amount of work, so that a run gives the same figures every time.
package enum BudgetBench {
    static func run(arguments: [String]) {
        let pools = arguments.first.flatMap { UInt64($0) } ?? 50
        var (better, equal, worse) = (0, 0, 0)
        var (gains, shares): ([Double], [(Double, Double)]) = ([], [])
        for seed in 1...pools {
            do {
                let kernel = try GroupKernel(
                    pool: marketPool(seed: seed, scale: 0.12, wide: 0.6), sizes: [3, 4], keep: 50)
                let budget = kernel.space.memberCount * 2
                let fixed = try search(kernel, looks: budget, isDonating: false)
                let donated = try search(kernel, looks: budget, isDonating: true)
                if donated.best > fixed.best {
                    better += 1
                } else if donated.best == fixed.best {
                    equal += 1
                } else {
                    worse += 1
                }
                gains.append(donated.best - fixed.best)
                shares.append((fixed.share, donated.share))
            } catch { return print("budget bench: \(error)") }
        }
        let mean = { (values: [Double]) in values.reduce(0, +) / Double(values.count) }
        print(
            "donation against equal shares on \(pools) pools: best score better \(better), equal \(equal), worse \(worse); "
                + String(
                    format: "mean gain %.2f points; space proven %.0f %% against %.0f %%", mean(gains),
                    100 * mean(shares.map(\.1)), 100 * mean(shares.map(\.0))))
    }

    /// Every starter gets `looks / starters`; what one does not need goes to the next that does, if donating.
    private static func search(_ kernel: GroupKernel, looks: Int, isDonating: Bool) throws -> (
        best: Double, share: Double
    ) {
        let count = kernel.space.memberCount
        var queue = (0..<count).map { starter in
            Groups.Piece(
                start: Groups.Cursor([UInt16(starter)]),
                end: starter + 1 < count ? Groups.Cursor([UInt16(starter + 1)]) : nil)
        }
        let slice = looks / count
        var (pool, best, accounting) = (looks, -Double.infinity, GroupAccounting())
        while !queue.isEmpty, pool > 0 {
            var unfinished: [Groups.Piece] = []
            for piece in queue where pool > 0 {
                var used = 0
                let allowed = min(slice, pool)
                let result = try kernel.search(piece, thresholds: [-.infinity, -.infinity], workPerLook: 500) {
                    used += 1
                    return used >= allowed
                }
                pool -= max(1, used)
                accounting = accounting + result.accounting
                for list in result.top { best = max(best, list.first?.score ?? best) }
                if let rest = result.rest { unfinished.append(rest) }
            }
            guard isDonating else { break }
            queue = unfinished
        }
        let done = accounting.visited + accounting.cutByRail + accounting.cutByBound
        return (best, Double(done) / Double(kernel.space.nodeCount))
    }
}
