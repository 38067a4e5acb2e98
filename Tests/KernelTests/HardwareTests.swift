import Foundation
import Hardware
import Messages
import TestSupport
import Testing

/// A machine as its files were recorded.
private func recorded(_ texts: [String: String]) -> MachineFiles {
    MachineFiles(
        text: { texts[$0] },
        names: { folder in
            let below = texts.keys.filter { $0.hasPrefix(folder + "/") }
            return Set(below.map { String($0.dropFirst(folder.count + 1).prefix { $0 != "/" }) }).sorted()
        })
}

private func cpuinfo(_ cores: [(package: Int, core: Int)], model: String, flags: String) -> String {
    cores.enumerated().map { number, place in
        "processor\t: \(number)\nvendor_id\t: AuthenticAMD\nmodel name\t: \(model)\nphysical id\t: \(place.package)\n"
            + "core id\t\t: \(place.core)\nflags\t\t: fpu sse2 \(flags)\n"
    }.joined(separator: "\n")
}

private let oneGroup = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

@Test func `an 8-core mini PC with two threads a core`() {
    let cores = (0..<16).map { (package: 0, core: $0 / 2) }
    var texts = [
        "/proc/cpuinfo": cpuinfo(
            cores, model: "AMD Ryzen 7 7840HS w/ Radeon 780M Graphics",
            flags: "avx2 bmi2 avx512f avx512bw avx512dq avx512vl avx512_vpopcntdq"),
        "/proc/meminfo": "MemTotal:       32600000 kB\nMemFree:         1000000 kB\nMemAvailable:   30000000 kB\n",
        "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n", "/proc/self/mountinfo": oneGroup,
        "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n", "/sys/fs/cgroup/user.slice/memory.max": "max\n",
        "/sys/devices/system/node/node0/cpulist": "0-15\n", "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "/sys/class/drm/card1/device/vendor": "0x1002\n", "/sys/class/drm/card1/device/device": "0x15bf\n",
        "/sys/class/drm/card1/device/uevent": "DRIVER=amdgpu\nPCI_CLASS=30000\n",
        "/sys/class/drm/version": "drm 1.1.0\n",
    ]
    for (index, level, type, size) in [
        (0, 1, "Data", "32K"), (1, 1, "Instruction", "32K"), (2, 2, "Unified", "1024K"), (3, 3, "Unified", "16384K"),
    ] {
        let place = "/sys/devices/system/cpu/cpu0/cache/index\(index)"
        texts["\(place)/level"] = "\(level)\n"
        texts["\(place)/type"] = type + "\n"
        texts["\(place)/size"] = size + "\n"
    }
    let report = hardwareReport(recorded(texts), affinityCores: 16, onlineCores: 16)
    #expect(report.cpuModel == "AMD Ryzen 7 7840HS w/ Radeon 780M Graphics")
    #expect((report.physicalCores, report.logicalCores, report.usableMillicores) == (8, 16, 16_000))
    #expect(report.simd == "avx512")
    #expect((report.l1DataBytes, report.l2Bytes, report.l3Bytes) == (32 << 10, 1 << 20, 16 << 20))
    #expect(report.memoryBytes == 32_600_000 << 10)
    #expect(report.availableMemoryBytes == 30_000_000 << 10)
    #expect(report.numaNodes == 1)
    #expect(report.gpus == ["AMD 0x15bf (amdgpu)"])
    #expect(report.hostID.count == 32 && !report.hostID.contains("0123456789abcdef"))
}

@Test func `a server of two sockets and two NUMA nodes, its process bound to one`() {
    let cores = (0..<2).flatMap { package in (0..<24).map { (package: package, core: $0) } }
    let texts = [
        "/proc/cpuinfo": cpuinfo(
            cores + cores, model: "Intel(R) Xeon(R) Gold 6252", flags: "avx2 bmi2 avx512f avx512bw"),
        "/proc/meminfo": "MemTotal: 394000000 kB\nMemAvailable: 390000000 kB\n",
        "/sys/devices/system/node/node0/cpulist": "0\n", "/sys/devices/system/node/node1/cpulist": "1\n",
        "/sys/devices/system/node/possible": "0-1\n",
        "/proc/driver/nvidia/gpus/0000:3b:00.0/information": "Model: \t\t NVIDIA A100-PCIE-40GB\nIRQ:   \t\t 371\n",
        "/sys/class/drm/card0/device/vendor": "0x102b\n",  // the management chip's display
    ]
    let report = hardwareReport(recorded(texts), affinityCores: 48, onlineCores: 96)
    #expect((report.physicalCores, report.logicalCores, report.usableMillicores) == (48, 96, 48_000))
    #expect(report.numaNodes == 2)
    #expect(report.simd == "avx2")  // AVX-512 without VPOPCNTDQ is not what the kernels mean by it
    #expect(report.gpus == ["NVIDIA A100-PCIE-40GB"])
}

