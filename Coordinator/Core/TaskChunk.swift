import Messages

extension TaskTable {
    /// Tasks that stand together in a table.
    struct Chunk: Sendable {
        /// One for each task; none of a chunk that nobody touched, and none where `runs` say as much.
        fileprivate(set) var rows: [Row] = []
        /// Instead of rows, where tasks are alike: ascending, without gaps.
        fileprivate(set) var runs: [Run] = []
        /// Rows of tasks that are done or parked.
        fileprivate(set) var over = 0

        struct Run: Sendable {
            var first: UInt32
            var row: Row
        }
    }
}

extension TaskTable.Row {
    @inline(__always) var isOver: Bool { phase == .done || phase == .parked }
    @inline(__always) func unanswered(epoch: Epoch, owner: WorkerID) -> TaskTable.Phase? {
        self.epoch == epoch && self.owner == owner && !isOver ? phase : nil
    }
    /// What still has a say: nobody is heard about a task that is over.
    fileprivate var lasting: TaskTable.Row {
        isOver ? TaskTable.Row(owner: WorkerID(0), epoch: epoch, phase: phase) : self
    }
}

extension TaskTable.Chunk {
    /// Of a chunk without rows.
    func alike(_ at: Int) -> TaskTable.Row {
        guard !runs.isEmpty else { return .fresh }
        var (low, high) = (0, runs.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].first <= UInt32(at) { low = middle } else { high = middle }
        }
        return runs[low].row
    }

    /// More tasks come, at the end.
    mutating func grow(from old: Int, to new: Int) {
        guard new > old else { return }
        if rows.isEmpty, runs.isEmpty { return }
        if rows.isEmpty { expand(to: old) }
        rows.append(contentsOf: repeatElement(.fresh, count: new - old))
    }

    /// - Parameter length: its tasks.
    mutating func expand(to length: Int) {
        guard !runs.isEmpty else {
            rows = Array(repeating: .fresh, count: length)
            return
        }
        rows.reserveCapacity(length)
        let ends = runs.dropFirst().map { Int($0.first) } + [length]
        for (run, end) in zip(runs, ends) {
            rows.append(contentsOf: repeatElement(run.row, count: end - Int(run.first)))
        }
        runs = []
        over = rows.count(where: \.isOver)
    }

    mutating func compress() {
        guard !rows.isEmpty else { return }
        for at in rows.indices where runs.last?.row != rows[at].lasting {
            runs.append(Run(first: UInt32(at), row: rows[at].lasting))
            // Not worth it where neighbours differ.
            guard runs.count * 3 <= rows.count + 2 else {
                runs = []
                return
            }
        }
        rows = []
        runs = Array(runs)
    }

    mutating func set(_ range: Range<Int>, _ phase: TaskTable.Phase) {
        let isOver = phase == .done || phase == .parked
        for at in range {
            if rows[at].isOver != isOver { over += isOver ? 1 : -1 }
            rows[at].phase = phase
        }
    }
    mutating func replace(_ range: Range<Int>, by row: TaskTable.Row) {
        for at in range {
            if rows[at].isOver { over -= 1 }
            rows[at] = row
        }
    }
    mutating func disown(_ range: Range<Int>) {
        for at in range { rows[at].owner = WorkerID(0) }
    }

    /// Of a chunk that was touched: the first of `range` that is not so.
    @inline(__always) func end(of range: Range<Int>, _ isSo: (TaskTable.Row) -> Bool) -> Int {
        for at in range where !isSo(rows.isEmpty ? alike(at) : rows[at]) { return at }
        return range.upperBound
    }

    func forEachRun(length: Int, _ body: (_ first: Int, _ count: Int, TaskTable.Row) -> Void) {
        if rows.isEmpty {
            if runs.isEmpty { body(0, length, .fresh) }
            for at in runs.indices {
                let end = at + 1 < runs.count ? Int(runs[at + 1].first) : length
                body(Int(runs[at].first), end - Int(runs[at].first), runs[at].row)
            }
            return
        }
        var first = 0
        for at in rows.indices.dropFirst()
        where rows[at].phase != rows[first].phase || rows[at].epoch != rows[first].epoch {
            body(first, at - first, rows[first])
            first = at
        }
        body(first, rows.count - first, rows[first])
    }
}

// For snapshots.
extension TaskTable.Chunk: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integers(rows.map(\.phase.rawValue))
        writer.integers(rows.map(\.epoch))
        writer.integers(rows.map(\.owner.incarnation))
        writer.count(runs.count)
        for run in runs {
            writer.integer(run.first)
            writer.integer(run.row.phase.rawValue)
            writer.integer(run.row.epoch)
            writer.value(run.row.owner)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let phases: [UInt8] = try reader.integers()
        let epochs: [Epoch] = try reader.integers()
        let owners: [UInt64] = try reader.integers()
        guard phases.count == epochs.count, phases.count == owners.count else {
            throw WireError("a table of tasks with columns of unlike length")
        }
        for at in phases.indices {
            rows.append(
                TaskTable.Row(owner: WorkerID(owners[at]), epoch: epochs[at], phase: try Self.phase(phases[at])))
        }
        for _ in 0..<(try reader.count(elementBytes: 17)) {
            let first: UInt32 = try reader.integer()
            let phase = try Self.phase(try reader.integer())
            let epoch: Epoch = try reader.integer()
            runs.append(Run(first: first, row: TaskTable.Row(owner: try reader.value(), epoch: epoch, phase: phase)))
        }
        over = rows.count(where: \.isOver)
    }
    private static func phase(_ raw: UInt8) throws(WireError) -> TaskTable.Phase {
        guard let phase = TaskTable.Phase(rawValue: raw) else { throw WireError("\(raw) is no phase of a task") }
        return phase
    }
    /// It is as long as it should be, in one of its three forms.
    func fits(_ length: Int) -> Bool {
        guard runs.isEmpty else {
            let isAscending = zip(runs, runs.dropFirst()).allSatisfy { $0.first < $1.first }
            return rows.isEmpty && runs[0].first == 0 && isAscending && Int(runs.last!.first) < length
        }
        return rows.isEmpty || rows.count == length
    }
}
