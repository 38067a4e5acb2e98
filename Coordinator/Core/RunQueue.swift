import Messages

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
