import CoordinatorCore
import Messages

/// What `state.sqlite` holds, in memory, with the same keys; and the referee: every record that is stored is held
/// against rules written down here a second time, apart from the core.
package struct SimulatedStore: Sendable {
    private struct Key: Hashable, Comparable {
        var epoch: Epoch, first: UInt32
        static func < (a: Key, b: Key) -> Bool { (a.epoch, a.first) < (b.epoch, b.first) }
    }
    private struct Row {
        var run: ClaimRun
        var worker: WorkerID
        var granted: UInt32
        var isOpen: Bool
    }
    /// What the referee knows of a task.
    private struct Task {
        var epoch: Epoch = 0
        var owner = WorkerID(0)
        var isHeld = false
        var isDone = false
        var isParked = false
        /// It was there when a worker died, when it was last claimed.
        var isSuspect = false
        /// Of a task that was claimed twice the first claim, while it is open.
        var earlier: (epoch: Epoch, owner: WorkerID)?
        /// The newest claim ended while the earlier one went on: its result need not be accepted any more.
        var isDisowned = false
    }
    private struct Table {
        var stored: StoredJob
        var rows: [Key: Row] = [:]
        var attempts: [UInt32: (failures: UInt32, deaths: [WorkerID], parked: String?)] = [:]
        var results: [(index: UInt32, result: [UInt8])] = []
        var tasks: [Task] = []
        /// Budget added, by token.
        var additions: [UInt64: UInt64] = [:]
    }
    private var tables: [Table] = []
    /// Of the workers that joined and did not leave.
    package private(set) var names: [WorkerID: String] = [:]
    /// Tasks whose claim was closed as done in this batch: their results must be in it.
    private var due: [TaskID] = []
    /// Workers that were lost in this batch without a goodbye, and how many deaths each task of theirs has seen with it:
    /// counted before the batch is stored, and so before another claim goes out.
    private var lost: Set<WorkerID> = []
    private var bereft: [TaskID: UInt32] = [:]
    private var excused: Set<WorkerID> = []
    /// Workers that joined in this batch: nothing is held against a task for the death of one that is here.
    private var joined: [WorkerID] = []
    /// Who had joined when the coordinator restarted, and whether one of them is back: when nobody is, nobody died for
    /// certain. Looked up, never iterated.
    private var former: Set<WorkerID> = []
    private var isDoubtful = false
    /// Of the program that runs now; and the results that were accepted under each version. Looked up, never iterated.
    package var codeVersion: UInt32 = 1
    package static let reusable = "reusable"
    private var computed: [Computed: Set<[UInt8]>] = [:]
    private struct Computed: Hashable {
        var codeVersion: UInt32
        var task: [UInt8]
    }
    /// Positions of jobs whose budget changed in this batch.
    private var budgeted: [Int] = []
    /// The first rule that was broken.
    package private(set) var broken: Violation?
    /// What each worker's claims take of it, and how many tasks, and suspects, they are. Looked up, never iterated.
    private var taken: [WorkerID: (memory: UInt64, cores: UInt64)] = [:]
    private var held: [WorkerID: Int] = [:]
    private var suspects: [WorkerID: Int] = [:]
    /// What each worker has. Looked up, never iterated.
    package var capacity: [WorkerID: (memory: UInt64, slots: UInt32)] = [:]
    package var jobCount: Int { tables.count }
    /// Of the core whose records these are.
    package var limits = Simulation.limits

    package init() {}

    package func state(of job: JobID) -> JobState { tables[Int(job.number) - 1].stored.state }
    package func submission(of job: JobID) -> Submission { tables[Int(job.number) - 1].stored.submission }
    package func results(of job: JobID) -> [(index: UInt32, result: [UInt8])] { tables[Int(job.number) - 1].results }
    package func isDone(_ task: TaskID) -> Bool {
        Int(task.job.number) <= tables.count && Int(task.index) < tables[Int(task.job.number) - 1].tasks.count
            && tables[Int(task.job.number) - 1].tasks[Int(task.index)].isDone
    }
    package func taskCount(of job: JobID) -> UInt32 {
        job.number > 0 && Int(job.number) <= tables.count ? UInt32(tables[Int(job.number) - 1].tasks.count) : 0
    }
    /// True when a result from this claim would have to be accepted, had it not been.
    package func isOwed(_ run: ClaimRun, to worker: WorkerID) -> Bool {
        guard run.job.number > 0, Int(run.job.number) <= tables.count else { return false }
        let table = tables[Int(run.job.number) - 1]
        guard !table.stored.state.isOver else { return false }
        return run.indices.contains {
            guard Int($0) < table.tasks.count else { return false }
            let task = table.tasks[Int($0)]
            guard !task.isDone, !task.isParked else { return false }
            if let earlier = task.earlier, earlier == (run.epoch, worker) { return true }
            return task.epoch == run.epoch && task.owner == worker && !task.isDisowned
        }
    }
    /// Tasks parked, as (index, reason).
    package func parked(of job: JobID) -> [(index: UInt32, reason: String)] {
        tables[Int(job.number) - 1].attempts.sorted { $0.key < $1.key }.compactMap { entry in
            entry.value.parked.map { (entry.key, $0) }
        }
    }
    /// Tasks of a job that have neither a result nor been given up.
    package func open(of job: JobID) -> [UInt32] {
        tables[Int(job.number) - 1].tasks.indices.filter {
            let task = tables[Int(job.number) - 1].tasks[$0]
            return !task.isDone && !task.isParked
        }.map { UInt32($0) }
    }
    /// Those of them that nobody holds, and that were never there when a worker died.
    package func waiting(of job: JobID) -> [UInt32] {
        let table = tables[Int(job.number) - 1]
        return open(of: job).filter { !isHeld(TaskID(job, $0)) && table.attempts[$0]?.deaths ?? [] == [] }
    }
    package func isHeld(_ task: TaskID) -> Bool {
        let task = tables[Int(task.job.number) - 1].tasks[Int(task.index)]
        return task.isHeld || task.earlier != nil
    }
    package func owner(of task: TaskID) -> WorkerID {
        let task = tables[Int(task.job.number) - 1].tasks[Int(task.index)]
        return task.isHeld ? task.owner : task.earlier?.owner ?? task.owner
    }
    /// Tasks that two workers have a claim of now.
    package func isHeldTwice(_ task: TaskID) -> Bool {
        let task = tables[Int(task.job.number) - 1].tasks[Int(task.index)]
        return task.isHeld && task.earlier != nil
    }
    package func isParked(_ task: TaskID) -> Bool { tables[Int(task.job.number) - 1].tasks[Int(task.index)].isParked }
    package func failures(of task: TaskID) -> UInt32 {
        tables[Int(task.job.number) - 1].attempts[task.index]?.failures ?? 0
    }
    package func payload(of task: TaskID) -> [UInt8] {
        let stored = tables[Int(task.job.number) - 1].stored
        if let array = stored.array, task.index < array.count { return array.payload }
        return stored.tasks[Int(task.index - (stored.array?.count ?? 0))].payload
    }
    package func crashes(of task: TaskID) -> UInt32 {
        UInt32(tables[Int(task.job.number) - 1].attempts[task.index]?.deaths.count ?? 0)
    }

    private mutating func fail(_ rule: Invariant, _ words: String) {
        if broken == nil { broken = Violation(rule: rule, words: words) }
    }

    /// - Parameter sender: the worker whose outcomes are being handled, if it is one.
    package mutating func apply(_ record: Record, from sender: WorkerID?) {
        switch record {
        case .accepted(let job, let submission, let wall):
            if Int(job.number) != tables.count + 1 { fail(.oneState, "job \(job) accepted out of turn") }
            if let first = tables.first(where: { $0.stored.submission.token == submission.token }) {
                fail(.oneJobAToken, "one token became jobs \(first.stored.id) and \(job)")
            }
            tables.append(Table(stored: StoredJob(id: job, submission: submission, submitted: wall, state: .waiting)))
        case .state(let job, let state, let reason, let answer, let wall):
            let j = Int(job.number) - 1
            let old = tables[j].stored.state
            if old.isOver, old != .unfinished { fail(.oneState, "job \(job) was \(old) and became \(state)") }
            tables[j].stored.state = state
            tables[j].stored.reason = reason
            tables[j].stored.answer = answer
            tables[j].stored.ended = state.isOver ? wall : 0
        case .array(let job, let payload, let count):
            let j = Int(job.number) - 1
            if tables[j].stored.array != nil { fail(.oneState, "job \(job) has two arrays") }
            tables[j].stored.array = (payload, count)
            tables[j].tasks += Array(repeating: Task(), count: Int(count))
        case .tasks(let job, let first, let tasks):
            let j = Int(job.number) - 1
            if Int(first) != tables[j].tasks.count {
                fail(.oneState, "job \(job): tasks planned out of turn at \(first)")
            }
            tables[j].stored.tasks += tasks
            tables[j].tasks += Array(repeating: Task(), count: tasks.count)
        case .planStatus(let job, let status): tables[Int(job.number) - 1].stored.status = status
        case .claimed(let run, let worker, let granted): claimed(run, worker, granted)
        case .closed(let run, let allDone): closed(run, allDone)
        case .done(let run, let bytes, _): done(run, bytes, from: sender)
        case .attempts(let task, let failures, let deaths, let parked):
            let crashes = UInt32(deaths.count)
            let j = Int(task.job.number) - 1
            if tables[j].tasks[Int(task.index)].isDone {
                fail(.oneResult, "task \(task) has a result and is tried again")
            }
            let retries = tables[j].stored.submission.retries
            let isPoisoned = crashes >= limits.crashes
            if parked == nil, failures > retries || isPoisoned {
                fail(.blame, "task \(task) failed \(failures) times and killed \(crashes) workers, and is tried again")
            }
            if parked != nil, failures <= retries, !isPoisoned {
                fail(.blame, "a neighbour was blamed: task \(task) is parked after \(crashes) crashes")
            }
            if parked != nil { tables[j].tasks[Int(task.index)].isParked = true }
            tables[j].attempts[task.index] = (failures, deaths, parked)
        case .ledger(let job, let entry):
            if entry.donated != (entry.granted > entry.spent ? entry.granted - entry.spent : 0) {
                fail(
                    .budget, "job \(job): of \(entry.granted) ms \(entry.spent) were spent and \(entry.donated) donated"
                )
            }
            tables[Int(job.number) - 1].stored.ledger.append(entry)
        case .heard(let job, let hearing):
            if case .request(let number) = hearing.source {
                let j = Int(job.number) - 1
                if number <= tables[j].stored.told {
                    fail(.oneJobAToken, "job \(job): request \(number) was told twice")
                }
                tables[j].stored.told = number
            }
        case .joined(let worker, let name):
            names[worker] = name
            joined.append(worker)
        case .left(let worker):
            names[worker] = nil
            if !isDoubtful, !excused.contains(worker) { lost.insert(worker) }
        case .budget(let job, let budget): keep(budget, of: job)
        case .budgetAdded(let job, let token, let milliseconds):
            let j = Int(job.number) - 1
            if tables[j].additions[token] != nil { fail(.budget, "job \(job): budget was added twice under one token") }
            tables[j].additions[token] = milliseconds
            tables[j].stored.budgetTokens.append(token)
            if !budgeted.contains(j) { budgeted.append(j) }
        }
    }

    private mutating func keep(_ budget: StoredBudget, of job: JobID) {
        let j = Int(job.number) - 1
        if let old = tables[j].stored.budget {
            if budget.elapsedMilliseconds < old.elapsedMilliseconds {
                fail(.budget, "job \(job): spent budget was given back")
            }
            if budget.mostSlots < old.mostSlots { fail(.budget, "job \(job): slots were forgotten") }
        }
        if budget.elapsedMilliseconds > budget.wallMilliseconds {
            fail(.budget, "job \(job): its budget's clock ran past its end")
        }
        if budget.total > budget.wallMilliseconds * budget.mostSlots {
            fail(
                .budget,
                "job \(job): a budget of \(budget.total) ms; its slots never had more than \(budget.mostSlots) × wall")
        }
        tables[j].stored.budget = budget
        if !budgeted.contains(j) { budgeted.append(j) }
    }

    /// What the coordinator is about to handle, as far as it says who is alive.
    package mutating func note(_ event: Event) {
        switch event {
        case .hello(let hello): if former.contains(hello.worker) { isDoubtful = false }
        case .goodbye(let worker): excused.insert(worker)
        default: break
        }
    }
    package mutating func coordinatorRestarts() {
        former = Set(names.keys)
        isDoubtful = true
        excused = []
    }

    /// The batch is whole: what its parts promised of each other must hold.
    package mutating func endBatch() {
        for (task, crashes) in bereft.sorted(by: { $0.key < $1.key })
        where !state(of: task.job).isOver && !isDone(task) && self.crashes(of: task) != crashes {
            fail(.blame, "a worker died with task \(task), which was not counted")
        }
        bereft = [:]
        for worker in joined { checkBlame(for: worker) }
        joined = []
        lost = []
        excused = []
        for j in budgeted {
            let job = tables[j].stored
            let wall = tables[j].additions.values.reduce(job.submission.budgetMilliseconds, +)
            if let budget = job.budget, budget.wallMilliseconds != wall {
                fail(.budget, "job \(job.id): a budget of \(budget.wallMilliseconds) ms, given were \(wall)")
            }
            let spent = job.ledger.reduce(0) { $0 + $1.spent }
            if let budget = job.budget, spent > budget.total {
                fail(.budget, "job \(job.id): \(spent) ms are spent and slots lived through \(budget.total)")
            }
        }
        budgeted = []
        for task in due where !isDone(task) {
            fail(.nothingLost, "the claim of task \(task) was closed as done and has no result")
        }
        due = []
    }

    private mutating func checkBlame(for worker: WorkerID) {
        for table in tables where !table.stored.state.isOver || table.stored.state == .unfinished {
            let wronged = table.attempts.filter { $0.value.deaths.contains(worker) }.keys.sorted()
                .first { !table.tasks[Int($0)].isDone && !table.tasks[Int($0)].isParked }
            if let wronged {
                fail(
                    .blame,
                    "task \(table.stored.id).\(wronged) is blamed for the death of worker \(worker), which lives")
            }
        }
    }

    /// What was there when workers died is tried again beside few of its like, and at last alone.
    private mutating func checkCompany(_ run: ClaimRun, _ worker: WorkerID) {
        let crashes = run.indices.map { self.crashes(of: TaskID(run.job, $0)) }.max() ?? 0
        if crashes + 1 >= limits.crashes, held[worker] != 1 {
            fail(.blame, "\(run) may be parked with its next worker, which has \(held[worker] ?? 0) tasks")
        }
        if crashes > 0, suspects[worker] ?? 0 > Int(limits.suspects) {
            fail(.blame, "\(run): \(worker) has \(suspects[worker]!) tasks that were there when a worker died")
        }
    }

    private mutating func claimed(_ run: ClaimRun, _ worker: WorkerID, _ granted: UInt32) {
        let j = Int(run.job.number) - 1
        if tables[j].stored.state.isOver, worker != WorkerID(0), tables[j].stored.state != .unfinished {
            fail(.cancelled, "\(run) was claimed though its job is \(tables[j].stored.state)")
        }
        for parent in tables[j].stored.submission.after where state(of: parent) != .done {
            fail(.order, "\(run) was claimed before job \(parent), which it comes after, was done")
        }
        let isNew = run.indices.contains { tables[j].tasks[Int($0)].epoch < run.epoch }
        if isNew, tables[j].stored.state == .paused { fail(.paused, "\(run) was handed out though its job is paused") }
        for index in run.indices {
            let task = tables[j].tasks[Int(index)]
            if task.isDone { continue }  // a hole in a run that was cut
            if let earlier = task.earlier, earlier.epoch == run.epoch {
                // The first of two claims is said again, as part of a run that was cut, or because it was answered.
                if earlier.owner != worker, worker != WorkerID(0) {
                    fail(.ownClaim, "\(run): task \(index) changed its worker without a new epoch")
                }
                if worker == WorkerID(0) { dropEarlier(index, of: j) }
                continue
            }
            if run.epoch < task.epoch { fail(.oneClaim, "\(run): the epoch of task \(index) fell from \(task.epoch)") }
            let isSecond = run.epoch > task.epoch && (task.isHeld || task.earlier != nil)
            if isSecond, let words = whyNotTwice(run, worker) { fail(words.rule, "\(run): \(words.words)") }
            if run.epoch > task.epoch, task.isParked {
                fail(.blame, "\(run): task \(index) is parked and was handed out")
            }
            if run.epoch == task.epoch, task.owner != worker, worker != WorkerID(0) {
                fail(.ownClaim, "\(run): task \(index) changed its worker without a new epoch")
            }
            if isSecond, task.isHeld {
                // Its share of its worker goes with it.
                tables[j].tasks[Int(index)].earlier = (task.epoch, task.owner)
                tables[j].tasks[Int(index)].isHeld = false
            } else {
                hold(index, of: j, false)
            }
            if run.epoch > task.epoch { tables[j].tasks[Int(index)].isDisowned = false }
            tables[j].tasks[Int(index)].epoch = run.epoch
            tables[j].tasks[Int(index)].owner = worker
            // Pieces of a run that was cut stay what the run was.
            if run.epoch > task.epoch || !task.isHeld {
                tables[j].tasks[Int(index)].isSuspect = crashes(of: TaskID(run.job, index)) > 0
            }
            hold(index, of: j, worker != WorkerID(0))
        }
        if isNew {
            checkRoom(run, worker)
            checkCompany(run, worker)
        }
        tables[j].rows[Key(epoch: run.epoch, first: run.first)] = Row(
            run: run, worker: worker, granted: granted, isOpen: true)
    }

    /// What forbids that this worker claims a task that somebody has a claim of; nil when it may, as speculation.
    private func whyNotTwice(_ run: ClaimRun, _ worker: WorkerID) -> Violation? {
        let stored = tables[Int(run.job.number) - 1].stored
        let task = tables[Int(run.job.number) - 1].tasks[Int(run.first)]
        if !limits.speculated.contains(stored.submission.kind) {
            return Violation(rule: .oneClaim, words: "a task has two live claims, and its kind may not run twice")
        }
        if task.isHeld, task.earlier != nil {
            return Violation(rule: .oneClaim, words: "a task has three live claims")
        }
        if run.count > 1 { return Violation(rule: .oneClaim, words: "many tasks have two live claims") }
        if task.isHeld ? task.owner == worker : task.earlier?.owner == worker {
            return Violation(rule: .oneClaim, words: "one worker has two live claims of a task")
        }
        let planned = Int(run.first) - Int(stored.array?.count ?? 0)
        if planned >= 0, stored.tasks[planned].isBudgeted {
            return Violation(rule: .speculation, words: "a slice of a search runs twice")
        }
        if crashes(of: TaskID(run.job, run.first)) + 2 >= limits.crashes {
            return Violation(rule: .speculation, words: "what the deaths of two workers would park runs on two")
        }
        return nil
    }

    private mutating func dropEarlier(_ index: UInt32, of j: Int) {
        guard let earlier = tables[j].tasks[Int(index)].earlier else { return }
        tables[j].tasks[Int(index)].earlier = nil
        share(of: j, earlier.owner, false)
    }

    /// The books of what is held: each claim's share is its owner's once.
    private mutating func hold(_ index: UInt32, of j: Int, _ isHeld: Bool) {
        let task = tables[j].tasks[Int(index)]
        guard task.isHeld != isHeld else { return }
        tables[j].tasks[Int(index)].isHeld = isHeld
        share(of: j, task.owner, isHeld)
        if task.isSuspect { suspects[task.owner, default: 0] += isHeld ? 1 : -1 }
    }
    private mutating func share(of j: Int, _ owner: WorkerID, _ isHeld: Bool) {
        held[owner, default: 0] += isHeld ? 1 : -1
        let needs = tables[j].stored.submission.needs
        guard needs.cores > 1 || needs.memoryBytes > 0 else { return }
        var sum = taken[owner] ?? (0, 0)
        if isHeld {
            sum = (sum.memory + needs.memoryBytes, sum.cores + UInt64(needs.cores))
        } else {
            sum = (sum.memory - needs.memoryBytes, sum.cores - UInt64(needs.cores))
        }
        taken[owner] = sum
    }

    /// What is handed out anew must fit beside what its worker holds. Small tasks may queue there.
    private mutating func checkRoom(_ run: ClaimRun, _ worker: WorkerID) {
        let needs = submission(of: run.job).needs
        guard needs.cores > 1 || needs.memoryBytes > 0, let sum = taken[worker], let capacity = capacity[worker] else {
            return
        }
        // One that came back to its claims may hold more than it has for a while, of what the new task does not need.
        if needs.memoryBytes > 0, sum.memory > capacity.memory {
            fail(.resources, "\(run): \(worker) holds tasks of \(sum.memory >> 20) MiB")
        }
        if needs.cores > 1, sum.cores > capacity.slots {
            fail(.resources, "\(run): \(worker) holds tasks of \(sum.cores) cores")
        }
    }

    private mutating func closed(_ run: ClaimRun, _ allDone: Bool) {
        let j = Int(run.job.number) - 1
        let key = Key(epoch: run.epoch, first: run.first)
        guard let row = tables[j].rows[key] else { return fail(.oneClaim, "\(run) was closed and is not stored") }
        if !row.isOpen { fail(.oneClaim, "\(run) was closed twice") }
        for index in run.indices {
            let task = tables[j].tasks[Int(index)]
            let isEarlier = task.earlier?.epoch == run.epoch
            guard isEarlier || task.epoch == run.epoch else { continue }
            if lost.contains(row.worker), isEarlier || task.isHeld, !task.isDone {
                let id = TaskID(run.job, index)
                bereft[id] = (bereft[id] ?? crashes(of: id)) + 1
            }
            if allDone, !task.isDone { due.append(TaskID(run.job, index)) }
            if isEarlier {
                // Of what is done the result follows in this batch, and takes it along.
                if !allDone { dropEarlier(index, of: j) }
            } else {
                if task.earlier != nil { tables[j].tasks[Int(index)].isDisowned = true }
                hold(index, of: j, false)
            }
        }
        if allDone { tables[j].rows[key] = nil } else { tables[j].rows[key]!.isOpen = false }
    }

    private mutating func done(_ run: ClaimRun, _ bytes: [UInt8], from sender: WorkerID?) {
        let j = Int(run.job.number) - 1
        if tables[j].stored.state.isOver {
            fail(.cancelled, "\(run): a result was accepted; its job is \(tables[j].stored.state)")
        }
        if run.epoch == 0 { return reused(run, bytes) }
        let isReusable = tables[j].stored.submission.kind == Self.reusable
        for index in run.indices {
            if isReusable, tables[j].stored.array == nil {
                let task = Computed(codeVersion: codeVersion, task: payload(of: TaskID(run.job, index)))
                computed[task, default: []].insert(bytes)
            }
            let task = tables[j].tasks[Int(index)]
            if task.isDone { fail(.oneResult, "\(run): task \(index) has two results") }
            let isEarlier = task.earlier?.epoch == run.epoch
            if task.epoch != run.epoch, !isEarlier {
                fail(.oneResult, "\(run): a result of an old claim; the newest is \(task.epoch)")
            }
            if isEarlier ? task.earlier!.owner != sender : task.owner != sender {
                fail(.ownClaim, "\(run): a result from a stranger")
            }
            hold(index, of: j, false)
            dropEarlier(index, of: j)
            tables[j].tasks[Int(index)].isDone = true
            tables[j].tasks[Int(index)].epoch = run.epoch
            tables[j].results.append((index, bytes))
        }
        tables[j].stored.done.append(run)
    }

    /// A result without a claim: it was computed before, by code of today, from the same bytes.
    private mutating func reused(_ run: ClaimRun, _ bytes: [UInt8]) {
        let j = Int(run.job.number) - 1
        for index in run.indices {
            let task = tables[j].tasks[Int(index)]
            if task.isDone || task.epoch > 0 { fail(.oneResult, "\(run): a result was reused, and the task has begun") }
            let same = Computed(codeVersion: codeVersion, task: payload(of: TaskID(run.job, index)))
            if tables[j].stored.submission.kind != Self.reusable {
                fail(.reuse, "\(run): a result was reused of a kind that is always run")
            } else if computed[same]?.contains(bytes) != true {
                fail(.reuse, "\(run): a result was reused that today's code never gave")
            }
            tables[j].tasks[Int(index)].isDone = true
            tables[j].results.append((index, bytes))
        }
        tables[j].stored.done.append(run)
    }

    /// As `StateDatabase.load` answers.
    package func load() -> [StoredJob] {
        tables.map { table in
            var job = table.stored
            job.claims = table.rows.sorted { $0.key < $1.key }.map {
                ($0.value.run, $0.value.worker, $0.value.granted, $0.value.isOpen)
            }
            job.attempts = table.attempts.sorted { $0.key < $1.key }.map {
                ($0.key, $0.value.failures, $0.value.deaths, $0.value.parked)
            }
            return job
        }
    }
}
