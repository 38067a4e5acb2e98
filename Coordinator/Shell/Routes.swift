import Messages
import ZeroMQ

/// Which connection speaks for which worker.
struct Routes {
    private var connections: [WorkerID: UInt64] = [:]
    /// The key a worker first said hello with. Over ipc there is none.
    private var keys: [WorkerID: PublicKey] = [:]

    /// A worker's connection, new or again.
    /// - Returns: false when another key holds the worker's name.
    mutating func join(_ worker: WorkerID, _ connection: UInt64, _ key: PublicKey?) -> Bool {
        if let known = keys[worker], known != key { return false }
        if connections[worker] != nil, keys[worker] != key { return false }
        connections[worker] = connection
        keys[worker] = key
        return true
    }
    /// Workers that speak with one of these keys, in order.
    func workers(of gone: Set<PublicKey>) -> [WorkerID] {
        gone.isEmpty ? [] : keys.filter { gone.contains($0.value) }.keys.sorted()
    }
    func connection(of worker: WorkerID) -> UInt64? { connections[worker] }
    mutating func forget(_ worker: WorkerID) {
        connections[worker] = nil
        keys[worker] = nil
    }
}
