import CZeroMQ
import Glibc
import Synchronization

/// The process's one libzmq context. One, because in libzmq 4.3.4 several contexts with CURVE crash through the shared
/// random source, and because ZAP and inproc endpoints live in one context. The only ZeroMQ object that threads share.
@safe package final class Context: @unchecked Sendable {
    package static let shared = Context()

    /// Sockets that may be open at once, compute threads and monitors included; connections are not counted.
    package static let maximumSockets: Int32 = 1024

    private let pointer: UnsafeMutableRawPointer
    private struct State {
        var isEnding = false
        var hasOpened = false
        var threads = 1
    }
    private let state = Mutex(State())

    private init() {
        guard let pointer = unsafe zmq_ctx_new() else { preconditionFailure("no memory for a ZeroMQ context") }
        unsafe self.pointer = pointer
        let failed = unsafe zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, Self.maximumSockets)
        precondition(failed == 0, "libzmq refuses \(Self.maximumSockets) sockets")
    }

    /// Has so many I/O threads share the connections, each of which stays with one of them: what one connection costs,
    /// those of the other threads do not wait for. There is 1 otherwise.
    /// - Returns: how many there are: for a process that has opened a socket already, as many as before.
    package func useThreads(_ count: Int) -> Int {
        state.withLock { state in
            if !state.hasOpened, unsafe zmq_ctx_set(pointer, ZMQ_IO_THREADS, Int32(clamping: count)) == 0 {
                state.threads = count
            }
            return state.threads
        }
    }

    /// A new socket of libzmq's; whoever gets it closes it.
    func open(_ kind: Socket.Kind) throws(ZeroMQError) -> UnsafeMutableRawPointer {
        // Under the lock, so that nobody opens a socket in a context that is already freed.
        var socket: UnsafeMutableRawPointer?
        let code = state.withLock { state -> Int32 in
            if state.isEnding { return ETERM }
            state.hasOpened = true
            unsafe socket = zmq_socket(pointer, kind.code)
            return zmq_errno()
        }
        guard let socket = unsafe socket else { throw ZeroMQError(code: code, while: "opening a \(kind) socket") }
        return unsafe socket
    }

    /// Ends the context: every blocked call in other threads fails with an error that says `isTermination`, and this
    /// call returns when all sockets are closed and what they still had to send is sent or their linger is over. To be
    /// called at the end of the process, by a thread that has no socket open; no more sockets can be opened then.
    package func terminate() {
        let isFirst = state.withLock { state in
            defer { state.isEnding = true }
            return !state.isEnding
        }
        guard isFirst else { return }
        unsafe zmq_ctx_shutdown(pointer)
        while unsafe zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
    }

    /// Lifts this process's limit of open files as far as the system lets it: at the limit a libzmq listener spins.
    /// - Returns: how many files, connections included, may be open now.
    @discardableResult package static func raiseFileLimit() -> Int {
        var limit = rlimit()
        // `limit` is a local; both calls read or write nothing else.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
