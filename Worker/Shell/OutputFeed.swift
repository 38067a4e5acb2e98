import Messages
import Synchronization

/// What running tasks' programs print, on its way to whoever watches. Shared by the network thread and the compute
/// threads. Of what is printed faster than it may be sent the newest is; a task's result keeps the end of it anyway.
final class OutputFeed: Sendable {
    /// What a worker sends in a second, all its tasks together, and at most at once.
    static let bytesPerSecond: Int64 = 64 << 10
    /// How often it is looked; a task that is over by then without a failure is told by its result.
    static let periodMilliseconds: Int64 = 250
    /// Of each stream, what waits for the next look.
    static let waitingBytes = 16 << 10
    /// Tasks that are over and have something to say still; of more, the oldest are dropped.
    private static let maximumOver = 64
    /// About what a part takes besides its bytes.
    private static let partBytes: Int64 = 40

    private struct Stream {
        var printed: UInt64 = 0
        var waiting: [UInt8] = []
    }
    private struct Task {
        var run: ClaimRun
        var output = Stream(), errorOutput = Stream()
        var hasSent = false
        var isWaiting: Bool { !output.waiting.isEmpty || !errorOutput.waiting.isEmpty }
    }
    private struct State {
        /// The task of each slot that has printed.
        var slots: [Task?]
        var over: [Task] = []
        var allowance = bytesPerSecond
        var looked: Int64 = 0
        /// When those that run had their turn.
        var turned: Int64 = 0
        /// The slot that may speak first: not always the same.
        var first = 0
    }
    private let state: Mutex<State>

    init(slots: Int) { state = Mutex(State(slots: Array(repeating: nil, count: slots))) }

    // MARK: - A compute thread

    func printed(slot: Int, _ run: ClaimRun, _ bytes: Span<UInt8>, isError: Bool) {
        state.withLock { state in
            if state.slots[slot]?.run != run { state.slots[slot] = Task(run: run) }
            if isError {
                Self.add(bytes, to: &state.slots[slot]!.errorOutput)
            } else {
                Self.add(bytes, to: &state.slots[slot]!.output)
            }
        }
    }

    private static func add(_ bytes: Span<UInt8>, to stream: inout Stream) {
        stream.printed += UInt64(bytes.count)
        let new = bytes.count > waitingBytes ? bytes.extracting(last: waitingBytes) : bytes
        unsafe new.withUnsafeBufferPointer { unsafe stream.waiting.append(contentsOf: $0) }
        if stream.waiting.count > 4 * waitingBytes {
            stream.waiting.removeFirst(stream.waiting.count - waitingBytes)
        }
    }

    /// The task of the slot is over. Called before its end can be collected.
    /// - Parameter isKept: its result says what it printed.
    func ended(slot: Int, isKept: Bool) {
        state.withLock { state in
            guard let task = state.slots[slot] else { return }
            state.slots[slot] = nil
            guard task.isWaiting, task.hasSent || !isKept else { return }
            if state.over.count == Self.maximumOver { state.over.removeFirst() }
            state.over.append(task)
        }
    }

    // MARK: - The network thread

    /// What may be sent now; little, and mostly nothing.
    /// - Parameter now: in milliseconds of the monotonic clock.
    func take(at now: Int64) -> [TaskOutput] {
        state.withLock { state in
            let since = max(0, now - state.looked)
            let isTurn = now - state.turned >= Self.periodMilliseconds
            guard isTurn || !state.over.isEmpty else { return [] }
            // A second's worth at most, however long nobody looked.
            state.allowance = min(Self.bytesPerSecond, state.allowance + min(since, 1000) * Self.bytesPerSecond / 1000)
            state.looked = now
            var parts: [TaskOutput] = []
            for var task in state.over { Self.take(&task, state.allowance, &state.allowance, &parts) }
            state.over = []
            guard isTurn else { return parts }
            state.turned = now
            let waiting = state.slots.indices.filter { state.slots[$0]?.isWaiting ?? false }
            guard !waiting.isEmpty else { return parts }
            let share = max(512, state.allowance / Int64(waiting.count))
            state.first += 1
            for at in waiting.indices {
                let slot = waiting[(at + state.first) % waiting.count]
                Self.take(&state.slots[slot]!, share, &state.allowance, &parts)
            }
            return parts
        }
    }

    private static func take(_ task: inout Task, _ share: Int64, _ allowance: inout Int64, _ parts: inout [TaskOutput])
    {
        func part(of stream: inout Stream, isError: Bool, _ room: Int64) -> Int64 {
            let count = min(stream.waiting.count, waitingBytes, Int(max(0, room - partBytes)))
            guard count > 0 else { return 0 }
            parts.append(
                TaskOutput(
                    run: task.run, isError: isError, offset: stream.printed - UInt64(count),
                    bytes: Array(stream.waiting.suffix(count))))
            stream.waiting = []
            task.hasSent = true
            return Int64(count) + partBytes
        }
        // Of what went wrong standard error tells more.
        var (output, errorOutput) = (task.output, task.errorOutput)
        var used = part(of: &errorOutput, isError: true, min(share, allowance))
        used += part(of: &output, isError: false, min(share, allowance) - used)
        (task.output, task.errorOutput) = (output, errorOutput)
        allowance -= used
    }
}
