import Messages

extension Inbound.Hello {
    /// What a worker says of itself, within what any machine could be: whoever lies gets no more than the largest
    /// honest one would, and nothing that is added up or printed overflows. It still gets tasks only as fast as it
    /// answers, and its answers count only for what it holds.
    mutating func boundClaims() {
        slots = min(max(slots, 1), 4096)
        // Counted on from: no coordinator has sent so many messages.
        seen = min(seen, 1 << 62)
        name = bounded(name)
        hardware.hostname = bounded(hardware.hostname)
        hardware.hostID = bounded(hardware.hostID)
        hardware.cpuModel = bounded(hardware.cpuModel)
        hardware.simd = bounded(hardware.simd)
        hardware.gpus = hardware.gpus.prefix(64).map { bounded($0) }
        hardware.physicalCores = min(hardware.physicalCores, 1 << 16)
        hardware.logicalCores = min(hardware.logicalCores, 1 << 16)
        hardware.usableMillicores = min(hardware.usableMillicores, 1000 << 16)
        hardware.numaNodes = min(hardware.numaNodes, 1 << 10)
        for quantity: WritableKeyPath<HardwareReport, UInt64> in [
            \.l1DataBytes, \.l2Bytes, \.l3Bytes, \.memoryBytes, \.availableMemoryBytes, \.freeDiskBytes,
        ] { hardware[keyPath: quantity] = min(hardware[keyPath: quantity], 1 << 50) }
        hardware.dgemmMegaflops = min(hardware.dgemmMegaflops, 1 << 30)
        hardware.memoryMegabytesPerSecond = min(hardware.memoryMegabytesPerSecond, 1 << 30)
    }

    /// One short line without control characters: it goes into logs and onto terminals.
    private func bounded(_ text: String) -> String {
        let isPlain =
            text.utf8.count <= 128 && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        if isPlain { return text }
        let plain = text.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }.prefix(100)
        return String(String.UnicodeScalarView(plain))
    }
}
