import Jobs
import Market

/// The report's parts, top to bottom; `ReportHTML` puts them together.
extension RunView {
    private typealias H = HTML

    var dates: [Int32] { Array(input.universe.dates.suffix(Universe.windows)) }
    /// Per day the share of all tickers that rose, in percent. Shape [5].
    var baseRates: [Double] { hits.map { 100 * Double($0.count) / Double(max(input.universe.symbols.count, 1)) } }

    private func tile(_ value: String, _ words: String) -> String {
        H.tag("div", ["class": "tile"], H.text("b", value) + H.text("span", words))
    }

    // MARK: Headline

    var headline: String {
        let answer = input.answer.groups
        let week = MarketDate.text(input.universe.dates.last!)
        let found = groups.contains { !$0.isEmpty }
        let title: String
        let lead: String
        let space = Figure.large(answer.space)
        if answer.proved && found {
            title = "The best groups of the week are found, and proved best"
            lead =
                "All \(space) possible groups were settled: visited, or cut because a rule shows that nothing below "
                + "them can be better. No group that keeps the rules scores higher than the ones shown here."
        } else if answer.proved {
            title = "No group keeps all the rules this week, and that is proved"
            lead = "All \(space) possible groups were settled; none has enough hits on all five days."
        } else if input.answer.stoppedIn == "variations" {
            title = "The budget ended while variations were tested; no group was searched yet"
            lead = "Nothing is known of any group so far. Run the resume command with more budget to go on from here."
        } else {
            title = "The best groups found so far; the budget ended before the proof"
            let bound = answer.bound.isFinite ? " What is left can score at most \(Figure.fixed(answer.bound, 2))." : ""
            lead =
                "\(Figure.percent(100 * shareSettled, 2)) of \(space) possible groups were settled.\(bound) "
                + "Run the resume command with more budget to go on from here."
        }
        let badge = H.text(
            "span", ["class": answer.proved ? "badge" : "badge gold"], answer.proved ? "proved" : "not proved yet")
        var tiles = ""
        for (at, size) in answer.sizes.enumerated() {
            guard let best = groups[at].first else {
                tiles += tile("none", "groups of \(size)")
                continue
            }
            tiles += tile(Figure.fixed(best.score, 2), "best score, groups of \(size)")
            tiles += tile(Figure.percent(best.metrics.pooledPP, 1), "of its \(best.metrics.pooledBuys) buys rose")
        }
        tiles += tile(Figure.count(evaluations.reduce(0) { $0 + $1.count }), "variations tested")
        tiles += tile(Figure.duration(input.run.elapsedSeconds), "from start to end")
        return H.tag(
            "header",
            H.tag("p", ["class": "eyebrow"], H.escaped("Apex Cluster · week ending \(week) ") + badge)
                + H.text("h1", title) + H.text("p", ["class": "lead"], lead) + H.tag("div", ["class": "tiles"], tiles))
    }

    // MARK: Groups

    func groupSection(_ at: Int) -> String {
        let size = input.answer.groups.sizes[at]
        var html = H.text("h2", "Groups of \(size)")
        guard !groups[at].isEmpty else {
            let words =
                switch input.answer.stoppedIn {
                case nil: "No group of \(size) keeps all the rules."
                case "variations": "Not searched yet: the budget ended while variations were tested."
                default: "No group of \(size) was found before the budget ended."
                }
            return html + H.text("p", ["class": "lead"], words)
        }
        html += H.text(
            "p", ["class": "lead"],
            "A group buys what all its \(size) members buy. The chosen one is steady: of the groups whose five days "
                + "agree most, the first that reaches the target score. The best one has the highest score of all.")
        for group in finalGroups(at) { html += card(group) }
        return html + H.tag("div", ["class": "grid"], distribution(at) + ranking(at))
    }

