import Jobs
import Objectives

// Objectives that bring a space of their own.

extension TestFunction {
    /// Its parameters as a study's space.
    var studyParameters: [StudyParameter] {
        parameters.map { parameter in
            let kind: StudyParameter.Kind
            switch parameter.kind {
            case .float:
                kind = .float(low: parameter.low, high: parameter.high, step: parameter.step, log: parameter.isLog)
            case .int:
                kind = .int(
                    low: Int64(parameter.low), high: Int64(parameter.high), step: Int64(parameter.step ?? 1),
                    log: parameter.isLog)
            case .categorical: kind = .categorical(parameter.choices.map { .string($0) })
            }
            let when = parameter.when.map {
                [StudyParameter.Condition(parent: $0.parent, values: [.string($0.choice)])]
            }
            return StudyParameter(parameter.name, kind, when: when ?? [])
        }
    }
}

extension Algorithm {
    /// Its grid as a study's space.
    var studyParameters: [StudyParameter] {
        parameters.map { parameter in
            switch parameter.options {
            case .choices(let names): StudyParameter(parameter.name, .categorical(names.map { .string($0) }))
            case .tenths(let low, let high, let step) where step == 10 && low % 10 == 0:
                StudyParameter(
                    parameter.name, .int(low: Int64(low / 10), high: Int64(high / 10), step: 1, log: false))
            case .tenths(let low, let high, let step):
                StudyParameter(
                    parameter.name,
                    .float(low: Double(low) / 10, high: Double(high) / 10, step: Double(step) / 10, log: false))
            }
        }
    }
}
