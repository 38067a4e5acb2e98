import CoordinatorCore
import Messages

/// What running tasks' programs printed lately, for whoever follows them. In memory only, and bounded: results are what
/// is kept.
struct OutputDesk {
    /// Of one task; its oldest parts go first.
    static let taskBytes = 128 << 10
    /// Of all; the oldest parts go first.
    static let totalBytes = 16 << 20
    /// What a part takes besides its bytes, about, gone or not.
    private static let partBytes = 128

    private struct Task {
        var owner: WorkerID
        var epoch: Epoch
        var numbers: [UInt64] = []
        var bytes = 0
    }
    /// By number, without a gap; nil: gone. Those before `head` are.
    private var parts: [OutputPart?] = []
    private var head = 0
    /// The number of `parts[0]`.
    private var first: UInt64
    private var tasks: [TaskID: Task] = [:]
    private(set) var bytes = 0

    /// - Parameter first: the number of the first part: above those of before a restart, which followers go on from.
    init(first: UInt64 = 1) { self.first = first }

    /// Takes what a worker says of its own tasks. Their ends may have come before the last of it.
    mutating func add(_ output: [TaskOutput], from worker: WorkerID, _ core: borrowing Core) {
        for part in output where !part.bytes.isEmpty {
            let task = TaskID(part.run.job, part.run.first)
            let known = tasks[task].map { $0.owner == worker && $0.epoch == part.run.epoch } ?? false
            if !known {
                let condition = core.condition(of: task, for: (part.run.epoch, worker))
                guard condition == .claimed || condition == .doubled else { continue }
            }
            add(part, of: task, worker)
        }
    }

    private mutating func add(_ part: TaskOutput, of task: TaskID, _ worker: WorkerID) {
        let number = first + UInt64(parts.count)
        parts.append(OutputPart(number: number, output: part))
        bytes += part.bytes.count + Self.partBytes
        var entry = tasks[task] ?? Task(owner: worker, epoch: part.run.epoch)
        (entry.owner, entry.epoch) = (worker, part.run.epoch)
        entry.numbers.append(number)
        entry.bytes += part.bytes.count + Self.partBytes
        tasks[task] = entry
        while let oldest = tasks[task], oldest.bytes > Self.taskBytes { drop(oldest.numbers[0]) }
        while bytes > Self.totalBytes {
            drop(first + UInt64(head))
            trim()
        }
        trim()
    }

    private mutating func drop(_ number: UInt64) {
        guard let part = parts[Int(number - first)] else { return }
        parts[Int(number - first)] = nil
        bytes -= part.output.bytes.count
        let task = TaskID(part.output.run.job, part.output.run.first)
        tasks[task]?.numbers.removeFirst()
        tasks[task]?.bytes -= part.output.bytes.count + Self.partBytes
        if tasks[task]?.numbers.isEmpty == true { tasks[task] = nil }
    }

    /// Forgets the gone that come first.
    private mutating func trim() {
        while head < parts.count, parts[head] == nil {
            head += 1
            bytes -= Self.partBytes
        }
        // Moving the rest up is paid for by as many that came.
        guard head > 1024, 2 * head > parts.count else { return }
        parts.removeFirst(head)
        first += UInt64(head)
        head = 0
    }

    /// In the order in which they came.
    /// - Parameters: task: nil: of all. after: the newest that is known. maximumBytes: of all parts together.
    func parts(of job: JobID, task: UInt32?, after: UInt64, maximumBytes: Int) -> [OutputPart] {
        var found: [OutputPart] = []
        var room = maximumBytes
        let start = after < first ? 0 : Int(min(after - first + 1, UInt64(parts.count)))
        for part in parts[max(head, start)...] {
            guard let part, part.output.run.job == job, task == nil || part.output.run.first == task else { continue }
            room -= part.output.bytes.count + Self.partBytes
            if room < 0, !found.isEmpty { break }
            found.append(part)
        }
        return found
    }
}
