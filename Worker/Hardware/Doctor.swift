import Messages

/// One finding about a machine, in words.
package struct DoctorLine: Sendable, Equatable, Codable {
    package enum Level: String, Sendable, Codable {
        case fact
        /// Works, but less well than it could.
        case warning
        /// Will fail sooner or later.
        case problem
    }
    package var level: Level
    package var subject: String
    package var words: String
    /// What to do; empty for a fact.
    package var advice = ""
    package init(_ level: Level, _ subject: String, _ words: String, advice: String = "") {
        self.level = level
        self.subject = subject
        self.words = words
        self.advice = advice
    }
}

/// What the machine is and what each job kind will use of it.
package func describe(_ report: HardwareReport) -> [DoctorLine] { machine(report) + kinds(report) }

/// The same, with what is likely set wrong and what to do about it.
package func describe(_ report: HardwareReport, settings: Settings) -> [DoctorLine] {
    machine(report) + kinds(report) + complaints(report, settings)
}

private func machine(_ report: HardwareReport) -> [DoctorLine] {
    var lines: [DoctorLine] = []
    let threads =
        report.logicalCores > report.physicalCores ? " with \(report.logicalCores) hardware threads" : ""
    lines.append(
        DoctorLine(
            .fact, "processor",
            "\(report.cpuModel.isEmpty ? "unnamed" : report.cpuModel): \(counted(Int(report.physicalCores), "core"))"
                + "\(threads), \(report.simd)"))
    let cores = decimal(Double(report.usableMillicores) / 1000, 1)
    lines.append(
        DoctorLine(
            .fact, "usable", "\(cores) cores after affinity and control groups: \(counted(slots(report), "slot"))"))
    let caches = [("L1d", report.l1DataBytes), ("L2", report.l2Bytes), ("L3", report.l3Bytes)]
        .filter { $0.1 > 0 }.map { "\($0.0) \(bytes($0.1))" }
    if !caches.isEmpty { lines.append(DoctorLine(.fact, "caches", caches.joined(separator: ", "))) }
    lines.append(
        DoctorLine(
            .fact, "memory",
            "\(bytes(report.memoryBytes)), \(bytes(report.availableMemoryBytes)) of it for this process, on "
                + counted(Int(report.numaNodes), "NUMA node")))
    lines.append(DoctorLine(.fact, "disk", "\(bytes(report.freeDiskBytes)) free"))
    lines.append(
        DoctorLine(.fact, "gpu", report.gpus.isEmpty ? "none" : report.gpus.joined(separator: "; ")))
    if report.dgemmMegaflops > 0 {
        lines.append(
            DoctorLine(
                .fact, "speed",
                "one core multiplies matrices at \(decimal(Double(report.dgemmMegaflops) / 1000, 1)) GFLOP/s and "
                    + "copies memory at \(decimal(Double(report.memoryMegabytesPerSecond) / 1000, 1)) GB/s"))
    }
    return lines
}

private func kinds(_ report: HardwareReport) -> [DoctorLine] {
    let slots = slots(report)
    let each = slots > 0 ? report.availableMemoryBytes / UInt64(slots) : 0
    let lanes =
        switch report.simd {
        case "avx512": "eight prices at once (AVX-512)"
        case "avx2": "four prices at once (AVX2)"
        case "neon": "two prices at once (NEON)"
        default: "one price at a time"
        }
    let counting =
        switch report.simd {
        case "avx512": "counts 512 tickers an instruction (VPOPCNTDQ)"
        case "avx2": "counts 256 tickers a step (AVX2)"
        default: "counts 64 tickers an instruction"
        }
    return [
        DoctorLine(.fact, "noop", "\(counted(slots, "slot")); measures messages and storage, hardly this machine"),
        DoctorLine(
            .fact, "command",
            "\(counted(slots, "program")) at once of one core each, with \(bytes(each)) of memory each"),
        DoctorLine(
            .fact, "variations", "\(counted(slots, "slot")); computes \(lanes); next to no memory"),
        DoctorLine(
            .fact, "groups",
            "\(counted(slots, "slot")); \(counting); a pool of 1,300 variations takes "
                + "\(bytes(UInt64(1300 * 5 * 128))) and " + fits(1300 * 5 * 128, report)),
        DoctorLine(.fact, "weekend", "variations, then groups, on the same \(counted(slots, "slot"))"),
    ]
}

