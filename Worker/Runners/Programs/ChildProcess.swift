import CLinux
import Glibc
import Messages

/// What is to be run.
struct ChildProgram {
    /// Between SIGTERM and SIGKILL, in milliseconds, where nobody says otherwise.
    static let usualGraceMilliseconds: Int64 = 2000

    /// The program, looked for in PATH, and its arguments.
    var words: [String]
    /// `NAME=value` each, before this process's own setting of that name.
    var environment: [String] = []
    /// Gives it a pipe to read what `ChildControl.say` says; otherwise its input is empty.
    var isSpokenTo = false
    /// Another pipe to hear it on, and the settings that tell it and what it starts where to open it.
    var channel: (pipe: Pipe, settings: [String])?
    /// Readable when `isCancelled` may have changed, or the listener wants its turn; -1: both are asked now and then.
    var bell: Int32 = -1
    /// 0: no limit.
    var timeoutMilliseconds: UInt64 = 0
    var graceMilliseconds = usualGraceMilliseconds
    var isCancelled: () -> Bool = { false }
    var limits = ProgramLimits()
    /// Its working folder; nil: one is made for it, and goes with it.
    var folder: String?
    /// Where that is made.
    var folderRoot = ""
}

/// How it ended.
struct ChildEnd: Equatable {
    enum Way: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }
    enum Stop: Equatable {
        case timedOut, cancelled
        /// By its listener.
        case told
    }
    var way: Way
    /// Why it was told to end, if it was.
    var stop: Stop?
    /// The kernel ended some of it for its memory.
    var ranOutOfMemory = false
}

enum ChildSource { case output, errorOutput, channel }

/// Follows a program that runs.
protocol ChildListener: ~Copyable {
    /// What it printed, as it comes.
    mutating func heard(_ bytes: Span<UInt8>, on source: ChildSource)
    /// Called at least after each of those, when the bell rings, and when `control.turnAt` has come.
    /// - Parameter now: in milliseconds of the monotonic clock.
    mutating func turn(at now: Int64, _ control: inout ChildControl)
}

/// What a listener may do to the program.
struct ChildControl {
    fileprivate let input: Int32
    fileprivate var stopRequest: Int64?
    /// When the listener wants its turn, if nothing happens before.
    var turnAt: Int64?

    /// Bytes said that the program has not read.
    var unreadBytes: Int { input < 0 ? 0 : Int(apex_unread(input)) }
    /// Says a line. One that finds no room, or nobody who reads, is lost.
    func say(_ line: String) {
        guard input >= 0 else { return }
        let bytes = Array(line.utf8)
        _ = unsafe apex_write_quietly(input, bytes, UInt(bytes.count))
    }
    /// SIGTERM now and SIGKILL after its grace, to the whole group.
    mutating func stop(graceMilliseconds: Int64) { stopRequest = stopRequest ?? graceMilliseconds }
}

/// One program, run to its end: in a process group of its own that ends with it, and with this process. So do
/// processes that left the group (`Orphans`).
enum ChildProcess {
    /// How often cancellation is looked at where no bell rings, in milliseconds.
    private static let pollMilliseconds: Int64 = 50
    /// Taken from one stream before the clock and the other streams are looked at again: somebody may print for ever.
    private static let turnBytes = 1 << 20
    /// Most programs print little; one that prints much gets the larger buffer.
    private static let bufferBytes = (first: 4 << 10, later: 64 << 10)
    /// Ends what runs when this process is killed. Made before the first program, or sooner by `prepare`.
    private static let watchdog: Void = { _ = unsafe apex_watchdog(Orphans.setting) }()

    /// Makes the watchdog, while this process is small: it is a copy of it. What leaves its program's group comes to this
    /// process from now on.
    /// - Returns: which rules cannot be kept here, in words.
    static func prepare(_ rules: ProgramRules) throws(JobError) -> [String] {
        watchdog
        let complaints = try Confinement.prepare(rules)
        Orphans.adopt()
        return complaints
    }

    /// - Throws: when the program cannot be started.
    static func run(_ program: ChildProgram, _ listener: inout some ChildListener & ~Copyable) throws(JobError)
        -> ChildEnd
    {
        let output = try Pipe()
        let errorOutput = try Pipe()
        let input = program.isSpokenTo ? try Pipe() : nil as Pipe?
        // Only our ends: the program's own block as programs expect.
        for end in [output.readEnd, errorOutput.readEnd, program.channel?.pipe.readEnd ?? -1, input?.writeEnd ?? -1]
        where end >= 0 { apex_set_nonblocking(end) }
        let mark = Orphans.begin()
        defer { Orphans.end(mark) }
        let streams = [input?.readEnd ?? -1, output.writeEnd, errorOutput.writeEnd]
        let confinement = Confinement.kept
        let made = program.folder == nil ? try TaskFolder(in: program.folderRoot, for: confinement.user) : nil
        let group = confinement.groups?.begin(program.limits, processes: confinement.rules.processes)
        // Both outlive the program.
        defer { withExtendedLifetime((made, group)) {} }
        let folder = program.folder ?? made?.path ?? "/"
        let process = try start(program, mark, streams, confinement, folder, group?.door ?? -1)
        output.closeWriteEnd()
        errorOutput.closeWriteEnd()
        input?.closeReadEnd()
        var end = try follow(process, program, output, errorOutput, input, &listener)
        end.ranOutOfMemory = group?.ranOutOfMemory ?? false
        return end
    }

