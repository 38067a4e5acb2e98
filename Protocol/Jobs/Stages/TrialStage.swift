// A three-stage study's marks on its trials: attributes, so that whatever stores, shows or exports a trial has them.

extension Study.Trial {
    package static let stageKey = "apex:stage", parentKey = "apex:promoted_from", candidateKey = "apex:candidate"
    /// What programs cannot say about themselves.
    package static let stageKeys = [stageKey, parentKey, candidateKey]

    /// nil in a study without stages, and for trials that a study began with.
    package var stage: ThreeStages.Stage? {
        guard let text = attribute(Self.stageKey) else { return nil }
        return ThreeStages.Stage.allCases.first { "\"\($0.name)\"" == text }
    }
    /// The trial of the stage before with the same values.
    package var promotedFrom: UInt32? { attribute(Self.parentKey).flatMap { UInt32($0) } }
    /// It held in the forward stage.
    package var isCandidate: Bool { attribute(Self.candidateKey) == "true" }

    /// The marks of a trial that begins.
    package static func marks(_ stage: ThreeStages.Stage, from parent: UInt32?) -> [Study.NamedText] {
        [Study.NamedText(stageKey, "\"\(stage.name)\"")]
            + (parent.map { [Study.NamedText(parentKey, "\($0)")] } ?? [])
    }

    private func attribute(_ name: String) -> String? { attributes.first { $0.name == name }?.text }
}

extension ThreeStages {
    /// A trial of a stage as promotion sees it.
    package static func judged(_ trial: Study.Trial) -> StageTrial {
        StageTrial(
            number: trial.number, values: trial.parameters, score: trial.state == .complete ? trial.values.first : nil,
            isFeasible: trial.isFeasible,
            reported: trial.attributes.filter { !Study.Trial.stageKeys.contains($0.name) })
    }

    /// The complete feasible trials of the furthest stage that has any, best first: candidates first of all.
    package static func furthest(_ trials: [Study.Trial]) -> [Study.Trial] {
        let good = trials.filter { $0.stage != nil && $0.state == .complete && $0.isFeasible }
        let last = good.compactMap(\.stage).max()
        return good.filter { $0.stage == last }.sorted { a, b in
            a.values[0] == b.values[0] ? a.number < b.number : a.values[0] > b.values[0]
        }
    }
}
