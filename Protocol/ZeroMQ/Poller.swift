import CZeroMQ
import Glibc

/// Waits for several sockets and file descriptors at once. Belongs to the thread of its sockets, which must outlive it.
@safe package struct Poller: ~Copyable {
    /// Names one of the things waited for.
    package struct Source: Sendable, Equatable { fileprivate var index: Int }

    private var items: [zmq_pollitem_t] = unsafe []

    package init() {}

    package mutating func add(_ socket: borrowing Socket, writable: Bool = false) -> Source {
        unsafe add(zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Self.events(writable), revents: 0))
    }
    package mutating func add(descriptor: Int32) -> Source {
        unsafe add(zmq_pollitem_t(socket: nil, fd: descriptor, events: Self.events(false), revents: 0))
    }

    /// Waits for a socket to take messages too, or no longer: while there is nothing to send, it always would.
    package mutating func setWritable(_ source: Source, _ writable: Bool) {
        unsafe items[source.index].events = Self.events(writable)
    }

    /// Waits until something is ready, at most `milliseconds` (negative: without end; 0: only looks).
    /// - Returns: how many are ready.
    /// - Throws: when the context is ending or a socket was closed.
    @discardableResult package mutating func wait(milliseconds: Int) throws(ZeroMQError) -> Int {
        let start = ContinuousClock.now
        var left = milliseconds
        while true {
            // The items are this struct's own; their sockets are alive, as the comment above demands.
            let count = unsafe zmq_poll(&items, Int32(items.count), left)
            if count >= 0 { return Int(count) }
            let code = zmq_errno()
            guard code == EINTR else {
                throw ZeroMQError(code: code, while: "waiting for \(unsafe items.count) sockets")
            }
            if milliseconds > 0 {
                let spent = (ContinuousClock.now - start) / .milliseconds(1)
                left = max(0, milliseconds - Int(spent))
            }
        }
    }

    /// After `wait`: there is something to receive from it.
    package func isReadable(_ source: Source) -> Bool { has(ZMQ_POLLIN | ZMQ_POLLERR, source) }
    /// After `wait`: it takes messages. Only for sockets waited for as writable.
    package func isWritable(_ source: Source) -> Bool { has(ZMQ_POLLOUT, source) }

    private func has(_ events: Int32, _ source: Source) -> Bool {
        unsafe Int32(items[source.index].revents) & events != 0
    }
    private mutating func add(_ item: zmq_pollitem_t) -> Source {
        unsafe items.append(item)
        return Source(index: unsafe items.count - 1)
    }
    private static func events(_ writable: Bool) -> Int16 { Int16(ZMQ_POLLIN | (writable ? ZMQ_POLLOUT : 0)) }
}

/// Signals interrupt libzmq in mid-call, where 4.3.4 may hide messages that have arrived.
package enum Signals {
    /// Keeps every signal but those of a crash away from the calling thread and the threads it starts from now on.
    package static func blockOnThisThread() {
        var all = sigset_t()
        unsafe sigfillset(&all)
        for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP] { unsafe sigdelset(&all, fault) }
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
    }
}
