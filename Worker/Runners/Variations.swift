import Jobs
import Kernels
import Market
import Messages

/// Tests a task's variations. A thread keeps the kernel of a universe, and with it the indicators that the next task of
/// the same universe will ask for.
package enum VariationsRunner: Runner {
    package typealias Kind = Variations

    package static func run(_ task: Variations.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Variations.Result
    {
        let kernel = try kernel(of: task.universe, context)
        for (at, variation) in task.variations.enumerated() where !kernel.accepts(variation) {
            throw JobError(
                "variation \(at) of task \(index) breaks a constraint of \(variation.algorithm.name) (DESIGN §5.2): "
                    + "draw it again.")
        }
        return Variations.Result(evaluations: kernel.evaluate(task.variations))
    }

    /// The thread's kernel of a universe, made when it is first asked for.
    static func kernel(of universe: BlobID, _ context: RunContext) throws(JobError) -> VariationKernel {
        try context.decoded(universe) { bytes throws(JobError) in
            do throws(WireError) { return VariationKernel(universe: try Universe(wireBytes: bytes)) } catch {
                throw JobError(error, while: "reading universe \(universe)")
            }
        }
    }
}
