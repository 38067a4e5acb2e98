import Foundation
import Store
import TestSupport
import Testing

/// Whether the long and hard ones run too: `make faults` sets it.
let allFaults = ProcessInfo.processInfo.environment["APEX_FAULTS"] == "1"

/// Says by name what is not tried here, and why: a test that returns early has shown nothing.
func skipped(_ name: String = #function, because reason: String) {
    FileHandle.standardError.write(Data("SKIPPED \(name): \(reason)\n".utf8))
}

/// A coordinator and workers without a supervisor, each a process that a test may stop or kill by its id; and a program
/// as the task that writes down each of its starts.
final class FaultCluster {
    /// One start of a task, as the task itself wrote it.
    struct Start {
        var index: Int
        /// Seconds since the machine was started: no clock that anybody sets.
        var at: Double
        /// The worker's process.
        var worker: Int32
    }

    let folder: TemporaryFolder
    let state: String
    private(set) var coordinator: Programs.Running!
    private(set) var workers: [Programs.Running] = []
    private let listen: String?
    private let environment: [String: String]
    private let network: FaultNetwork?
    private var starts: String { folder.path + "/starts" }

    /// - Parameters:
    ///   - state: where the coordinator keeps its state; nil: in a folder of the test.
    ///   - network: puts the coordinator into its node `hub`; nil: on this machine.
    ///   - listen: a TCP address besides the ipc endpoint.
    init(
        state: String? = nil, network: FaultNetwork? = nil, listen: String? = nil, environment: [String: String] = [:]
    ) throws {
        folder = TemporaryFolder("faults")
        self.state = state ?? folder.path + "/s"
        self.network = network
        self.listen = listen
        self.environment = environment
        if listen != nil { _ = try Programs.makeKeys(state: self.state) }
        try startCoordinator()
    }
    deinit {
        // A stopped process dies of SIGKILL too.
        for program in workers + [coordinator!] { if program.process.isRunning { program.send(SIGKILL) } }
        for program in workers + [coordinator!] { program.process.waitUntilExit() }
    }

    func startCoordinator() throws {
        let arguments = ["coordinator", "--state", state] + (listen.map { ["--listen", $0] } ?? [])
        let started = try start("apex", arguments, node: "hub", environment)
        coordinator = started
        #expect(Programs.eventually { started.errors.contains("listening") }, "\(started.errors)")
    }

    @discardableResult func startWorker(_ name: String, slots: Int = 2, node: String? = nil) throws -> Programs.Running
    {
        let place =
            listen.map { ["--coordinator", $0, "--keys", state + "-join"] }
            ?? ["--coordinator", "ipc://\(state)/ipc/coordinator"]
        let worker = try start(
            "apex-worker",
            place + ["--name", name, "--slots", "\(slots)", "--state", folder.path + "/" + name],
            node: node ?? "hub", [:])
        workers.append(worker)
        #expect(Programs.eventually { worker.errors.contains("joined") }, "\(worker.errors)")
        return worker
    }

    private func start(_ program: String, _ arguments: [String], node: String, _ environment: [String: String]) throws
        -> Programs.Running
    {
        guard let network else {
            return try Programs.Running(
                "/usr/bin/env", [Programs.folder + "/" + program] + arguments, environment: environment)
        }
        // `ip netns exec` becomes the program: its process id is the program's.
        return try Programs.Running(
            FaultNetwork.ip, network.inside(node) + [Programs.folder + "/" + program] + arguments,
            environment: environment)
    }

    // MARK: - Jobs

    /// Submits `count` runs of `script`, a shell's; `{index}` stands for the index. Each run first writes down its start.
    func submit(_ count: Int, _ script: String) throws {
        let note = "read up rest < /proc/uptime; echo \"{index} $up $PPID\" >> '\(starts)'; "
        let outcome = try Programs.run(
            "apex",
            ["submit", "command", "--state", state, "--count", "\(count)", "--json", "--", "sh", "-c", note + script])
        #expect(outcome.code == 0, "\(outcome.errors)")
    }

    var started: [Start] {
        let text = (try? String(contentsOfFile: starts, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let index = Int(words[0]), let at = Double(words[1]), let worker = Int32(words[2])
            else { return nil }
            return Start(index: index, at: at, worker: worker)
        }
    }
    /// Indices in order of their first start, each once.
    var startedIndices: [Int] { Array(Set(started.map(\.index))).sorted() }
    /// Indices that were started more often than once.
    var repeatedIndices: [Int] {
        Dictionary(grouping: started, by: \.index).filter { $0.value.count > 1 }.keys.sorted()
    }
    func worker(_ process: Int32) -> Programs.Running? {
        workers.first { $0.process.processIdentifier == process }
    }

    /// Indices with an accepted result, one entry for each acceptance.
    var accepted: [Int] { (try? StateFile.accepted(state)) ?? [] }

    /// Waits until all of 0..<count are accepted, each once, and the job has ended.
    func expectDone(_ count: Int, within seconds: Double) {
        let done = Programs.eventually(within: seconds) { self.accepted.count >= count }
        #expect(done && accepted.sorted() == Array(0..<count), "accepted \(accepted.sorted()), of \(count)")
    }

    /// Events of this name in the coordinator's log.
    func events(_ name: String) -> Int { lines(name).count }
    func lines(_ name: String) -> [[String: Any]] {
        let log = (try? String(contentsOfFile: state + "/log.jsonl", encoding: .utf8)) ?? ""
        return log.split(separator: "\n").filter { $0.contains("\"event\":\"\(name)\"") }.compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
    }
}

/// What a coordinator's `state.sqlite` says, read beside it.
enum StateFile {
    static func path(_ state: String) -> String { state + "/state.sqlite" }

    /// Indices of job 1 with an accepted result, one entry for each acceptance.
    static func accepted(_ state: String) throws -> [Int] {
        let database = try Database(path: path(state), mode: .readOnly)
        let rows = try database.prepare("SELECT first, count FROM done WHERE job=1 ORDER BY seq")
        var indices: [Int] = []
        while try rows.step() { indices += Int(rows.integer(0))..<Int(rows.integer(0) + rows.integer(1)) }
        return indices
    }

    static func number(_ state: String, _ query: String) throws -> Int {
        let database = try Database(path: path(state), mode: .readOnly)
        let rows = try database.prepare(query)
        return try rows.step() ? Int(rows.integer(0)) : 0
    }

    /// What SQLite itself says of the file: "ok" when it is whole.
    static func integrity(_ file: String) throws -> String {
        let database = try Database(path: file, mode: .readOnly)
        let rows = try database.prepare("PRAGMA integrity_check")
        return try rows.step() ? rows.text(0) : "no answer"
    }
}

/// Seconds since the machine was started.
func uptimeSeconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
