import CLinux
import Glibc
import Messages
import Synchronization

/// SIGTERM, SIGINT and SIGHUP as something a poller can wait for.
package final class StopSignal: Sendable {
    /// Readable when one has come.
    package let descriptor: Int32
    private let counted = Atomic(0)

    package init() throws(JobError) {
        descriptor = apex_stop_signals()
        guard descriptor >= 0 else { throw JobError("signals cannot be handled; is the limit of open files reached?") }
    }

    /// How many have come. Does not wait.
    package var count: Int {
        while apex_next_signal(descriptor) != 0 { counted.add(1, ordering: .relaxed) }
        return counted.load(ordering: .relaxed)
    }

    /// Waits for one to come.
    /// - Returns: whether one has.
    @discardableResult package func waits(_ patience: Duration) -> Bool {
        if count > 0 { return true }
        var wait = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        _ = unsafe poll(&wait, 1, Int32(clamping: Int64(patience / .milliseconds(1))))
        return count > 0
    }
}
