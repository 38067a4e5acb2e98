import Messages

/// What would otherwise be asked of every worker at every tick. All of it follows from `Core.workers`, so that it is
/// rebuilt, not stored; and which workers have been tried in vain changes no decision, only how often they are tried.
struct WorkerIndex: Sendable {
    /// Slots of connected workers that do not drain, weighted by their pace, and what connected workers hold.
    var liveSlots = 0
    var livePace: UInt64 = 0
    var liveTasks = 0
    /// Slots that bring budgets their time.
    var budgetSlots: UInt64 = 0
    /// Connected workers that do not drain and have a slot to spare.
    var idleWorkers = 0
    /// Positions of workers that are gone: the smallest is taken again first.
    private var vacant = LeastFirst<Int>()
    /// Positions of workers by name. Looked up, never iterated.
    private var named: [String: [Int]] = [:]
    /// When to look at whose deadline; out-of-date entries are passed over.
    var deadlines = LeastFirst<Deadline>()
    /// Workers that changed since they were last ranked.
    fileprivate var changed: [Int] = []
    /// Workers to be tried, the next one first; out-of-date entries are passed over.
    fileprivate var heap = LeastFirst<Rank>()
    fileprivate var stamp: UInt64 = 0
    /// Workers that were tried; nothing more fits them until they change, or the jobs want something else.
    fileprivate var tried: [Int] = []
    /// What the jobs wanted when workers were last tried in vain.
    var demand: [Demand] = []

    struct Deadline: Comparable, Sendable {
        let at: Milliseconds
        let worker: Int
        static func < (a: Deadline, b: Deadline) -> Bool { (a.at, a.worker) < (b.at, b.worker) }
    }
    struct Rank: Comparable, Sendable {
        let at: Int
        let load: UInt64
        let pace: UInt32
        let speed: UInt64
        let id: WorkerID
        let stamp: UInt64
        static func < (a: Rank, b: Rank) -> Bool {
            if a.load != b.load { return a.load < b.load }
            if a.pace != b.pace { return a.pace > b.pace }
            if a.speed != b.speed { return a.speed > b.speed }
            return a.id < b.id
        }
    }

    /// All of a job that decides whether a worker that was no use to it may be of use now.
    struct Demand: Equatable, Sendable {
        let job: Int
        let ahead: UInt64
        let company: Company
        let isBudgeted: Bool, hasPool: Bool, isAwaiting: Bool
    }

    mutating func vacate(_ w: Int, name: String) {
        vacant.insert(w)
        named[name]?.removeAll { $0 == w }
        if named[name]?.isEmpty == true { named[name] = nil }
    }
    mutating func vacancy() -> Int? { vacant.popLeast() }
    mutating func name(_ w: Int, _ name: String) { named[name, default: []].append(w) }
    mutating func rename(_ w: Int, from old: String, to name: String) {
        guard old != name else { return }
        named[old]?.removeAll { $0 == w }
        if named[old]?.isEmpty == true { named[old] = nil }
        self.name(w, name)
    }
    func positions(named name: String) -> [Int] { named[name] ?? [] }
}

// Kept in step with the workers.
extension Core {
    /// After anything about a worker changed but what it holds, which `heldChanged` counts.
    mutating func workerChanged(_ w: Int) {
        let old = workers[w].counted
        let isLive = workers[w].isConnected && !workers[w].isGone
        let slots = isLive && !workers[w].isDraining ? Int(workers[w].slots) : 0
        let budget = workers[w].isGone ? 0 : budgetSlots(of: w)
        let isIdle = slots > 0 && !workers[w].isReserved && workers[w].heldCores < UInt64(slots)
        let new = Worker.Counted(
            slots: slots, pace: UInt64(slots) * UInt64(workers[w].pace), tasks: isLive ? Int(workers[w].heldTasks) : 0,
            budget: budget, idle: isIdle ? 1 : 0)
        workers[w].counted = new
        index.liveSlots += new.slots - old.slots
        index.livePace += new.pace
        index.livePace -= old.pace
        index.liveTasks += new.tasks - old.tasks
        index.budgetSlots += new.budget
        index.budgetSlots -= old.budget
        index.idleWorkers += new.idle - old.idle
        guard !workers[w].isChanged else { return }
        workers[w].isChanged = true
        index.changed.append(w)
    }

    /// Before workers are tried: those that changed are ranked.
    mutating func rankChanged() {
        for at in index.changed.indices {
            let w = index.changed[at]
            workers[w].isChanged = false
            rank(w)
        }
        index.changed.removeAll(keepingCapacity: true)
    }
    /// The best worker to try next.
    mutating func nextReadyWorker() -> Int? {
        while let next = index.heap.first {
            if workers[next.at].stamp == next.stamp { return next.at }
            index.heap.popLeast()
        }
        return nil
    }
    /// What fits it was handed to the worker that `nextReadyWorker` named.
    mutating func triedReadyWorker(_ w: Int) {
        workers[w].stamp = 0
        if !workers[w].isTried { index.tried.append(w) }
        workers[w].isTried = true
        index.heap.popLeast()
    }
    /// After the last worker that was tried in this tick.
    mutating func endOfReadyWorkers() {
        // Whatever changed meanwhile did by what it was handed.
        for at in index.changed.indices { workers[index.changed[at]].isChanged = false }
        index.changed.removeAll(keepingCapacity: true)
        guard index.heap.count > 2 * workers.count + 64 else { return }
        var current = LeastFirst<WorkerIndex.Rank>()
        for rank in index.heap.elements where workers[rank.at].stamp == rank.stamp { current.insert(rank) }
        index.heap = current
    }

