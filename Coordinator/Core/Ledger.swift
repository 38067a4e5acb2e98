import Messages

/// A job's budget in integer slot-milliseconds, after every movement: granted + spent + pool = total.
///
/// A slot that is there brings what is left of the wall time, and takes along what is still left when it goes. So
/// total = what slots have lived through (`passed`) + slots × remaining, never above wall × the most slots there were;
/// and what was spent is never more than what has passed: seconds are moved, never made.
struct Ledger: Sendable, Equatable {
    /// Wall-clock milliseconds the job may take, counted from its first task while a coordinator runs.
    private(set) var wall: UInt64
    private(set) var total: UInt64 = 0
    private(set) var granted: UInt64 = 0
    private(set) var spent: UInt64 = 0
    private(set) var pool: UInt64 = 0
    /// Sum of what tasks gave back.
    private(set) var donated: UInt64 = 0
    /// Slots that count now, and the most there ever were at once.
    private(set) var slots: UInt64 = 0
    private(set) var mostSlots: UInt64 = 0
    /// To be withdrawn as soon as grants come back: the pool could not pay it when slots left.
    private(set) var owed: UInt64 = 0
    /// Budget time used before `startedAt`.
    private(set) var elapsedBefore: UInt64 = 0
    private(set) var startedAt: Milliseconds?
    /// Microseconds reported and not yet booked, below one millisecond: rounding each task would make seconds.
    private var unbooked: UInt64 = 0

    init(wall: UInt64) { self.wall = wall }

    // MARK: - Its clock

    func elapsed(at now: Milliseconds) -> UInt64 {
        elapsedBefore + (startedAt.map { now > $0 ? now - $0 : 0 } ?? 0)
    }
    func remaining(at now: Milliseconds) -> UInt64 {
        let elapsed = elapsed(at: now)
        return elapsed < wall ? wall - elapsed : 0
    }
    /// True also before `start` in a later life of the coordinator: a crash past the deadline gives no second one.
    func isOver(at now: Milliseconds) -> Bool { remaining(at: now) == 0 }
    /// Milliseconds past the deadline.
    func overrun(at now: Milliseconds) -> UInt64 {
        let elapsed = elapsed(at: now)
        return elapsed > wall ? elapsed - wall : 0
    }
    mutating func start(at now: Milliseconds) { startedAt = startedAt ?? now }
    /// Budget time stands still until `start`.
    mutating func stop(at now: Milliseconds) {
        elapsedBefore = min(elapsed(at: now), wall)
        startedAt = nil
    }

    // MARK: - Slots come and go

    /// Slots count from now on that did not, or no longer do.
    mutating func count(slots: UInt64, at now: Milliseconds) {
        if slots > self.slots {
            deposit((slots - self.slots) * remaining(at: now))
        } else {
            withdraw((self.slots - slots) * remaining(at: now))
        }
        self.slots = slots
        mostSlots = max(mostSlots, slots)
    }
    /// Slots are gone that were last heard of at `heard`: since then their time was nobody's.
    mutating func lose(slots: UInt64, lastHeard heard: Milliseconds) {
        let lost = min(slots, self.slots)
        withdraw(lost * remaining(at: heard))
        self.slots -= lost
    }
    mutating func extend(wall milliseconds: UInt64, at now: Milliseconds) {
        // Time past the deadline was nobody's.
        if overrun(at: now) > 0 {
            elapsedBefore = wall
            if startedAt != nil { startedAt = now }
        }
        wall += milliseconds
        deposit(slots * milliseconds)
    }
    /// The job is over: nothing comes or goes any more.
    mutating func close(at now: Milliseconds) {
        stop(at: now)
        slots = 0
    }
    /// Slot time lived through up to the moment when `elapsed` milliseconds of the budget are used.
    func passed(elapsed: UInt64) -> UInt64 {
        let ahead = owed + slots * (wall - min(wall, elapsed))
        return total > ahead ? total - ahead : 0
    }

    private mutating func deposit(_ milliseconds: UInt64) {
        let paid = min(owed, milliseconds)
        owed -= paid
        total += milliseconds - paid
        pool += milliseconds - paid
    }
    private mutating func withdraw(_ milliseconds: UInt64) {
        let paid = min(pool, milliseconds)
        total -= paid
        pool -= paid
        owed += milliseconds - paid
    }

    // MARK: - Tasks

