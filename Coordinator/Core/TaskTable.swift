import Messages

/// The tasks of one job: 13 bytes each, whatever the job's kind, plus the payloads of planned tasks still to run. Of a
/// job that is over only runs of tasks that are alike, so that memory follows what is live.
struct TaskTable: Sendable {
    /// A task is in exactly one phase.
    enum Phase: UInt8, Sendable {
        case queued, claimed, done
        /// Failed for good: its reason is in the job's `parked`.
        case parked
    }
    private var phases: [Phase] = []
    private var epochs: [Epoch] = []
    /// The newest claim's owner; meaningless at epoch 0.
    private var owners: [WorkerID] = []
    /// Instead of the three above, once the job is over: ascending, without gaps.
    private var runs: [Run] = []

    private struct Run: Sendable {
        var first: UInt32
        var task: Entry
    }
    private struct Entry: Equatable, Sendable {
        var phase: Phase
        var epoch: Epoch
        var owner: WorkerID
    }

    private(set) var count = 0

    mutating func append(_ count: Int) {
        guard count > 0 else { return }
        expand()
        self.count += count
        phases.append(contentsOf: repeatElement(.queued, count: count))
        epochs.append(contentsOf: repeatElement(0, count: count))
        owners.append(contentsOf: repeatElement(WorkerID(0), count: count))
    }
    func contains(_ index: UInt32) -> Bool { Int(index) < count }
    func phase(_ index: UInt32) -> Phase { runs.isEmpty ? phases[Int(index)] : entry(index).phase }
    func epoch(_ index: UInt32) -> Epoch { runs.isEmpty ? epochs[Int(index)] : entry(index).epoch }
    func owner(_ index: UInt32) -> WorkerID { runs.isEmpty ? owners[Int(index)] : entry(index).owner }
    mutating func set(_ index: UInt32, _ phase: Phase) {
        expand()
        phases[Int(index)] = phase
    }

    mutating func claim(_ index: UInt32, epoch: Epoch, owner: WorkerID) {
        expand()
        phases[Int(index)] = .claimed
        epochs[Int(index)] = epoch
        owners[Int(index)] = owner
    }
    /// Answered without a result: the newest claim's owner is not heard about it again.
    mutating func disown(_ index: UInt32) {
        expand()
        owners[Int(index)] = WorkerID(0)
    }

    /// For a job that is over: the same answers from little memory. Changing a task would undo it.
    mutating func compress() {
        guard runs.isEmpty, count > 0 else { return }
        for at in 0..<count {
            let task = Entry(phase: phases[at], epoch: epochs[at], owner: owners[at])
            if runs.last?.task != task { runs.append(Run(first: UInt32(at), task: task)) }
        }
        // Not worth it where neighbours differ; a run is twice as large as a task.
        guard runs.count * 2 <= count else {
            runs = []
            return
        }
        (phases, epochs, owners) = ([], [], [])
    }
    private mutating func expand() {
        guard !runs.isEmpty else { return }
        let ends = runs.dropFirst().map(\.first) + [UInt32(count)]
        for (run, end) in zip(runs, ends) {
            let length = Int(end - run.first)
            phases.append(contentsOf: repeatElement(run.task.phase, count: length))
            epochs.append(contentsOf: repeatElement(run.task.epoch, count: length))
            owners.append(contentsOf: repeatElement(run.task.owner, count: length))
        }
        runs = []
    }
    /// Only of a compressed table.
    private func entry(_ index: UInt32) -> Entry {
        precondition(contains(index), "task \(index) of \(count)")
        var (low, high) = (0, runs.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].first <= index { low = middle } else { high = middle }
        }
        return runs[low].task
    }

    /// True when a task of the run has a result from this epoch.
    func isAnyDone(_ run: ClaimRun) -> Bool {
        run.indices.contains { phase($0) == .done && epoch($0) == run.epoch }
    }

    /// Runs of queued tasks in `range` whose newest claim was this one.
    func forEachQueuedRun(
        in range: Range<UInt32>, epoch: Epoch, owner: WorkerID, _ body: (_ first: UInt32, _ count: UInt32) -> Void
    ) {
        var first: UInt32?
        for index in range {
            if unanswered(index, epoch: epoch, owner: owner) == .queued {
                if first == nil { first = index }
            } else if let start = first {
                body(start, index - start)
                first = nil
            }
        }
        if let start = first { body(start, range.upperBound - start) }
    }

    /// The phase of a task whose newest claim is this one and has not been answered, the only one a result is
    /// accepted for: `.claimed`, or `.queued` when the claim was thought lost and nobody took the task since.
    func unanswered(_ index: UInt32, epoch: Epoch, owner: WorkerID) -> Phase? {
        guard contains(index), self.epoch(index) == epoch, self.owner(index) == owner else { return nil }
        let phase = phase(index)
        return phase == .claimed || phase == .queued ? phase : nil
    }
}