    private static func follow(
        _ process: pid_t, _ program: ChildProgram, _ output: Pipe, _ errorOutput: Pipe, _ input: Pipe?,
        _ listener: inout some ChildListener & ~Copyable
    ) throws(JobError) -> ChildEnd {
        // -1 where the kernel has none: then its end is asked for every few milliseconds.
        let exit = apex_pidfd_open(process)
        defer { if exit >= 0 { close(exit) } }
        var buffer = [UInt8](repeating: 0, count: bufferBytes.first)
        var control = ChildControl(input: input?.writeEnd ?? -1)
        var stop: ChildEnd.Stop?
        var killAt: Int64?
        let started = milliseconds()
        let deadline =
            program.timeoutMilliseconds == 0
            ? nil : started + Int64(clamping: min(program.timeoutMilliseconds, 1 << 50))
        func end(_ why: ChildEnd.Stop, after grace: Int64, at now: Int64) {
            stop = why
            kill(-process, SIGTERM)
            killAt = now + grace
        }
        var isOver = false
        while !isOver {
            let now = milliseconds()
            if stop == nil {
                // First, because it silences the bell: what rings after that is not slept through.
                control.turnAt = nil
                listener.turn(at: now, &control)
                if program.isCancelled() {
                    end(.cancelled, after: program.graceMilliseconds, at: now)
                } else if let deadline, now >= deadline {
                    end(.timedOut, after: program.graceMilliseconds, at: now)
                } else if let grace = control.stopRequest {
                    end(.told, after: grace, at: now)
                }
            } else if let at = killAt, now >= at {
                kill(-process, SIGKILL)
                killAt = nil
            }
            var wake = Int64.max
            if stop == nil {
                if program.bell < 0 { wake = now + pollMilliseconds }
                if let deadline { wake = min(wake, deadline) }
                if let turn = control.turnAt { wake = min(wake, turn) }
            } else if let killAt {
                wake = killAt
            }
            if exit < 0 { wake = min(wake, now + 5) }
            // A negative descriptor is skipped.
            var waits = [
                output.readEnd, errorOutput.readEnd, program.channel?.pipe.readEnd ?? -1, exit,
                stop == nil ? program.bell : -1,
            ]
            .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            _ = unsafe poll(&waits, 5, wake == .max ? -1 : Int32(clamping: max(0, wake - now)))
            if waits[0].revents != 0 { output.read(&buffer, as: .output, &listener) }
            if waits[1].revents != 0 { errorOutput.read(&buffer, as: .errorOutput, &listener) }
            if waits[2].revents != 0 { program.channel?.pipe.read(&buffer, as: .channel, &listener) }
            isOver = exit < 0 ? hasEnded(process) : waits[3].revents != 0
        }
        // The program is over but not yet reaped, so its group still has its number: what it left behind ends with it.
        kill(-process, SIGKILL)
        output.read(&buffer, as: .output, &listener)
        errorOutput.read(&buffer, as: .errorOutput, &listener)
        program.channel?.pipe.read(&buffer, as: .channel, &listener)
        apex_forget(process)
        var code: Int32 = 0
        var wasSignalled: Int32 = 0
        let failure = unsafe apex_reap(process, &code, &wasSignalled)
        guard failure == 0 else { throw JobError("\(program.words[0]): its end was lost: \(words(failure)).") }
        return ChildEnd(way: wasSignalled != 0 ? .signalled(code) : .exited(code), stop: stop)
    }

    // MARK: - Starting

