import Blobs
import CLinux
import Glibc
import Messages

/// What this machine offers to this process. Never fails: what cannot be found out stays 0 or empty.
/// - Parameter measure: run the two micro-measures, of 50 ms each.
package func detectHardware(measure: Bool) -> HardwareReport {
    var name = [CChar](repeating: 0, count: 256)
    // One byte less than there is: the last stays NUL.
    let hasName = unsafe gethostname(&name, name.count - 1) == 0
    var report = hardwareReport(
        MachineFiles.here, affinityCores: Int(apex_affinity_count()),
        onlineCores: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    report.hostname =
        hasName ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    report.freeDiskBytes = unsafe apex_free_bytes(".")
    if measure {
        report.dgemmMegaflops = measuredMegaflops()
        report.memoryMegabytesPerSecond = measuredMegabytesPerSecond(availableBytes: report.availableMemoryBytes)
    }
    return report
}

/// Equal for two processes on one host and boot, and telling nobody the machine's own identifier.
package func hostIdentity(_ files: MachineFiles = .here) -> String {
    // Cloned machines share the first, so both count; a host without either is its own.
    let machine = trimmed(files.text("/etc/machine-id") ?? "")
    let boot = trimmed(files.text("/proc/sys/kernel/random/boot_id") ?? "")
    guard !(machine.isEmpty && boot.isEmpty) else { return "" }
    return String(BlobID(of: Array("apex host \(machine) \(boot)".utf8)).description.prefix(32))
}

/// What the files say of a machine, this one or a recorded one.
/// - Parameters: affinityCores: processors this process may be scheduled on, 0 when unknown. onlineCores: likewise.
package func hardwareReport(_ files: MachineFiles, affinityCores: Int, onlineCores: Int) -> HardwareReport {
    var report = HardwareReport()
    let processors = Processors(cpuinfo: files.text("/proc/cpuinfo") ?? "")
    report.hostID = hostIdentity(files)
    report.cpuModel = processors.model
    report.simd = processors.simd
    let logical = max(processors.logical, onlineCores > 0 ? onlineCores : 0, 1)
    report.logicalCores = UInt32(clamping: logical)
    let byTopology = physicalCores(files)
    let physical = byTopology > 0 ? byTopology : processors.physical
    // A guest may call every thread a core; more cores than threads is no machine.
    report.physicalCores = UInt32(clamping: physical > 0 ? min(physical, logical) : logical)

    let limits = ControlGroupLimits(files)
    let cores = affinityCores > 0 ? min(affinityCores, logical) : logical
    report.usableMillicores = UInt32(clamping: min(UInt64(cores) * 1000, limits.millicores ?? .max))

    let caches = caches(files)
    report.l1DataBytes = caches[1] ?? 0
    report.l2Bytes = caches[2] ?? 0
    report.l3Bytes = caches[3] ?? 0
    report.numaNodes = UInt32(clamping: max(1, files.numbered("node", in: "/sys/devices/system/node").count))
    let meminfo = files.text("/proc/meminfo") ?? ""
    report.memoryBytes = memoryBytes("MemTotal", meminfo: meminfo) ?? 0
    let free = memoryBytes("MemAvailable", meminfo: meminfo) ?? report.memoryBytes
    report.availableMemoryBytes = min(free, limits.memoryBytes ?? .max)
    report.gpus = graphicsProcessors(files)
    return report
}
