import Configuration
import Glibc
import Messages
import ZeroMQ

/// What `apex-worker` was asked to be.
package struct WorkerOptions: Sendable {
    /// `ipc:///path` or `tcp://host:port`.
    package var coordinator: String
    /// Tasks at once; nil: one for each whole core this process may use.
    package var slots: Int?
    package var name: String?
    /// Where fetched blobs and the folders of trials are kept.
    package var state: String?
    /// The folder with coordinator.pub and worker, this worker's secret key; only for tcp. nil: see `keyFolder`.
    package var keys: String?
    /// The process to end with.
    package var parentProcess: Int32?
    /// How long a draining worker lets tasks run on.
    package var drainSeconds = 5
    /// Blobs fetched and kept on disk, at most.
    package var cacheMegabytes = 1024
    package var logLevel = Configuration.LogLevel.info
    package init(coordinator: String) { self.coordinator = coordinator }
}

extension WorkerOptions {
    /// Takes over what `cluster.yaml` says of workers.
    package mutating func apply(_ configuration: Configuration) {
        slots = configuration.worker.slots
        drainSeconds = configuration.worker.drainSeconds
        cacheMegabytes = configuration.worker.blobCacheMegabytes
        logLevel = configuration.logLevel
    }
}

extension WorkerOptions {
    /// Where fetched blobs are kept.
    var cacheFolder: String { folder + "/blobs" }

    /// Where this worker keeps files.
    var folder: String {
        if let state { return state }
        func setting(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        if let cache = setting("XDG_CACHE_HOME") { return cache + "/apex-worker" }
        if let home = setting("HOME") { return home + "/.cache/apex-worker" }
        return "/tmp/apex-worker-\(getuid())"
    }

    /// The folder of this machine's key: `worker`, the secret, of mode 0600; `coordinator.pub`; and `address`, where
    /// the coordinator was when it joined.
    package var keyFolder: String {
        if let keys { return keys }
        if let state { return state + "/keys" }
        func setting(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        if let place = setting("XDG_CONFIG_HOME") { return place + "/apex-worker" }
        return (setting("HOME") ?? "/tmp/apex-worker-\(getuid())") + "/.config/apex-worker"
    }

    /// - Throws: when tcp is asked for and the keys are missing or wrong, in words.
    func security() throws -> SocketOptions.Security {
        guard coordinator.hasPrefix("tcp://") else { return .none }
        let folder = keyFolder
        guard unsafe access(folder + "/worker", F_OK) == 0 else {
            throw JobError(
                "\(folder)/worker is missing, and tcp needs keys; run `apex keys add-worker NAME` on the coordinator's "
                    + "machine and start this worker with the line it prints (apex-worker --join …), or name the folder "
                    + "with --keys DIR.")
        }
        return .client(
            try KeyPair(readingFrom: folder + "/worker"),
            server: try PublicKey(readingFrom: folder + "/coordinator.pub"))
    }
}
