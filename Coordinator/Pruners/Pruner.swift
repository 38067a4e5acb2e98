import Foundation
import Samplers

/// What a pruner knows of a trial.
package struct PrunerTrial: Sendable {
    package enum State: Sendable, Equatable { case running, complete, pruned, failed }
    package struct Report: Sendable, Equatable {
        package var step: Int
        package var value: Double
        package init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }
    /// From 0, in the order the trials were asked for.
    package var number: Int
    package var state: State
    /// The result of a complete trial.
    package var value: Double?
    /// Whether no constraint is broken.
    package var isFeasible: Bool
    /// One a step, steps ascending.
    package private(set) var reports: [Report] = []
    /// What earlier decisions asked to remember with the trial, such as `completed_rung_0`.
    package var notes: [String: Double]

    package init(
        number: Int, state: State = .running, value: Double? = nil, isFeasible: Bool = true,
        reports: [(step: Int, value: Double)] = [], notes: [String: Double] = [:]
    ) {
        self.number = number
        self.state = state
        self.value = value
        self.isFeasible = isFeasible
        self.notes = notes
        for (step, value) in reports { _ = report(step: step, value: value) }
    }

    /// Takes a report; steps may be skipped and may come in any order.
    ///
    /// - Returns: false when nothing changed, because the step has a value already (the first one stays) or is below 0.
    package mutating func report(step: Int, value: Double) -> Bool {
        guard step >= 0 else { return false }
        let at = reports.lastIndex { $0.step <= step }
        if let at, reports[at].step == step { return false }
        reports.insert(Report(step: step, value: value), at: at.map { $0 + 1 } ?? 0)
        return true
    }

    /// Remembers a decision's notes.
    package mutating func remember(_ decision: PruneDecision) {
        for (key, value) in decision.notes { notes[key] = value }
    }
}

/// Whether a trial is to stop, and why.
package struct PruneDecision: Sendable {
    package var prune: Bool
    /// For people: `0.31 at step 5 is worse than the median 0.42 of 12 trials`.
    package var reason: String
    /// To be stored with the trial, and given back in `PrunerTrial.notes`.
    package var notes: [(String, Double)]

    package static func stop(_ reason: String, notes: [(String, Double)] = []) -> PruneDecision {
        PruneDecision(prune: true, reason: reason, notes: notes)
    }
    package static func keep(_ reason: String, notes: [(String, Double)] = []) -> PruneDecision {
        PruneDecision(prune: false, reason: reason, notes: notes)
    }
}

/// Stops trials that promise nothing. A value that learns: equal sequences of `learn` and `decide` give equal decisions,
/// and a decision costs no more after ten thousand trials than after ten, but for the search in a sorted list.
///
/// After a restart a new pruner that has learned every stored trial, running ones with their notes included, decides as
/// the old one would have.
package protocol Pruner: Sendable {
    /// Takes in a trial that ended, once; after a restart also those that are still running.
    mutating func learn(_ trial: PrunerTrial)
    /// Asked after each report of a running trial, the new report included.
    mutating func decide(_ trial: PrunerTrial) -> PruneDecision
}

/// Lets every trial run to its end.
package struct NoPruner: Pruner {
    package init() {}
    package mutating func learn(_ trial: PrunerTrial) {}
    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision { .keep("nothing is pruned") }
}

extension Direction {
    func isBetter(_ a: Double, _ b: Double) -> Bool { self == .minimize ? a < b : a > b }

    /// The best value that is a number; NaN when there is none.
    func best(_ reports: ArraySlice<PrunerTrial.Report>) -> Double {
        reports.reduce(.nan) { best, report in
            best.isNaN || isBetter(report.value, best) ? report.value : best
        }
    }
    func best(_ reports: [PrunerTrial.Report]) -> Double { best(reports[...]) }
}

/// A number in a reason: at most six digits.
func words(_ value: Double) -> String { String(format: "%.6g", value) }
