import Jobs
import Samplers

extension AnalysisTrial {
    /// A stored trial as analyses look at it; nil when it waits and nothing is known of it.
    package init?(_ trial: Study.Trial, space: [StudyParameter]) {
        let state: State
        switch trial.state {
        case .waiting: return nil
        case .running: state = .running
        case .complete: state = .complete
        case .pruned: state = .pruned
        case .failed: state = .failed
        }
        self.init(
            number: Int(trial.number), state: state, values: state == .complete ? trial.values : [],
            parameters: zip(space, trial.parameters).compactMap { parameter, value in
                value.map { Value(name: parameter.name, distribution: parameter.distribution, value: $0) }
            },
            reports: trial.reports.map { (Int($0.step), $0.value) }.sorted { $0.0 < $1.0 },
            violation: trial.constraints.reduce(0) { $0 + max($1.value, 0) })
    }
}

extension StudyParameter {
    /// The range without its names.
    var distribution: Distribution {
        switch kind {
        case .float(let low, let high, let step, let log): .float(low: low, high: high, step: step, log: log)
        case .int(let low, let high, let step, let log):
            .int(low: Int(low), high: Int(high), step: Int(step), log: log)
        case .categorical(let choices): .categorical(choices: choices.count)
        }
    }
}

extension Direction {
    package init(_ direction: Study.Direction) { self = direction == .minimize ? .minimize : .maximize }
}
