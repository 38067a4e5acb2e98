import Messages

/// The tasks of one job, in chunks. A chunk that nobody has touched costs nothing; one in work 16 bytes a task; one whose
/// tasks are all over only the runs of them that are alike. So memory follows what is live, and neither a submit nor the
/// end of a large job takes time in proportion to its tasks.
struct TaskTable: Sendable {
    /// A task is in exactly one phase.
    enum Phase: UInt8, Sendable {
        case queued, claimed, done
        /// Failed for good: its reason is in the job's `parked`.
        case parked
    }
    /// One task.
    struct Row: Equatable, Sendable {
        /// The newest claim's; meaningless at epoch 0.
        var owner: WorkerID
        var epoch: Epoch
        var phase: Phase
        static let fresh = Row(owner: WorkerID(0), epoch: 0, phase: .queued)
    }
    /// A power of two.
    static let chunkRows = 4096

    var chunks: [Chunk] = []
    private(set) var count = 0

    mutating func append(_ added: Int) {
        guard added > 0 else { return }
        if let last = chunks.indices.last {
            let old = length(of: last)
            chunks[last].grow(from: old, to: min(Self.chunkRows, old + added))
        }
        count += added
        let needed = (count + Self.chunkRows - 1) / Self.chunkRows
        if needed > chunks.count { chunks.append(contentsOf: repeatElement(Chunk(), count: needed - chunks.count)) }
    }
    func length(of chunk: Int) -> Int { min(Self.chunkRows, count - chunk * Self.chunkRows) }

    @inline(__always) func contains(_ index: UInt32) -> Bool { Int(index) < count }
    @inline(__always) private func row(_ index: UInt32) -> Row {
        let (chunk, at) = (Int(index) / Self.chunkRows, Int(index) % Self.chunkRows)
        return at < chunks[chunk].rows.count ? chunks[chunk].rows[at] : alike(index)
    }
    /// Of a chunk without rows.
    private func alike(_ index: UInt32) -> Row {
        precondition(contains(index), "task \(index) of \(count)")
        return chunks[Int(index) / Self.chunkRows].alike(Int(index) % Self.chunkRows)
    }
    @inline(__always) func phase(_ index: UInt32) -> Phase { row(index).phase }
    @inline(__always) func epoch(_ index: UInt32) -> Epoch { row(index).epoch }
    @inline(__always) func owner(_ index: UInt32) -> WorkerID { row(index).owner }

    // MARK: - One task or many

    @inline(__always) mutating func set(_ index: UInt32, _ phase: Phase) { set(index..<index + 1, phase) }
    mutating func set(_ range: Range<UInt32>, _ phase: Phase) {
        eachChunk(of: range) { chunk, rows in chunk.set(rows, phase) }
    }
    @inline(__always) mutating func claim(_ index: UInt32, epoch: Epoch, owner: WorkerID) {
        claim(index..<index + 1, epoch: epoch, owner: owner)
    }
    mutating func claim(_ range: Range<UInt32>, epoch: Epoch, owner: WorkerID) {
        let row = Row(owner: owner, epoch: epoch, phase: .claimed)
        eachChunk(of: range) { chunk, rows in chunk.replace(rows, by: row) }
    }
    /// Answered without a result: the newest claim's owner is not heard about it again.
    mutating func disown(_ index: UInt32) {
        eachChunk(of: index..<index + 1) { chunk, rows in chunk.disown(rows) }
    }

    @inline(__always) private mutating func eachChunk(
        of range: Range<UInt32>, _ body: (inout Chunk, Range<Int>) -> Void
    ) {
        precondition(Int(range.upperBound) <= count, "tasks \(range) of \(count)")
        var (first, end) = (Int(range.lowerBound), Int(range.upperBound))
        while first < end {
            let chunk = first / Self.chunkRows
            let start = chunk * Self.chunkRows
            let stop = min(end, start + Self.chunkRows)
            if chunks[chunk].rows.isEmpty { chunks[chunk].expand(to: length(of: chunk)) }
            body(&chunks[chunk], first - start..<stop - start)
            if chunks[chunk].over == Self.chunkRows { chunks[chunk].compress() }
            first = stop
        }
    }

