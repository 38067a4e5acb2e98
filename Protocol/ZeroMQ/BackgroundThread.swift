import Foundation
import Synchronization

/// A thread that owns sockets of its own: signals blocked, started before `init` returns, waited for by `join`.
final class BackgroundThread: Sendable {
    private let ended = DispatchSemaphore(value: 0)
    private let joined = Mutex(false)

    /// - Parameter prepare: runs on the new thread before `init` returns; what it throws, `init` throws.
    /// - Parameter run: the thread's work, on what `prepare` made.
    init(_ name: String, run: @escaping @Sendable (_ ready: (ZeroMQError?) -> Void) -> Void) throws(ZeroMQError) {
        let ready = DispatchSemaphore(value: 0)
        let failure = Shared<ZeroMQError?>(nil)
        let thread = Thread { [ended] in
            Signals.blockOnThisThread()
            run { error in
                failure.value.withLock { $0 = error }
                ready.signal()
            }
            ended.signal()
        }
        thread.name = name
        thread.stackSize = 512 << 10
        thread.start()
        ready.wait()
        if let error = failure.value.withLock({ $0 }) {
            ended.wait()
            joined.withLock { $0 = true }
            throw error
        }
    }

    /// Returns when the thread has ended; at once the second time.
    func join() {
        joined.withLock { joined in
            guard !joined else { return }
            ended.wait()
            joined = true
        }
    }
}

/// A `Mutex` that closures can share.
final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
}
