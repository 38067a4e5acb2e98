import CLinux
import Glibc
import Messages

/// What this machine offers to this process.
package func detectHardware(measure: Bool) -> HardwareReport {
    var report = HardwareReport()
    report.logicalCores = UInt32(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    report.usableMillicores = UInt32(apex_affinity_count()) * 1000
    return report
}
