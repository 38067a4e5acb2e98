import Jobs
import Providers

/// What was asked of one provider, by everybody together, counted so that the provider can never count more.
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
        /// When this was noted.
        var told: UInt64
    }
    /// Uses older than the longest window anybody may name are forgotten, many at a time.
    private static let keptFor = ProviderLimits.day, forgottenAtOnce = 1024
    private(set) var held: [Lease] = []
    /// Ended, oldest end first; looked at from `firstUse` on.
    private var used: [(end: UInt64, units: UInt32, told: UInt64)] = []
    private var firstUse = 0
    /// The provider said so.
    private(set) var blockedUntil: UInt64 = 0

    enum Decision: Equatable {
        case free
        /// Not before so many milliseconds have passed.
        case wait(UInt64)
        /// More at once than a window ever allows.
        case never
    }

    /// Whether so many units may be used now, by whoever keeps to these limits.
    mutating func look(_ units: UInt64, calls: Int = 1, _ limits: ProviderLimits, at now: UInt64) -> Decision {
        age(now)
        guard limits.rates.allSatisfy({ units <= UInt64($0.units) }), limits.concurrent > 0 else { return .never }
        var ready = max(now, blockedUntil)
        if held.count + calls > Int(limits.concurrent) {
            ready = max(ready, min(held.map(\.end).min() ?? now + 1000, now + 1000))
        }
        let heldUnits = held.reduce(0) { $0 + UInt64($1.units) }
        for rate in limits.rates {
            let room = UInt64(rate.units)
            var taken = heldUnits + units
            // From the newest on, until there is no room: that one must leave the window first.
            var at = used.count - 1
            while at >= firstUse, used[at].end + rate.milliseconds > now {
                taken += UInt64(used[at].units)
                if taken > room {
                    ready = max(ready, used[at].end + rate.milliseconds)
                    break
                }
                at -= 1
            }
            // Held units give no date; somebody will speak of them soon.
            if heldUnits + units > room { ready = max(ready, now + min(1000, rate.milliseconds)) }
        }
        return ready == now ? .free : .wait(ready - now)
    }

    /// Only what `look` found free.
    mutating func hold(_ lease: Lease) { held.append(lease) }

    /// The call under a lease has ended; unknown leases change nothing.
    /// - Parameter wasUsed: false only from whoever holds the lease and will not use it.
    /// - Returns: what was used, and until when at the latest; nil: nothing was.
    mutating func end(_ number: UInt64, at now: UInt64, wasUsed: Bool, straggles: UInt64 = 0) -> Lease? {
        guard let at = held.firstIndex(where: { $0.number == number }) else { return nil }
        var lease = held.remove(at: at)
        guard wasUsed else { return nil }
        lease.end = min(now + straggles, max(lease.end, now))
        lease.told = now
        use(lease.units, until: lease.end, told: now)
        return lease
    }

    mutating func use(_ units: UInt32, until end: UInt64, told: UInt64) {
        let at = used.lastIndex { $0.end <= end }.map { $0 + 1 } ?? 0
        used.insert((end, units, told), at: max(at, firstUse))
    }

    /// The clock was behind: what was noted after `since` was so much later, and ends so much later.
    mutating func shift(since: UInt64, by: UInt64) {
        for at in used.indices where used[at].told > since { used[at].end += by }
        for at in held.indices where held[at].told > since { held[at].end += by }
        used[firstUse...].sort { $0.end < $1.end }
        if blockedUntil > since { blockedUntil += by }
    }

    mutating func block(until end: UInt64) { blockedUntil = max(blockedUntil, end) }

    /// Units in use of a window.
    func used(_ rate: ProviderLimits.Rate, at now: UInt64) -> UInt64 {
        let inside = used[firstUse...].reversed().prefix { $0.end + rate.milliseconds > now }.reduce(0) {
            $0 + UInt64($1.units)
        }
        return inside + held.reduce(0) { $0 + UInt64($1.units) }
    }

    /// The fullest of the windows that last a day or longer: its share in use, 0…1.
    func share(_ limits: ProviderLimits, at now: UInt64) -> Double {
        limits.rates.filter { $0.milliseconds >= ProviderLimits.day }.map { rate in
            Double(used(rate, at: now)) / Double(max(rate.units, 1))
        }.max() ?? 0
    }

    private mutating func age(_ now: UInt64) {
        if held.contains(where: { $0.end <= now }) {
            for lease in held where lease.end <= now { use(lease.units, until: lease.end, told: lease.told) }
            held.removeAll { $0.end <= now }
        }
        while firstUse < used.count, used[firstUse].end + Self.keptFor <= now { firstUse += 1 }
        if firstUse >= Self.forgottenAtOnce {
            used.removeFirst(firstUse)
            firstUse = 0
        }
    }
}
