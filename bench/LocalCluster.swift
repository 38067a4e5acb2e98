import Foundation
import Messages
import ZeroMQ

/// A coordinator and workers of their own, beside this program, in a temporary folder; over ipc, or over TCP with CURVE.
final class LocalCluster {
    let state: String
    let isEncrypted: Bool
    private(set) var coordinator: Int32 = 0
    private(set) var workers: [Int32] = []
    private(set) var asker: Asker!
    private var processes: [Process] = []
    private let number: Int
    /// Of clusters made so far: each has a folder and a port of its own.
    nonisolated(unsafe) private static var made = 0
    private var port: Int { 17_217 + number }

    /// - Parameter workers: the environment that each worker has besides this process's own, and its programs too.
    init(workers: [[String: String]], encrypted: Bool = false) throws {
        isEncrypted = encrypted
        unsafe Self.made += 1  // the bench makes them on one thread
        number = unsafe Self.made
        // Short: a socket's path has at most 107 bytes.
        state = FileManager.default.temporaryDirectory.appendingPathComponent("apex-\(getpid())-\(number)").path
        try? FileManager.default.removeItem(atPath: state)
        let listen = encrypted ? ["--listen", "tcp://127.0.0.1:\(port)"] : []
        if encrypted {
            let roles = ["worker", "client"].map { ["add-\($0)", "join", "--out", keys] }
            for words in [["init"]] + roles { try run("apex", ["keys"] + words + ["--state", state]) }
        }
        coordinator = try start("apex", ["coordinator", "--state", state, "--quiet"] + listen, [:])
        for _ in 0..<300 where !FileManager.default.fileExists(atPath: state + "/ipc/coordinator") { usleep(20_000) }
        let place = encrypted ? ["--keys", keys] : []
        for (at, environment) in workers.enumerated() {
            let name = ["--name", "bench-\(at + 1)", "--slots", "1", "--state", state + "/w\(at + 1)"]
            var settings: [String] = []
            if !environment.isEmpty {
                settings = ["--config", state + "/w\(at + 1).yaml"]
                try "worker:\n  environment: [\(environment.keys.sorted().joined(separator: ", "))]\n"
                    .write(toFile: settings[1], atomically: true, encoding: .utf8)
            }
            self.workers.append(
                try start("apex-worker", ["--coordinator", endpoint] + settings + place + name, environment))
        }
        asker = try connect()
        for _ in 0..<300 {
            if let status = try? asker.status(), status.workers.count == workers.count { return }
            usleep(100_000)
        }
        throw BenchFailure("a cluster of \(workers.count) workers was not ready in 30 s")
    }
    convenience init(workers: Int, encrypted: Bool = false) throws {
        try self.init(workers: Array(repeating: [:], count: workers), encrypted: encrypted)
    }

    /// A worker's key and a client's.
    var keys: String { state + "/join" }
    var endpoint: String { isEncrypted ? "tcp://127.0.0.1:\(port)" : "ipc://\(state)/ipc/coordinator" }
    func connect(as role: String = "client") throws -> Asker {
        guard isEncrypted else { return try Asker(endpoint) }
        let server = try PublicKey(readingFrom: keys + "/coordinator.pub")
        return try Asker(endpoint, security: .client(try KeyPair(readingFrom: "\(keys)/\(role)"), server: server))
    }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = try Self.path(program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchFailure("apex \(arguments.joined(separator: " ")) failed")
        }
    }

    private static func path(_ program: String) throws -> URL {
        let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent(program).path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchFailure("\(path) is missing; `make build` makes it.")
        }
        return URL(fileURLWithPath: path)
    }

    private func start(_ program: String, _ arguments: [String], _ environment: [String: String]) throws -> Int32 {
        let process = Process()
        process.executableURL = try Self.path(program)
        process.arguments = arguments + ["--parent-pid", "\(getpid())"]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        processes.append(process)
        return process.processIdentifier
    }

    /// Workers first: they say goodbye.
    func stop() {
        for process in processes.reversed() {
            process.terminate()
            process.waitUntilExit()
        }
        processes = []
        try? FileManager.default.removeItem(atPath: state)
    }

    /// From accepting a job to storing its last result by the coordinator's clock, in seconds; by this process's own
    /// where that is too coarse to divide by.
    func seconds(of kind: String, _ spec: some Wire, count: Int) throws -> Double {
        let began = ContinuousClock.now
        let status = try asker.wait(for: try asker.submit(kind, spec))
        guard status.done == UInt32(count) else { throw BenchFailure("\(status.done) of \(count) tasks were done") }
        let own = (ContinuousClock.now - began) / .seconds(1)
        return status.ended > status.submitted + 10 ? Double(status.ended - status.submitted) / 1000 : own
    }

    /// Files of the state, with what SQLite has not moved to its main file yet, in bytes.
    var storedBytes: Int {
        ["state.sqlite", "state.sqlite-wal"].reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: state + "/" + name)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }
}

/// What Linux counts for a process.
enum ProcessFacts {
    /// Processor time of all its threads, in seconds.
    static func cpuSeconds(_ process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let close = text.lastIndex(of: ")")
        else { return 0 }
        // After the name: state is the first field, utime and stime the 12th and 13th.
        let fields = text[text.index(after: close)...].split(separator: " ")
        return ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
    /// The most that it ever had resident.
    static func peakBytes(_ process: Int32) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Double($0) } ?? 0) * 1024
    }
    /// Descriptors it has open.
    static func openFiles(_ process: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
    }
    static func residentBytes(_ process: Int32) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// The middle of what was measured, and other places of it.
func median(_ numbers: [Double]) -> Double { quantile(numbers, 0.5) }
func quantile(_ numbers: [Double], _ share: Double) -> Double {
    let sorted = numbers.sorted()
    return sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}
func digits(_ number: Double, _ places: Int) -> String { String(format: "%.\(places)f", number) }
