/// The time as two clocks have it.
package struct Moment: Sendable, Equatable {
    /// Which run of the machine `monotonic` counts in: it begins anew with the next.
    package var boot: String
    /// Milliseconds since the machine started, asleep or awake; never goes back within one boot.
    package var monotonic: UInt64
    /// Milliseconds since 1970, as the machine believes; may jump.
    package var wall: UInt64
    package init(boot: String, monotonic: UInt64, wall: UInt64) {
        self.boot = boot
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// Where a `JobClock` stood, for the next process.
package struct ClockMark: Sendable, Equatable {
    package var now: UInt64
    package var boot: String
    package var monotonic: UInt64
    /// From when on it may have been behind, because the machine was started again; nil: it was not.
    package var unprovenSince: UInt64?
    package init(now: UInt64, boot: String, monotonic: UInt64, unprovenSince: UInt64? = nil) {
        self.now = now
        self.boot = boot
        self.monotonic = monotonic
        self.unprovenSince = unprovenSince
    }
}

/// Milliseconds that only go forward, and never faster than time, whatever is done to the machine's wall clock.
///
/// Within one boot the machine's monotonic clock counts, across processes too. After a reboot only what has passed since
/// the machine started is sure; the wall clock may say that it was off for a day, or have been set wrong. It is believed
/// once a provider's own clock agrees.
struct JobClock {
    /// How far the two may be apart to agree. Milliseconds.
    private static let tolerance: UInt64 = 120_000

    /// Milliseconds since 1970 when first told, and as many later as have surely passed.
    private(set) var now: UInt64 = 0
    private var last: Moment?
    private var before: ClockMark?
    /// The wall clock's lead over `now`, not yet believed.
    private var claim: UInt64 = 0
    private var unprovenSince: UInt64?

    /// Where the clock of an earlier process stood: this one is not behind.
    mutating func begin(at mark: ClockMark) {
        now = max(now, mark.now)
        before = mark
    }

    mutating func tell(_ moment: Moment) {
        defer { last = moment }
        if let last {
            if moment.boot == last.boot, moment.monotonic > last.monotonic { now += moment.monotonic - last.monotonic }
            return
        }
        guard let before else {
            now = max(now, moment.wall)
            return
        }
        unprovenSince = before.unprovenSince
        if moment.boot == before.boot, !moment.boot.isEmpty, moment.monotonic >= before.monotonic {
            now += moment.monotonic - before.monotonic
        } else {
            unprovenSince = unprovenSince ?? now
            now += max(moment.monotonic, 1)
        }
        if unprovenSince != nil { claim = moment.wall - min(moment.wall, now) }
    }

    /// Somebody else's clock, in milliseconds since 1970: with it the machine's own is believed.
    /// - Returns: how far `now` went forward, and from where on: what was noted since then is so much later.
    mutating func attest(_ date: UInt64) -> (since: UInt64, by: UInt64)? {
        guard let since = unprovenSince else { return nil }
        let claimed = now + claim
        guard claimed - min(claimed, date) <= Self.tolerance, date - min(claimed, date) <= Self.tolerance else {
            return nil
        }
        (claim, unprovenSince) = (0, nil)
        let before = now
        // Not even the little that they are apart is taken for granted.
        now = max(now, min(claimed, date))
        return now > before ? (since, now - before) : nil
    }
    /// How far the wall clock is ahead of what is sure, if nobody has confirmed it yet.
    var unproven: UInt64 { claim }

    var mark: ClockMark? {
        last.map {
            ClockMark(now: now, boot: $0.boot, monotonic: $0.monotonic, unprovenSince: unprovenSince)
        }
    }
}
