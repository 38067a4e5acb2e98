import Analysis
import Jobs
import Samplers

/// A study's report.html: one file that needs nothing else, no script, no font, no request.
package struct StudyReport {
    /// Points or lines of one picture, at most: more are ink on ink, and make the file slow to open.
    static let maximumMarks = 2000
    /// Rows of the table of trials, at most.
    static let maximumRows = 500

    let spec: Study.Spec
    let trials: [Study.Trial]
    let analysed: [AnalysisTrial]
    let directions: [Direction]
    /// Of the objective that pictures show.
    var direction: Direction { directions[0] }

    package init(_ spec: Study.Spec, _ trials: [Study.Trial]) {
        self.spec = spec
        self.trials = trials
        // Values of other stages are of other days: pictures compare what can be compared.
        analysed = trials.filter { spec.stages == nil || $0.stage == .coarse }
            .compactMap { AnalysisTrial($0, space: spec.parameters) }
        directions = spec.directions.map { Direction($0) }
    }

    package func write(to path: String) throws(ReportError) {
        try FinishedFile.write(Array(page.utf8), to: path)
    }

    var page: String {
        let head = [
            HTML.tag("meta", ["charset": "utf-8"], nil),
            HTML.tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"], nil),
            HTML.text("title", "Apex Cluster, study \(spec.name)"),
            // Not escaped: the style holds no character that XML would mind.
            HTML.tag("style", ReportStyle.css),
        ]
        let body = [
            headline, stagesSection, bestSection, historySection, frontSection, importanceSection, parallelSection,
            sliceSection,
            contourSection, curveSection, timeSection, tableSection, settingsSection,
        ]
        return "<!DOCTYPE html>\n"
            + HTML.tag(
                "html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"],
                HTML.tag("head", head.joined(separator: "\n"))
                    + HTML.tag("body", HTML.tag("main", body.joined(separator: "\n")))) + "\n"
    }

    // MARK: - Words

    func count(_ state: Study.Trial.State) -> Int { trials.count { $0.state == state } }

    private var headline: String {
        let over = trials.filter(\.state.isOver)
        let first = over.map(\.started).filter { $0 > 0 }.min() ?? 0
        let last = over.map(\.ended).max() ?? 0
        var tiles: [(String, String)] = [
            (Figure.count(trials.count), "trials"), (Figure.count(count(.complete)), "complete"),
        ]
        for (state, words) in [(Study.Trial.State.pruned, "pruned"), (.failed, "failed"), (.running, "running")]
        where count(state) > 0 { tiles.append((Figure.count(count(state)), words)) }
        if let best = best.first, directions.count == 1 {
            tiles.append((Self.words(best.values[0]), "best value, trial \(best.number)"))
        }
        if last > first, first > 0 {
            tiles.append((Figure.duration(Double(last - first) / 1000), "first start to last end"))
        }
        return HTML.text("div", ["class": "eyebrow"], "Study")
            + HTML.text("h1", spec.name)
            + HTML.text("p", ["class": "lead"], objectiveWords)
            + HTML.tag(
                "div", ["class": "tiles"],
                tiles.map { HTML.tag("div", ["class": "tile"], HTML.text("b", $0.0) + HTML.text("span", $0.1)) }
                    .joined())
    }

    private var objectiveWords: String {
        let ways = spec.directions.map { $0 == .minimize ? "Minimises" : "Maximises" }
        let way = Set(ways).count == 1 ? ways[0] : "Trades off"
        if spec.stages != nil, case .algorithm(let name, _) = spec.objective {
            return "Maximises what the trading algorithm \(name) earns, in three stages."
        }
        switch spec.objective {
        case .command(let program): return "\(way) what `\(program.words.joined(separator: " "))` prints."
        case .function(let name): return "\(way) the test function \(name)."
        case .algorithm(let name, _): return "\(way) the stability score of the trading algorithm \(name)."
        case .external: return "\(way) values that are told from outside."
        }
    }

    /// The best complete feasible trial, or those on the best front.
    var best: [Study.Trial] {
        if directions.count > 1 {
            let numbers = Set(objectivePoints(analysed, directions: directions).filter(\.isBest).map(\.number))
            return trials.filter { numbers.contains(Int($0.number)) }
        }
        if spec.stages != nil { return Array(ThreeStages.furthest(trials).prefix(1)) }
        let complete = trials.filter { $0.state == .complete && $0.isFeasible && $0.values.count == 1 }
        let top =
            direction == .minimize
            ? complete.min { ($0.values[0], $0.number) < ($1.values[0], $1.number) }
            : complete.max { ($0.values[0], $1.number) < ($1.values[0], $0.number) }
        return top.map { [$0] } ?? []
    }

    private var bestSection: String {
        guard !best.isEmpty else {
            let last = trials.last { $0.state == .failed }
            return section(
                "No trial is complete yet",
                last.map { "The last that failed, trial \($0.number): \($0.reason)" } ?? "Nothing is known to draw.", ""
            )
        }
        guard directions.count == 1 else { return "" }
        let rows = spec.parameters.named(best[0].parameters).map {
            HTML.text("dt", $0.name) + HTML.text("dd", $0.value.text)
        }.joined()
        let held = spec.stages == nil ? "" : best[0].isCandidate ? " A candidate: it held." : " No candidate."
        return section(
            "The best trial" + (best[0].stage.map { " of stage \($0.name)" } ?? ""),
            "Trial \(best[0].number), value \(best[0].values[0])." + held,
            HTML.tag("div", ["class": "card"], HTML.tag("dl", rows)))
    }

    private var settingsSection: String {
        let facts: [(String, String)] = [
            ("sampler", spec.sampler), ("pruner", spec.pruner), ("seed", "\(spec.seed)"),
            ("trials at once", "\(spec.parallel)"),
            ("order", spec.isReproducible ? "fixed" : "as results came, logged"),
            ("directions", spec.directions.map(\.name).joined(separator: ", ")),
        ]
        let rows = facts.map { HTML.text("dt", $0.0) + HTML.text("dd", $0.1) }.joined()
        return section("How it was run", nil, HTML.tag("div", ["class": "card"], HTML.tag("dl", rows)))
    }

    private var tableSection: String {
        guard !trials.isEmpty else { return "" }
        // The best first; those without a value last, the newest first.
        let sorted = trials.sorted { a, b in
            switch (a.state == .complete, b.state == .complete) {
            case (true, true):
                let (x, y) = direction == .minimize ? (a.values[0], b.values[0]) : (-a.values[0], -b.values[0])
                return (x, a.number) < (y, b.number)
            case (true, false): return true
            case (false, true): return false
            case (false, false): return a.number > b.number
            }
        }
        func cell(_ text: String, isNumber: Bool = true) -> String {
            HTML.text("td", isNumber ? ["class": "num"] : [:], text)
        }
        let shown = sorted.prefix(Self.maximumRows)
        func isNumber(_ parameter: StudyParameter) -> Bool {
            if case .categorical = parameter.kind { false } else { true }
        }
        let hasReasons = shown.contains { !$0.reason.isEmpty }
        let heads =
            [("trial", true), ("state", false), ("value", true)] + spec.parameters.map { ($0.name, isNumber($0)) }
            + [("seconds", true), ("worker", false)] + (hasReasons ? [("why", false)] : [])
        let rows = shown.map { trial -> String in
            let seconds = trial.started > 0 && trial.ended >= trial.started
            let parameters = zip(spec.parameters, trial.parameters).map { parameter, value in
                cell(value.map { Self.words(parameter, $0) } ?? "", isNumber: isNumber(parameter))
            }
            return HTML.tag(
                "tr",
                cell("\(trial.number)") + cell(trial.state.optunaName, isNumber: false)
                    + cell(trial.values.map(Self.words).joined(separator: ", ")) + parameters.joined()
                    + cell(seconds ? Figure.fixed(Double(trial.ended - trial.started) / 1000, 2) : "")
                    + cell(trial.worker, isNumber: false)
                    + (hasReasons ? HTML.text("td", ["style": "min-width: 240px"], trial.reason) : ""))
        }.joined()
        let words =
            shown.count < trials.count
            ? "The best \(Figure.count(shown.count)) of \(Figure.count(trials.count)); `apex study export` has them all."
            : "The best first."
        return section(
            "Trials", words,
            HTML.tag(
                "div", ["class": "card wide"],
                HTML.tag(
                    "table",
                    HTML.tag("tr", heads.map { HTML.text("th", $1 ? ["class": "num"] : [:], $0) }.joined()) + rows)))
    }

    func section(_ title: String, _ words: String?, _ content: String) -> String {
        HTML.text("h2", title) + (words.map { HTML.text("p", ["class": "soft"], $0) } ?? "") + content
    }

    static func words(_ parameter: StudyParameter, _ stored: Double) -> String {
        let value = parameter.value(stored)
        if case .float(let number) = value { return words(number) }
        return value.text
    }
    /// At most five digits, whatever the size.
    static func words(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number > 0 ? "∞" : "−∞" }
        let size = abs(number)
        if size != 0, size < 1e-4 || size >= 1e7 {
            var exponent = 0
            var mantissa = size
            while mantissa >= 9.99995 {
                mantissa /= 10
                exponent += 1
            }
            while mantissa < 1 {
                mantissa *= 10
                exponent -= 1
            }
            var text = Figure.fixed(mantissa, 3)
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
            return (number < 0 ? "−" : "") + text + "e\(exponent)"
        }
        var digits = size >= 1000 ? 1 : size >= 100 ? 2 : size >= 10 ? 3 : size >= 1 ? 4 : size >= 0.01 ? 5 : 7
        var text = Figure.fixed(number, digits)
        while digits > 0, text.hasSuffix("0") {
            digits -= 1
            text = Figure.fixed(number, digits)
            if digits == 0 { break }
        }
        return text
    }
}