    /// Moves a slice from the pool to a task: never more than there is.
    mutating func grant(atMost slice: UInt64) -> UInt64 {
        let slice = min(slice, pool)
        pool -= slice
        granted += slice
        return slice
    }
    /// A task's slice is over, or a task without one: what it used is spent, what it did not need is a donation. What
    /// it used beyond its slice comes from the pool, as far as slots have lived through time that nobody has spent:
    /// never from what the slots that are there still bring, and never more than the budget's time since it went out.
    mutating func settle(
        granted slice: UInt64, usedMicroseconds used: UInt64, since: Milliseconds, at now: Milliseconds
    ) -> LedgerEntry {
        precondition(granted >= slice, "a slice is settled once")
        granted -= slice
        pool += slice
        let out = min(elapsed(at: now), wall) - min(elapsed(at: since), wall)
        let whole = unbooked + min(used, out * 1000)
        let passed = passed(elapsed: elapsed(at: now))
        let paid = min(whole / 1000, pool, passed > spent ? passed - spent : 0)
        // What nobody can pay is not carried on to the next task.
        unbooked = whole % 1000
        pool -= paid
        spent += paid
        let back = slice > paid ? slice - paid : 0
        donated += back
        let due = min(owed, pool)
        owed -= due
        pool -= due
        total -= due
        return LedgerEntry(
            at: min(elapsed(at: now), wall), task: 0, granted: slice, spent: paid, donated: back)
    }
    var isBalanced: Bool { granted + spent + pool == total }

    // MARK: - In the store

    /// What a restart needs beside the entries. What slots would still bring is left out: when the coordinator is gone,
    /// so are they, and those that return bring it again.
    func stored(at now: Milliseconds) -> StoredBudget {
        let elapsed = min(elapsed(at: now), wall)
        return StoredBudget(
            wallMilliseconds: wall, elapsedMilliseconds: elapsed, total: passed(elapsed: elapsed), mostSlots: mostSlots)
    }
    /// Grants that were out when the coordinator died are back in the pool; their tasks pay when they end.
    mutating func restore(_ stored: StoredBudget, entries: [LedgerEntry]) {
        wall = stored.wallMilliseconds
        elapsedBefore = stored.elapsedMilliseconds
        mostSlots = stored.mostSlots
        spent = entries.reduce(0) { $0 + $1.spent }
        donated = entries.reduce(0) { $0 + $1.donated }
        total = max(stored.total, spent)
        pool = total - spent
    }
    func status(at now: Milliseconds) -> BudgetStatus {
        BudgetStatus(
            total: total, granted: granted, spent: spent, pool: pool, donated: donated, wallMilliseconds: wall,
            elapsedMilliseconds: min(elapsed(at: now), wall))
    }
}

/// A budget as the store keeps it.
package struct StoredBudget: Sendable, Equatable {
    package var wallMilliseconds: UInt64
    /// Of the budget's clock, at the last commit.
    package var elapsedMilliseconds: UInt64
    /// Slot-milliseconds that slots had lived through then; of a job that is over, the whole total.
    package var total: UInt64
    /// The most slots that counted at once.
    package var mostSlots: UInt64
    package init(wallMilliseconds: UInt64, elapsedMilliseconds: UInt64, total: UInt64, mostSlots: UInt64) {
        self.wallMilliseconds = wallMilliseconds
        self.elapsedMilliseconds = elapsedMilliseconds
        self.total = total
        self.mostSlots = mostSlots
    }
}

// For snapshots.
extension Ledger: Wire {
    package func write(to writer: inout WireWriter) {
        for number in [wall, total, granted, spent, pool, donated, slots, mostSlots, owed, elapsedBefore, unbooked] {
            writer.integer(number)
        }
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
        slots = try reader.integer()
        mostSlots = try reader.integer()
        owed = try reader.integer()
        elapsedBefore = try reader.integer()
        unbooked = try reader.integer()
        let isStarted = try reader.bool()
        let moment: UInt64 = try reader.integer()
        startedAt = isStarted ? moment : nil
    }
}

extension StoredBudget: Wire {
    package func write(to writer: inout WireWriter) {
        for number in [wallMilliseconds, elapsedMilliseconds, total, mostSlots] { writer.integer(number) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            wallMilliseconds: try reader.integer(), elapsedMilliseconds: try reader.integer(),
            total: try reader.integer(), mostSlots: try reader.integer())
    }
}