@Test func `a container with a quota of one and a half cores, in both versions of control groups`() {
    let machine = [
        "/proc/cpuinfo": cpuinfo((0..<4).map { (0, $0) }, model: "x", flags: "avx2 bmi2"),
        "/proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 15000000 kB\n",
    ]
    let second = machine.merging([
        "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": oneGroup, "/sys/fs/cgroup/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/memory.max": "1073741824\n",
    ]) { $1 }
    // Docker without a namespace of its own: the path is the host's, the mount shows only the container's part.
    let first = machine.merging([
        "/proc/self/cgroup": "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n",
        "/proc/self/mountinfo":
            "40 30 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
            + "41 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    ]) { $1 }
    for texts in [first, second] {
        let report = hardwareReport(recorded(texts), affinityCores: 4, onlineCores: 4)
        #expect(report.usableMillicores == 1500)
        #expect(report.availableMemoryBytes == 1 << 30)
        #expect(slots(report) == 1)
        let advice = describe(report, settings: Settings()).filter { $0.subject == "cores" }.map(\.words)
        #expect(advice.first == "1.5 of 4 are allowed")
    }
}

@Test func `a limit anywhere above counts, and no limit is none`() {
    let texts = [
        "/proc/self/cgroup": "0::/a/b/c\n", "/proc/self/mountinfo": oneGroup,
        "/sys/fs/cgroup/a/cpu.max": "50000 100000\n",
        "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/b/c/cpu.max": "200000 100000\n",
        "/sys/fs/cgroup/a/b/memory.max": "max\n",
    ]
    let limits = ControlGroupLimits(recorded(texts))
    #expect(limits.millicores == 500)
    #expect(limits.memoryBytes == nil)
    #expect(ControlGroupLimits.millicores(cpuMax: "-1 100000") == nil)
    let unlimited = [
        "/proc/self/cgroup": "4:memory:/\n", "/proc/self/mountinfo": "41 30 0:31 / /m rw - cgroup cgroup rw,memory\n",
        "/m/memory.limit_in_bytes": "9223372036854771712\n",
    ]
    #expect(ControlGroupLimits(recorded(unlimited)).memoryBytes == nil)
}

@Test func `an ARM board, whose cpuinfo tells no cores`() {
    var texts = [
        "/proc/cpuinfo": (0..<4).map {
            "processor\t: \($0)\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
                + "CPU architecture: 8\nCPU part\t: 0xd08\n"
        }.joined(separator: "\n") + "\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
        "/proc/meminfo": "MemTotal:        3884000 kB\n",
    ]
    let bare = hardwareReport(recorded(texts), affinityCores: 0, onlineCores: 4)
    #expect((bare.physicalCores, bare.logicalCores, bare.usableMillicores) == (4, 4, 4000))
    #expect(bare.cpuModel == "Raspberry Pi 4 Model B Rev 1.4")
    #expect(bare.simd == "neon")
    #expect(bare.availableMemoryBytes == 3_884_000 << 10)
    for cpu in 0..<4 { texts["/sys/devices/system/cpu/cpu\(cpu)/topology/core_id"] = "\(cpu / 2)\n" }
    #expect(hardwareReport(recorded(texts), affinityCores: 0, onlineCores: 4).physicalCores == 2)
    let server = Processors(cpuinfo: "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n")
    #expect(server.model == "ARM Neoverse-N1")
}

@Test(arguments: seeds(200)) func `odd files are no reason to stop`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let words = [
        "processor", ":", "core id", "-1", "18446744073709551616", "\n", "\t", " ", "0", "99999999999999999999K", "max",
        "100000", "0::/", "../..", "- cgroup2 x rw,cpu", "/sys/fs/cgroup", "flags : avx2", "é", "MemTotal:", "kB",
        "1e9", "4:cpu:/a",
    ]
    let paths = [
        "/proc/cpuinfo", "/proc/meminfo", "/proc/self/cgroup", "/proc/self/mountinfo", "/sys/fs/cgroup/cpu.max",
        "/sys/fs/cgroup/memory.max", "/sys/devices/system/cpu/cpu0/cache/index0/size",
        "/sys/devices/system/cpu/cpu0/cache/index0/level", "/sys/devices/system/cpu/cpu0/topology/core_id",
        "/etc/machine-id", "/sys/class/drm/card0/device/vendor", "/proc/driver/nvidia/gpus/x/information",
    ]
    var texts: [String: String] = [:]
    for path in paths {
        texts[path] = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in words.randomElement(using: &generator)!
        }.joined()
    }
    let report = hardwareReport(
        recorded(texts), affinityCores: Int.random(in: 0...8, using: &generator),
        onlineCores: Int.random(in: -1...8, using: &generator))
    #expect(report.logicalCores >= 1 && report.usableMillicores >= 1)
    #expect(report.physicalCores >= 1 && report.physicalCores <= report.logicalCores)
    #expect(!doctorText(describe(report, settings: Settings())).isEmpty)
}

