import Foundation
import Messages

/// Lines for a person, the subject in the first column.
package func doctorText(_ lines: [DoctorLine]) -> String {
    let width = lines.map(\.subject.count).max() ?? 0
    return lines.map { line in
        let mark = line.level == .fact ? " " : line.level == .warning ? "!" : "✗"
        let subject = line.subject + String(repeating: " ", count: width - line.subject.count)
        return "\(mark) \(subject)  \(line.words)" + (line.advice.isEmpty ? "" : "\n    → \(line.advice)")
    }.joined(separator: "\n") + "\n"
}

/// One JSON object: `hardware`, every field of the report; `findings`, the lines.
package func doctorJSON(_ report: HardwareReport, _ lines: [DoctorLine]) throws -> String {
    struct Machine: Encodable {
        var hostname, hostID, cpuModel, simd: String
        var physicalCores, logicalCores, usableMillicores, numaNodes: UInt32
        var l1DataBytes, l2Bytes, l3Bytes, memoryBytes, availableMemoryBytes, freeDiskBytes: UInt64
        var gpus: [String]
        var dgemmMegaflops, memoryMegabytesPerSecond: UInt64
        var slots: Int
    }
    struct Whole: Encodable {
        var hardware: Machine
        var findings: [DoctorLine]
    }
    let machine = Machine(
        hostname: report.hostname, hostID: report.hostID, cpuModel: report.cpuModel, simd: report.simd,
        physicalCores: report.physicalCores, logicalCores: report.logicalCores,
        usableMillicores: report.usableMillicores, numaNodes: report.numaNodes,
        l1DataBytes: report.l1DataBytes, l2Bytes: report.l2Bytes, l3Bytes: report.l3Bytes,
        memoryBytes: report.memoryBytes, availableMemoryBytes: report.availableMemoryBytes,
        freeDiskBytes: report.freeDiskBytes, gpus: report.gpus, dgemmMegaflops: report.dgemmMegaflops,
        memoryMegabytesPerSecond: report.memoryMegabytesPerSecond, slots: slots(report))
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(Whole(hardware: machine, findings: lines)), as: UTF8.self)
}
