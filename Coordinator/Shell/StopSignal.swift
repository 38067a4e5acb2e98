import Foundation
import Glibc
import Synchronization
import ZeroMQ

/// SIGTERM and SIGINT as something a poller can wait for. Make it on the main thread before any other thread starts:
/// they inherit that the two are blocked.
package final class StopSignal: Sendable {
    package let wakeup: Wakeup
    private let counted = Atomic(0)

    /// How many have come.
    package var count: Int { counted.load(ordering: .relaxed) }

    package init() throws(ZeroMQError) {
        wakeup = try Wakeup()
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        let thread = Thread { [self] in
            var set = sigset_t()
            unsafe sigemptyset(&set)
            for signal in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, signal) }
            var signal: Int32 = 0
            while unsafe sigwait(&set, &signal) == 0 {
                counted.add(1, ordering: .relaxed)
                wakeup.wake()
            }
        }
        thread.name = "signals"
        thread.start()
    }
}
