import Samplers

/// For objectives that are a mean over instances: steps are instance numbers, reports their values. Stops a trial when
/// a signed-rank test on the instances it shares with the best complete trial finds it worse.
/// Source: Optuna 5.0.
package struct WilcoxonPruner: Pruner {
    /// 0…1: what counts as found.
    private let threshold: Double
    /// Shared instances before anything is tested.
    private let startupSteps: Int
    private let direction: Direction
    private var best: PrunerTrial?

    package init(threshold: Double = 0.1, startupSteps: Int = 2, direction: Direction) {
        precondition(0...1 ~= threshold && startupSteps >= 0, "the test's ranges")
        self.threshold = threshold
        self.startupSteps = startupSteps
        self.direction = direction
    }

    package mutating func learn(_ trial: PrunerTrial) {
        guard trial.state == .complete, trial.isFeasible, let value = trial.value, !value.isNaN else { return }
        if let best, let bestValue = best.value {
            let isEqual = value == bestValue
            guard direction.isBetter(value, bestValue) || (isEqual && trial.number < best.number) else { return }
        }
        best = trial
    }

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        guard !trial.reports.isEmpty else { return .keep("nothing is reported") }
        guard trial.reports.allSatisfy({ $0.value.isFinite }) else { return .keep("a report is not finite") }
        guard let best else { return .keep("no trial is complete") }
        guard !best.reports.isEmpty else { return .keep("the best trial, \(best.number), reported nothing") }
        guard best.reports.allSatisfy({ $0.value.isFinite }) else {
            return .keep("a report of the best trial, \(best.number), is not finite")
        }
        let differences = differences(of: trial.reports, to: best.reports)
        guard differences.count >= max(2, startupSteps) else {
            return .keep("\(differences.count) steps are shared with the best trial, \(best.number)")
        }
        let sign: Double = direction == .minimize ? 1 : -1
        let probability = signedRankProbability(differences.map { sign * $0 })
        let test = "p = \(words(probability)) over \(differences.count) steps against trial \(best.number)"
        guard probability < threshold else { return .keep("\(test) is no proof of being worse") }
        if !direction.isBetter(mean(best.reports), mean(trial.reports)) {
            return .keep("\(test), yet the mean so far is not worse")
        }
        return .stop("\(test) is below \(words(threshold))")
    }

    private func mean(_ reports: [PrunerTrial.Report]) -> Double {
        reports.reduce(0) { $0 + $1.value } / Double(reports.count)
    }

    /// Trial minus best on the steps of both.
    private func differences(of trial: [PrunerTrial.Report], to best: [PrunerTrial.Report]) -> [Double] {
        var at = 0
        return trial.compactMap { report in
            while at < best.count && best[at].step < report.step { at += 1 }
            return at < best.count && best[at].step == report.step ? report.value - best[at].value : nil
        }
    }
}
