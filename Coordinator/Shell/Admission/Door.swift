import CLinux
import Foundation
import Synchronization
import ZeroMQ

/// Looks at what the kernel says of every TCP connection, on a thread of its own: with thousands of strangers at the door
/// that takes milliseconds, in which the coordinator's thread serves others.
///
/// Strangers, who have not brought a whole message yet, are judged here: together they may send no more than
/// `maximumStrangeBytes` that nobody has read. Until its handshake is over, libzmq keeps what a connection sends, up to a
/// frame of the longest each.
final class Door: Sendable {
    /// Of one whose first message is the longest allowed, with what the kernel holds besides.
    static let maximumFirstBytes: Int64 = 24 << 20
    /// Of all of them together: more honest peers than that do not begin with their longest messages at once.
    static let maximumStrangeBytes: Int64 = 96 << 20
    /// Between two looks at all of them.
    static let period: Duration = .milliseconds(100)
    /// Looked at without a pause, which takes a quarter of a millisecond. Thousands in one go would keep a processor, for
    /// which the coordinator's thread waits until the system takes it away: 4 ms and more.
    private static let portion = 128
    private static let pause: Duration = .milliseconds(1)

    /// What a connection has carried since it was accepted.
    struct Carried: Sendable {
        var descriptor: Int32
        var number: Int
        /// Bytes that came, and bytes sent that the other side has.
        var came, went: Int64
    }
    private struct State: Sendable {
        var carried: [Carried]?
        var cut = 0
        var isOver = false
    }
    private final class Shared: Sendable { let state = Mutex(State()) }
    private let shared = Shared()
    let monitor: Monitor

    init(_ monitor: Monitor) {
        self.monitor = monitor
        let thread = Thread { [shared] in
            Signals.blockOnThisThread()
            while !shared.state.withLock({ $0.isOver }), !monitor.isOver {
                // The kernel's counters ring for nobody: they are looked at.
                usleep(UInt32(Self.period / .microseconds(1)))
                let (carried, cut) = Self.look(monitor)
                shared.state.withLock { state in
                    state.carried = carried
                    state.cut += cut
                }
            }
        }
        thread.name = "door"
        thread.stackSize = 512 << 10
        thread.start()
    }
    deinit { shared.state.withLock { $0.isOver = true } }

    /// Of connections that have spoken; nil when nobody looked since the last call.
    func takeCarried() -> [Carried]? {
        shared.state.withLock { state in
            defer { state.carried = nil }
            return state.carried
        }
    }

    /// Strangers cut since the last call, for what they sent.
    func takeCuts() -> Int {
        shared.state.withLock { state in
            defer { state.cut = 0 }
            return state.cut
        }
    }
    /// Connections that have ended without a whole message so far.
    var wordless: Int { monitor.counts.wordless }

    private static func look(_ monitor: Monitor) -> (members: [Carried], cut: Int) {
        var members: [Carried] = []
        var strangers: [Carried] = []
        for (at, connection) in monitor.live.enumerated() {
            // Not for luck: it lets others have the processor.
            if at > 0, at.isMultiple(of: portion) { usleep(UInt32(pause / .microseconds(1))) }
            var (came, went): (Int64, Int64) = (0, 0)
            // Two locals, written before it returns.
            guard unsafe apex_bytes_carried(connection.descriptor, &came, &went) == 0 else { continue }
            let carried = Carried(
                descriptor: connection.descriptor, number: connection.number, came: came, went: went)
            // A handshake takes less.
            if connection.hasSpoken { members.append(carried) } else if came > 1 << 16 { strangers.append(carried) }
        }
        // Some have spoken meanwhile, or have ended and left their descriptor to others.
        if !strangers.isEmpty {
            let silent = Set(monitor.live.lazy.filter { !$0.hasSpoken }.map(\.number))
            strangers.removeAll { !silent.contains($0.number) }
        }
        // Who sent most goes first.
        strangers.sort { ($0.came, $0.number) > ($1.came, $1.number) }
        var total = strangers.reduce(0) { $0 + $1.came }
        var cut = 0
        for stranger in strangers where stranger.came > maximumFirstBytes || total > maximumStrangeBytes {
            Seat(descriptor: stranger.descriptor, number: stranger.number, monitor: monitor).cut()
            total -= stranger.came
            cut += 1
        }
        return (members, cut)
    }
}
