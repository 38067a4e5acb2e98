import CLinux
import Glibc
import Messages
import Synchronization

/// What programs of tasks and of trials may see and use on this worker, whatever their task asks for.
package struct ProgramRules: Sendable, Equatable {
    /// Folders they see empty: keys.
    package var hidden: [String] = []
    /// Whose rights they have; nil: the worker's own. Only root may be somebody else.
    package var user: String?
    /// Settings of the worker's environment that they get besides the usual ones.
    package var environment: [String] = []
    /// Processes one task may have, where control groups count them.
    package var processes: UInt64 = 4096
    package init() {}

    /// Settings that say where programs, libraries, languages and devices are; none of them is a secret.
    private static let usual: Set<String> = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH",
        "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "R_HOME", "JULIA_DEPOT_PATH", "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "XDG_RUNTIME_DIR",
    ]
    func passes(_ name: String) -> Bool {
        Self.usual.contains(name) || name.hasPrefix("LC_") || name.hasSuffix("_NUM_THREADS")
            || environment.contains(name)
    }
}

/// The rules of this process, and what was made once to keep them.
enum Confinement {
    struct Kept: Sendable {
        var rules = ProgramRules()
        /// A user and a mount namespace in which `rules.hidden` is covered; -1: none.
        var userSpace: Int32 = -1, mountSpace: Int32 = -1
        var user: User?
        var groups: TaskGroups?
        /// Whoever programs run as, if that is not this process's own user.
        var other: User? { user.flatMap { $0.number == geteuid() ? nil : $0 } }

        /// Touches files with the rights of whoever programs run as: what they leave in their folders leads nowhere that
        /// they may not go.
        func asProgramsUser<Value: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure)
            -> Value
        {
            guard let other else { return try body() }
            guard apex_touch_files_as(other.number, other.group) == 0 else {
                preconditionFailure(
                    "root cannot touch files as user \(other.number), which it was allowed at the start")
            }
            defer { _ = apex_touch_files_as(geteuid(), getegid()) }
            return try body()
        }
    }
    struct User: Sendable {
        var number: UInt32, group: UInt32
        var groups: [UInt32]
    }
    private static let state = Mutex(Kept())
    static var kept: Kept { state.withLock { $0 } }

    /// Once, before there are threads and much memory: it forks.
    /// - Returns: what could not be had, in words.
    /// - Throws: when the rules cannot be kept and are no mere precaution.
    static func prepare(_ rules: ProgramRules) throws(JobError) -> [String] {
        var kept = Kept()
        var complaints: [String] = []
        kept.rules = rules
        if let name = rules.user { kept.user = try user(name) }
        if !rules.hidden.isEmpty {
            let paths = unsafe rules.hidden.map { unsafe UnsafePointer(strdup($0)) }
            defer { for at in unsafe paths.indices { unsafe free(UnsafeMutablePointer(mutating: paths[at])) } }
            var spaces: [Int32] = [-1, -1]
            let failure = unsafe apex_hide(paths, Int32(paths.count), &spaces)
            if failure == 0 {
                (kept.userSpace, kept.mountSpace) = (spaces[0], spaces[1])
            } else {
                complaints.append(
                    "keys are not hidden from programs: this system gives no user namespaces "
                        + "(\(ChildProcess.words(failure))); run the worker as root with `user:`, or as a user who may "
                        + "not read them")
            }
        }
        kept.groups = TaskGroups(at: TaskGroups.own())
        let ready = kept
        state.withLock { $0 = ready }
        return complaints
    }

    private static func user(_ name: String) throws(JobError) -> User {
        var number: UInt32 = 0
        var group: UInt32 = 0
        var groups = [UInt32](repeating: 0, count: 256)
        let count = unsafe apex_user(name, &number, &group, &groups, 256)
        guard count >= 0 else {
            throw JobError(
                "worker.user is \(name): there is no such user here; make one with `useradd --system \(name)`.")
        }
        guard geteuid() == 0 || number == geteuid() else {
            throw JobError("worker.user is \(name), and this worker is not root, so it cannot become \(name).")
        }
        guard number != geteuid() else { return User(number: number, group: group, groups: []) }
        return User(number: number, group: group, groups: Array(groups.prefix(Int(count))))
    }
}

/// What one program is held to, besides the rules of its worker.
struct ProgramLimits: Equatable {
    /// All its processes together where control groups count, else each of them; 0: no limit.
    var memoryBytes: UInt64 = 0
    /// Whole cores, where control groups count; 0: no limit.
    var cores: UInt32 = 0
    /// 0: what the rules say.
    var processes: UInt64 = 0
}

/// A working folder of one program, removed with all that is in it.
final class TaskFolder {
    let path: String

    /// - Parameters:
    ///   - root: is made when missing; empty: the system's place for temporary files.
    ///   - user: becomes its owner.
    init(in root: String, for user: Confinement.User?) throws(JobError) {
        // Where somebody else's programs find it: a worker's own folders are often closed to them.
        let isForOthers = user.map { $0.number != geteuid() } ?? false
        let root = root.isEmpty || isForOthers ? "/tmp" : root
        var name = Array("\(root)/apex-task-XXXXXX".utf8CString)
        var made = unsafe mkdtemp(&name) != nil
        if !made, errno == ENOENT {
            Self.makeFolders(root)
            name = Array("\(root)/apex-task-XXXXXX".utf8CString)
            made = unsafe mkdtemp(&name) != nil
        }
        guard made else {
            throw JobError(
                "\(root): no folder for a task can be made there (\(ChildProcess.words(errno))); give the worker another "
                    + "--state, or make room.")
        }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if isForOthers, let user { _ = unsafe chown(path, user.number, user.group) }
    }
    deinit { unsafe apex_remove_tree(path) }

    private static func makeFolders(_ path: String) {
        guard unsafe mkdir(path, 0o700) != 0, errno == ENOENT, let slash = path.lastIndex(of: "/"),
            slash != path.startIndex
        else { return }
        makeFolders(String(path[..<slash]))
        _ = unsafe mkdir(path, 0o700)
    }
}
