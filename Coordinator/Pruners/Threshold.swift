/// Stops a trial whose newest report is NaN or outside given bounds.
package struct ThresholdPruner: Pruner {
    private let lower: Double
    private let upper: Double
    private let window: StepWindow

    package init(lower: Double = -.infinity, upper: Double = .infinity, window: StepWindow = StepWindow()) {
        precondition(lower <= upper, "a threshold has lower ≤ upper")
        self.lower = lower
        self.upper = upper
        self.window = window
    }

    package mutating func learn(_ trial: PrunerTrial) {}

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        guard let last = trial.reports.last else { return .keep("nothing is reported") }
        if let reason = window.reasonToWait(trial.reports) { return .keep(reason) }
        let place = "\(words(last.value)) at step \(last.step)"
        if last.value.isNaN { return .stop("NaN at step \(last.step)") }
        if last.value < lower { return .stop("\(place) is below \(words(lower))") }
        if last.value > upper { return .stop("\(place) is above \(words(upper))") }
        return .keep("\(place) is within \(words(lower)) and \(words(upper))")
    }
}
