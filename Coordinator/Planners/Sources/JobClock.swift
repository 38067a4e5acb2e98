import Messages

/// Milliseconds that only go forward, and never faster than time: by the coordinator's monotonic clock; over a restart,
/// when that begins anew, by the wall clock unless it went back.
struct JobClock {
    /// Milliseconds since 1970 when first told, and as many later as have surely passed.
    private(set) var now: UInt64 = 0
    private var last: Moment?

    mutating func tell(_ moment: Moment) {
        guard let last else {
            now = moment.wall
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
