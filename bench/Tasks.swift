import Foundation
import Glibc

/// Tasks a second through the whole cluster, everything stored before it is acknowledged.
///
/// `bench tasks [--quick]`. A private cluster of two workers in a temporary folder; no-op tasks beside Dask and Ray,
/// programs beside HyperQueue, in alternating rounds; then a million tasks at once, and what one that waits takes of
/// memory. Peers are looked for in the virtual environment that APEX_PEERS names, else in python3; none of them stores
/// its tasks on disk.
package enum TasksBench {
    private struct Run {
        var tasks: Double
        var seconds: Double
        var rate: Double { tasks / seconds }
    }
    private struct Failure: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    package static func run(arguments: [String]) {
        do {
            let isQuick = arguments.contains("--quick")
            try measure(rounds: isQuick ? 1 : 3, noops: isQuick ? 5000 : 20_000, programs: isQuick ? 200 : 2000)
            if !isQuick { try measureMillion() }
        } catch {
            print("tasks: \(error)")
            exit(1)
        }
    }

    private static func measure(rounds: Int, noops: Int, programs: Int) throws {
        let cluster = try Cluster(workers: 2)
        defer { cluster.stop() }
        _ = try cluster.noops(1000)  // connections and files are open after this
        for (peer, script) in [("Dask", "tasks_dask.py"), ("Ray", "tasks_ray.py")] {
            try race("\(noops) no-op tasks", peer, script, noops, rounds) { try cluster.noops(noops) }
        }
        try race("\(programs) runs of true", "HyperQueue", "tasks_hyperqueue.py", programs, rounds) {
            try cluster.programs(programs)
        }
    }

    private static func race(
        _ what: String, _ peer: String, _ script: String, _ count: Int, _ rounds: Int, _ ours: () throws -> Run
    ) throws {
        var rates: [Double] = []
        var ratios: [Double] = []
        var missing = ""
        for _ in 0..<rounds {
            let mine = try ours().rate
            rates.append(mine)
            guard missing.isEmpty else { continue }
            do { ratios.append(mine / (try Self.peer(script, count).rate)) } catch { missing = "\(error)" }
        }
        let rate = "\(what): \(Int(median(rates))) a second"
        print(missing.isEmpty ? "\(rate); apex / \(peer): \(rounded(median(ratios)))" : "\(rate); \(peer): \(missing)")
    }

    private static func measureMillion() throws {
        let count = 1_000_000
        do {
            let cluster = try Cluster(workers: 2)
            defer { cluster.stop() }
            print("\(count) no-op tasks: \(Int(try cluster.noops(count).rate)) a second")
        }
        let idle = try Cluster(workers: 0)
        defer { idle.stop() }
        let before = try idle.residentBytes()
        try idle.submit(noops: count)
        let after = try idle.residentBytes()
        print("\(count) waiting tasks: \(rounded((after - before) / Double(count))) bytes of the coordinator each")
    }

    /// A script of bench/peers, which prints `{"tasks": N, "seconds": S}`, or `{"missing": NAME}`.
    private static func peer(_ script: String, _ count: Int) throws -> Run {
        let folder = ProcessInfo.processInfo.environment["APEX_PEERS"]
        let python = folder.map { $0 + "/bin/python3" } ?? "python3"
        let lines = try output(of: "/usr/bin/env", [python, "bench/peers/" + script, "\(count)"]).split(separator: "\n")
        guard let line = lines.last, let answer = object(String(line)) else { throw Failure("its script says nothing") }
        if let name = answer["missing"] as? String {
            throw Failure(
                "not measured, Python has no \(name) (put it in a virtual environment, name that in APEX_PEERS)")
        }
        return try run(answer)
    }

    private static func run(_ answer: [String: Any]) throws -> Run {
        guard let tasks = answer["tasks"] as? Double, let seconds = answer["seconds"] as? Double, seconds > 0 else {
            throw Failure("an answer without tasks and seconds: \(answer)")
        }
        return Run(tasks: tasks, seconds: seconds)
    }

    /// A coordinator and workers of their own, beside this program.
    private final class Cluster {
        private let state: String
        private let apex: String
        private let process = Process()

        init(workers: Int) throws {
            let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            apex = programs.appendingPathComponent("apex").path
            state =
                FileManager.default.temporaryDirectory.appendingPathComponent("apex-bench-\(getpid())-\(workers)").path
            guard FileManager.default.isExecutableFile(atPath: apex) else {
                throw Failure("\(apex) is missing; `make build` makes it.")
            }
            process.executableURL = URL(fileURLWithPath: apex)
            process.arguments = ["up", "--state", state, "--workers", "\(workers)"]
            process.standardError = FileHandle.nullDevice
            try process.run()
            for _ in 0..<300 {
                if let status = try? ask(["status"]), (status["workers"] as? [Any])?.count == workers { return }
                usleep(100_000)
            }
            throw Failure("a cluster of \(workers) workers was not ready in 30 s")
        }
        func stop() {
            process.terminate()
            process.waitUntilExit()
            try? FileManager.default.removeItem(atPath: state)
        }

        private func ask(_ words: [String], then program: [String] = []) throws -> [String: Any] {
            let text = try output(of: apex, words + ["--json", "--state", state] + program)
            guard let answer = object(text) else {
                throw Failure("apex \(words.joined(separator: " ")) answered \(text)")
            }
            return answer
        }
        func noops(_ count: Int) throws -> Run {
            let answer = try ask(["submit", "noop", "--count", "\(count)", "--wait"])
            let run = try TasksBench.run(answer)
            guard run.tasks == Double(count) else { throw Failure("\(run.tasks) of \(count) tasks were done") }
            return run
        }
        func submit(noops count: Int) throws { _ = try ask(["submit", "noop", "--count", "\(count)"]) }
        func programs(_ count: Int) throws -> Run {
            let answer = try ask(["submit", "command", "--count", "\(count)", "--wait"], then: ["--", "true"])
            guard let began = answer["submitted"] as? Double, let ended = answer["ended"] as? Double,
                answer["done"] as? Double == Double(count)
            else { throw Failure("the programs did not all end well: \(answer)") }
            return Run(tasks: Double(count), seconds: (ended - began) / 1000)
        }
        func residentBytes() throws -> Double {
            let coordinator = try ask(["status"])["coordinator"] as? [String: Any]
            guard let bytes = coordinator?["resident_bytes"] as? Double else {
                throw Failure("no memory in the status")
            }
            return bytes
        }
    }

    private static func output(of program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
    private static func object(_ text: String) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
    }
    private static func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
    private static func rounded(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }
}
