import Messages
import Synchronization
import ZeroMQ

/// What running tasks say to their planners, and what comes back. Shared by the network thread and the compute threads.
/// Everything here may get lost, and is bounded: a task's result says everything again.
final class Talk: Sendable {
    /// Reports, or answers to one slot, kept until they are taken; of more, the newest are dropped.
    static let maximumBytes = 4 << 20

    private struct State {
        var reports: [TaskMessage] = []
        var reportBytes = 0
        var slots: [Slot]
        var hasTold = false
    }
    private struct Slot {
        /// The task that reported there last.
        var run: ClaimRun?
        var answers: [[UInt8]] = []
        var answerBytes = 0
    }
    private let state: Mutex<State>
    /// Readable when a slot has answers, or its task may have been cancelled.
    private let bells: [Wakeup]
    private let tell: @Sendable () -> Void

    /// - Parameter tell: called when there is the first report to take.
    init(slots: Int, tell: @escaping @Sendable () -> Void) throws {
        state = Mutex(State(slots: Array(repeating: Slot(), count: slots)))
        bells = try (0..<slots).map { _ in try Wakeup() }
        self.tell = tell
    }

    // MARK: - The network thread

    /// What was reported since the last call, in the order it was.
    func takeReports() -> [TaskMessage] {
        state.withLock { state in
            let taken = state.reports
            state.reports = []
            state.reportBytes = 0
            state.hasTold = false
            return taken
        }
    }

    /// To the tasks that still run here; others have ended meanwhile.
    func deliver(_ answers: [TaskMessage]) {
        for answer in answers {
            let slot = state.withLock { state -> Int? in
                guard let slot = state.slots.firstIndex(where: { $0.run == answer.run }),
                    state.slots[slot].answerBytes + answer.bytes.count <= Self.maximumBytes
                else { return nil }
                state.slots[slot].answers.append(answer.bytes)
                state.slots[slot].answerBytes += answer.bytes.count
                return slot
            }
            if let slot { bells[slot].wake() }
        }
    }

    func ring(slot: Int) { bells[slot].wake() }

    // MARK: - A compute thread

    func bell(slot: Int) -> Int32 { bells[slot].descriptor }

    /// - Parameter run: the task that runs in the slot.
    func report(slot: Int, _ run: ClaimRun, _ bytes: [UInt8]) {
        guard bytes.count <= TaskMessage.maximumBytes else { return }
        let isFirst = state.withLock { state in
            // What came for the one before is forgotten.
            if state.slots[slot].run != run { state.slots[slot] = Slot(run: run) }
            guard state.reportBytes + bytes.count <= Self.maximumBytes else { return false }
            state.reports.append(TaskMessage(run: run, bytes: bytes))
            state.reportBytes += bytes.count
            defer { state.hasTold = true }
            return !state.hasTold
        }
        if isFirst { tell() }
    }

    /// What came for this slot since the last call; the bell is silent again.
    func answers(slot: Int, _ run: ClaimRun) -> [[UInt8]] {
        // Silenced first: what comes from now on rings anew.
        bells[slot].clear()
        return state.withLock { state in
            guard state.slots[slot].run == run else { return [] }
            let taken = state.slots[slot].answers
            state.slots[slot].answers = []
            state.slots[slot].answerBytes = 0
            return taken
        }
    }
}
