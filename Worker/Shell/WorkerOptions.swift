/// What `apex-worker` was asked to be.
package struct WorkerOptions: Sendable {
    /// `ipc:///path` or `tcp://host:port`.
    package var coordinator: String
    /// Tasks at once; nil: one for each whole core this process may use.
    package var slots: Int?
    package var name: String?
    /// Where fetched blobs are kept.
    package var state: String?
    /// The folder with coordinator.pub and worker, this worker's secret key; only for tcp.
    package var keys: String?
    /// The process to end with.
    package var parentProcess: Int32?
    /// How long a draining worker lets tasks run on.
    package var drainSeconds = 5
    package init(coordinator: String) { self.coordinator = coordinator }
}
