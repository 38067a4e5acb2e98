/// What a worker measured of the machine it runs on.
package struct HardwareReport: Sendable, Equatable, Wire {
    package var hostname = ""
    /// Equal for two processes on the same host: the machine id, hashed. Blobs are mapped instead of fetched then.
    package var hostID = ""
    package var cpuModel = ""
    package var physicalCores: UInt32 = 0
    package var logicalCores: UInt32 = 0
    /// Cores this process may use after affinity and cgroup quota, in thousandths of a core.
    package var usableMillicores: UInt32 = 0
    /// `scalar`, `avx2`, `avx512` or `neon`.
    package var simd = ""
    package var l1DataBytes: UInt64 = 0, l2Bytes: UInt64 = 0, l3Bytes: UInt64 = 0
    package var numaNodes: UInt32 = 0
    package var memoryBytes: UInt64 = 0
    /// What this process may use: the smaller of free memory and the cgroup's limit.
    package var availableMemoryBytes: UInt64 = 0
    package var freeDiskBytes: UInt64 = 0
    /// One line a GPU, as its driver names it.
    package var gpus: [String] = []
    /// Two micro-measures of 50 ms each on one core: 10⁶ floating-point operations and 10⁶ bytes copied a second.
    package var dgemmMegaflops: UInt64 = 0
    package var memoryMegabytesPerSecond: UInt64 = 0
    package init() {}

    private static let wide: [WritableKeyPath<HardwareReport, UInt64> & Sendable] = [
        \.l1DataBytes, \.l2Bytes, \.l3Bytes, \.memoryBytes, \.availableMemoryBytes, \.freeDiskBytes, \.dgemmMegaflops,
        \.memoryMegabytesPerSecond,
    ]
    private static let narrow: [WritableKeyPath<HardwareReport, UInt32> & Sendable] = [
        \.physicalCores, \.logicalCores, \.usableMillicores, \.numaNodes,
    ]
    private static let texts: [WritableKeyPath<HardwareReport, String> & Sendable] = [
        \.hostname, \.hostID, \.cpuModel, \.simd,
    ]
    package func write(to writer: inout WireWriter) {
        for path in Self.texts { writer.string(self[keyPath: path]) }
        for path in Self.narrow { writer.integer(self[keyPath: path]) }
        for path in Self.wide { writer.integer(self[keyPath: path]) }
        writer.array(gpus)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        for path in Self.texts { self[keyPath: path] = try reader.string() }
        for path in Self.narrow { self[keyPath: path] = try reader.integer() }
        for path in Self.wide { self[keyPath: path] = try reader.integer() }
        gpus = try reader.array()
    }
}