    /// For a job that is over: the same answers from little memory. Changing a task would undo it.
    mutating func compress() {
        for chunk in chunks.indices { chunks[chunk].compress() }
    }

    // MARK: - Runs

    /// The phase of a task whose newest claim is this one and has not been answered, the only one a result is
    /// accepted for: `.claimed`, or `.queued` when the claim was thought lost and nobody took the task since.
    @inline(__always) func unanswered(_ index: UInt32, epoch: Epoch, owner: WorkerID) -> Phase? {
        guard contains(index) else { return nil }
        return row(index).unanswered(epoch: epoch, owner: owner)
    }

    /// Where the tasks end, of those from `first` to `end`, that are as the first is; and how that is: as `unanswered`.
    func unanswered(from first: UInt32, to end: UInt32, epoch: Epoch, owner: WorkerID) -> (phase: Phase?, end: UInt32) {
        let phase = unanswered(first, epoch: epoch, owner: owner)
        let next = endOfRun(from: first, to: end) { $0.unanswered(epoch: epoch, owner: owner) == phase }
        return (phase, next)
    }

    /// Where the queued tasks of one epoch end that begin with `first`, at `end` the latest.
    func queued(from first: UInt32, to end: UInt32, epoch: Epoch) -> UInt32 {
        endOfRun(from: first, to: end) { $0.phase == .queued && $0.epoch == epoch }
    }

    @inline(__always) private func endOfRun(from first: UInt32, to end: UInt32, _ isSo: (Row) -> Bool) -> UInt32 {
        var (next, end) = (Int(first), min(Int(end), count))
        while next < end {
            let chunk = next / Self.chunkRows
            let start = chunk * Self.chunkRows
            let stop = min(end, start + Self.chunkRows)
            if chunks[chunk].rows.isEmpty, chunks[chunk].runs.isEmpty {
                if isSo(.fresh) { next = stop } else { end = next }
            } else {
                let found = chunks[chunk].end(of: next - start..<stop - start, isSo) + start
                if found < stop { end = found }
                next = found
            }
        }
        return UInt32(next)
    }

    /// True when a task of the run has a result from this epoch.
    func isAnyDone(_ run: ClaimRun) -> Bool {
        run.indices.contains { phase($0) == .done && epoch($0) == run.epoch }
    }

    /// Runs of queued tasks in `range` whose newest claim was this one.
    func forEachQueuedRun(
        in range: Range<UInt32>, epoch: Epoch, owner: WorkerID, _ body: (_ first: UInt32, _ count: UInt32) -> Void
    ) {
        var next = range.lowerBound
        while next < range.upperBound {
            let (phase, end) = unanswered(from: next, to: range.upperBound, epoch: epoch, owner: owner)
            if phase == .queued { body(next, end - next) }
            next = end
        }
    }

    /// How many tasks are in each phase.
    var phaseCounts: (queued: UInt32, claimed: UInt32, done: UInt32, parked: UInt32) {
        var counts: (queued: UInt32, claimed: UInt32, done: UInt32, parked: UInt32) = (0, 0, 0, 0)
        forEachRun { _, count, phase, _ in
            switch phase {
            case .queued: counts.queued += count
            case .claimed: counts.claimed += count
            case .done: counts.done += count
            case .parked: counts.parked += count
            }
        }
        return counts
    }

    /// All tasks in order, as runs of one phase and epoch; neighbours may be alike.
    func forEachRun(_ body: (_ first: UInt32, _ count: UInt32, Phase, Epoch) -> Void) {
        for chunk in chunks.indices {
            let start = UInt32(chunk * Self.chunkRows)
            chunks[chunk].forEachRun(length: length(of: chunk)) { first, count, row in
                body(start + UInt32(first), UInt32(count), row.phase, row.epoch)
            }
        }
    }
}

// For snapshots.
extension TaskTable: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(UInt32(count))
        for chunk in chunks { writer.value(chunk) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        count = Int(try reader.integer(UInt32.self))
        for chunk in 0..<(count + Self.chunkRows - 1) / Self.chunkRows {
            chunks.append(try reader.value())
            guard chunks[chunk].fits(length(of: chunk)) else {
                throw WireError("a table of tasks with columns of unlike length")
            }
        }
    }
}
