import Foundation
import Jobs
import Messages
import Studies

/// Trials a second that are suggested, evaluated and stored durably, beside Optuna: `bench studies [TRIALS] [ROUNDS]`.
enum StudiesBench {
    static func run(arguments: [String]) {
        let trials = arguments.first.flatMap { Int($0) } ?? 20_000
        let rounds = arguments.dropFirst().first.flatMap { Int($0) } ?? 3
        do {
            for batch in [1, 10, 1000] { try alone(min(trials, batch * 2000), batch: batch) }
            try programs(trials, rounds)
        } catch { print("  not measured: \(error)") }
    }

    // MARK: - The store alone

    /// Trials of six parameters that begin and end: two publications each.
    private static func alone(_ count: Int, batch: Int) throws {
        let programs = try StudyPrograms()
        defer { programs.remove() }
        let folder = programs.folder
        let store = try StudyStore(path: folder + "/studies.sqlite", folder: folder + "/studies")
        let spec = Study.Spec(
            name: "bench",
            parameters: (0..<6).map { StudyParameter("x\($0)", .float(low: 0, high: 1, step: nil, log: false)) },
            objective: .external)
        try store.apply([.study(spec)], of: JobID(1), at: 1)
        let start = ContinuousClock.now
        for first in stride(from: 0, to: count, by: batch) {
            var publications: [Study.Publication] = []
            for number in first..<min(count, first + batch) {
                let values = (0..<6).map { Double((number * 7919 + $0 * 104_729) % 99_991) / 99_991 }
                var trial = Study.Trial(number: UInt32(number), state: .running, parameters: values)
                trial.draws = [UInt64(number), 0]
                publications.append(.trial(study: "bench", trial))
                trial.state = .complete
                trial.values = [values[0]]
                (trial.started, trial.ended) = (1_769_796_000_000, 1_769_796_000_010)
                trial.worker = "bench-1"
                publications.append(.trial(study: "bench", trial))
            }
            try store.apply(publications, of: JobID(1), at: 1_769_796_000_000)
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print("  the store alone, \(batch) trials a transaction: \(digits(Double(count) / seconds, 0)) trials/s")
    }

    // MARK: - Whole programs

    /// From `apex study run` to its end, when the last trial is in state.sqlite, studies.sqlite and trials.jsonl.
    private static func programs(_ count: Int, _ rounds: Int) throws {
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            ours.append(try own(count))
            if let peer = peer() { theirs.append(peer) }
        }
        let range = "\(digits(ours.min()!, 0))…\(digits(ours.max()!, 0))"
        print("  hartmann6, \(count) random trials, 2 workers: \(digits(median(ours), 0)) trials/s (\(range))")
        if theirs.isEmpty {
            print("  Optuna is missing (set APEX_PEERS to an environment with optuna 5.0)")
        } else {
            print(
                "  Optuna, one process, SQLite, 200 trials: \(digits(median(theirs), 1)) trials/s; "
                    + "ours / Optuna \(digits(median(ours) / median(theirs), 0))")
        }
    }

    private static func own(_ count: Int) throws -> Double {
        let programs = try StudyPrograms()
        defer { programs.remove() }
        try programs.study([
            "create", "bench", "--objective", "function:hartmann6", "--sampler", "random", "--trials", "\(count)",
            "--parallel", "64",
        ])
        let start = ContinuousClock.now
        try programs.study(["run", "bench", "--slots", "2"])
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let stored = try programs.stored("bench").count
        guard stored == count else { throw BenchFailure("\(stored) of \(count) trials are stored") }
        return Double(count) / seconds
    }

    private static func peer() -> Double? {
        PeerProcess.output("studies_optuna.py", ["200"])
            .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
}
