/// The time as two clocks have it.
package struct Moment: Sendable, Equatable {
    /// Milliseconds since this coordinator process began; never goes back but for a new process.
    package var monotonic: UInt64
    /// Milliseconds since 1970, as the machine believes; may jump.
    package var wall: UInt64
    package init(monotonic: UInt64, wall: UInt64) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// Milliseconds that only go forward, and never faster than time: by the coordinator's monotonic clock; over a restart,
/// when that begins anew, by the wall clock unless it went back.
struct JobClock {
    /// Milliseconds since 1970 when first told, and as many later as have surely passed.
    private(set) var now: UInt64 = 0
    private var last: Moment?

    /// Where another clock, of an earlier process, stood: this one is not behind.
    mutating func begin(at moment: UInt64) { now = max(now, moment) }

    mutating func tell(_ moment: Moment) {
        guard let last else {
            now = max(now, moment.wall)
            self.last = moment
            return
        }
        if moment.monotonic >= last.monotonic {
            now += moment.monotonic - last.monotonic
        } else if moment.wall > last.wall {
            now += moment.wall - last.wall
        }
        self.last = moment
    }
}
