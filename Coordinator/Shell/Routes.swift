import Messages
import ZeroMQ

/// Which connection speaks for which worker.
struct Routes {
    private var connections: [WorkerID: UInt64] = [:]
    /// The key a worker first said hello with. Over ipc there is none.
    private var keys: [WorkerID: PublicKey] = [:]

    /// The worker that each connection with a key speaks for.
    private var spokenFor: [UInt64: WorkerID] = [:]

    /// A worker's connection, new or again.
    /// - Returns: why not; nil when it is.
    mutating func join(_ worker: WorkerID, _ connection: UInt64, _ key: PublicKey?) -> String? {
        if keys[worker] ?? key != key || connections[worker] != nil && keys[worker] != key {
            return "another key already speaks for worker \(worker)"
        }
        if key != nil {
            // Else one connection could fill the table with workers that nobody started.
            guard spokenFor[connection] ?? worker == worker else { return "this connection speaks for another worker" }
            if let old = connections[worker] { spokenFor[old] = nil }
            spokenFor[connection] = worker
        }
        connections[worker] = connection
        keys[worker] = key
        return nil
    }
    /// Workers that speak with one of these keys, in order.
    func workers(of gone: Set<PublicKey>) -> [WorkerID] {
        gone.isEmpty ? [] : keys.filter { gone.contains($0.value) }.keys.sorted()
    }
    func connection(of worker: WorkerID) -> UInt64? { connections[worker] }
    mutating func forget(_ worker: WorkerID) {
        if let connection = connections.removeValue(forKey: worker) { spokenFor[connection] = nil }
        keys[worker] = nil
    }
}
