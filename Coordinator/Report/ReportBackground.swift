import Jobs
import Market

/// The second half of the report: the search, the budget, what was left out, and how to run it again.
extension RunView {
    private typealias H = HTML

    // MARK: Variations

    var studySection: String {
        let tested = evaluations.reduce(0) { $0 + $1.count }
        guard tested > 0 else { return "" }
        let studies = evaluations.map { ReportCharts.bestOfCycles($0, cycles: input.run.cycles) }
        // One scale for all: from where nine in ten cycles of the weakest study end, in whole tens.
        let low = studies.compactMap { $0.isEmpty ? nil : $0.sorted()[$0.count / 10] }.min() ?? 0
        let high = studies.compactMap { $0.max() }.max() ?? 0
        let scale = (low / 10).rounded(.down) * 10...max(10, (high / 10).rounded(.up) * 10)
        let pictures = Algorithm.allCases.map { algorithm in
            let list = evaluations[Int(algorithm.rawValue)]
            let best = list.map(\.metrics.stabilityScore).max() ?? 0
            let kept = pruned[Int(algorithm.rawValue)].count
            let counts =
                input.answer.stoppedIn == "variations"
                ? "\(Figure.count(list.count)) so far" : "\(Figure.count(kept)) of \(Figure.count(list.count)) kept"
            return H.tag(
                "div",
                H.text("h3", algorithm.title)
                    + H.text(
                        "p", ["class": "soft", "style": "font-size: 13px; margin: 0 0 6px"],
                        "best \(Figure.fixed(best, 1)) · \(counts)")
                    + ReportCharts.study(studies[Int(algorithm.rawValue)], scale: scale))
        }.joined()
        return H.text("h2", "The search for variations")
            + H.text(
                "p", ["class": "lead"],
                "\(Figure.count(tested)) variations of ten algorithms in \(Figure.count(input.run.cycles)) cycles. "
                    + "The line is the best stability score so far, the dots are each cycle's best; all on one scale, what is lower lies on its floor."
            )
            + H.tag("section", ["class": "card"], H.tag("div", ["class": "grid small"], pictures))
    }

    // MARK: Budget

    var budgetSection: String {
        var html = H.text("h2", "Budget")
        guard let last = input.ledger.last else {
            return html
                + H.text(
                    "p", ["class": "lead"],
                    "The search had \(Figure.duration(input.run.budgetSeconds)); no ledger was kept.")
        }
        let spent = Double(last.spentMilliseconds) / 1000
        html += H.text(
            "p", ["class": "lead"],
            "The search had \(Figure.duration(input.run.budgetSeconds)) on \(input.run.slots) slots. Time is granted in "
                + "slices; what a finished slice does not need is donated to the others. "
                + "\(Figure.duration(spent)) of computing were spent.")
        return html
            + H.tag(
                "section", ["class": "card"],
                ReportCharts.ledger(input.ledger)
                    + legend([
                        ("var(--gold)", "granted"), ("var(--accent)", "spent"), ("var(--hit)", "donated (dashed)"),
                    ]))
    }

    // MARK: What was left out

    var rejectionSection: String {
        let bars = input.bars
        let rows = bars.rejectedRows.map { ($0.reason.words, "\(Figure.count($0.count))", "line \($0.firstLine)") }
        let symbols = bars.rejectedSymbols.map {
            ($0.rule.words(days: input.universe.dates.count), Figure.count($0.count), "")
        }
        let sampled = input.universe.symbols.count
        return H.text("h2", "What was left out, and why")
            + H.tag(
                "div", ["class": "grid pair", "style": "margin-top: 16px"],
                card("Rows of the file", rows, "\(Figure.count(bars.rows)) rows read", "Every row was a valid bar.")
                    + card(
                        "Symbols", symbols,
                        "\(Figure.count(bars.symbols)) symbols, \(Figure.count(bars.eligibleSymbols)) passed, "
                            + "\(Figure.count(sampled)) sampled",
                        "Every symbol passed.")
                    + variationCard + nodeCard)
    }

