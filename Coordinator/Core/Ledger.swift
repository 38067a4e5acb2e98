import Messages

/// A job's budget in integer slot-milliseconds. granted + spent + pool = total after every movement: seconds are
/// moved, never made.
struct Ledger: Sendable, Equatable {
    /// Wall-clock milliseconds the job may take, counted from its first task while a coordinator runs.
    private(set) var wall: UInt64
    private(set) var total: UInt64 = 0
    private(set) var granted: UInt64 = 0
    private(set) var spent: UInt64 = 0
    private(set) var pool: UInt64 = 0
    /// Sum of what tasks gave back.
    private(set) var donated: UInt64 = 0
    /// Budget time used before `startedAt`, from earlier lives of the coordinator.
    private(set) var elapsedBefore: UInt64 = 0
    private(set) var startedAt: Milliseconds?

    init(wall: UInt64) { self.wall = wall }

    func elapsed(at now: Milliseconds) -> UInt64 {
        elapsedBefore + (startedAt.map { now > $0 ? now - $0 : 0 } ?? 0)
    }
    func remaining(at now: Milliseconds) -> UInt64 {
        let elapsed = elapsed(at: now)
        return elapsed < wall ? wall - elapsed : 0
    }
    /// True also before `start` in a later life of the coordinator: a crash past the deadline gives no second one.
    func isOver(at now: Milliseconds) -> Bool { remaining(at: now) == 0 }

    mutating func start(at now: Milliseconds, slots: Int) {
        guard startedAt == nil else { return }
        startedAt = now
        if total == 0 { deposit(remaining(at: now) * UInt64(slots)) }
    }
    /// Milliseconds past the deadline.
    func overrun(at now: Milliseconds) -> UInt64 {
        let elapsed = elapsed(at: now)
        return elapsed > wall ? elapsed - wall : 0
    }
    /// Budget time stands still: nobody may use it until `start`.
    mutating func stop(at now: Milliseconds) {
        elapsedBefore = min(elapsed(at: now), wall)
        startedAt = nil
    }
    /// More seconds enter: a slot joined, or somebody added budget.
    mutating func deposit(_ milliseconds: UInt64) {
        total += milliseconds
        pool += milliseconds
    }
    mutating func extend(wall milliseconds: UInt64, slots: Int) {
        wall += milliseconds
        // Before the first task nothing is deposited yet: `start` deposits it all.
        if total > 0 { deposit(milliseconds * UInt64(slots)) }
    }

    /// Moves a slice from the pool to a task. Slots that joined since the start bring their own seconds.
    mutating func grant(_ slice: UInt64) {
        if pool < slice { deposit(slice - pool) }
        pool -= slice
        granted += slice
    }
    /// A task's slice is over: what it used is spent, the rest is a donation. An overrun is paid by the pool, and
    /// what the pool lacks enters as a deposit, so that the sum stays exact.
    /// - Returns: what was donated.
    mutating func settle(granted slice: UInt64, used: UInt64) -> UInt64 {
        precondition(granted >= slice, "a slice is settled once")
        granted -= slice
        pool += slice
        if pool < used { deposit(used - pool) }
        pool -= used
        spent += used
        let back = slice > used ? slice - used : 0
        donated += back
        return back
    }
    var isBalanced: Bool { granted + spent + pool == total }

    /// Rebuilt from the store: entries are the settled slices, `openGrants` the claims that are still out.
    mutating func restore(wall: UInt64, total: UInt64, entries: [LedgerEntry], openGrants: UInt64) {
        self.wall = wall
        self.total = total
        spent = entries.reduce(0) { $0 + $1.spent }
        donated = entries.reduce(0) { $0 + $1.donated }
        elapsedBefore = entries.map(\.at).max() ?? 0
        granted = openGrants
        // Deposits made for overruns are stored with the next budget record; a crash between the two is made good.
        if self.total < spent + granted { self.total = spent + granted }
        pool = self.total - spent - granted
    }
    func status(at now: Milliseconds) -> BudgetStatus {
        BudgetStatus(
            total: total, granted: granted, spent: spent, pool: pool, donated: donated, wallMilliseconds: wall,
            elapsedMilliseconds: min(elapsed(at: now), wall))
    }
}

// For snapshots.
extension Ledger: Wire {
    package func write(to writer: inout WireWriter) {
        for number in [wall, total, granted, spent, pool, donated, elapsedBefore] { writer.integer(number) }
        writer.bool(startedAt != nil)
        writer.integer(startedAt ?? 0)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(wall: try reader.integer())
        total = try reader.integer()
        granted = try reader.integer()
        spent = try reader.integer()
        pool = try reader.integer()
        donated = try reader.integer()
        elapsedBefore = try reader.integer()
        let isStarted = try reader.bool()
        let moment: UInt64 = try reader.integer()
        startedAt = isStarted ? moment : nil
    }
}