@Test func `an empty machine is one core of nothing`() {
    let report = hardwareReport(recorded([:]), affinityCores: 0, onlineCores: 0)
    #expect((report.logicalCores, report.physicalCores, report.usableMillicores) == (1, 1, 1000))
    #expect(report.hostID.isEmpty)
}

@Test func `this machine is found, and both measures are within what machines do`() {
    let report = detectHardware(measure: true)
    #expect(!report.hostname.isEmpty)
    #expect(report.hostID == hostIdentity())
    #expect(report.memoryBytes > 64 << 20 && report.availableMemoryBytes > 0 && report.freeDiskBytes > 0)
    #expect((100...1_000_000).contains(report.dgemmMegaflops))
    #expect((100...1_000_000).contains(report.memoryMegabytesPerSecond))
}

@Test func `the doctor says what is set wrong and what to do`() throws {
    var report = HardwareReport()
    report.logicalCores = 8
    report.physicalCores = 8
    report.usableMillicores = 8000
    report.simd = "scalar"
    report.availableMemoryBytes = 100 << 20
    var settings = Settings()
    settings.fileCeiling = 1024
    settings.stateFolder = "/mnt/share/apex"
    settings.stateNetworkFilesystem = Settings.networkFilesystem(0x6969)
    settings.stateFreeBytes = 10 << 20
    settings.isClockSynchronised = false
    let lines = describe(report, settings: settings)
    let complaints = lines.filter { $0.level != .fact }
    #expect(
        complaints.map(\.subject) == [
            "open files", "processor", "memory", "disk", "state", "shared memory", "clock", "host",
        ])
    #expect(complaints.allSatisfy { !$0.advice.isEmpty })
    #expect(doctorText(lines).contains("✗ state          /mnt/share/apex lies on nfs\n    → give a local folder"))
    // A machine that is well set gives no complaint.
    report.simd = "avx2"
    report.availableMemoryBytes = 16 << 30
    report.hostID = "x"
    settings = Settings()
    settings.fileCeiling = 1 << 20
    settings.stateFreeBytes = 100 << 30
    settings.sharedMemoryBytes = 1 << 30
    #expect(describe(report, settings: settings).allSatisfy { $0.level == .fact })
    for kind in ["noop", "command", "variations", "groups", "weekend"] {
        #expect(describe(report).contains { $0.subject == kind && $0.words.contains("8 ") })
    }
    let json = try JSONSerialization.jsonObject(with: Data(doctorJSON(report, lines).utf8)) as? [String: Any]
    let hardware = try #require(json?["hardware"] as? [String: Any])
    #expect(hardware["usable_millicores"] as? Int == 8000)
    #expect(hardware["l1_data_bytes"] as? Int == 0)
    #expect((json?["findings"] as? [Any])?.count == lines.count)
}
