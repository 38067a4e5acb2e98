import Foundation
import Jobs
import Messages

/// What the coordinator holds: memory for tasks that wait, for jobs that ended, for peers that came and went; and the
/// size of its state on the disk.
///
/// `bench memory [--quick | waiting | ended | visitors [COUNT]]`. Resident memory is what Linux says of the coordinator's process;
/// its peak tells whether a submit was ever held twice.
package enum MemoryBench {
    package static func run(arguments: [String]) {
        do {
            let isQuick = arguments.contains("--quick")
            let parts = ["waiting", "ended", "visitors"].filter { arguments.contains($0) }
            func wants(_ part: String) -> Bool { parts.isEmpty || parts.contains(part) }
            if wants("waiting") { for count in isQuick ? [200_000] : [1_000_000, 5_000_000] { try waiting(count) } }
            if wants("ended") { try ended(isQuick ? 100_000 : 1_000_000, jobs: isQuick ? 10 : 50) }
            let count = arguments.compactMap { Int($0) }.first ?? 1_000_000
            if wants("visitors") { try visitors(isQuick ? 2000 : count) }
        } catch {
            print("memory: \(error)")
            exit(1)
        }
    }

    private static func waiting(_ count: Int) throws {
        let cluster = try LocalCluster(workers: 0)
        defer { cluster.stop() }
        let before = ProcessFacts.residentBytes(cluster.coordinator)
        let job = try cluster.asker.submit(Noop.name, Noop.Spec(count: UInt32(count)))
        while try cluster.asker.job(job).queued < UInt32(count) { usleep(5000) }
        let after = ProcessFacts.residentBytes(cluster.coordinator)
        print(
            "\(count) tasks waiting: \(digits((after - before) / Double(count), 1)) bytes of the coordinator each, "
                + "\(digits(after / 1_048_576, 0)) MiB in all, never more than "
                + "\(digits(ProcessFacts.peakBytes(cluster.coordinator) / 1_048_576, 0)) MiB; "
                + "\(cluster.storedBytes) bytes on the disk")
    }

    private static func ended(_ count: Int, jobs: Int) throws {
        let cluster = try LocalCluster(workers: 2)
        defer { cluster.stop() }
        let spec = Noop.Spec(count: UInt32(count))
        // Until memory that was freed is there to be used again.
        for _ in 0..<jobs / 5 { _ = try cluster.seconds(of: Noop.name, spec, count: count) }
        let first = (ProcessFacts.residentBytes(cluster.coordinator), cluster.storedBytes)
        for _ in jobs / 5..<jobs { _ = try cluster.seconds(of: Noop.name, spec, count: count) }
        let grown = ProcessFacts.residentBytes(cluster.coordinator) - first.0
        print(
            "after \(jobs) jobs of \(count) tasks instead of \(jobs / 5): \(digits(grown / 1024, 0)) KiB more in memory, "
                + "\(cluster.storedBytes) bytes on the disk instead of \(first.1)")
    }

    /// Commands that ask and go, and workers that join and leave.
    private static func visitors(_ count: Int) throws {
        let cluster = try LocalCluster(workers: 0)
        defer { cluster.stop() }
        // Many at once: the coordinator stores those who come and go together with one commit.
        func visit(_ times: Int) throws {
            for first in stride(from: 0, to: times, by: 200) {
                var visitors: [(asker: Asker, worker: WorkerID?)] = []
                for at in first..<min(first + 200, times) {
                    let visitor = try cluster.connect()
                    guard at.isMultiple(of: 2) else {
                        try visitor.send(.request(number: 1, .status))
                        visitors.append((visitor, nil))
                        continue
                    }
                    let worker = WorkerID(UInt64.random(in: 1...UInt64.max))
                    try visitor.send(
                        .hello(
                            Inbound.Hello(
                                worker: worker, name: "visitor-\(at)", codeVersion: codeVersion, slots: 1,
                                hardware: HardwareReport(), seen: 0, held: [])))
                    visitors.append((visitor, worker))
                }
                for visitor in visitors {
                    guard try visitor.asker.next() != nil else { throw BenchFailure("a visitor had no answer in 10 s") }
                    if let worker = visitor.worker { try visitor.asker.send(.goodbye(worker: worker)) }
                }
            }
        }
        // Connections that are open take some 45 kB each: memory is compared when as many are open as before the first.
        let files = ProcessFacts.openFiles(cluster.coordinator)
        func settled() throws -> Double {
            for _ in 0..<600 where ProcessFacts.openFiles(cluster.coordinator) != files { usleep(50_000) }
            guard ProcessFacts.openFiles(cluster.coordinator) == files else {
                throw BenchFailure("connections of visitors that left are open after 30 s")
            }
            usleep(7_000_000)  // a quiet coordinator gives freed memory back every five seconds
            return ProcessFacts.residentBytes(cluster.coordinator)
        }
        try visit(count / 20)
        let before = try settled()
        // In between too: a leak grows, and what only swings does not.
        var looks: [Double] = []
        for _ in 0..<10 {
            try visit(count / 10)
            looks.append(try settled())
        }
        let after = looks[9]
        print(
            "\(count) connections made and closed, half of them workers: \(digits((after - before) / 1024, 0)) KiB or "
                + "\(digits(100 * (after / before - 1), 1)) % more than after the first \(count / 20); at most "
                + "\(digits(100 * (looks.max()! / before - 1), 1)) % more after any tenth; MiB: "
                + ([before] + looks).map { digits($0 / 1_048_576, 1) }.joined(separator: " "))
    }
}
