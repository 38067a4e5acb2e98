/// What this process's control groups allow it, in both of the kernel's versions, in containers and out of them.
package struct ControlGroupLimits: Equatable {
    /// In thousandths of a core; nil: no quota.
    package var millicores: UInt64?
    /// Nil: no limit.
    package var memoryBytes: UInt64?

    package init(_ files: MachineFiles) {
        let mounts = Self.mounts(files.text("/proc/self/mountinfo") ?? "")
        for line in (files.text("/proc/self/cgroup") ?? "").split(whereSeparator: \.isNewline) {
            // `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1. The path may hold colons.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",").map(String.init)
            for mount in mounts where mount.isVersion2 == controllers.isEmpty {
                guard mount.isVersion2 || !Set(mount.options).isDisjoint(with: controllers) else { continue }
                for folder in Self.folders(of: String(parts[2]), in: mount) { limit(by: folder, files) }
            }
        }
    }

    /// A limit anywhere up the tree holds.
    private mutating func limit(by folder: String, _ files: MachineFiles) {
        func lower(_ old: UInt64?, _ new: UInt64?) -> UInt64? { new.map { min(old ?? .max, $0) } ?? old }
        if let text = files.text("\(folder)/cpu.max") { millicores = lower(millicores, Self.millicores(cpuMax: text)) }
        if let quota = files.text("\(folder)/cpu.cfs_quota_us"), let period = files.text("\(folder)/cpu.cfs_period_us")
        {
            millicores = lower(millicores, Self.millicores(cpuMax: "\(trimmed(quota)) \(trimmed(period))"))
        }
        for name in ["memory.max", "memory.limit_in_bytes"] {
            // Version 1 writes no limit as nearly 2⁶³.
            let bytes = files.text("\(folder)/\(name)").flatMap { byteCount($0) }
            memoryBytes = lower(memoryBytes, bytes.flatMap { $0 < 1 << 60 ? $0 : nil })
        }
    }

    /// `150000 100000` is 1.5 cores; `max 100000` and `-1 100000` are no quota.
    package static func millicores(cpuMax: String) -> UInt64? {
        let words = cpuMax.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let quota = UInt64(words[0]), let period = UInt64(words[1]), quota > 0, period > 0,
            quota < 1 << 50
        else { return nil }
        return max(1, quota * 1000 / period)
    }

    private struct Mount {
        /// The group that is seen at `point`.
        var root: String
        var point: String
        var isVersion2: Bool
        var options: [String]
    }

    /// `36 32 0:28 /root /mount/point rw - cgroup cgroup rw,cpu`.
    private static func mounts(_ mountinfo: String) -> [Mount] {
        mountinfo.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 3,
                words[dash + 1] == "cgroup" || words[dash + 1] == "cgroup2"
            else { return nil }
            return Mount(
                root: words[3], point: words[4], isVersion2: words[dash + 1] == "cgroup2",
                options: words[dash + 3].split(separator: ",").map(String.init))
        }
    }

    /// The folder of the group and of all above it that can be seen.
    private static func folders(of path: String, in mount: Mount) -> [String] {
        // A container sees only its own group, at the mount point, whatever its path is outside.
        let isInside = mount.root == "/" || path == mount.root || path.hasPrefix(mount.root + "/")
        let inside = !isInside ? "" : mount.root == "/" ? path : String(path.dropFirst(mount.root.count))
        var parts = inside.split(separator: "/").filter { $0 != ".." }
        var folders = [mount.point]
        var folder = mount.point
        while !parts.isEmpty {
            folder += "/" + parts.removeFirst()
            folders.append(folder)
        }
        return folders
    }
}
