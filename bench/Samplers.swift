import Foundation
import Samplers

/// Time per suggestion beside Optuna's, on the same finished trials: `bench samplers [python]`.
package enum SamplersBench {
    /// Shared with bench/peers/tpe_optuna.py: six parameters, one of each sort, in name order.
    private static let space = space([
        Parameter("decay", .float(low: 1e-6, high: 1e-1, log: true)),
        Parameter("gap", .float(low: -2, high: 2, step: 0.1)),
        Parameter("kind", .categorical(choices: 4)), Parameter("period", .int(low: 2, high: 200)),
        Parameter("units", .int(low: 1, high: 1024, log: true)), Parameter("x", .float(low: -5, high: 5)),
    ])

    static func space(_ parameters: [Samplers.Parameter]) -> Space {
        do { return try Space(parameters) } catch { fatalError("\(error)") }
    }

    package static func run(arguments: [String]) {
        let environment = ProcessInfo.processInfo.environment
        let python =
            arguments.first ?? environment["APEX_PEERS"].map { $0 + "/bin/python" } ?? "python3"
        print("TPE, 6 mixed parameters, milliseconds a suggestion, median of 5 pairs")
        for count in [100, 1_000, 10_000] {
            let trials = trials(count)
            var (ours, theirs): ([Double], [Double]) = ([], [])
            var (points, peerPoints): ([[Double]], [[Double]]) = ([], [])
            var complaint: String?
            for _ in 0..<5 {
                let own = measure(trials, suggestions: count < 10_000 ? 40 : 10)
                ours.append(own.milliseconds)
                points = own.points
                switch peer(python, trials: count, suggestions: count < 10_000 ? 10 : 3) {
                case .success(let answer):
                    theirs.append(answer.milliseconds)
                    peerPoints = answer.points
                case .failure(let missing): complaint = missing.description
                }
            }
            let own = median(ours)
            guard complaint == nil, !theirs.isEmpty else {
                print("  \(count) trials: ours \(digits(own)); Optuna is missing: \(complaint ?? "it printed nothing")")
                continue
            }
            let same = zip(points, peerPoints).allSatisfy { $0 == $1 }
            print(
                "  \(count) trials: ours \(digits(own)), Optuna \(digits(median(theirs))), ours / Optuna "
                    + "\(digits(own / median(theirs))); same suggestions: \(same)")
        }
        weekend()
    }

    private static func measure(_ trials: [Trial], suggestions: Int) -> (milliseconds: Double, points: [[Double]]) {
        var sampler = TPESampler(space: space, seed: 1, directions: [.minimize])
        for trial in trials { sampler.learn(trial) }
        var points: [[Double]] = []
        let free = [Double?](repeating: nil, count: space.count)
        let start = ContinuousClock.now
        for at in 0..<suggestions {
            let point = sampler.suggest(number: trials.count + at, pending: [], fixed: free)?.values.map { $0! } ?? []
            points.append(point)
            sampler.learn(
                Trial(number: trials.count + at, values: point, outcome: .complete(score(points[at]))))
        }
        return (milliseconds(since: start) / Double(suggestions), points)
    }

    /// Trials that both sides make for themselves, from one small generator.
    private static func trials(_ count: Int) -> [Trial] {
        var state: UInt64 = 42
        func draw() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / 9_007_199_254_740_992
        }
        return (0..<count).map { number in
            let units = 1 + (draw() * 1024).rounded(.down)
            let point = [
                1e-6 + draw() * 0.09, -2 + (draw() * 41).rounded(.down) * 0.1, (draw() * 4).rounded(.down),
                2 + (draw() * 199).rounded(.down), units, -5 + draw() * 10,
            ]
            return Trial(number: number, values: point, outcome: .complete(score(point)))
        }
    }
    private static func score(_ p: [Double]) -> Double {
        p[0] * 10 + p[1] * p[1] + p[2] + (p[3] - 50) * (p[3] - 50) / 1000 + p[4] / 512 + p[5] * p[5]
    }

    /// The weekend's load on the planning thread: ten studies of 1,600, eight pending at most, conditions included.
    private static func weekend() {
        let space = space(
            [2, 8, 59, 49, 101, 13, 13, 16].enumerated().map { at, options in
                Parameter("p\(at)", options == 2 ? .categorical(choices: 2) : .int(low: 0, high: options - 1))
            })
        var seconds: [Double] = []
        for _ in 0..<3 {
            let start = ContinuousClock.now
            for study in 0..<10 {
                var sampler = TPESampler(space: space, seed: UInt32(study), directions: [.maximize], ties: .age)
                var seen: Set<[Double]> = []
                for cycle in 0..<200 {
                    var batch: [PendingTrial] = []
                    for number in cycle * 8..<cycle * 8 + 8 {
                        let drawn = sampler.suggest(pending: batch, redraws: 100) { !seen.contains($0) }
                        seen.insert(drawn.point)
                        batch.append(PendingTrial(number: number, values: drawn.point))
                    }
                    for trial in batch {
                        let value = -trial.values.enumerated().reduce(0) { $0 + abs($1.1! - Double($1.0 * 5)) }
                        sampler.learn(Trial(number: trial.number, values: trial.values, outcome: .complete(value)))
                    }
                }
            }
            seconds.append(milliseconds(since: start) / 1000)
        }
        print("  a weekend's 16,000 suggestions over 8 stepped parameters: \(digits(median(seconds))) s, median of 3")
    }

    private struct Missing: Error, CustomStringConvertible { var description: String }

    private static func peer(_ python: String, trials: Int, suggestions: Int)
        -> Result<(milliseconds: Double, points: [[Double]]), Missing>
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "bench/peers/tpe_optuna.py", "\(trials)", "\(suggestions)"]
        // Optuna's suggestions on integers depend on NumPy's SIMD sort; ours follow the scalar one.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return .failure(Missing(description: "\(python): \(error)")) }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
        guard process.terminationStatus == 0, let first = lines.first?.first else {
            return .failure(Missing(description: "\(python) with optuna 5.0 (set APEX_PEERS to its environment)"))
        }
        return .success((first, Array(lines.dropFirst())))
    }

    private static func milliseconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) * 1000 + Double(attoseconds) / 1e15
    }
    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func digits(_ value: Double) -> String { String(format: "%.3g", value) }
}
