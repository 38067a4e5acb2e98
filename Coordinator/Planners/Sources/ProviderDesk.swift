import Jobs
import Messages
import Providers
import Synchronization

/// Where every call to a provider is leased, by all jobs of a coordinator together: one quota, one circuit, however many
/// jobs there are. A lease is in its book before anybody hears of it, so that no crash forgets one.
package final class ProviderDesk: Sendable {
    /// Who asks, and for which call: asked again, it is the same lease.
    package struct Asker: Sendable, Hashable {
        package var job: UInt32, task: UInt32
        package var run: UInt64
        package var number: UInt32
        package init(job: UInt32, task: UInt32, run: UInt64, number: UInt32) {
            self.job = job
            self.task = task
            self.run = run
            self.number = number
        }
    }
    package enum Decision: Sendable, Equatable {
        case lease
        /// Not before so many milliseconds have passed.
        case wait(UInt64)
        case never
    }
    private struct Held {
        var provider: String
        var lease: SourceBudget.Lease
    }
    private struct State: ~Copyable {
        var clock = JobClock()
        var budgets: [String: SourceBudget] = [:]  // looked up only
        var healths: [String: SourceHealth] = [:]  // likewise
        var leases: [Asker: Held] = [:]  // looked up, and emptied of what is long over
        var spent: [String: UInt64] = [:]  // likewise, by job and provider
        var records: [String: SourceRecord] = [:]  // written sorted
        var issued: UInt64 = 0
        /// The time that the book has.
        var marked: UInt64 = 0
    }
    private let state = Mutex(State())
    private let book: any QuotaBook
    /// When a second provider is asked beside a slow one.
    package let hedging: Hedging

    /// - Throws: when the book cannot be read.
    package init(_ book: any QuotaBook = NoQuotaBook(), hedging: Hedging = .never) throws(JobError) {
        self.book = book
        self.hedging = hedging
        let mark = try book.mark()
        let entries = try book.entries()
        let spent = try book.spent()
        let blocks = try book.blocks()
        state.withLock { state in
            if let mark {
                state.clock.begin(at: mark)
                state.marked = mark.now
            }
            for entry in entries {
                state.issued = max(state.issued, entry.number)
                // Of books that had no mark yet.
                if mark == nil { state.clock.begin(at: ClockMark(now: entry.told, boot: "", monotonic: 0)) }
                let lease = SourceBudget.Lease(
                    number: entry.number, units: entry.units, end: entry.end, told: entry.told)
                if entry.isHeld {
                    state.budgets[entry.provider, default: SourceBudget()].hold(lease)
                    state.leases[entry.asker] = Held(provider: entry.provider, lease: lease)
                } else {
                    state.budgets[entry.provider, default: SourceBudget()].use(
                        entry.units, until: entry.end, told: entry.told)
                }
            }
            for block in blocks { state.budgets[block.provider, default: SourceBudget()].block(until: block.until) }
            for entry in spent { state.spent[Self.key(entry.job, entry.provider)] = entry.units }
        }
    }
    private static func key(_ job: UInt32, _ provider: String) -> String { "\(job) \(provider)" }

    package func tell(_ moment: Moment) { state.withLock { $0.clock.tell(moment) } }
    /// Now and then writes down how late it is, where leases were ever written: after a reboot that much is sure.
    package func keepTime() throws(JobError) {
        let mark = state.withLock { state -> ClockMark? in
            guard state.issued > 0, let mark = state.clock.mark, mark.now >= state.marked + 60_000 else { return nil }
            state.marked = mark.now
            return mark
        }
        if let mark { try book.write(mark) }
    }
    /// Milliseconds since 1970, by the only clock that counts here.
    package var now: UInt64 { state.withLock { $0.clock.now } }
    /// The time in a provider's answer: after a reboot it says whether the machine's own clock is to be believed.
    package func attest(_ date: UInt64?) throws(JobError) {
        guard let date else { return }
        let shift = state.withLock { state -> (since: UInt64, by: UInt64)? in
            guard let shift = state.clock.attest(date) else { return nil }
            // What was used since the machine started was used later than it seemed.
            for name in state.budgets.keys.sorted() { state.budgets[name]!.shift(since: shift.since, by: shift.by) }
            return shift
        }
        if let shift { try book.shift(since: shift.since, by: shift.by) }
    }
    /// How far the wall clock is ahead of what has surely passed since the book was last written. Milliseconds.
    package var unprovenMilliseconds: UInt64 { state.withLock { $0.clock.unproven } }

    /// A lease for one call, if there is room for it.
    package func ask(_ asker: Asker, _ provider: String, _ units: UInt32, _ limits: ProviderLimits) throws(JobError)
        -> Decision
    {
        let latest = UInt64(Ingest.leaseMilliseconds) + Ingest.callMilliseconds + Ingest.straggleMilliseconds
        let (decision, entry, mark) = state.withLock { state -> (Decision, QuotaEntry?, ClockMark?) in
            if state.leases[asker] != nil { return (.lease, nil, nil) }
            let now = state.clock.now
            state.records[provider, default: SourceRecord()].limits = limits
            if let wait = state.healths[provider, default: SourceHealth()].wait(at: now, latest: latest) {
                return (.wait(wait), nil, nil)
            }
            switch state.budgets[provider, default: SourceBudget()].look(UInt64(units), limits, at: now) {
            case .wait(let wait):
                state.healths[provider]!.withdraw(at: now)
                return (.wait(wait), nil, nil)
            case .never:
                state.healths[provider]!.withdraw(at: now)
                return (.never, nil, nil)
            case .free: break
            }
            state.issued += 1
            let lease = SourceBudget.Lease(number: state.issued, units: units, end: now + latest, told: now)
            state.budgets[provider]!.hold(lease)
            state.leases[asker] = Held(provider: provider, lease: lease)
            state.spent[Self.key(asker.job, provider), default: 0] += UInt64(units)
            return (
                .lease,
                QuotaEntry(
                    number: lease.number, provider: provider, units: units, end: lease.end, isHeld: true, told: now,
                    asker: asker), state.clock.mark
            )
        }
        if let entry { try book.write(entry, mark) }
        return decision
    }

    /// How the call under a lease ended. Said again, it changes nothing.
    package func hear(_ news: Ingest.News, from asker: Asker) throws(JobError) {
        struct Change {
            var number: UInt64
            var used: QuotaEntry?
            var mark: ClockMark?
            /// The provider wants to be left alone.
            var block: (provider: String, until: UInt64)?
        }
        let change = state.withLock { state -> Change? in
            guard let held = state.leases.removeValue(forKey: asker) else { return nil }
            let (provider, now) = (held.provider, state.clock.now)
            state.records[provider, default: SourceRecord()].hear(news, units: held.lease.units)
            state.healths[provider, default: SourceHealth()].hear(news, at: now)
            var straggles: UInt64 = 0
            var pause: UInt64?
            switch news {
            case .unused, .answered, .declined, .keyRefused: break
            case .abandoned: straggles = Ingest.straggleMilliseconds
            case .limited(let window, let retryAfter):
                let usual =
                    switch window {
                    case .second: 2 * ProviderLimits.second
                    case .unknown, .minute: ProviderLimits.minute
                    // When a day's quota begins anew is nobody's promise: it is looked at every hour.
                    case .hour, .day: ProviderLimits.hour
                    }
                pause = retryAfter ?? usual
            case .failed(let retryAfter):
                // Its answer is missing: the call itself may still arrive.
                straggles = Ingest.straggleMilliseconds
                pause = retryAfter
            }
            let end = pause.map { now + min($0, ProviderLimits.day) }
            if let end { state.budgets[provider]?.block(until: end) }
            let used = state.budgets[provider]?.end(
                held.lease.number, at: now, wasUsed: news != .unused, straggles: straggles)
            if news == .unused { state.spent[Self.key(asker.job, provider), default: 0] -= UInt64(held.lease.units) }
            return Change(
                number: held.lease.number,
                used: used.map {
                    QuotaEntry(
                        number: $0.number, provider: provider, units: $0.units, end: $0.end, isHeld: false, told: now,
                        asker: asker)
                }, mark: state.clock.mark, block: end.map { (provider, $0) })
        }
        guard let change else { return }
        if let block = change.block { try book.block(block.provider, until: block.until) }
        if let used = change.used {
            try book.write(used, change.mark)
        } else if news == .unused {
            try book.erase(change.number)
        }
    }

    /// How long it will be before so many more calls could be leased; 0: now.
    package func wait(_ provider: String, units: UInt64, calls: Int, _ limits: ProviderLimits) -> UInt64 {
        state.withLock { state in
            let now = state.clock.now
            let circuit = state.healths[provider, default: SourceHealth()].outlook(at: now)
            switch state.budgets[provider, default: SourceBudget()].look(units, calls: calls, limits, at: now) {
            case .free: return circuit
            case .wait(let wait): return max(wait, circuit)
            // It is told so when it asks.
            case .never: return circuit
            }
        }
    }

    /// Units that a job has leased of a provider and not given back.
    package func spent(_ job: UInt32, _ provider: String) -> UInt64 {
        state.withLock { $0.spent[Self.key(job, provider)] ?? 0 }
    }
    package func share(_ provider: String, _ limits: ProviderLimits) -> Double {
        state.withLock { $0.budgets[provider]?.share(limits, at: $0.clock.now) ?? 0 }
    }
    /// The last time that the provider answered; 0: not since this coordinator began.
    package func lastSuccess(_ provider: String) -> UInt64 { state.withLock { $0.healths[provider]?.lastSuccess ?? 0 } }
    /// Why nothing may be asked of a provider just now, for people; nil: it may.
    package func trouble(_ provider: String) -> String? {
        state.withLock { state in
            state.healths[provider]?.isOpen(at: state.clock.now) ?? false ? "it fails again and again" : nil
        }
    }
    /// Whether a call more than is needed may be made: its circuit is not open.
    package func isWell(_ provider: String) -> Bool { state.withLock { $0.healths[provider]?.isWell ?? true } }
    /// How long a call of a provider may take before another is asked too; nil: not known yet, or never.
    package func patience(_ provider: String) -> UInt64? {
        switch hedging {
        case .never: nil
        case .after(let milliseconds): milliseconds
        case .percentile(let percent):
            state.withLock { state in
                state.records[provider]?.latency(percentile: percent, of: Self.leastLatencies).map { UInt64($0) }
            }
        }
    }
    /// A percentile of fewer says nothing.
    private static let leastLatencies = 20
    package func countHedge(_ provider: String) {
        state.withLock { $0.records[provider, default: SourceRecord()].hedges += 1 }
    }
    /// Every provider that was asked, by name.
    package func statuses() -> [SourceStatus] {
        state.withLock { state in
            let now = state.clock.now
            return state.records.sorted { $0.key < $1.key }.map { name, record in
                let health = state.healths[name] ?? SourceHealth()
                let budget = state.budgets[name] ?? SourceBudget()
                return SourceStatus(
                    name: name, record: record, sinceSuccess: health.lastSuccess.map { now - min(now, $0) },
                    circuit: health.words,
                    quotas: (record.limits?.rates ?? []).map {
                        ($0.milliseconds, budget.used($0, at: now), UInt64($0.units))
                    })
            }
        }
    }

    /// The job is over: what its calls used stays, its own sums do not.
    package func forget(_ job: UInt32) throws(JobError) {
        state.withLock { state in
            state.spent = state.spent.filter { !$0.key.hasPrefix("\(job) ") }
            state.leases = state.leases.filter { $0.key.job != job }
        }
        try book.forget(job)
    }
}
