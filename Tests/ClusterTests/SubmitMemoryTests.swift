import Foundation
import TestSupport
import Testing

/// A line of `/proc/PID/status`, in bytes.
private func memory(_ line: String, of process: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let words = text.split(separator: "\n").first { $0.hasPrefix(line + ":") }?.split(separator: " ").dropFirst()
    return (words?.first.flatMap { Int($0) } ?? 0) * 1024
}

@Test func `a submit of a million tasks is streamed: the coordinator holds them once, and never twice`() throws {
    let cluster = try FaultCluster()
    let process = cluster.coordinator.process.processIdentifier
    // What the first job brings along once is not the tasks'.
    func submit(_ count: Int) throws {
        let outcome = try Programs.run(
            "apex", ["submit", "noop", "--state", cluster.state, "--count", "\(count)", "--json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
    }
    try submit(10)
    let query = "SELECT coalesce(sum(array_count), 0) FROM jobs"
    #expect(Programs.eventually { (try? StateFile.number(cluster.state, query)) == 10 })
    let before = memory("VmRSS", of: process)
    let peakBefore = memory("VmHWM", of: process)
    try submit(1_000_000)
    #expect(Programs.eventually(within: 60) { (try? StateFile.number(cluster.state, query)) == 1_000_010 })
    let tasks = 1_000_000
    // Tasks that nobody has touched cost next to nothing; reading and storing the submit takes memory for a moment.
    let after = memory("VmRSS", of: process) - before
    let peak = max(memory("VmHWM", of: process), peakBefore) - before
    print("a million tasks: \(after / tasks) bytes each resident, \(peak / tasks) at most")
    #expect(peak <= 40 * tasks, "\(peak) bytes for \(tasks) tasks")
    #expect(after <= 30 * tasks)
    // The store has one row for all of them.
    let size = { (path: String) in
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }
    #expect(size(cluster.state + "/state.sqlite") + size(cluster.state + "/state.sqlite-wal") < 4 << 20)
}
