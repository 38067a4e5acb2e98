import Messages

/// One incarnation of a worker. What every message about it needs stands together, in two lines of a cache.
struct Worker: Sendable {
    let id: WorkerID
    /// Claims it holds, in the order they were sent.
    var held: [HeldRun] = []
    var lastHeard: Milliseconds
    /// Silent past this moment it is lost. Moved nearer when another process of its name appears.
    var deadline: Milliseconds
    /// Tasks in `held` not yet answered, those of them that are suspected of a death, and the slots, memory all take.
    var heldTasks: UInt32 = 0
    var heldSuspects: UInt32 = 0
    /// How fast it answers, in 1024ths of what its jobs' tasks take on all workers.
    var pace: UInt32 = 1024
    var heldCores: UInt64 = 0
    var heldMemory: UInt64 = 0
    /// Of its `hello`: tasks it runs at once, bytes of memory, and megaflops.
    private(set) var slots: UInt32
    /// False for one known only from stored claims, after a restart, until it says hello.
    var isConnected: Bool
    var isDraining = false
    var isGone = false
    /// It runs something that must run alone.
    var isReserved = false
    /// What of it stands in `WorkerIndex`, whether it changed since it was ranked, and its newest rank; 0: none.
    var isChanged = false
    var isTried = false
    private(set) var availableMemory: UInt64
    private(set) var speed: UInt64
    /// Number of the newest assignment message sent to it.
    var sent: UInt64 = 0
    var completed: UInt64 = 0
    var counted = Counted()
    var stamp: UInt64 = 0
    /// The moment at which its deadline is looked at.
    var watch: Milliseconds = 0
    private var introduction: Introduction

    struct Counted: Sendable {
        var slots = 0
        var pace: UInt64 = 0
        var tasks = 0
        var budget: UInt64 = 0
        var idle = 0
    }
    /// Rarely asked for, and large.
    private final class Introduction: Sendable {
        let hello: Inbound.Hello
        init(_ hello: Inbound.Hello) { self.hello = hello }
    }

    init(id: WorkerID, hello: Inbound.Hello, isConnected: Bool, lastHeard: Milliseconds, deadline: Milliseconds) {
        self.id = id
        self.isConnected = isConnected
        self.lastHeard = lastHeard
        self.deadline = deadline
        introduction = Introduction(hello)
        (slots, availableMemory, speed) = Self.facts(of: hello)
    }

    /// What it said of itself, but for what it held then.
    var hello: Inbound.Hello {
        get { introduction.hello }
        set {
            introduction = Introduction(newValue)
            (slots, availableMemory, speed) = Self.facts(of: newValue)
        }
    }
    private static func facts(of hello: Inbound.Hello) -> (UInt32, UInt64, UInt64) {
        (hello.slots, hello.hardware.availableMemoryBytes, hello.hardware.dgemmMegaflops)
    }
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
    let company: Company
}
