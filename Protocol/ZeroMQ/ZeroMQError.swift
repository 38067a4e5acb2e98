import CZeroMQ
import Glibc

/// What libzmq refused, in words: what was being done, why it failed.
package struct ZeroMQError: Error, Equatable, CustomStringConvertible {
    /// The errno of libzmq; EINVAL for what this wrapper refuses itself.
    package var code: Int32
    package var description: String

    package init(code: Int32, while doing: String) {
        self.code = code
        // zmq_strerror answers a static, NUL-terminated text for every number.
        description = "\(doing): \(unsafe String(cString: zmq_strerror(code)))"
    }
    package init(_ description: String) {
        code = EINVAL
        self.description = description
    }
    /// The context is shutting down: the thread that sees this closes its sockets and ends.
    package var isTermination: Bool { code == ETERM }
}
