import Messages

/// One job as the core knows it.
struct Job: Sendable {
    let id: JobID
    let submission: Submission
    let submitted: UInt64
    var state: JobState = .waiting
    var reason = ""
    var answer: BlobID?
    var ended: UInt64 = 0
    /// Position of its kind in `Core.Limits.speculated`; negative: its tasks never run twice at a time.
    var speculatedKind = -1
    /// Its planner was asked to start.
    var isPlanning = false
    /// Questions to the planner that are not answered yet.
    var openPlannerCalls = 0
    var status = PlanStatus()
    /// Its planner wants nothing until somebody speaks to it.
    var isResting = false
    /// Requests told to its planner, ever; the newest bears this number.
    var told: UInt32 = 0
    /// Who waits for the planner's answer to which request, in order of number.
    var askers: [(request: UInt32, client: ClientRef)] = []

    var tasks = TaskTable()
    /// Of tasks that were claimed twice, the first claim while it is open; `tasks` knows the second. Iterated only sorted.
    var earlier: [UInt32: Claimant] = [:]
    var queue = RunQueue()
    /// Payload of all tasks before `payloads`; nil when none share one.
    var arrayPayload: [UInt8]?
    var arrayCount: UInt32 = 0
    /// Payloads of the tasks after the array, emptied when a task is over.
    var payloads: [[UInt8]] = []
    /// Which of those run in slices of the budget.
    var budgeted: [Bool] = []
    /// Tasks that did not end well at first: failures, crashes, and for parked ones the reason. Looked up, never
    /// iterated in hash order.
    var troubles: [UInt32: Trouble] = [:]

    var done: UInt32 = 0
    /// Of those, the ones whose results were known: nobody ran them.
    var reused: UInt32 = 0
    var parked: UInt32 = 0
    var claimed: UInt32 = 0
    /// Slots its claims hold: its share when jobs of one priority compete.
    var coresHeld: UInt64 = 0
    var ledger: Ledger?
    /// As the store has it: the ledger then, and what was written of it.
    var recorded: (ledger: Ledger, budget: StoredBudget)?
    /// Tokens under which budget was added. Looked up, never iterated.
    var budgetTokens: Set<UInt64> = []
    var askedForEnd = false
    /// Of all runs handed out, the number of its newest.
    var served: UInt64 = 0
    /// The worker that is being emptied for its next task, which needs much of it, or all.
    var awaited: WorkerID?
    /// Slots, tasks and results when its planner was last told of idle slots.
    var toldIdle: (slots: Int, tasks: UInt32, done: UInt32) = (-1, 0, 0)
    /// Running mean of a task's time, in nanoseconds; 0 until the first result.
    var meanNanoseconds: UInt64 = 0

    struct Trouble: Sendable, Equatable {
        var failures: UInt32 = 0
        /// Workers that died while they had it, the newest last; one that returns did not die and is taken out again.
        var deaths: [WorkerID] = []
        var parked: String?
        var crashes: UInt32 { UInt32(deaths.count) }
    }

    init(id: JobID, submission: Submission, submitted: UInt64) {
        self.id = id
        self.submission = submission
        self.submitted = submitted
        if submission.budgetMilliseconds > 0 { ledger = Ledger(wall: submission.budgetMilliseconds) }
    }

    /// An array's tasks are independent: each may fail on its own, and no planner waits for them.
    @inline(__always) var isArray: Bool { arrayPayload != nil && payloads.isEmpty }
    @inline(__always) var taskCount: UInt32 { UInt32(tasks.count) }

    @inline(__always) func payload(_ index: UInt32) -> [UInt8] {
        index < arrayCount ? arrayPayload ?? [] : payloads[Int(index - arrayCount)]
    }
    @inline(__always) func isBudgeted(_ index: UInt32) -> Bool {
        index >= arrayCount && budgeted[Int(index - arrayCount)]
    }
    @inline(__always) mutating func forgetPayload(_ index: UInt32) {
        if index >= arrayCount { payloads[Int(index - arrayCount)] = [] }
    }
    @inline(__always) mutating func forgetPayloads(_ indices: Range<UInt32>) {
        guard indices.upperBound > arrayCount else { return }
        for index in indices { forgetPayload(index) }
    }
    /// It is over and nothing of it runs again: what remains is what people ask about.
    mutating func forgetWork() {
        queue.removeAll()
        earlier = [:]
        payloads = []
        budgeted = []
        // Of tasks that did not end well at first, those that never did: the store keeps no others either.
        troubles = troubles.filter { $0.value.parked != nil }
        tasks.compress()
    }
    /// Workers that died while they had a task.
    @inline(__always) func crashes(of index: UInt32) -> UInt32 {
        troubles.isEmpty ? 0 : troubles[index]?.crashes ?? 0
    }

    /// The epoch as far as it still has a say: a parked task, or one of a job that is over, is never claimed again.
    func lastingEpoch(_ phase: TaskTable.Phase, _ epoch: Epoch) -> Epoch {
        let isOpen = (!state.isOver || state == .unfinished) && phase != .parked
        return isOpen || phase == .done ? epoch : 0
    }

    mutating func learn(_ busyMicroseconds: UInt64, tasks count: UInt32) {
        let sample = busyMicroseconds * 1000 / UInt64(max(count, 1))
        // An eighth of each new sample: follows a change in a few results, ignores one odd task.
        meanNanoseconds =
            meanNanoseconds == 0 ? max(sample, 1) : max(1, meanNanoseconds - meanNanoseconds / 8 + sample / 8)
    }
}
