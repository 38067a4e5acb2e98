import Samplers

/// Asks another pruner only when a trial has not improved for a while; alone, it stops the trial then.
package struct PatientPruner: Pruner {
    private var inner: (any Pruner)?
    /// Reports without improvement that are borne; the report that begins them is not counted.
    private let patience: Int
    /// What counts as worse, in the unit of the values.
    private let margin: Double
    private let direction: Direction

    package init(_ inner: (any Pruner)?, patience: Int, margin: Double = 0, direction: Direction) {
        precondition(patience >= 0 && margin >= 0, "patience and its margin are at least 0")
        self.inner = inner
        self.patience = patience
        self.margin = margin
        self.direction = direction
    }

    package mutating func learn(_ trial: PrunerTrial) { inner?.learn(trial) }

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        guard trial.reports.count > patience + 1 else {
            return .keep("\(trial.reports.count) reports are within the patience of \(patience)")
        }
        let before = direction.best(trial.reports.dropLast(patience + 1))
        let after = direction.best(trial.reports.suffix(patience + 1))
        let isWorse = direction == .minimize ? before + margin < after : before - margin > after
        let reports = "the best of the last \(patience + 1) reports, \(words(after)),"
        guard isWorse else { return .keep("\(reports) is not worse than \(words(before)) before") }
        let reason = "\(reports) is worse than \(words(before)) before"
        guard inner != nil, var decision = inner?.decide(trial) else { return .stop(reason) }
        decision.reason = "\(reason), and \(decision.reason)"
        return decision
    }
}
