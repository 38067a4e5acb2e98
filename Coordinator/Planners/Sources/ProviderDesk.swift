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
        var issued: UInt64 = 0
    }
    private let state = Mutex(State())
    private let book: any QuotaBook

    /// - Throws: when the book cannot be read.
    package init(_ book: any QuotaBook = NoQuotaBook()) throws(JobError) {
        self.book = book
        let entries = try book.entries()
        let spent = try book.spent()
        state.withLock { state in
            for entry in entries {
                state.issued = max(state.issued, entry.number)
                state.clock.begin(at: entry.told)
                let lease = SourceBudget.Lease(number: entry.number, units: entry.units, end: entry.end)
                if entry.isHeld {
                    state.budgets[entry.provider, default: SourceBudget()].hold(lease)
                    state.leases[entry.asker] = Held(provider: entry.provider, lease: lease)
                } else {
                    state.budgets[entry.provider, default: SourceBudget()].use(entry.units, until: entry.end)
                }
            }
            for entry in spent { state.spent[Self.key(entry.job, entry.provider)] = entry.units }
        }
    }
    private static func key(_ job: UInt32, _ provider: String) -> String { "\(job) \(provider)" }

    package func tell(_ moment: Moment) { state.withLock { $0.clock.tell(moment) } }
    /// Milliseconds since 1970, by the only clock that counts here.
    package var now: UInt64 { state.withLock { $0.clock.now } }

    /// A lease for one call, if there is room for it.
    package func ask(_ asker: Asker, _ provider: String, _ units: UInt32, _ limits: ProviderLimits) throws(JobError)
        -> Decision
    {
        let latest = UInt64(Ingest.leaseMilliseconds) + Ingest.callMilliseconds + Ingest.straggleMilliseconds
        let (decision, entry) = state.withLock { state -> (Decision, QuotaEntry?) in
            if state.leases[asker] != nil { return (.lease, nil) }
            let now = state.clock.now
            if let wait = state.healths[provider, default: SourceHealth()].wait(at: now, latest: latest) {
                return (.wait(wait), nil)
            }
            switch state.budgets[provider, default: SourceBudget()].look(UInt64(units), limits, at: now) {
            case .wait(let wait):
                state.healths[provider]!.withdraw(at: now)
                return (.wait(wait), nil)
            case .never:
                state.healths[provider]!.withdraw(at: now)
                return (.never, nil)
            case .free: break
            }
            state.issued += 1
            let lease = SourceBudget.Lease(number: state.issued, units: units, end: now + latest)
            state.budgets[provider]!.hold(lease)
            state.leases[asker] = Held(provider: provider, lease: lease)
            state.spent[Self.key(asker.job, provider), default: 0] += UInt64(units)
            return (
                .lease,
                QuotaEntry(
                    number: lease.number, provider: provider, units: units, end: lease.end, isHeld: true, told: now,
                    asker: asker)
            )
        }
        if let entry { try book.write(entry) }
        return decision
    }

    /// How the call under a lease ended. Said again, it changes nothing.
    package func hear(_ news: Ingest.News, from asker: Asker) throws(JobError) {
        let change = state.withLock { state -> (number: UInt64, used: QuotaEntry?)? in
            guard let held = state.leases.removeValue(forKey: asker) else { return nil }
            let (provider, now) = (held.provider, state.clock.now)
            state.healths[provider, default: SourceHealth()].hear(news, at: now)
            var straggles: UInt64 = 0
            switch news {
            case .unused, .answered, .declined, .keyRefused: break
            case .limited(let window, let retryAfter):
                let pause =
                    switch window {
                    case .second: 2 * ProviderLimits.second
                    case .unknown, .minute: ProviderLimits.minute
                    // When a day's quota begins anew is nobody's promise: it is looked at every hour.
                    case .hour, .day: ProviderLimits.hour
                    }
                state.budgets[provider]?.block(until: now + min(retryAfter ?? pause, ProviderLimits.day))
            case .failed(let retryAfter):
                // Its answer is missing: the call itself may still arrive.
                straggles = Ingest.straggleMilliseconds
                if let retryAfter { state.budgets[provider]?.block(until: now + min(retryAfter, ProviderLimits.day)) }
            }
            let used = state.budgets[provider]?.end(
                held.lease.number, at: now, wasUsed: news != .unused, straggles: straggles)
            if news == .unused { state.spent[Self.key(asker.job, provider), default: 0] -= UInt64(held.lease.units) }
            return (
                held.lease.number,
                used.map {
                    QuotaEntry(
                        number: $0.number, provider: provider, units: $0.units, end: $0.end, isHeld: false, told: now,
                        asker: asker)
                }
            )
        }
        guard let change else { return }
        if let used = change.used { try book.write(used) } else if news == .unused { try book.erase(change.number) }
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
    /// The job is over: what its calls used stays, its own sums do not.
    package func forget(_ job: UInt32) throws(JobError) {
        state.withLock { state in
            state.spent = state.spent.filter { !$0.key.hasPrefix("\(job) ") }
            state.leases = state.leases.filter { $0.key.job != job }
        }
        try book.forget(job)
    }
}

/// One lease as it is kept. Times are milliseconds since 1970 by the desk's clock.
package struct QuotaEntry: Sendable, Equatable {
    package var number: UInt64
    package var provider: String
    package var units: UInt32
    /// Of a held one the latest at which its call can arrive, else the latest at which it did.
    package var end: UInt64
    package var isHeld: Bool
    /// When this was written.
    package var told: UInt64
    package var asker: ProviderDesk.Asker
    package init(
        number: UInt64, provider: String, units: UInt32, end: UInt64, isHeld: Bool, told: UInt64,
        asker: ProviderDesk.Asker
    ) {
        self.number = number
        self.provider = provider
        self.units = units
        self.end = end
        self.isHeld = isHeld
        self.told = told
        self.asker = asker
    }
}

/// Where leases outlive the process.
package protocol QuotaBook: Sendable {
    /// Of at least the last day, in the order of their numbers.
    func entries() throws(JobError) -> [QuotaEntry]
    func spent() throws(JobError) -> [(job: UInt32, provider: String, units: UInt64)]
    /// On disk when it returns; an entry of the same number is replaced. New ones count towards what their job spent.
    func write(_ entry: QuotaEntry) throws(JobError)
    /// A lease that was given back.
    func erase(_ number: UInt64) throws(JobError)
    /// The job is over: what it spent is nobody's concern any more.
    func forget(_ job: UInt32) throws(JobError)
}

/// For whoever has no restart to outlive.
package struct NoQuotaBook: QuotaBook {
    package init() {}
    package func entries() -> [QuotaEntry] { [] }
    package func spent() -> [(job: UInt32, provider: String, units: UInt64)] { [] }
    package func write(_ entry: QuotaEntry) {}
    package func erase(_ number: UInt64) {}
    package func forget(_ job: UInt32) {}
}
