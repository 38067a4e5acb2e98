import Samplers

/// Stops a trial whose best report so far is worse than a percentile of what complete trials reported at the same step.
/// The median is percentile 50. Source: Golovin et al. (2017), *Google Vizier*, §3.4, with Optuna 5.0's rules of when.
package struct PercentilePruner: Pruner {
    /// 0…100: the share of the complete trials, best first, that a trial has to keep up with.
    private let percentile: Double
    /// Complete trials before anything is pruned.
    private let startupTrials: Int
    private let window: StepWindow
    /// Complete trials that must have reported at the step.
    private let minimumTrials: Int
    private let direction: Direction

    private var completeTrials = 0
    private var steps: [Int: Reported] = [:]

    /// What complete trials reported at one step.
    private struct Reported {
        var numbers: [Double] = []  // ascending
        var count = 0  // with the NaN
        mutating func add(_ value: Double) {
            count += 1
            if !value.isNaN { numbers.insertSorted(value) }
        }
    }

    package init(
        percentile: Double = 50, startupTrials: Int = 5, window: StepWindow = StepWindow(), minimumTrials: Int = 1,
        direction: Direction
    ) {
        self.percentile = percentile
        self.startupTrials = startupTrials
        self.window = window
        self.minimumTrials = minimumTrials
        self.direction = direction
    }

    package mutating func learn(_ trial: PrunerTrial) {
        guard trial.state == .complete else { return }
        completeTrials += 1
        for report in trial.reports { steps[report.step, default: Reported()].add(report.value) }
    }

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        guard completeTrials > 0, completeTrials >= startupTrials else {
            return .keep("\(completeTrials) of \(max(startupTrials, 1)) start-up trials are complete")
        }
        guard let step = trial.reports.last?.step else { return .keep("nothing is reported") }
        if let reason = window.reasonToWait(trial.reports) { return .keep(reason) }
        let best = direction.best(trial.reports)
        if best.isNaN { return .stop("every report up to step \(step) is NaN") }
        guard let reported = steps[step], reported.count >= minimumTrials, !reported.numbers.isEmpty else {
            return .keep("fewer than \(minimumTrials) complete trials reported a number at step \(step)")
        }
        let rival = quantile((direction == .minimize ? percentile : 100 - percentile) / 100, of: reported.numbers)
        let name = percentile == 50 ? "the median" : "the \(words(percentile))th percentile"
        let rivals = "\(name) \(words(rival)) of \(reported.count) trials at step \(step)"
        return direction.isBetter(rival, best)
            ? .stop("the best report \(words(best)) is worse than \(rivals)")
            : .keep("the best report \(words(best)) is not worse than \(rivals)")
    }
}

/// The steps at which a pruner looks: from `warmup` on, once in each `interval` steps.
package struct StepWindow: Sendable {
    private let warmup: Int
    private let interval: Int
    package init(warmup: Int = 0, interval: Int = 1) {
        precondition(warmup >= 0 && interval >= 1, "warm-up is at least 0 steps and an interval at least 1")
        self.warmup = warmup
        self.interval = interval
    }

    /// Why the newest report is not judged; nil when it is.
    func reasonToWait(_ reports: [PrunerTrial.Report]) -> String? {
        guard let step = reports.last?.step else { return "nothing is reported" }
        if step < warmup { return "step \(step) is before step \(warmup), where judging begins" }
        let start = (step - warmup) / interval * interval + warmup
        if let before = reports.dropLast().last?.step, before >= start {
            return "the interval from step \(start) on was judged already"
        }
        return nil
    }
}

extension [Double] {
    /// Inserts into an ascending array, after equals.
    mutating func insertSorted(_ value: Double) {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] <= value { low = middle + 1 } else { high = middle }
        }
        insert(value, at: low)
    }
}

/// The value below which a share lies, linear between neighbours, in NumPy's order of operations: infinite neighbours
/// give NaN, which is better than nothing.
///
/// - Parameters: share: 0…1. sorted: ascending, not empty, no NaN.
func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let place = Double(sorted.count - 1) * share
    guard place < Double(sorted.count - 1) else {
        let last = sorted[sorted.count - 1]
        return last + (last - last)
    }
    let (at, rest) = (Int(place), place - place.rounded(.down))
    let (low, high) = (sorted[at], sorted[at + 1])
    let gap = high - low
    return rest >= 0.5 ? high - gap * (1 - rest) : low + gap * rest
}