    /// When the jobs want something else, whoever was tried before is tried again.
    mutating func rankTried(for demand: [WorkerIndex.Demand]) {
        index.demand = demand
        for w in index.tried {
            workers[w].isTried = false
            if workers[w].stamp == 0, !workers[w].isGone { rank(w) }
        }
        index.tried.removeAll(keepingCapacity: true)
    }

    private mutating func rank(_ w: Int) {
        guard workers[w].isConnected, !workers[w].isGone,
            !workers[w].isDraining || plantedBug == .assignsToDraining
        else {
            workers[w].stamp = 0
            return
        }
        index.stamp += 1
        workers[w].stamp = index.stamp
        index.heap.insert(
            WorkerIndex.Rank(
                at: w, load: workers[w].heldCores * 65_536 / UInt64(max(workers[w].slots, 1)), pace: workers[w].pace,
                speed: workers[w].speed, id: workers[w].id, stamp: index.stamp))
    }

    /// How fast a worker is, from how long its tasks take beside what they take on all workers.
    mutating func learnPace(of w: Int, from busyMicroseconds: UInt64, tasks: UInt32, of j: Int) {
        let sample = busyMicroseconds * 1000 / UInt64(max(tasks, 1))
        let mean = jobs[j].meanNanoseconds
        guard sample > 0, mean > 0 else { return }
        // A quarter to four times: further apart, one odd task is likelier than such a worker.
        let ratio = sample >= 1 << 20 ? mean / (sample >> 10) : mean < 4 * sample ? mean * 1024 / sample : 4096
        workers[w].pace = workers[w].pace - workers[w].pace / 8 + UInt32(min(max(ratio, 256), 4096)) / 8
        workerChanged(w)
    }

    /// What the index says and the workers do not. For tests.
    func brokenIndex() -> String? {
        let live = workers.filter { $0.isConnected && !$0.isGone }
        let slots = live.reduce(0) { $0 + ($1.isDraining ? 0 : Int($1.slots)) }
        if slots != index.liveSlots { return "\(index.liveSlots) slots are counted and \(slots) are there" }
        let tasks = live.reduce(0) { $0 + Int($1.heldTasks) }
        if tasks != index.liveTasks { return "\(index.liveTasks) held tasks are counted and \(tasks) are there" }
        let pace = live.reduce(0) { $0 + ($1.isDraining ? 0 : UInt64($1.slots) * UInt64($1.pace)) }
        if pace != index.livePace { return "a pace of \(index.livePace) is counted and \(pace) is there" }
        let budget = workers.indices.reduce(0) { $0 + (workers[$1].isGone ? 0 : budgetSlots(of: $1)) }
        let idle = workers.indices.count { isIdle($0) }
        if idle != index.idleWorkers { return "\(index.idleWorkers) idle workers are counted and \(idle) are there" }
        if budget != index.budgetSlots { return "\(index.budgetSlots) slots of budgets are counted, not \(budget)" }
        return nil
    }
}

// For snapshots: who is tried when. The sums and the names are made anew.
extension WorkerIndex: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(stamp)
        writer.integers(changed.map { UInt32($0) })
        writer.integers(tried.map { UInt32($0) })
        writer.count(heap.count)
        for rank in heap.elements {
            writer.integer(UInt32(rank.at))
            for number in [rank.load, rank.speed, rank.stamp] { writer.integer(number) }
            writer.integer(rank.pace)
            writer.value(rank.id)
        }
        writer.count(demand.count)
        for entry in demand {
            writer.integer(UInt32(entry.job))
            writer.integer(entry.ahead)
            writer.value(entry.company)
            for flag in [entry.isBudgeted, entry.hasPool, entry.isAwaiting] { writer.bool(flag) }
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        stamp = try reader.integer()
        changed = try reader.integers(of: UInt32.self).map { Int($0) }
        tried = try reader.integers(of: UInt32.self).map { Int($0) }
        // As they stood in the heap: taken in again in that order they stand so.
        for _ in 0..<(try reader.count(elementBytes: 40)) {
            let at = Int(try reader.integer(UInt32.self))
            let (load, speed, stamp): (UInt64, UInt64, UInt64) = (
                try reader.integer(), try reader.integer(), try reader.integer()
            )
            let pace: UInt32 = try reader.integer()
            heap.insert(Rank(at: at, load: load, pace: pace, speed: speed, id: try reader.value(), stamp: stamp))
        }
        for _ in 0..<(try reader.count(elementBytes: 16)) {
            let job = Int(try reader.integer(UInt32.self))
            let ahead: UInt64 = try reader.integer()
            demand.append(
                Demand(
                    job: job, ahead: ahead, company: try reader.value(), isBudgeted: try reader.bool(),
                    hasPool: try reader.bool(), isAwaiting: try reader.bool()))
        }
    }
    /// Every position that is named here.
    var positions: [Int] { changed + tried + heap.elements.map(\.at) }

    /// Takes who is tried when from another, the sums and names from this.
    mutating func goOn(as other: WorkerIndex) {
        stamp = other.stamp
        changed = other.changed
        tried = other.tried
        heap = other.heap
        demand = other.demand
    }
}
