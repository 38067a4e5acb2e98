import Jobs
import Providers

/// What may be asked of one provider, by everybody together, counted so that the provider can never count more.
///
/// A unit is used at some moment between its lease and the news that the call has ended. It is taken as used during all
/// of that time, and for a window's length after: so in every stretch as long as the window, wherever it begins, no more
/// arrive than the window allows, whatever the workers' clocks say. Of a lease nobody speaks of again the end is the
/// latest moment at which it could have been used. All times are the coordinator's, in milliseconds.
struct SourceBudget {
    struct Lease: Equatable {
        var number: UInt64
        var units: UInt32
        /// The latest at which the call can arrive, if nobody speaks of it any more.
        var end: UInt64
    }
    private let limits: ProviderLimits
    private var held: [Lease] = []
    /// Ended, oldest end first.
    private var used: [(end: UInt64, units: UInt32)] = []
    private var issued: UInt64 = 0
    /// The provider said so.
    private(set) var blockedUntil: UInt64 = 0
    /// In all.
    private(set) var units: UInt64 = 0

    init(_ limits: ProviderLimits) { self.limits = limits }

    enum Decision: Equatable {
        case lease(UInt64)
        /// Not before so many milliseconds have passed.
        case wait(UInt64)
        /// More at once than a window ever allows.
        case never
    }

    /// - Parameter latest: how long after now the call may still arrive.
    mutating func ask(_ units: UInt32, at now: UInt64, latest: UInt64) -> Decision {
        age(now)
        guard limits.rates.allSatisfy({ units <= $0.units }), limits.concurrent > 0 else { return .never }
        var ready = max(now, blockedUntil)
        if held.count >= Int(limits.concurrent) { ready = max(ready, min(held.map(\.end).min()!, now + 1000)) }
        let heldUnits = held.reduce(0) { $0 + UInt64($1.units) }
        for rate in limits.rates {
            let room = UInt64(rate.units)
            var taken = heldUnits + UInt64(units)
            // From the newest on, until there is no room: that one must leave the window first.
            for use in used.reversed() where use.end + rate.milliseconds > now {
                taken += UInt64(use.units)
                if taken > room {
                    ready = max(ready, use.end + rate.milliseconds)
                    break
                }
            }
            // Held units give no date; somebody will speak of them soon.
            if heldUnits + UInt64(units) > room { ready = max(ready, now + min(1000, rate.milliseconds)) }
        }
        guard ready == now else { return .wait(ready - now) }
        issued += 1
        self.units += UInt64(units)
        held.append(Lease(number: issued, units: units, end: now + latest))
        return .lease(issued)
    }

    /// The call under a lease has ended; unknown leases change nothing.
    /// - Parameter wasUsed: false only from whoever holds the lease and will not use it.
    mutating func end(_ number: UInt64, at now: UInt64, wasUsed: Bool, straggles: UInt64 = 0) {
        guard let at = held.firstIndex(where: { $0.number == number }) else { return }
        let lease = held.remove(at: at)
        if wasUsed {
            use(lease.units, until: min(max(now + straggles, now), max(lease.end, now)))
        } else {
            units -= UInt64(lease.units)
        }
    }

    /// Used outside of this budget, before it began.
    mutating func spent(_ units: UInt32, at end: UInt64) { use(units, until: end) }

    mutating func block(until end: UInt64) { blockedUntil = max(blockedUntil, end) }

    /// The fullest of the windows that last a day or longer: its share in use, 0…1.
    func share(at now: UInt64) -> Double {
        limits.rates.filter { $0.milliseconds >= ProviderLimits.day }.map { rate in
            let inside = used.reversed().prefix { $0.end + rate.milliseconds > now }.reduce(0) { $0 + UInt64($1.units) }
            return Double(inside + held.reduce(0) { $0 + UInt64($1.units) }) / Double(max(rate.units, 1))
        }.max() ?? 0
    }

    private mutating func use(_ units: UInt32, until end: UInt64) {
        let at = used.lastIndex { $0.end <= end }.map { $0 + 1 } ?? 0
        used.insert((end, units), at: at)
    }
    private mutating func age(_ now: UInt64) {
        for lease in held where lease.end <= now { use(lease.units, until: lease.end) }
        held.removeAll { $0.end <= now }
        let longest = limits.rates.map(\.milliseconds).max() ?? 0
        let kept = used.firstIndex { $0.end + longest > now } ?? used.count
        used.removeFirst(kept)
    }
}
