import Foundation
import Samplers

/// Time per suggestion beside Optuna's and Rustuna's, on the same finished trials: `bench samplers [python]`.
package enum SamplersBench {
    /// Shared with bench/peers/tpe_peer.py; parameters in name order.
    private struct Load {
        var name: String
        var title: String
        var space: Space
        var counts: [Int]
        var point: (() -> Double) -> [Double]
        var score: ([Double]) -> Double
    }
    private static var loads: [Load] {
        [
            Load(
                name: "mixed", title: "6 mixed parameters",
                space: space([
                    Parameter("decay", .float(low: 1e-6, high: 1e-1, log: true)),
                    Parameter("gap", .float(low: -2, high: 2, step: 0.1)),
                    Parameter("kind", .categorical(choices: 4)), Parameter("period", .int(low: 2, high: 200)),
                    Parameter("units", .int(low: 1, high: 1024, log: true)), Parameter("x", .float(low: -5, high: 5)),
                ]), counts: [100, 1_000, 10_000],
                point: { draw in
                    [
                        1e-6 + draw() * 0.09, -2 + (draw() * 41).rounded(.down) * 0.1, (draw() * 4).rounded(.down),
                        2 + (draw() * 199).rounded(.down), 1 + (draw() * 1024).rounded(.down), -5 + draw() * 10,
                    ]
                },
                score: { p in
                    p[0] * 10 + p[1] * p[1] + p[2] + (p[3] - 50) * (p[3] - 50) / 1000 + p[4] / 512 + p[5] * p[5]
                }),
            Load(
                name: "floats", title: "40 floats",
                space: space(
                    (0..<40).map { Parameter($0 < 10 ? "x0\($0)" : "x\($0)", .float(low: -5, high: 5)) }),
                counts: [1_000], point: { draw in (0..<40).map { _ in -5 + draw() * 10 } },
                score: { $0.reduce(0) { $0 + $1 * $1 } }),
        ]
    }

    static func space(_ parameters: [Samplers.Parameter]) -> Space {
        do { return try Space(parameters) } catch { fatalError("\(error)") }
    }

    package static func run(arguments: [String]) {
        let python = arguments.first ?? PeerProcess.python
        print("TPE, processor milliseconds a suggestion, median of 5 rounds in turns")
        for load in loads {
            for count in load.counts { compare(load, count, python) }
        }
        weekend()
    }

    private static func compare(_ load: Load, _ count: Int, _ python: String) {
        let trials = trials(load, count)
        var times: [String: [Double]] = [:]  // looked up by name only
        var points: [String: [[Double]]] = [:]
        var complaints: [String] = []
        for _ in 0..<5 {
            let own = measure(load, trials, suggestions: count < 10_000 ? 40 : 10)
            times["ours", default: []].append(own.milliseconds)
            points["ours"] = own.points
            for tool in ["optuna", "rustuna"] where !complaints.contains(tool) {
                if let answer = peer(python, [tool, load.name, "\(count)", count < 10_000 ? "10" : "3"]) {
                    times[tool, default: []].append(answer.milliseconds)
                    points[tool] = answer.points
                } else {
                    complaints.append(tool)
                }
            }
        }
        let own = median(times["ours"] ?? [])
        var text = "  \(load.title), \(count) trials: ours \(digits(own))"
        for tool in ["optuna", "rustuna"] where !complaints.contains(tool) {
            let other = median(times[tool] ?? [])
            text += "; \(tool) \(digits(other)), ours / \(tool) \(digits(own / other))"
        }
        if let theirs = points["optuna"] {
            text += "; same suggestions as Optuna: \(zip(points["ours"] ?? [], theirs).allSatisfy { $0 == $1 })"
        }
        for tool in complaints { text += "; \(tool) is missing (\(python); set APEX_PEERS to its environment)" }
        print(text)
    }

    private static func measure(_ load: Load, _ trials: [Trial], suggestions: Int) -> (
        milliseconds: Double, points: [[Double]]
    ) {
        var sampler = TPESampler(space: load.space, seed: 1, directions: [.minimize])
        for trial in trials { sampler.learn(trial) }
        var points: [[Double]] = []
        let free = [Double?](repeating: nil, count: load.space.count)
        let start = processorMilliseconds()
        for number in trials.count..<trials.count + suggestions {
            let point = sampler.suggest(number: number, pending: [], fixed: free)?.values.map { $0 ?? .nan } ?? []
            points.append(point)
            sampler.learn(Trial(number: number, values: point, outcome: .complete(load.score(point))))
        }
        return ((processorMilliseconds() - start) / Double(suggestions), points)
    }

    /// Trials that every side makes for itself, from one small generator.
    private static func trials(_ load: Load, _ count: Int) -> [Trial] {
        var state: UInt64 = 42
        func draw() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / 9_007_199_254_740_992
        }
        return (0..<count).map { number in
            let point = load.point(draw)
            return Trial(number: number, values: point, outcome: .complete(load.score(point)))
        }
    }

    /// The weekend's load on the planning thread: ten studies of 1,600, eight pending at most, conditions included.
    private static func weekend() {
        let space = space(
            [2, 8, 59, 49, 101, 13, 13, 16].enumerated().map { at, options in
                Parameter("p\(at)", options == 2 ? .categorical(choices: 2) : .int(low: 0, high: options - 1))
            })
        var seconds: [Double] = []
        for _ in 0..<3 {
            let start = processorMilliseconds()
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
            seconds.append((processorMilliseconds() - start) / 1000)
        }
        print("  a weekend's 16,000 suggestions over 8 stepped parameters: \(digits(median(seconds))) s, median of 3")
    }

    /// Nil when the peer is not here.
    private static func peer(_ python: String, _ arguments: [String]) -> (milliseconds: Double, points: [[Double]])? {
        guard let text = PeerProcess.output("tpe_peer.py", arguments, python: python) else { return nil }
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
        guard let first = lines.first?.first else { return nil }
        return (first, Array(lines.dropFirst()))
    }

    /// Of this thread: on a shared machine the wall's clock measures the others.
    private static func processorMilliseconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }
    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func digits(_ value: Double) -> String { String(format: "%.3g", value) }
}