    private func card(_ title: String, _ rows: [(String, String, String)], _ total: String, _ none: String) -> String {
        let hasNotes = rows.contains { !$0.2.isEmpty }
        let body = rows.map { row in
            H.tag(
                "tr",
                H.text("td", row.0) + H.text("td", ["class": "num"], row.1)
                    + (hasNotes ? H.text("td", ["class": "num soft"], row.2) : ""))
        }.joined()
        return H.tag(
            "section", ["class": "card"],
            H.text("h3", title) + H.text("p", ["class": "soft"], total)
                + (rows.isEmpty ? H.text("p", none) : H.tag("table", body)))
    }

    /// Summed over the algorithms, in the order the rules apply.
    private var variationCard: String {
        var reasons: [String] = []
        for rejection in input.answer.rejections where !reasons.contains(rejection.reason) {
            reasons.append(rejection.reason)
        }
        let rows = reasons.map { reason in
            let count = input.answer.rejections.filter { $0.reason == reason }.reduce(0) { $0 + Int($1.count) }
            return (reason, Figure.count(count), "")
        }
        let tested = evaluations.reduce(0) { $0 + $1.count }
        return card(
            "Variations", rows, "\(Figure.count(tested)) tested, \(Figure.count(pool.count)) kept", "All were kept.")
    }

    private var nodeCard: String {
        let groups = input.answer.groups
        let accounting = groups.accounting
        let open = groups.space - min(groups.space, accounting.visited + accounting.cutByRail + accounting.cutByBound)
        var parts: [(words: String, count: UInt64, color: String)] = [
            ("visited", accounting.visited, "accent"),
            ("cut: a day with fewer than 8 hits", accounting.cutByRail, "miss"),
            ("cut: cannot reach the best", accounting.cutByBound, "hit"),
        ]
        if open > 0 { parts.append(("not searched yet", open, "bad")) }
        let rows = parts.map { part in
            let swatch = H.tag("i", ["style": "background: var(--\(part.color))"], "")
            let share = groups.space > 0 ? 100 * Double(part.count) / Double(groups.space) : 0
            return H.tag(
                "tr",
                H.tag("td", ["class": "legend", "style": "display: table-cell"], swatch + H.escaped(part.words))
                    + H.text("td", ["class": "num"], Figure.large(part.count))
                    + H.text("td", ["class": "num soft"], Figure.percent(share, 1)))
        }.joined()
        return H.tag(
            "section", ["class": "card"],
            H.text("h3", "Groups")
                + H.text(
                    "p", ["class": "soft"],
                    "\(Figure.large(groups.space)) possible, \(Figure.large(accounting.retained)) scored and kept the rules"
                )
                + ReportCharts.parts(parts.map { ($0.words, Double($0.count), $0.color) })
                + H.tag("table", ["style": "margin-top: 10px"], rows))
    }

    // MARK: Again

    var reproductionSection: String {
        let run = input.run
        let named = [
            ("seed", "\(run.seed)"), ("bars", run.source), ("bars hash", "\(run.barsHash)"),
            ("pool hash", "\(input.answer.pool)"), ("code version", run.codeVersion),
            ("started", UTC.text(run.startedMilliseconds)), ("ended", UTC.text(run.endedMilliseconds)),
        ]
        let more = run.more.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let list = (named + more).map { H.text("dt", $0.0) + H.text("dd", $0.1) }.joined()
        return H.text("h2", "Run it again")
            + H.text(
                "p", ["class": "lead"],
                "The same file, seed and version give the same groups, on any number of workers. Every number here "
                    + "can be computed again from run.sqlite beside this file.")
            + H.tag("section", ["class": "card"], H.text("pre", run.command) + H.tag("dl", list))
    }
}
