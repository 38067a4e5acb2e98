import Foundation
import Pruners
import Samplers

/// Time per report and decision beside Optuna's, on the same reports: `bench pruners [python]`.
package enum PrunersBench {
    private static let steps = 20
    private static let newTrials = 10

    package static func run(arguments: [String]) {
        let python = arguments.first ?? PeerProcess.python
        print("pruners, \(steps) reports a trial, microseconds a report with its decision, median of 3 pairs")
        for (name, text) in [("median", "median"), ("asha", "asha:min=1,eta=2")] {
            for count in [100, 1_000, 10_000] {
                var (ours, theirs): ([Double], [Double]) = ([], [])
                var isSame = true
                for _ in 0..<3 {
                    let own = measure(text, trials: count)
                    ours.append(own.microseconds)
                    guard let peer = peer(python, name, trials: count) else { continue }
                    theirs.append(peer.microseconds)
                    isSame = isSame && peer.decisions == own.decisions
                }
                let own = median(ours)
                let other =
                    theirs.isEmpty
                    ? "Optuna is missing (set APEX_PEERS to an environment with optuna 5.0)"
                    : "Optuna \(digits(median(theirs))), ours / Optuna \(digits(own / median(theirs))); "
                        + "same decisions: \(isSame)"
                print("  \(text), \(count) trials: ours \(digits(own)), \(other)")
            }
        }
    }

    private static func measure(_ text: String, trials: Int) -> (microseconds: Double, decisions: String) {
        var state: UInt64 = 42
        func draw() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / 9_007_199_254_740_992
        }
        func curve() -> [Double] {
            let level = draw()
            return (0..<steps).map { level + 1 / Double($0 + 1) + draw() / 4 }
        }
        guard let made = try? PrunerChoice(text).make(study: "bench", directions: [.minimize]) else {
            fatalError("\(text) is no pruner")
        }
        var pruner = made
        for number in 0..<trials {
            let values = curve()
            var notes: [String: Double] = [:]
            if text.hasPrefix("asha") {
                for (rung, step) in [1, 2, 4, 8, 16].enumerated() { notes["completed_rung_\(rung)"] = values[step] }
            }
            pruner.learn(
                PrunerTrial(
                    number: number, state: .complete, value: values.last,
                    reports: values.enumerated().map { (step: $0, value: $1) }, notes: notes))
        }
        var decisions = ""
        var spent = Duration.zero
        for number in trials..<trials + newTrials {
            let values = curve()
            var trial = PrunerTrial(number: number)
            let start = ContinuousClock.now
            for (step, value) in values.enumerated() {
                _ = trial.report(step: step, value: value)
                let decision = pruner.decide(trial)
                trial.remember(decision)
                decisions += decision.prune ? "1" : "0"
            }
            spent += ContinuousClock.now - start
        }
        return (spent / .microseconds(1) / Double(newTrials * steps), decisions)
    }

    private static func peer(_ python: String, _ name: String, trials: Int) -> (
        microseconds: Double, decisions: String
    )? {
        let lines = PeerProcess.output("pruners_optuna.py", [name, "\(trials)"], python: python)?.split(separator: "\n")
        guard let lines, lines.count == 2, let microseconds = Double(lines[0]) else { return nil }
        return (microseconds, String(lines[1]))
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func digits(_ value: Double) -> String { String(format: "%.3g", value) }
}
