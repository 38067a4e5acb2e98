import Jobs
import Kernels
import Messages

/// Surveys a pool's starters, or searches a piece of its space until the slice is over.
package enum GroupsRunner: Runner {
    package typealias Kind = Groups

    package static func run(_ task: Groups.Task, index: UInt32, context: RunContext) throws(JobError) -> Groups.Result {
        let holder = try context.decoded(task.pool) { bytes throws(JobError) in
            do throws(WireError) {
                return GroupKernelHolder(pool: try VariationPool(wireBytes: bytes))
            } catch {
                throw JobError(error, while: "reading the pool of variations \(task.pool)")
            }
        }
        let kernel = try holder.kernel(sizes: task.sizes, keep: Int(task.keep))
        switch task.work {
        case .survey:
            return Groups.Result(
                top: task.sizes.map { _ in [] }, accounting: GroupAccounting(), rest: nil, restBound: -.infinity,
                starters: kernel.survey())
        case .search(let piece):
            return try kernel.search(piece, thresholds: task.thresholds) { context.sliceIsOver }
        }
    }
}

/// A pool, and the kernel last made for it: a job's tasks share their sizes and `keep`.
private final class GroupKernelHolder {
    private let pool: VariationPool
    private var current: GroupKernel?

    init(pool: VariationPool) { self.pool = pool }

    func kernel(sizes: [UInt8], keep: Int) throws(JobError) -> GroupKernel {
        if let current, current.sizes == sizes, current.keep == keep { return current }
        let made = try GroupKernel(pool: pool, sizes: sizes, keep: keep)
        current = made
        return made
    }
}