/// Tasks waiting, as runs in order. A task that was answered meanwhile may still stand here: `TaskTable` decides.
struct RunQueue: Sendable {
    private var runs: [(first: UInt32, count: UInt32)] = []
    private var head = 0
    /// Tasks in the queue, those answered meanwhile included.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ first: UInt32, _ count: UInt32) {
        guard count > 0 else { return }
        self.count += Int(count)
        if head < runs.count, let last = runs.last, last.first + last.count == first {
            runs[runs.count - 1].count += count
        } else {
            runs.append((first, count))
        }
    }

    /// The next run of consecutive tasks, at most `limit` long.
    mutating func take(atMost limit: UInt32) -> (first: UInt32, count: UInt32)? {
        guard head < runs.count else { return nil }
        let run = runs[head]
        let taken = min(run.count, limit)
        count -= Int(taken)
        if taken == run.count {
            head += 1
            // Reclaimed when half is dead, so that each element moves at most once on average.
            if head > 1024, head * 2 > runs.count {
                runs.removeFirst(head)
                head = 0
            }
        } else {
            runs[head] = (run.first + taken, run.count - taken)
        }
        return (run.first, taken)
    }
    /// Puts a run back at the front.
    mutating func prepend(_ first: UInt32, _ count: UInt32) {
        self.count += Int(count)
        if head > 0 {
            head -= 1
            runs[head] = (first, count)
        } else {
            runs.insert((first, count), at: 0)
        }
    }
    /// The first that is as asked: those answered while they stood here are passed over.
    func first(where isSo: (UInt32) -> Bool) -> UInt32? {
        for run in runs[head...] {
            for index in run.first..<run.first + run.count where isSo(index) { return index }
        }
        return nil
    }
    var first: UInt32? { head < runs.count ? runs[head].first : nil }
    mutating func removeAll() { self = RunQueue() }
}

// For snapshots.
extension TaskTable: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(UInt32(count))
        writer.integers(phases.map(\.rawValue))
        writer.integers(epochs)
        writer.integers(owners.map(\.incarnation))
        writer.count(runs.count)
        for run in runs {
            writer.integer(run.first)
            writer.integer(run.task.phase.rawValue)
            writer.integer(run.task.epoch)
            writer.value(run.task.owner)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        count = Int(try reader.integer(UInt32.self))
        for raw in try reader.integers(of: UInt8.self) { phases.append(try Self.phase(raw)) }
        epochs = try reader.integers()
        owners = try reader.integers(of: UInt64.self).map { WorkerID($0) }
        for _ in 0..<(try reader.count(elementBytes: 17)) {
            let first: UInt32 = try reader.integer()
            let phase = try Self.phase(try reader.integer())
            runs.append(
                Run(first: first, task: Entry(phase: phase, epoch: try reader.integer(), owner: try reader.value())))
        }
        let rows = runs.isEmpty ? count : 0
        guard phases.count == rows, epochs.count == rows, owners.count == rows else {
            throw WireError("a table of tasks with columns of unlike length")
        }
    }
    private static func phase(_ raw: UInt8) throws(WireError) -> Phase {
        guard let phase = Phase(rawValue: raw) else { throw WireError("\(raw) is no phase of a task") }
        return phase
    }
}

extension RunQueue: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integers(runs[head...].map(\.first))
        writer.integers(runs[head...].map(\.count))
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let firsts: [UInt32] = try reader.integers()
        let counts: [UInt32] = try reader.integers()
        guard firsts.count == counts.count else { throw WireError("a queue with columns of unlike length") }
        runs = Array(zip(firsts, counts).map { (first: $0, count: $1) })
        count = counts.reduce(0) { $0 + Int($1) }
    }
}
