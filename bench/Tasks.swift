import Foundation
import Jobs
import Messages

/// Tasks a second through the whole cluster, everything stored before it is acknowledged.
///
/// `bench tasks [--quick | latency]`. A private cluster of two workers in a temporary folder; no-op tasks beside Dask and Ray, with
/// and without CURVE, and programs beside HyperQueue, in alternating rounds; then a million and five million tasks at
/// once with the processor time they cost; then how long a single task takes from its submit to its worker. Peers are
/// looked for in the virtual environment that APEX_PEERS names, else in python3; none of them stores its tasks on disk.
package enum TasksBench {
    package static func run(arguments: [String]) {
        do {
            let isQuick = arguments.contains("--quick")
            if arguments.contains("latency") { return try latency(500, queued: 1_000_000) }
            let (rounds, noops, programs) = isQuick ? (1, 5000, 200) : (3, 20_000, 2000)
            try raceNoops(noops, rounds)
            try racePrograms(programs, rounds)
            for encrypted in [false, true] {
                try cost(of: isQuick ? [200_000] : [1_000_000, 1_000_000, 1_000_000, 5_000_000], encrypted: encrypted)
            }
            try costOfOwnResults(isQuick ? 200 : 2000)
            try latency(isQuick ? 50 : 500, queued: isQuick ? 100_000 : 1_000_000)
        } catch {
            print("tasks: \(error)")
            exit(1)
        }
    }

    private static func raceNoops(_ count: Int, _ rounds: Int) throws {
        let plain = try LocalCluster(workers: 2)
        defer { plain.stop() }
        let curve = try LocalCluster(workers: 2, encrypted: true)
        defer { curve.stop() }
        let spec = Noop.Spec(count: UInt32(count))
        // Connections and files are open after this.
        for cluster in [plain, curve] { _ = try cluster.seconds(of: Noop.name, spec, count: count) }
        for (peer, script) in [("Dask", "tasks_dask.py"), ("Ray", "tasks_ray.py")] {
            try race("\(count) no-op tasks", peer, script, count, rounds) {
                try plain.seconds(of: Noop.name, spec, count: count)
            }
        }
        // Many rounds: one takes 20 ms.
        var ratios: [Double] = []
        for _ in 0..<rounds * 5 {
            let open = try plain.seconds(of: Noop.name, spec, count: count)
            ratios.append(try curve.seconds(of: Noop.name, spec, count: count) / open)
        }
        print("\(count) no-op tasks: seconds over CURVE / over ipc: \(digits(median(ratios), 2))")
    }

    private static func racePrograms(_ count: Int, _ rounds: Int) throws {
        let cluster = try LocalCluster(workers: 2)
        defer { cluster.stop() }
        let spec = Command.Spec(program: "true", arguments: [], count: UInt32(count), timeoutMilliseconds: 0)
        _ = try cluster.seconds(of: Noop.name, Noop.Spec(count: 1000), count: 1000)
        try race("\(count) runs of true", "HyperQueue", "tasks_hyperqueue.py", count, rounds) {
            try cluster.seconds(of: Command.name, spec, count: count)
        }
    }

    /// - Parameter ours: seconds of one round.
    private static func race(
        _ what: String, _ peer: String, _ script: String, _ count: Int, _ rounds: Int, _ ours: () throws -> Double
    ) throws {
        var rates: [Double] = []
        var ratios: [Double] = []
        var missing = ""
        for _ in 0..<rounds {
            let mine = Double(count) / (try ours())
            rates.append(mine)
            guard missing.isEmpty else { continue }
            do { ratios.append(mine / (try PeerScript.run(script, count))) } catch { missing = "\(error)" }
        }
        let rate = "\(what): \(Int(median(rates))) a second"
        print(
            missing.isEmpty ? "\(rate); apex / \(peer): \(digits(median(ratios), 1))" : "\(rate); \(peer): \(missing)")
    }

    private static func cost(of counts: [Int], encrypted: Bool) throws {
        let cluster = try LocalCluster(workers: 2, encrypted: encrypted)
        defer { cluster.stop() }
        _ = try cluster.seconds(of: Noop.name, Noop.Spec(count: 1000), count: 1000)
        func cpu() -> (coordinator: Double, workers: Double) {
            (
                ProcessFacts.cpuSeconds(cluster.coordinator),
                cluster.workers.map { ProcessFacts.cpuSeconds($0) }.reduce(0, +)
            )
        }
        for count in Set(counts).sorted() {
            var rates: [Double] = []
            let before = cpu()
            for _ in counts where count == counts.first || rates.isEmpty {
                rates.append(
                    Double(count) / (try cluster.seconds(of: Noop.name, Noop.Spec(count: UInt32(count)), count: count)))
            }
            let after = cpu()
            let tasks = Double(count * rates.count)
            print(
                "\(count) no-op tasks\(encrypted ? " over CURVE" : ""): \(Int(median(rates))) a second; processor time of "
                    + "a task: \(digits((after.coordinator - before.coordinator) / tasks * 1e6, 2)) µs in the "
                    + "coordinator, \(digits((after.workers - before.workers) / tasks * 1e6, 2)) µs in the workers")
        }
    }

    /// Programs that each print something else: every result is a row of its own.
    private static func costOfOwnResults(_ count: Int) throws {
        let cluster = try LocalCluster(workers: 2)
        defer { cluster.stop() }
        _ = try cluster.seconds(of: Noop.name, Noop.Spec(count: 1000), count: 1000)
        let before = ProcessFacts.cpuSeconds(cluster.coordinator)
        let spec = Command.Spec(program: "echo", arguments: ["{index}"], count: UInt32(count), timeoutMilliseconds: 0)
        let seconds = try cluster.seconds(of: Command.name, spec, count: count)
        let used = ProcessFacts.cpuSeconds(cluster.coordinator) - before
        print(
            "\(count) runs of echo, each with a result of its own: \(Int(Double(count) / seconds)) a second; processor "
                + "time of a task: \(digits(used / Double(count) * 1e6, 0)) µs in the coordinator")
    }

    private static func latency(_ count: Int, queued: Int) throws {
        for encrypted in [false, true] {
            let cluster = try LocalCluster(workers: 0, encrypted: encrypted)
            defer { cluster.stop() }
            var latency = try Latency(cluster)
            _ = try latency.measure(10)
            let suffix = encrypted ? " over CURVE" : ""
            say("submit to start, idle\(suffix)", try latency.measure(count))
            // More cores than any worker has: they stay queued.
            _ = try cluster.asker.submit(Noop.name, Noop.Spec(count: UInt32(queued)), cores: 4096)
            say("submit to start, \(queued) tasks queued\(suffix)", try latency.measure(count))
            try latency.leave()
        }
    }
    private static func say(_ what: String, _ milliseconds: (submits: [Double], questions: [Double], flushes: [Double]))
    {
        func words(_ samples: [Double]) -> String {
            "median \(digits(median(samples), 2)) ms, p99 \(digits(quantile(samples, 0.99), 2)) ms"
        }
        print(
            "\(what): \(words(milliseconds.submits)) of \(milliseconds.submits.count); a question and its answer: "
                + words(milliseconds.questions) + "; a page on the disk: " + words(milliseconds.flushes))
    }
}

/// A script of bench/peers, which prints `{"tasks": N, "seconds": S}`, or `{"missing": NAME}`.
enum PeerScript {
    /// - Returns: tasks a second.
    /// - Throws: when the peer is not installed, in words.
    static func run(_ script: String, _ count: Int) throws -> Double {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [PeerProcess.python, PeerProcess.file(script), "\(count)"]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard let line = text.split(separator: "\n").last,
            let answer = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        else { throw BenchFailure("its script says nothing") }
        if let name = answer["missing"] as? String {
            throw BenchFailure(
                "not measured, Python has no \(name) (put it in a virtual environment, name that in APEX_PEERS)")
        }
        guard let tasks = answer["tasks"] as? Double, let seconds = answer["seconds"] as? Double, seconds > 0 else {
            throw BenchFailure("an answer without tasks and seconds: \(answer)")
        }
        return tasks / seconds
    }
}
