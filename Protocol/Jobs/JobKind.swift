import Messages

/// What a user can submit. A kind is one file name in three rooms: its types here, its planner in
/// Coordinator/Planners, its runner in Worker/Runners. To add one, write the three files and add a line to
/// `PlannerList` and to `RunnerList`.
package protocol JobKind {
    /// The name users type and the wire carries.
    static var name: String { get }
    /// Raised whenever the same task would give another result, so that stored results of older code are not reused.
    static var codeVersion: UInt32 { get }
    /// What a user submits.
    associatedtype Spec: Wire
    /// What a worker runs: with its inputs, everything the result depends on.
    associatedtype Task: Wire
    /// What a worker answers.
    associatedtype Result: Wire
}
