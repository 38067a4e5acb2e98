import Foundation
import Glibc

/// `bench hostile [--quick] [--only WORDS] [--rounds N] [--samples N] [--line GBIT]`: what an honest client and worker
/// over CURVE wait, alone, while somebody attacks, and while a process that connects to nobody burns as much processor
/// time as the attacker did, in alternating rounds; the coordinator's memory; and the lines its log got.
///
/// Attacker and burner are of idle priority on the same machine: what the attacker does to the coordinator counts, not
/// what it takes from the processors that both share here. Even so a system gives idle threads whole slices of a few
/// milliseconds now and then. So members, who can push bytes, reach the coordinator by a line of `--line` gigabits a
/// second, 1 where nothing is said; with 0 they push what their processor makes.
package enum HostileBench {
    package static func run(arguments: [String]) {
        do {
            func value(_ name: String) -> String? {
                arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
            }
            let line = value("--line").flatMap { Double($0) } ?? 1
            if let name = value("--attack"), let attack = Attack(rawValue: name), let keys = value("--keys") {
                return try attack.run(value("--at") ?? "", keys, line: line)
            }
            if let share = value("--burn").flatMap({ Double($0) }) { return burn(share) }
            let isQuick = arguments.contains("--quick")
            let only = value("--only") ?? (isQuick ? "malformed" : "")
            let rounds = value("--rounds").flatMap { Int($0) } ?? (isQuick ? 1 : 5)
            let samples = value("--samples").flatMap { Int($0) } ?? (isQuick ? 50 : 500)
            for attack in Attack.allCases where only.isEmpty || attack.rawValue.contains(only) {
                if attack.takesTasks {
                    try measureRecovery(attack, isQuick ? 1 : 10, line)
                } else {
                    try measure(attack, rounds: rounds, samples: samples, line)
                }
            }
        } catch {
            print("hostile: \(error)")
            exit(1)
        }
    }

    private static func measure(_ attack: Attack, rounds: Int, samples: Int, _ line: Double) throws {
        let cluster = try LocalCluster(workers: 0, encrypted: true)
        defer { cluster.stop() }
        var honest = try Honest(cluster)
        _ = try honest.measure(20)
        var (alone, attacked, beside) = (Honest.Samples(), Honest.Samples(), Honest.Samples())
        let before = ProcessFacts.residentBytes(cluster.coordinator)
        var log = LogTail(cluster)
        var (burned, spent, seconds) = (0.0, 0.0, 0.0)
        for _ in 0..<rounds {
            alone.add(try honest.measure(samples))
            log.skip()
            let attacker = try start(attack, cluster, line)
            usleep(500_000)
            let (began, cost) = (ContinuousClock.now, ProcessFacts.cpuSeconds(cluster.coordinator))
            let first = ProcessFacts.cpuSeconds(attacker.processIdentifier)
            attacked.add(try honest.measure(samples))
            burned += ProcessFacts.cpuSeconds(attacker.processIdentifier) - first
            spent += ProcessFacts.cpuSeconds(cluster.coordinator) - cost
            seconds += (ContinuousClock.now - began) / .seconds(1)
            stop(attacker)
            usleep(200_000)
            log.count()
            let burner = try start(["--burn", "\(burned / seconds)"])
            usleep(200_000)
            beside.add(try honest.measure(samples))
            stop(burner)
        }
        let peak = ProcessFacts.peakBytes(cluster.coordinator)
        try honest.leave()
        func words(_ samples: KeyPath<Honest.Samples, [Double]>) -> String {
            let p99 = [alone, beside, attacked].map { quantile($0[keyPath: samples], 0.99) }
            let middle = median(attacked[keyPath: samples]) / median(alone[keyPath: samples])
            return
                "p99 \(digits(p99[0], 2)) alone, \(digits(p99[1], 2)) beside a burner, \(digits(p99[2], 2)) ms attacked "
                + "(\(digits(p99[2] / p99[0], 2)); to the burner \(digits(p99[2] / p99[1], 2)); median "
                + "\(digits(middle, 2)); longest \(digits(attacked[keyPath: samples].max() ?? .nan, 0)))"
        }
        print(
            "\(attack.rawValue): submit to start \(words(\.submits)); question \(words(\.questions)); attacker "
                + "\(digits(burned / seconds, 2)) and coordinator \(digits(spent / seconds, 2)) of a processor; at most "
                + "\(digits((peak - before) / 1_048_576, 0)) MiB more; \(log.words(seconds))")
    }

    /// How long tasks take that somebody may have taken who never answers.
    private static func measureRecovery(_ attack: Attack, _ count: Int, _ line: Double) throws {
        let cluster = try LocalCluster(workers: 0, encrypted: true)
        defer { cluster.stop() }
        var honest = try Honest(cluster)
        _ = try honest.measureDone(5)
        var log = LogTail(cluster)
        let attacker = try start(attack, cluster, line)
        usleep(500_000)
        let began = ContinuousClock.now
        let done = try honest.measureDone(count)
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        stop(attacker)
        log.count()
        print(
            "\(attack.rawValue): \(count) jobs, submit to done: median \(digits(median(done), 0)) ms, longest "
                + "\(digits(done.max() ?? .nan, 0)) ms; \(log.words(seconds))")
    }

    // MARK: - The other processes

    private static func start(_ attack: Attack, _ cluster: LocalCluster, _ line: Double) throws -> Process {
        try start([
            "--attack", attack.rawValue, "--at", cluster.endpoint, "--keys", cluster.keys, "--line", "\(line)",
        ])
    }
    private static func start(_ words: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/chrt")
        // Where this bench was put above all others (`chrt --rr 2 bench hostile`, on a machine that has other work), its
        // attackers are too, but below the honest.
        let isRealTime = sched_getscheduler(0) == SCHED_RR
        process.arguments =
            (isRealTime ? ["--rr", "1"] : ["--idle", "0"]) + [CommandLine.arguments[0], "hostile"] + words
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }
    private static func stop(_ process: Process) {
        process.terminate()
        process.waitUntilExit()
    }

    /// Burns this many processors, in slices of a few milliseconds, until it is stopped or left alone.
    private static func burn(_ share: Double) {
        let parent = getppid()
        // As an attacker has: one that says things, and libzmq's, which sends them.
        let threads = max(2, Int(share.rounded(.up)))
        let busy = min(1, share / Double(threads))
        for _ in 0..<threads {
            Thread {
                while true {
                    let end = ContinuousClock.now + .microseconds(Int(busy * 5000))
                    while ContinuousClock.now < end {}
                    usleep(UInt32(max(0, 1 - busy) * 5000))
                }
            }.start()
        }
        while getppid() == parent { sleep(1) }
    }
}

/// Warnings that a coordinator's log got while somebody attacked.
private struct LogTail {
    private let path: String
    private var seen = 0
    private var lines = 0
    private var events: [String] = []

    init(_ cluster: LocalCluster) {
        path = cluster.state + "/log.jsonl"
        skip()
    }
    private var text: [Substring] {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
    }
    mutating func skip() { seen = text.count }
    mutating func count() {
        let text = text
        for line in text.dropFirst(seen) where line.contains("\"level\":\"warning\"") {
            lines += 1
            let event = line.components(separatedBy: "\"event\":\"").dropFirst().first?.prefix { $0 != "\"" } ?? ""
            if !events.contains(String(event)) { events.append(String(event)) }
        }
        seen = text.count
    }
    func words(_ seconds: Double) -> String {
        lines == 0
            ? "no log line"
            : "\(lines) log lines, \(digits(Double(lines) / seconds, 1)) a second (\(events.joined(separator: ", ")))"
    }
}