private func fits(_ size: UInt64, _ report: HardwareReport) -> String {
    if size <= report.l2Bytes { return "stays in each core's L2 cache" }
    return size <= report.l3Bytes ? "stays in the L3 cache" : "is read from memory"
}

private func complaints(_ report: HardwareReport, _ settings: Settings) -> [DoctorLine] {
    var lines: [DoctorLine] = []
    func say(_ level: DoctorLine.Level, _ subject: String, _ words: String, _ advice: String) {
        lines.append(DoctorLine(level, subject, words, advice: advice))
    }
    if settings.fileCeiling < 4096 {
        say(
            .warning, "open files", "at most \(settings.fileCeiling) files and connections at once",
            "raise the limit (ulimit -n 65536, LimitNOFILE= in a systemd unit) before running many workers.")
    }
    if report.simd == "scalar" {
        say(
            .problem, "processor", "it has no AVX2, which this build needs on x86",
            "use a machine from 2013 or later, or build for this one without -march=x86-64-v3.")
    }
    if report.usableMillicores < report.logicalCores * 1000 {
        say(
            .warning, "cores",
            "\(decimal(Double(report.usableMillicores) / 1000, 1)) of \(report.logicalCores) are allowed",
            "if that is not intended, raise the container's cpu limit or the process's affinity (taskset).")
    }
    if report.usableMillicores % 1000 != 0, report.usableMillicores > 1000 {
        say(
            .warning, "cores", "the quota is no whole number of cores: the last part of one goes unused",
            "round the cpu limit, or give --slots \(slots(report) + 1) and accept slower tasks.")
    }
    if report.availableMemoryBytes < 512 << 20 {
        say(
            .problem, "memory", "\(bytes(report.availableMemoryBytes)) are left for this process",
            "free some memory or raise the container's limit: 1 GB is comfortable.")
    } else if report.availableMemoryBytes < UInt64(slots(report)) * 256 << 20 {
        say(
            .warning, "memory", "less than 256 MB for each of \(counted(slots(report), "slot"))",
            "run fewer slots (--slots), or declare --memory for commands that need much.")
    }
    if settings.stateFreeBytes < 1 << 30 {
        say(
            settings.stateFreeBytes < 64 << 20 ? .problem : .warning, "disk",
            "\(bytes(settings.stateFreeBytes)) free at \(settings.stateFolder)",
            "free some space, or give another folder with --state.")
    }
    if !settings.stateNetworkFilesystem.isEmpty {
        say(
            .problem, "state", "\(settings.stateFolder) lies on \(settings.stateNetworkFilesystem)",
            "give a local folder with --state: SQLite's locks and syncs are not safe over a network.")
    }
    if settings.sharedMemoryBytes < 16 << 20 {
        say(
            .warning, "shared memory", "\(bytes(settings.sharedMemoryBytes)) in /dev/shm",
            "give the container more (docker run --shm-size=256m) if programs you run need it.")
    }
    if !settings.isClockSynchronised {
        say(
            .warning, "clock", "it is not kept in step with a time server",
            "start chrony or systemd-timesyncd: nothing here depends on it, but logs of several machines will not line up."
        )
    }
    if report.hostID.isEmpty {
        say(
            .warning, "host", "neither /etc/machine-id nor a boot id can be read",
            "run systemd-machine-id-setup: until then blobs are fetched even from the same machine.")
    }
    return lines
}

/// Tasks at once: one for each whole core that may be used.
package func slots(_ report: HardwareReport) -> Int { max(1, Int(report.usableMillicores) / 1000) }

/// `1.5 GB`, in powers of 1024 as memory is sold.
private func bytes(_ count: UInt64) -> String {
    let units = ["bytes", "KB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    return "\(decimal(value, value < 10 && unit > 0 ? 1 : 0)) \(units[unit])"
}

/// Rounded half up to `digits` decimals, in no locale.
private func decimal(_ value: Double, _ digits: Int) -> String {
    guard digits > 0 else { return "\(Int(value.rounded()))" }
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
