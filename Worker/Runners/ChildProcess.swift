import CLinux
import Glibc
import Messages

/// One program, run to its end: in a process group of its own, with nothing on its standard input. The group ends with
/// this process, however that ends, where a guard was started (CLinux).
enum ChildProcess {
    struct Ended {
        enum End: Equatable {
            case exited(Int32)
            case signalled(Int32)
            case timedOut
            case cancelled
        }
        var end: End
        /// The last `keptBytes` of each stream.
        var output: [UInt8]
        var errorOutput: [UInt8]
    }

    static let keptBytes = 64 << 10
    /// Between SIGTERM and SIGKILL, in milliseconds.
    static let graceMilliseconds: Int64 = 2000
    /// How often a running program's cancellation is looked at, in milliseconds.
    private static let pollMilliseconds: Int32 = 50

    /// - Parameter environment: added to this process's own.
    /// - Throws: when the program cannot be started.
    static func run(
        _ program: String, arguments: [String], environment: KeyValuePairs<String, String>,
        timeoutMilliseconds: UInt64, isCancelled: () -> Bool
    ) throws(JobError) -> Ended {
        guard !program.isEmpty else { throw JobError("no program is named; give one after --.") }
        guard !([program] + arguments).contains(where: { $0.utf8.contains(0) }) else {
            throw JobError("\(program): an argument holds a zero byte, which no program can be given.")
        }
        var output = try Stream()
        var errorOutput = try Stream()
        let process = try spawn(program, arguments, environment, output.writeEnd.number, errorOutput.writeEnd.number)
        apex_guard(process, 1)
        output.writeEnd.close()
        errorOutput.writeEnd.close()
        let exit = Descriptor(apex_pidfd_open(process))

        var stopped: Ended.End?
        var killAt: Int64?
        let deadline =
            timeoutMilliseconds == 0 ? nil : milliseconds() + Int64(clamping: min(timeoutMilliseconds, 1 << 50))
        var isOver = false
        while !isOver {
            let now = milliseconds()
            if stopped == nil {
                if isCancelled() { stopped = .cancelled } else if let deadline, now >= deadline { stopped = .timedOut }
                if stopped != nil {
                    kill(-process, SIGTERM)
                    killAt = now + graceMilliseconds
                }
            } else if let at = killAt, now >= at {
                kill(-process, SIGKILL)
                killAt = nil
            }
            var patience = Int64(pollMilliseconds)
            if let next = killAt ?? (stopped == nil ? deadline : nil) { patience = max(0, min(patience, next - now)) }
            // A negative descriptor is skipped: an ended stream, or a kernel without pidfd.
            var waits = [
                pollfd(fd: output.readEnd.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errorOutput.readEnd.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: exit.number, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&waits, 3, Int32(exit.number < 0 ? min(patience, 5) : patience))
            if waits[0].revents != 0 { output.read() }
            if waits[1].revents != 0 { errorOutput.read() }
            isOver = exit.number < 0 ? hasEnded(process) : waits[2].revents != 0
        }
        // The program is over but not yet reaped, so its group still has its number: what it left behind ends with it.
        kill(-process, SIGKILL)
        apex_guard(process, 0)
        output.read()
        errorOutput.read()
        var code: Int32 = 0
        var wasSignalled: Int32 = 0
        let failure = unsafe apex_reap(process, &code, &wasSignalled)
        guard failure == 0 else { throw JobError("\(program): its end was lost: \(words(failure)).") }
        let end = stopped ?? (wasSignalled != 0 ? .signalled(code) : .exited(code))
        return Ended(end: end, output: output.tail, errorOutput: errorOutput.tail)
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ environment: KeyValuePairs<String, String>, _ output: Int32,
        _ errorOutput: Int32
    ) throws(JobError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, errorOutput, 2)
        // Whatever a library opened without CLOEXEC stays here.
        unsafe apex_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let added = environment.map { "\($0)=\($1)" }
        let names = environment.map { "\($0.key)=" }
        var settings: [UnsafeMutablePointer<CChar>?] = unsafe []
        var at = unsafe apex_environment()!
        while let setting = unsafe at.pointee {
            // A setting of the same name would win over ours.
            if !names.contains(where: { unsafe strncmp($0, setting, $0.utf8.count) == 0 }) {
                unsafe settings.append(setting)
            }
            unsafe at += 1
        }
        let owned = unsafe added.map { unsafe strdup($0) }
        let words = unsafe ([program] + arguments).map { unsafe strdup($0) }
        let strings = unsafe owned + words
        defer { for at in unsafe strings.indices { unsafe free(strings[at]) } }

        var process: pid_t = 0
        let failure = unsafe posix_spawnp(
            &process, program, &actions, &attributes, words + [nil], settings + owned + [nil])
        guard failure == 0 else {
            switch failure {
            case ENOENT:
                throw JobError(
                    "\(program): no such program on this worker; give a full path, or install it there.")
            case EACCES: throw JobError("\(program): this worker may not run it; check that it is executable.")
            case E2BIG: throw JobError("\(program): its arguments are longer than this worker's system allows.")
            default: throw JobError("\(program) could not be started: \(ChildProcess.words(failure)).")
            }
        }
        return process
    }

    private static func hasEnded(_ process: pid_t) -> Bool {
        var facts = unsafe siginfo_t()
        guard unsafe waitid(P_PID, id_t(process), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 else { return true }
        return unsafe facts.si_signo != 0
    }

    private static func milliseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    fileprivate static func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}

/// A pipe's end that closes itself once.
private struct Descriptor: ~Copyable {
    private(set) var number: Int32
    init(_ number: Int32) { self.number = number }
    mutating func close() {
        if number >= 0 { _ = Glibc.close(number) }
        number = -1
    }
    deinit { if number >= 0 { _ = Glibc.close(number) } }
}

/// A pipe from the program, of which the last `keptBytes` are kept.
private struct Stream: ~Copyable {
    var readEnd: Descriptor
    var writeEnd: Descriptor
    private var kept: [UInt8] = []

    init() throws(JobError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe apex_pipe(&ends) == 0 else {
            throw JobError(
                "this worker has no free file descriptor for a program's output (\(ChildProcess.words(errno))); "
                    + "raise its limit with ulimit -n.")
        }
        readEnd = Descriptor(ends[0])
        writeEnd = Descriptor(ends[1])
        // Only our end: the program's own output blocks as programs expect. `fcntl` is variadic in C.
        apex_set_nonblocking(ends[0])
    }

    /// Takes what is there now; closes at the end of the stream.
    mutating func read() {
        // On the stack and not filled with zeros first: most programs print little.
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 << 10) { room in
            while readEnd.number >= 0 {
                let count = unsafe Glibc.read(readEnd.number, room.baseAddress!, room.count)
                if count > 0 {
                    unsafe kept.append(contentsOf: UnsafeBufferPointer(rebasing: room[..<count]))
                    if kept.count > 4 * ChildProcess.keptBytes {
                        kept.removeFirst(kept.count - ChildProcess.keptBytes)
                    }
                } else if count < 0 && errno == EINTR {
                    continue
                } else {
                    if count == 0 || errno != EAGAIN { readEnd.close() }
                    return
                }
            }
        }
    }

    var tail: [UInt8] { Array(kept.suffix(ChildProcess.keptBytes)) }
}
