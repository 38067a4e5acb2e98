/// What became of one set of parameters in the stages it went through.
package struct Promoted: Sendable, Equatable {
    package struct Result: Sendable, Equatable {
        package var stage: ThreeStages.Stage
        package var trial: UInt32
        package var score: Double
        package init(stage: ThreeStages.Stage, trial: UInt32, score: Double) {
            self.stage = stage
            self.trial = trial
            self.score = score
        }
    }
    /// Per parameter of the space; nil where the trial does not have it.
    package var values: [Double?]
    /// In the order of the stages.
    package var results: [Result]
    package init(values: [Double?], results: [Result]) {
        self.values = values
        self.results = results
    }
}

/// A trial that ended in one stage.
package struct StageTrial: Sendable, Equatable {
    package var number: UInt32
    package var values: [Double?]
    /// nil when the trial failed or was pruned.
    package var score: Double?
    package var isFeasible: Bool
    /// What it reported: trials that report the same in everything traded the same. Empty: nobody knows.
    package var reported: [Study.NamedText]
    package init(
        number: UInt32, values: [Double?], score: Double?, isFeasible: Bool = true, reported: [Study.NamedText] = []
    ) {
        self.reported = reported
        self.number = number
        self.values = values
        self.score = score
        self.isFeasible = isFeasible
    }
}

extension ThreeStages {
    /// The trials of a stage that go on: best scores first, at most as many as the next stage takes. Equal scores go by
    /// trial number, equal parameters count once. Of trials that reported the same in everything the first goes, and the
    /// others only where places are left: they would show the next stage the same trades again. Trials without a finite
    /// score, and infeasible ones, stay behind.
    ///
    /// - Parameters: trials: of that stage, in any order. earlier: what was promoted into it; their results go along.
    package func promote(_ trials: [StageTrial], from stage: Stage, earlier: [Promoted] = []) -> [Promoted] {
        guard let limit = promotions(from: stage) else { return [] }
        let reported = Dictionary(trials.map { ($0.number, $0.reported) }) { first, _ in first }
        var seen: Set<[Study.NamedText]> = []
        var (firsts, twins): ([Promoted], [Promoted]) = ([], [])
        for one in ranked(trials, stage, earlier) {
            let words = reported[one.results.last!.trial] ?? []
            if words.isEmpty || seen.insert(words).inserted { firsts.append(one) } else { twins.append(one) }
        }
        return Array((firsts + twins).prefix(limit))
    }

    /// Who held on days that nothing was tuned on: promoted into the forward stage, and a forward score above `floor`.
    /// Nobody else is a candidate, however good before. Best first.
    package func candidates(_ trials: [StageTrial], earlier: [Promoted], floor: Double = 0) -> [Promoted] {
        ranked(trials, .forward, earlier).filter { promoted in
            promoted.results.contains { $0.stage == .refine }
                && promoted.results.contains { $0.stage == .forward && $0.score > floor }
        }
    }

    private func ranked(_ trials: [StageTrial], _ stage: Stage, _ earlier: [Promoted]) -> [Promoted] {
        let ended = trials.filter { $0.isFeasible && $0.score?.isFinite == true }
        let sorted = ended.sorted { a, b in
            let (scoreA, scoreB) = (a.score ?? 0, b.score ?? 0)
            return scoreA == scoreB ? a.number < b.number : scoreA > scoreB
        }
        let past = Dictionary(earlier.map { ($0.values, $0.results) }) { first, _ in first }
        var seen: Set<[Double?]> = []
        return sorted.filter { seen.insert($0.values).inserted }.map { trial in
            let result = Promoted.Result(stage: stage, trial: trial.number, score: trial.score ?? 0)
            return Promoted(values: trial.values, results: (past[trial.values] ?? []) + [result])
        }
    }
}