    private func card(_ group: RunView.Group) -> String {
        let metrics = group.metrics
        let badges =
            (group.isChosen ? H.text("span", ["class": "badge gold"], "chosen") : "")
            + (group.isBest ? H.text("span", ["class": "badge"], "best of its size") : "")
        let head =
            H.text("h3", group.members.map(\.algorithm.title).joined(separator: " · "))
            + H.text("span", ["class": "soft"], group.identifier) + badges
            + H.tag("span", ["class": "score"], "score " + H.text("b", Figure.fixed(group.score, 2)))
        let tiles = [
            tile(Figure.percent(metrics.pooledPP), "\(metrics.pooledHits) of \(metrics.pooledBuys) buys rose"),
            tile(Figure.percent(metrics.wilsonLB), "lower bound of that (Wilson, 95 %)"),
            tile(Figure.fixed(metrics.meanBuys, 1), "buys a day"),
            tile(Figure.fixed(metrics.rf, 2), "buys per different ticker"),
        ].joined()
        let members = group.members.map { member in
            H.tag(
                "li",
                H.text("b", member.algorithm.title) + H.text("code", member.identifier)
                    + H.text("span", evaluation(member).variation.words))
        }.joined()
        return H.tag(
            "section", ["class": "card"],
            H.tag("div", ["class": "head"], head)
                + H.tag(
                    "div", ["class": "two"],
                    H.tag(
                        "div",
                        H.text("h4", "Five days: what it bought, and what rose")
                            + ReportCharts.days(group, dates: dates, base: baseRates)
                            + legend([
                                ("var(--hit)", "rose from open to close"), ("var(--hit-soft)", "did not"),
                                ("transparent", "all: share of all tickers that rose"),
                            ]))
                        + H.tag("div", H.text("h4", "Members") + H.tag("ul", ["class": "members"], members)))
                + H.tag("div", ["class": "tiles"], tiles)
                + H.tag(
                    "div", ["class": "two"],
                    H.tag("div", H.text("h4", "Tickers") + tickers(group))
                        + H.tag("div", H.text("h4", "What the score is made of") + terms(metrics))))
    }

    /// Newest day first: it is the one people act on.
    private func tickers(_ group: RunView.Group) -> String {
        (0..<Universe.windows).reversed().map { day in
            let chips = group.consensus[day].tickers.map { ticker in
                let isHit = hits[day].contains(ticker)
                return H.text(
                    "span", ["class": isHit ? "chip hit" : "chip", "title": isHit ? "rose" : "did not rise"],
                    input.universe.symbols[ticker])
            }.joined()
            return H.tag(
                "div", ["class": "day"],
                H.tag(
                    "div",
                    H.text("b", Figure.day(dates[day]))
                        + H.text(
                            "span", ["class": "soft"], " \(group.metrics.hits[day]) of \(group.metrics.buys[day])"))
                    + H.tag("div", ["class": "chips"], chips))
        }.joined()
    }

    private func terms(_ metrics: GroupMetrics) -> String {
        let shown = metrics.terms.filter { abs($0.value) >= 0.005 }
        let most = shown.map { abs($0.value) }.max() ?? 1
        return shown.map { term in
            let width = Figure.fixed(max(1, 100 * abs(term.value) / most), 1)
            return H.tag(
                "div", ["class": "term"],
                H.text("span", term.words)
                    + H.text("span", ["class": "num", "style": "text-align: right"], Figure.fixed(term.value, 2))
                    + H.tag(
                        "div", ["class": term.value < 0 ? "bar minus" : "bar", "style": "width: \(width)%"], ""))
        }.joined()
    }

    private func distribution(_ at: Int) -> String {
        H.tag(
            "section", ["class": "card"],
            H.text("h3", "Scores of the best \(Figure.count(groups[at].count))")
                + H.text("p", ["class": "soft"], "How many groups reach which score.")
                + ReportCharts.histogram(groups[at]))
    }

    private func ranking(_ at: Int) -> String {
        var rows = ["#", "members", "score", "right", "buys"].enumerated().map { column, name in
            column == 1 ? H.text("th", name) : H.text("th", ["class": "num"], name)
        }.joined()
        rows = H.tag("tr", rows)
        for group in groups[at].prefix(8) {
            let members = group.members.map(\.identifier).joined(separator: ", ")
            rows += H.tag(
                "tr", group.isChosen ? ["class": "chosen"] : [:],
                H.text("td", ["class": "num"], "\(group.rank)") + H.text("td", members)
                    + H.text("td", ["class": "num"], Figure.fixed(group.score, 2))
                    + H.text("td", ["class": "num"], Figure.percent(group.metrics.pooledPP))
                    + H.text("td", ["class": "num"], "\(group.metrics.pooledBuys)"))
        }
        return H.tag(
            "section", ["class": "card"],
            H.text("h3", "First in rank") + H.tag("div", ["class": "wide"], H.tag("table", rows)))
    }

    func legend(_ entries: [(color: String, words: String)]) -> String {
        let spans = entries.map { entry in
            let mark = entry.color == "transparent" ? "" : H.tag("i", ["style": "background: \(entry.color)"], "")
            return H.tag("span", mark + H.escaped(entry.words))
        }
        return H.tag("div", ["class": "legend"], spans.joined())
    }
}
