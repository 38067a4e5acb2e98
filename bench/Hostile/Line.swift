import Glibc
import Synchronization
import TestSupport

/// The line by which an attacker reaches the coordinator: carries what it pushes no faster than a network would.
final class Line: Sendable {
    /// Where to connect instead: `tcp://127.0.0.1:port`.
    let endpoint: String
    private let relay: Relay

    /// - Parameter gigabits: in a second.
    init(to target: UInt16, gigabits: Double) throws {
        let secondsPerByte = 8 / (gigabits * 1e9)
        let pace = Pace()
        relay = try Relay(to: target) { way, bytes in
            if way == .there, bytes > 0 { pace.wait(.seconds(Double(bytes) * secondsPerByte)) }
        }
        endpoint = "tcp://127.0.0.1:\(relay.port)"
    }

    private final class Pace: Sendable {
        /// When the line has carried what it was given so far.
        private let isFree = Mutex(ContinuousClock.now)

        func wait(_ time: Duration) {
            let ahead = isFree.withLock { isFree in
                isFree = max(isFree, .now) + time
                return isFree - .now
            }
            if ahead > .zero { usleep(UInt32(ahead / .microseconds(1))) }
        }
    }
}
