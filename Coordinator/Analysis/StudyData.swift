import Samplers

/// What analyses look at: a study's finished trials as plain numbers.
package struct AnalysisTrial: Sendable {
    package enum State: Sendable, Equatable { case complete, pruned, failed, running }
    /// A parameter's value: a number as itself, a choice by its position.
    package struct Value: Sendable {
        package var name: String
        /// The range it was drawn from; ranges may differ between trials.
        package var distribution: Distribution
        package var value: Double
        package init(name: String, distribution: Distribution, value: Double) {
            self.name = name
            self.distribution = distribution
            self.value = value
        }
    }
    package var number: Int
    package var state: State
    /// One an objective; empty unless complete.
    package var values: [Double]
    /// Only those that took part.
    package var parameters: [Value]
    /// Steps ascending.
    package private(set) var reports: [(step: Int, value: Double)]
    /// Sum of the positive constraint values; above 0 the trial is infeasible.
    package var violation: Double
    package init(
        number: Int, state: State, values: [Double], parameters: [Value],
        reports: [(step: Int, value: Double)] = [], violation: Double = 0
    ) {
        self.number = number
        self.state = state
        self.values = values
        self.parameters = parameters
        self.reports = reports.sorted { $0.step < $1.step }
        self.violation = violation
    }

    package func value(of name: String) -> Double? { parameters.first { $0.name == name }?.value }
    package func distribution(of name: String) -> Distribution? { parameters.first { $0.name == name }?.distribution }
}
