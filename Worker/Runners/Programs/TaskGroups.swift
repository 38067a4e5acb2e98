import CLinux
import Glibc
import Messages
import Synchronization

/// Control groups (version 2) in which tasks' programs run: the kernel then counts all processes of a task together, and
/// ends them together. Only in a group that this worker has to itself, as systemd gives with `Delegate=yes`.
final class TaskGroups: Sendable {
    /// The worker's own group: its tasks' groups lie in it, and itself in one beside them.
    private let root: String
    private let controllers: Set<String>
    private let last = Atomic<UInt64>(0)

    /// The folder of this process's own group; nil where version 2 is not mounted.
    static func own(mounts: String = "/proc/self/mountinfo", groups: String = "/proc/self/cgroup") -> String? {
        var point: String?
        for line in text(mounts).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let dash = words.firstIndex(of: "-"), dash > 4, words.count > dash + 1, words[dash + 1] == "cgroup2"
            else { continue }
            point = String(words[4])
        }
        guard let point, let line = text(groups).split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else {
            return nil
        }
        let path = line.dropFirst(4)
        return path.isEmpty ? point : point + "/" + path
    }

    /// Nil where the group may not be changed, or holds processes of others.
    init?(at folder: String?) {
        guard let folder else { return nil }
        let others = Self.text(folder + "/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
            .filter { $0 != getpid() && $0 != apex_watchdog_process() }
        guard others.isEmpty, unsafe access(folder + "/cgroup.subtree_control", W_OK) == 0 else { return nil }
        // A group whose groups are limited may hold no process itself.
        let own = folder + "/worker"
        guard unsafe mkdir(own, 0o755) == 0 || errno == EEXIST else { return nil }
        for process in [getpid(), apex_watchdog_process()] where process > 0 {
            guard Self.write("\(process)", to: own + "/cgroup.procs") else { return nil }
        }
        root = folder
        let offered = Self.text(folder + "/cgroup.controllers").split(whereSeparator: \.isWhitespace).map(String.init)
        controllers = Set(
            ["memory", "cpu", "pids"].filter {
                offered.contains($0) && Self.write("+\($0)", to: folder + "/cgroup.subtree_control")
            })
    }

    /// The kernel adds up the memory of a task's processes.
    var countsMemory: Bool { controllers.contains("memory") }
    var countsProcesses: Bool { controllers.contains("pids") }

    /// For people: what is counted, in order.
    var words: String {
        controllers.isEmpty ? "ends of tasks only" : "ends of tasks, " + controllers.sorted().joined(separator: ", ")
    }

    /// A group for one task; nil when none can be made, which is no reason not to run.
    func begin(_ limits: ProgramLimits, processes: UInt64) -> TaskGroup? {
        let number = last.wrappingAdd(1, ordering: .relaxed).newValue
        let path = "\(root)/task-\(getpid())-\(number)"
        guard unsafe mkdir(path, 0o755) == 0 else { return nil }
        for (file, value) in Self.settings(limits, processes: processes) {
            guard let controller = file.split(separator: ".").first, controllers.contains(String(controller)) else {
                continue
            }
            _ = Self.write(value, to: "\(path)/\(file)")
        }
        return TaskGroup(path: path)
    }

    /// Files of a group and what is written to them.
    static func settings(_ limits: ProgramLimits, processes: UInt64) -> [(file: String, value: String)] {
        var settings = [("pids.max", "\(limits.processes > 0 ? limits.processes : processes)")]
        if limits.memoryBytes > 0 {
            settings.append(("memory.max", "\(limits.memoryBytes)"))
            settings.append(("memory.swap.max", "0"))
            // One process too many ends the task, not half of it.
            settings.append(("memory.oom.group", "1"))
        }
        if limits.cores > 0 { settings.append(("cpu.max", "\(UInt64(limits.cores) * 100_000) 100000")) }
        return settings
    }

    fileprivate static func text(_ path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
    @discardableResult fileprivate static func write(_ text: String, to path: String) -> Bool {
        let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        let bytes = Array(text.utf8)
        return unsafe Glibc.write(file, bytes, bytes.count) == bytes.count
    }
}

/// One task's group. Ends what is in it, and goes, with the object.
final class TaskGroup {
    let path: String
    /// `cgroup.procs`: who writes 0 to it is in the group.
    let door: Int32

    fileprivate init(path: String) {
        self.path = path
        door = unsafe open(path + "/cgroup.procs", O_WRONLY | O_CLOEXEC)
    }

    /// Something in it was ended because all of it used more memory than it may.
    var ranOutOfMemory: Bool {
        TaskGroups.text(path + "/memory.events").split(separator: "\n").contains {
            $0.hasPrefix("oom_kill ") && !$0.hasSuffix(" 0")
        }
    }

    deinit {
        if door >= 0 { close(door) }
        // The kernel takes a moment to end what was killed.
        for _ in 0..<200 {
            TaskGroups.write("1", to: path + "/cgroup.kill")
            if unsafe rmdir(path) == 0 || errno == ENOENT { return }
            usleep(1000)
        }
    }
}
