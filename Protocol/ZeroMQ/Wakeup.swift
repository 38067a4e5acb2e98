import CZeroMQ
import Glibc

/// Wakes a `Poller` from any thread: wait for `descriptor` to be readable. Many calls of `wake` before the poller looks
/// wake it once.
package final class Wakeup: Sendable {
    package let descriptor: Int32

    package init() throws(ZeroMQError) {
        descriptor = shim_eventfd()
        guard descriptor >= 0 else { throw ZeroMQError(code: errno, while: "making an eventfd") }
    }
    deinit { close(descriptor) }

    package func wake() {
        // Fails only when the counter is full, which means the poller has yet to look.
        _ = eventfd_write(descriptor, 1)
    }

    /// Called by the woken thread before it looks at what it was woken for.
    package func clear() {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor, &count)
    }
}
