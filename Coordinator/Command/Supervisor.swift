import CoordinatorShell
import Foundation
import Glibc
import Messages
import Synchronization

/// Keeps a coordinator and local workers running as separate processes: one that crashes is started again, and what it
/// held goes on elsewhere. When this process ends, they end.
final class Supervisor: Sendable {
    private struct Child: Sendable {
        var name: String
        var program: String
        var arguments: [String]
        var process: pid_t = 0
        var startedAt = ContinuousClock.now
        /// Deaths within a second of a start, in a row.
        var quickDeaths = 0
        var notBefore = ContinuousClock.now
        /// Where its standard error goes; nil: where ours goes.
        var log: String?
    }
    private struct State: Sendable {
        var children: [Child] = []
        var isStopping = false
        var failure: String?
        var rotateAt = ContinuousClock.now
    }
    private let folder: StateFolder
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// A child that dies this often at once is not started again: something is wrong that a restart does not mend.
    private static let maximumQuickDeaths = 8
    /// How long a child may take to stop before it is killed: a worker drains and hands in its cursors in that time.
    private let patience: Duration

    /// Starts the coordinator of `folder` and local workers.
    /// - Parameters:
    ///   - slots: of each worker.
    ///   - options: more words for the coordinator.
    ///   - workerOptions: more words for each worker.
    ///   - drainSeconds: how long a worker's tasks may run on when it is told to stop.
    init(
        _ folder: StateFolder, workers: Int, slots: Int = 1, coordinatorOptions options: [String] = [],
        workerOptions: [String] = [], drainSeconds: Int = 5
    ) throws {
        patience = .seconds(drainSeconds + 5)
        self.folder = folder
        try folder.create()
        if StateLock.isHeld(folder) {
            throw JobError(
                "\(folder.path): a coordinator runs on this state already; use it with --state, or stop it first.")
        }
        let here = try Self.programFolder()
        var children = [
            Child(
                name: "coordinator", program: here + "/apex",
                arguments: ["coordinator", "--state", folder.path, "--parent-pid", "\(getpid())"] + options)
        ]
        for number in 1...max(workers, 1) where workers > 0 {
            children.append(
                Child(
                    name: "local-\(number)", program: here + "/apex-worker",
                    arguments: [
                        "--coordinator", folder.endpoint, "--slots", "\(slots)", "--name", "local-\(number)",
                        "--parent-pid", "\(getpid())", "--hide", folder.keys,
                    ] + workerOptions, log: folder.workerLog))
        }
        for child in children where unsafe access(child.program, X_OK) != 0 {
            throw JobError("\(child.program) is missing; build both programs with `swift build -c release`.")
        }
        folder.rotateWorkerLog()
        // On this thread: the system ends a child when the thread that started it ends, and this one lives longest.
        state.withLock { $0.children = children }
        tend()
    }

    /// The folder that this program lies in, where `apex-worker` lies too.
    static func programFolder() throws -> String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { throw JobError("this program cannot find itself (/proc/self/exe); is /proc mounted?") }
        let whole = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(whole[..<whole.lastIndex(of: "/")!])
    }

    /// Why it gave up, if it did.
    var failure: String? { state.withLock { $0.failure } }

    /// Reaps who died and starts them again. Call it a few times a second, on the thread that made the supervisor.
    func tend() {
        state.withLock { state in
            guard state.failure == nil, !state.isStopping else { return }
            let now = ContinuousClock.now
            if now >= state.rotateAt {
                folder.rotateWorkerLog()
                state.rotateAt = now + .seconds(5)
            }
            for at in state.children.indices {
                if state.children[at].process != 0 {
                    guard let status = Self.reap(state.children[at].process) else { continue }
                    if let failure = note(status, of: &state.children[at], now) {
                        state.failure = failure
                        return
                    }
                }
                guard state.children[at].process == 0, now >= state.children[at].notBefore else { continue }
                do throws(JobError) {
                    state.children[at].process = try Self.spawn(state.children[at])
                    state.children[at].startedAt = now
                } catch {
                    state.failure = error.description
                    return
                }
            }
        }
    }

    /// - Returns: why nothing can go on, if so.
    private func note(_ status: Int32, of child: inout Child, _ now: ContinuousClock.Instant) -> String? {
        child.process = 0
        let signal = status & 0x7f
        if child.name == "coordinator", signal == 0 {
            // It ended by itself: it said why on standard error, and would end again.
            return "the coordinator stopped by itself"
        }
        child.quickDeaths = now - child.startedAt < .seconds(1) ? child.quickDeaths + 1 : 0
        if child.quickDeaths >= Self.maximumQuickDeaths {
            return "\(child.name) died \(child.quickDeaths) times right after its start (last by "
                + (signal == 0 ? "exit code \(status >> 8 & 0xff)" : "signal \(signal)") + ")"
        }
        child.notBefore = now + .milliseconds(child.quickDeaths == 0 ? 0 : min(5000, 50 << child.quickDeaths))
        return nil
    }

    /// Ends all: workers first, so that they hand in what they hold.
    func stop() {
        let children = state.withLock { state in
            state.isStopping = true
            return state.children.filter { $0.process != 0 }
        }
        for group in [children.filter { $0.name != "coordinator" }, children.filter { $0.name == "coordinator" }] {
            for child in group { kill(child.process, SIGTERM) }
            let deadline = ContinuousClock.now + patience
            var left = group
            while !left.isEmpty, ContinuousClock.now < deadline {
                left.removeAll { Self.reap($0.process) != nil }
                // All have been told and end within milliseconds; one ring for several does not pay at a command's end.
                if !left.isEmpty { usleep(5000) }
            }
            for child in left {
                kill(child.process, SIGKILL)
                var status: Int32 = 0
                _ = unsafe waitpid(child.process, &status, 0)
            }
        }
    }

    /// The wait status of a child that has ended; nil while it runs.
    private static func reap(_ process: pid_t) -> Int32? {
        var status: Int32 = 0
        return unsafe waitpid(process, &status, WNOHANG) == process ? status : nil
    }

    private static func spawn(_ child: Child) throws(JobError) -> pid_t {
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that Ctrl-C reaches only us and children end in order; signals as at a fresh start.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        var files = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&files)
        defer { unsafe posix_spawn_file_actions_destroy(&files) }
        unsafe posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        if let log = child.log {
            unsafe posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        unsafe posix_spawn_file_actions_adddup2(&files, 2, 1)  // standard output belongs to the command's answer

        let words = [child.program] + child.arguments
        // C strings that live until the spawn returns.
        var argv: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        unsafe argv.append(nil)
        defer { for at in unsafe argv.indices { unsafe free(argv[at]) } }
        // One task a slot: a library that starts a thread a core for itself only takes time from the others.
        unsafe setenv("OPENBLAS_NUM_THREADS", "1", 0)
        var process: pid_t = 0
        let code = unsafe posix_spawn(&process, child.program, &files, &attributes, argv, environ)
        guard code == 0 else {
            throw JobError("\(child.program): cannot be started: \(unsafe String(cString: strerror(code))).")
        }
        return process
    }
}
