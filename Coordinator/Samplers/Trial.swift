/// Which way is better.
package enum Direction: String, Sendable, Codable { case minimize, maximize }

/// A trial that ended with something to learn from.
package struct Trial: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// One value an objective.
        case complete(values: [Double])
        /// Stopped early after its last report; nil when it never reported.
        case pruned(lastReport: Report?)

        package static func complete(_ value: Double) -> Outcome { .complete(values: [value]) }
    }
    package struct Report: Sendable, Equatable {
        package var step: Int
        package var value: Double
        package init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }
    /// Trials are numbered from 0 in the order they were asked for; age is judged by it.
    package var number: Int
    /// Per parameter of the space; nil where the trial did not have it.
    package var values: [Double?]
    package var outcome: Outcome
    /// Sum of the constraints' positive values; above 0 the trial is infeasible.
    package var violation: Double
    package init(number: Int, values: [Double?], outcome: Outcome, violation: Double = 0) {
        self.number = number
        self.values = values
        self.outcome = outcome
        self.violation = violation
    }

    /// Its values where less is better; nil when it was pruned.
    func losses(_ directions: [Direction]) -> [Double]? {
        guard case .complete(let values) = outcome else { return nil }
        precondition(values.count == directions.count, "a trial has one value an objective")
        return zip(values, directions).map { $1 == .minimize ? $0 : -$0 }
    }
}
