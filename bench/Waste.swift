import Foundation
import Glibc
import Jobs
import Studies

/// Worker time that a study of a short program spends on anything but that program: `bench waste [TRIALS] [ROUNDS]`.
///
/// Two slots are watched from the first trial's start to the last one's end. What they had to do is so many lives of
/// the program, each as long as when nothing but posix_spawn and waitpid is around it. Study and bare program take turns
/// every few hundred trials, because the machine's other work changes both.
enum WasteBench {
    private static let slots = 2
    private struct Window {
        /// Per trial, in milliseconds.
        var slotTime: Double
        /// Between one trial's end and the next one's start on the same worker, per trial, in milliseconds.
        var idle: Double
    }

    static func run(arguments: [String]) {
        let trials = arguments.first.flatMap { Int($0) } ?? 2000
        let rounds = arguments.dropFirst().first.flatMap { Int($0) } ?? 10
        for (what, script) in [
            ("a shell that sleeps 10 ms and prints", "sleep 0.01; echo 0.5"),
            ("a program that computes about 10 ms", computing()),
        ] {
            do { try measure(what, script, trials, rounds) } catch { print("  not measured: \(error)") }
        }
    }

    /// One study, run on in as many parts.
    private static func measure(_ what: String, _ script: String, _ trials: Int, _ rounds: Int) throws {
        let programs = try StudyPrograms()
        defer { programs.remove() }
        let each = max(1, trials / rounds)
        try create(script, in: programs)
        var (wastes, idles, lives): ([Double], [Double], [Double]) = ([], [], [])
        var before = bareLife(script, each)
        for round in 0..<rounds {
            try programs.study(["run", "bench", "--slots", "\(slots)", "--trials", "\(each)"])
            let ours = try window(of: try programs.stored("bench"), from: round * each, each)
            let after = bareLife(script, each)
            let life = (before + after) / 2
            wastes.append(100 * (ours.slotTime - life) / ours.slotTime)
            idles.append(100 * ours.idle / ours.slotTime)
            lives.append(life)
            before = after
        }
        print(
            "  \(what): \(digits(median(wastes), 1)) % of worker time is not the program's "
                + "(\(digits(quantile(wastes, 0.25), 1))…\(digits(quantile(wastes, 0.75), 1))); slots idle "
                + "\(digits(median(idles), 1)) %; its life alone is \(digits(median(lives), 2)) ms; "
                + "\(each * rounds) trials in \(rounds) rounds")
    }

    /// One whose life is about 10 ms now.
    private static func computing() -> String {
        func script(_ count: Int) -> String { "exec awk 'BEGIN{for(i=0;i<\(count);i++)x+=i;print 0.5}'" }
        var count = 100_000
        for _ in 0..<4 {
            let (start, life) = (bareLife(script(1), 200), bareLife(script(count), 200))
            count = max(1000, Int(Double(count) * max(1, 10 - start) / max(0.01, life - start)))
        }
        return script(count)
    }

    private static func create(_ script: String, in programs: StudyPrograms) throws {
        let space = programs.folder + "/space.json"
        let parameters = [
            #""lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}"#,
            #""layers": {"type": "int", "low": 1, "high": 8}"#,
            #""batch": {"type": "int", "low": 16, "high": 256, "step": 16}"#,
            #""opt": {"type": "categorical", "choices": ["sgd", "adam", "lion"]}"#,
            #""momentum": {"type": "float", "low": 0, "high": 0.99}"#,
            #""dropout": {"type": "float", "low": 0, "high": 0.5}"#,
        ]
        try Data("{\"parameters\": {\(parameters.joined(separator: ", "))}}".utf8).write(
            to: URL(fileURLWithPath: space))
        try programs.study([
            "create", "bench", "--objective", "sh -c \"\(script.replacingOccurrences(of: "\"", with: "\\\""))\"",
            "--space", space,
        ])
    }

    private static func window(of trials: [Study.Trial], from: Int, _ count: Int) throws -> Window {
        let done = trials.dropFirst(from)
        guard done.count == count, done.allSatisfy({ $0.state == .complete }) else {
            throw BenchFailure("\(done.count { $0.state == .complete }) of \(count) trials are complete")
        }
        let slotTime = Double(slots) * Double(done.map(\.ended).max()! - done.map(\.started).min()!)
        let inside = done.reduce(0.0) { $0 + Double($1.ended - $1.started) }
        return Window(slotTime: slotTime / Double(count), idle: (slotTime - inside) / Double(count))
    }

    /// Milliseconds of a slot that one start of the program takes, with as little around it as can be.
    private static func bareLife(_ script: String, _ count: Int) -> Double {
        let started = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: slots) { slot in
            for _ in stride(from: slot, to: count, by: slots) { BareProgram.run(["sh", "-c", script]) }
        }
        return (ContinuousClock.now - started) / .milliseconds(1) * Double(slots) / Double(count)
    }
}
