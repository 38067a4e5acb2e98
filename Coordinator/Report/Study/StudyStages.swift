import Jobs

// What a three-stage study's report shows first: its stages, what went on from one to the next, and what held.
extension StudyReport {
    var stagesSection: String {
        guard let stages = spec.stages else { return "" }
        return section("Stages", words(stages), table(stages)) + promotions(stages)
    }

    private func trials(of stage: ThreeStages.Stage) -> [Study.Trial] { trials.filter { $0.stage == stage } }

    private func words(_ stages: ThreeStages) -> String {
        let objective = stages.objective
        let fears = [
            ("drawdown", objective.drawdownWeight), ("reject rate", objective.rejectWeight),
            ("turnover", objective.turnoverWeight),
        ].filter { $0.1 > 0 }.map { " − \($0.1 == 1 ? "" : "\(Self.words($0.1)) × ")\($0.0)" }.joined()
        return
            "Scores are profit − cost\(fears), the mean over a stage's symbols. No window shares a day with another. "
            + "The pictures below show the coarse stage: scores of other days do not compare."
    }

    private func table(_ stages: ThreeStages) -> String {
        let heads = ["stage", "window", "symbols", "trials", "complete", "promoted into it", "best score"]
        let rows = ThreeStages.Stage.allCases.map { stage -> String in
            let own = trials(of: stage)
            let good = own.filter { $0.state == .complete && $0.isFeasible }
            let planned = stage == .forward && !own.isEmpty ? own.count : stages[stage].trials
            let over = own.count { $0.state.isOver }
            return row([
                stage.name, "\(stages[stage].window)", stages[stage].symbols.joined(separator: " "),
                "\(Figure.count(over)) of \(Figure.count(planned))", Figure.count(good.count),
                stage == .coarse ? "" : Figure.count(own.count { $0.promotedFrom != nil }),
                good.compactMap(\.values.first).max().map(Self.words) ?? "",
            ])
        }
        return card(heads, rows)
    }

    /// One line for each set of parameters that left the coarse stage: its score in every stage, the furthest first.
    private func promotions(_ stages: ThreeStages) -> String {
        let refined = trials(of: .refine)
        let forward = trials(of: .forward)
        guard !refined.isEmpty else { return "" }
        func score(_ trial: Study.Trial?) -> String {
            guard let trial else { return "" }
            switch trial.state {
            case .complete: return trial.values.first.map(Self.words) ?? ""
            default: return trial.state.optunaName
            }
        }
        let lines = refined.map { trial in
            Line(
                coarse: trial.promotedFrom.flatMap { number in trials.first { $0.number == number } }, refine: trial,
                forward: forward.first { $0.promotedFrom == trial.number })
        }.filter { $0.coarse != nil || $0.forward != nil }
        let sorted = lines.sorted { $0.rank < $1.rank }
        let heads = ["trials", "candidate"] + ThreeStages.Stage.allCases.map(\.name) + spec.parameters.map(\.name)
        let rows = sorted.prefix(Self.maximumRows).map { line -> String in
            let numbers = [line.coarse?.number, line.refine.number, line.forward?.number].compactMap { $0 }
                .map { "\($0)" }
            return row(
                [
                    numbers.joined(separator: " → "), line.forward?.isCandidate == true ? "✓" : "", score(line.coarse),
                    score(line.refine), score(line.forward),
                ]
                    + zip(spec.parameters, line.refine.parameters).map { parameter, value in
                        value.map { Self.words(parameter, $0) } ?? ""
                    })
        }
        let candidates = forward.count(where: \.isCandidate)
        let isOver = !forward.isEmpty && forward.allSatisfy(\.state.isOver)
        let verdict =
            !isOver
            ? "The forward stage is not over: nothing is a candidate for good yet."
            : candidates == 0
                ? "No candidate: nothing scored above \(Self.words(stages.floor)) on days that nothing was tuned on."
                : "\(candidates) marked ✓: above \(Self.words(stages.floor)) on days that nothing was tuned on."
        return section("Promotions and candidates", verdict, card(heads, Array(rows)))
    }

    private struct Line {
        var coarse: Study.Trial?
        var refine: Study.Trial
        var forward: Study.Trial?
        /// Candidates first, then what went on, then the rest; the better score first.
        var rank: (Int, Double, UInt32) {
            let last = forward ?? refine
            let score = last.state == .complete ? -(last.values.first ?? 0) : Double.infinity
            return (forward == nil ? 2 : last.isCandidate ? 0 : 1, score, refine.number)
        }
    }

    private func row(_ cells: [String]) -> String {
        HTML.tag("tr", cells.map { HTML.text("td", $0) }.joined())
    }
    private func card(_ heads: [String], _ rows: [String]) -> String {
        HTML.tag(
            "div", ["class": "card wide"],
            HTML.tag("table", HTML.tag("tr", heads.map { HTML.text("th", $0) }.joined()) + rows.joined()))
    }
}
