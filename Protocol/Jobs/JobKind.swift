import Messages

/// What a user can submit. A kind is one file name in three rooms: its types here, its planner in
/// Coordinator/Planners, its runner in Worker/Runners. To add one, write the three files and add a line to
/// `PlannerList` and to `RunnerList`.
package protocol JobKind {
    /// The name users type and the wire carries.
    static var name: String { get }
    /// Raised whenever the same task would give another result, so that stored results of older code are not reused.
    static var codeVersion: UInt32 { get }
    /// A task of this kind leaves no trace but its result, says nothing to its planner meanwhile, and gives the same
    /// bytes wherever and whenever it runs to its end: one that takes long may run on a second worker too.
    static var isRepeatable: Bool { get }
    /// What is more, its result may be taken from an earlier task with the same bytes.
    static var isReusable: Bool { get }
    /// What a user submits.
    associatedtype Spec: Wire
    /// What a worker runs: with its inputs, everything the result depends on.
    associatedtype Task: Wire
    /// What a worker answers.
    associatedtype Result: Wire
}

// Whoever adds a kind says so when more is true of it.
extension JobKind {
    package static var isRepeatable: Bool { false }
    package static var isReusable: Bool { false }
}
