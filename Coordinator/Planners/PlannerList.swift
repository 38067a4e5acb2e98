import Jobs
import Messages

/// The one list of kinds on the coordinator's side. `RunnerList` is its twin in the worker.
package enum PlannerList {
    package typealias Maker = @Sendable ([UInt8], any BlobSource) throws(JobError) -> any ErasedPlanner

    private struct Entry {
        var name: String
        var codeVersion: UInt32
        var isRepeatable: Bool
        var isReusable: Bool
        var make: Maker
    }
    private static let makers: [Entry] = [
        maker(NoopPlanner.self), maker(CommandPlanner.self), maker(VariationsPlanner.self),
        maker(GroupsPlanner.self), maker(WeekendPlanner.self), maker(StudyPlanner.self),
        maker(RenderPlanner.self), maker(LabelPlanner.self), maker(AggregatePlanner.self),
        maker(IngestPlanner.self),
    ]

    /// Kinds that can be submitted, in the list's order.
    package static var kinds: [String] { makers.map(\.name) }

    /// Kinds whose tasks may run on two workers at a time.
    package static var repeatable: [String] { makers.filter(\.isRepeatable).map(\.name) }
    /// Of a kind whose results may be taken from earlier tasks, the version of its code; nil for other kinds.
    package static func reusableVersion(of kind: String) -> UInt32? {
        makers.first { $0.name == kind && $0.isReusable }?.codeVersion
    }

    /// - Throws: for a kind that is not in the list, or a spec that its planner refuses.
    package static func planner(kind: String, spec: [UInt8], blobs: any BlobSource) throws(JobError)
        -> any ErasedPlanner
    {
        guard let entry = makers.first(where: { $0.name == kind }) else {
            throw JobError("there is no job kind \(kind); there are \(kinds.joined(separator: ", ")).")
        }
        return try entry.make(spec, blobs)
    }

    private static func maker<P: Planner>(_ type: P.Type) -> Entry {
        Entry(
            name: P.Kind.name, codeVersion: P.Kind.codeVersion, isRepeatable: P.Kind.isRepeatable,
            isReusable: P.Kind.isReusable,
            make: { spec, blobs throws(JobError) in try Erased<P>(spec: spec, blobs: blobs) })
    }
}
