import Jobs
import Messages

/// The one list of kinds on the coordinator's side. `RunnerList` is its twin in the worker.
package enum PlannerList {
    package typealias Maker = @Sendable ([UInt8], any BlobSource) throws(JobError) -> any ErasedPlanner

    private static let makers: [(name: String, make: Maker)] = [
        maker(NoopPlanner.self), maker(CommandPlanner.self), maker(VariationsPlanner.self),
        maker(GroupsPlanner.self), maker(WeekendPlanner.self), maker(StudyPlanner.self),
        maker(RenderPlanner.self), maker(LabelPlanner.self), maker(AggregatePlanner.self),
    ]

    /// Kinds that can be submitted, in the list's order.
    package static var kinds: [String] { makers.map(\.name) }

    /// - Throws: for a kind that is not in the list, or a spec that its planner refuses.
    package static func planner(kind: String, spec: [UInt8], blobs: any BlobSource) throws(JobError)
        -> any ErasedPlanner
    {
        guard let entry = makers.first(where: { $0.name == kind }) else {
            throw JobError("there is no job kind \(kind); there are \(kinds.joined(separator: ", ")).")
        }
        return try entry.make(spec, blobs)
    }

    private static func maker<P: Planner>(_ type: P.Type) -> (name: String, make: Maker) {
        (P.Kind.name, { spec, blobs throws(JobError) in try Erased<P>(spec: spec, blobs: blobs) })
    }
}
