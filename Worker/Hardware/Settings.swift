import CLinux
import Glibc

/// What is set around a worker rather than built into its machine, and is often set wrong.
package struct Settings: Sendable, Equatable {
    /// Files this process may have open: now, and after raising its own limit.
    package var fileLimit: UInt64 = 0, fileCeiling: UInt64 = 0
    package var stateFolder = ""
    package var stateFreeBytes: UInt64 = 0
    /// `nfs`, `cifs` and the like when the state lies on another machine; empty otherwise.
    package var stateNetworkFilesystem = ""
    /// Bytes free in /dev/shm; 0 when there is none.
    package var sharedMemoryBytes: UInt64 = 0
    /// The kernel keeps the clock in step with a time server.
    package var isClockSynchronised = true
    package init() {}

    /// This machine's.
    /// - Parameter stateFolder: need not exist yet: then the nearest folder above it counts.
    package static func here(stateFolder: String) -> Settings {
        var settings = Settings()
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            settings.fileLimit = UInt64(limit.rlim_cur)
            settings.fileCeiling = UInt64(limit.rlim_max)
        }
        settings.stateFolder = stateFolder
        var place = stateFolder
        while unsafe access(place, F_OK) != 0, let slash = place.lastIndex(of: "/"), slash > place.startIndex {
            place = String(place[..<slash])
        }
        settings.stateFreeBytes = unsafe apex_free_bytes(place)
        settings.stateNetworkFilesystem = networkFilesystem(unsafe apex_filesystem_kind(place))
        settings.sharedMemoryBytes = unsafe apex_free_bytes("/dev/shm")
        settings.isClockSynchronised = apex_clock_is_synchronised() != 0
        return settings
    }

    /// Source: linux/magic.h and the file systems' own sources.
    package static func networkFilesystem(_ magic: Int) -> String {
        switch UInt32(truncatingIfNeeded: magic) {
        case 0x6969: "nfs"
        case 0xFF53_4D42: "cifs"
        case 0xFE53_4D42: "smb2"
        case 0x517B: "smb"
        case 0x0BD0_0BD0: "lustre"
        case 0x00C3_6400: "ceph"
        case 0x4750_4653: "gpfs"
        case 0x0102_1997: "9p"
        case 0x1983_0326: "beegfs"
        case 0x5346_414F: "afs"
        default: ""
        }
    }
}
