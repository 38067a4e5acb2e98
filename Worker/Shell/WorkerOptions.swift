import Configuration
import Glibc
import Messages
import Runners
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
    /// So long before the end of its allocation it takes no more tasks.
    package var leadSeconds = 60
    /// Blobs fetched and kept on disk, at most.
    package var cacheMegabytes = 1024
    package var logLevel = Configuration.LogLevel.info
    /// What programs of tasks may see and use. What is hidden from them, besides keys, is added by `programs`.
    package var programRules = ProgramRules()
    package var hidesKeys = true
    /// What it says it is, and the protocol it speaks first. Tests pretend to be older and newer workers.
    package var codeVersion = Messages.codeVersion
    package var protocolVersion = Frame.protocolVersion
    package init(coordinator: String) { self.coordinator = coordinator }

    /// For tests of upgrades alone: it pretends, and is of no other version for it.
    package mutating func pretend(_ environment: (String) -> String?) {
        if let version = environment("APEX_TEST_CODE_VERSION") { codeVersion = version }
        if let version = environment("APEX_TEST_PROTOCOL").flatMap({ UInt16($0) }) { protocolVersion = version }
    }
}

extension WorkerOptions {
    /// Takes over what `cluster.yaml` says of workers.
    package mutating func apply(_ configuration: Configuration) {
        slots = configuration.worker.slots
        drainSeconds = configuration.worker.drainSeconds
        cacheMegabytes = configuration.worker.blobCacheMegabytes
        logLevel = configuration.logLevel
        programRules.user = configuration.worker.user
        programRules.environment = configuration.worker.environment
        hidesKeys = configuration.worker.hidesKeys
        if let keys = configuration.coordinator.keys { programRules.hidden.append(keys) }
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

    /// The rules, with the keys that this worker knows of: its own, and those of a coordinator on the same machine.
    var programs: ProgramRules {
        var rules = programRules
        if unsafe access(keyFolder, F_OK) == 0 { rules.hidden.append(keyFolder) }
        let local = ("ipc://", "/ipc/coordinator")
        if coordinator.hasPrefix(local.0), coordinator.hasSuffix(local.1) {
            rules.hidden.append(coordinator.dropFirst(local.0.count).dropLast(local.1.count) + "/keys")
        }
        if !hidesKeys { rules.hidden = [] }
        return rules
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
