import Messages

/// One incarnation of a worker.
struct Worker: Sendable {
    let id: WorkerID
    var hello: Inbound.Hello
    /// False for one known only from stored claims, after a restart, until it says hello.
    var isConnected: Bool
    var isDraining = false
    var isGone = false
    var lastHeard: Milliseconds
    /// Silent past this moment it is lost. Moved nearer when another process of its name appears.
    var deadline: Milliseconds
    /// Claims it holds, in the order they were sent.
    var held: [HeldRun] = []
    /// Tasks in `held` not yet answered, and the slots, memory they take.
    var heldTasks: UInt32 = 0
    var heldCores: UInt64 = 0
    var heldMemory: UInt64 = 0
    /// It runs something that must run alone.
    var isReserved = false
    /// Number of the newest assignment message sent to it.
    var sent: UInt64 = 0
    var completed: UInt64 = 0
    /// How fast it answers, in 1024ths of what its jobs' tasks take on all workers.
    var pace: UInt32 = 1024
    /// What of it stands in `WorkerIndex`, whether it changed since it was ranked, and its newest rank; 0: none.
    var counted = Counted()
    var isChanged = false
    var isTried = false
    var stamp: UInt64 = 0

    struct Counted: Sendable {
        var slots = 0
        var pace: UInt64 = 0
        var tasks = 0
        var budget: UInt64 = 0
    }

    var slots: UInt32 { hello.slots }
}

/// A run handed to a worker, with what is still open of it.
struct HeldRun: Sendable, Equatable {
    let run: ClaimRun
    /// The assignment message it went out with.
    let message: UInt64
    /// Tasks of the run without a result. Those with one are the only holes: whatever else ends splits the run.
    var open: UInt32
    let grantedMilliseconds: UInt32
    let since: Milliseconds
    /// Runs alone on its worker.
    let isExclusive: Bool
}