    private static func start(
        _ program: ChildProgram, _ mark: UInt64, _ streams: [Int32], _ confinement: Confinement.Kept,
        _ folder: String, _ group: Int32
    ) throws(JobError) -> pid_t {
        let name = program.words.first ?? ""
        guard !name.isEmpty else { throw JobError("no program is named; give one after --.") }
        guard !program.words.contains(where: { $0.utf8.contains(0) }) else {
            throw JobError("\(name): an argument holds a zero byte, which no program can be given.")
        }
        guard !program.environment.contains(where: { $0.utf8.contains(0) }) else {
            throw JobError("\(name): its environment holds a zero byte, which no program can be given.")
        }
        let words = unsafe program.words.map { unsafe strdup($0) }
        let room = String(repeating: "-", count: 24)
        let channelSettings = program.channel?.settings.map { "\($0)=" } ?? []
        let channel = unsafe channelSettings.map { unsafe strdup($0 + room) }
        let added =
            unsafe (program.environment + [Orphans.setting + "\(mark)"]).map { unsafe strdup($0) } + channel
        let strings = unsafe words + added
        defer { for at in unsafe strings.indices { unsafe free(strings[at]) } }
        var settings = unsafe added
        var at = unsafe apex_environment()!
        while let setting = unsafe at.pointee {
            // A setting of the same name would win over ours.
            if let sign = unsafe strchr(setting, 61) {
                let length = unsafe sign - setting + 1
                let isOurs = unsafe added.contains(where: { unsafe strncmp($0!, setting, length) == 0 })
                let name = unsafe settingName(setting, length - 1)
                if !isOurs, confinement.rules.passes(name) { unsafe settings.append(setting) }
            }
            unsafe at += 1
        }
        watchdog
        var around = unsafe apex_surroundings()
        unsafe around.group = group
        unsafe around.user_space = confinement.userSpace
        unsafe around.mount_space = confinement.mountSpace
        let folder = unsafe strdup(folder)
        defer { unsafe free(folder) }
        unsafe around.folder = UnsafePointer(folder)
        let groups = confinement.user?.groups ?? []
        if let user = confinement.other {
            unsafe around.changes_user = 1
            unsafe around.user = user.number
            unsafe around.user_group = user.group
            unsafe around.group_count = Int32(groups.count)
        }
        // What control groups do not count each process is held to.
        unsafe around.data_bytes = confinement.groups?.countsMemory == true ? 0 : program.limits.memoryBytes
        unsafe around.processes = confinement.groups?.countsProcesses == true ? 0 : program.limits.processes
        unsafe around.channel = program.channel?.pipe.writeEnd ?? -1
        // Inside the strings above: after the name and its sign.
        let places = unsafe zip(channel, channelSettings).map { unsafe $0! + $1.utf8.count }
        unsafe around.channel_name_count = Int32(places.count)
        var process: pid_t = 0
        let failure = unsafe groups.withUnsafeBufferPointer { list in
            unsafe around.groups = list.baseAddress
            return unsafe places.map(Optional.some).withUnsafeBufferPointer { places in
                unsafe around.channel_names = places.baseAddress
                return unsafe apex_start(name, words + [nil], settings + [nil], streams, &around, &process)
            }
        }
        guard failure != 0 else { return process }
        switch unsafe (around.step, failure) {
        case (APEX_STEP_PROGRAM, ENOENT):
            throw JobError("\(name): no such program on this worker; give a full path, or install it there.")
        case (APEX_STEP_PROGRAM, EACCES):
            throw JobError("\(name): this worker may not run it; check that it is executable.")
        case (APEX_STEP_PROGRAM, E2BIG):
            throw JobError("\(name): its arguments are longer than this worker's system allows.")
        case (APEX_STEP_PROGRAM, _): throw JobError("\(name) could not be started: \(ChildProcess.words(failure)).")
        case (let step, _):
            let what =
                switch step {
                case APEX_STEP_GROUP: "join its control group"
                case APEX_STEP_SPACE: "enter the namespace that hides keys"
                case APEX_STEP_FOLDER: "enter its folder"
                default: "become \(confinement.rules.user ?? "another user")"
                }
            throw JobError("\(name) could not \(what): \(ChildProcess.words(failure)); ask whoever runs this worker.")
        }
    }

    /// Of `NAME=value`, whose name has so many bytes.
    private static func settingName(_ setting: UnsafePointer<CChar>, _ count: Int) -> String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: setting, count: count), as: UTF8.self)
    }

    private static func hasEnded(_ process: pid_t) -> Bool {
        var facts = unsafe siginfo_t()
        guard unsafe waitid(P_PID, id_t(process), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 else { return true }
        return unsafe facts.si_signo != 0
    }

    static func milliseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    static func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    // MARK: - Reading

    /// Hands on what is there now, up to a bound.
    /// - Returns: whether the stream is over.
    static func take(
        _ descriptor: Int32, _ buffer: inout [UInt8], as source: ChildSource,
        _ listener: inout some ChildListener & ~Copyable
    ) -> Bool {
        var taken = 0
        while taken < turnBytes {
            let count = unsafe buffer.withUnsafeMutableBytes { room in
                unsafe read(descriptor, room.baseAddress!, room.count)
            }
            if count > 0 {
                listener.heard(buffer.span.extracting(first: count), on: source)
                taken += count
                // Less than asked for is all there was.
                if count < buffer.count { return false }
                if buffer.count < bufferBytes.later { buffer = [UInt8](repeating: 0, count: bufferBytes.later) }
            } else if count < 0 && errno == EINTR {
                continue
            } else {
                return count == 0 || errno != EAGAIN
            }
        }
        return false
    }
}
