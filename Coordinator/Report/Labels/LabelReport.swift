import JSON
import Jobs
import Market

/// A label job's report.html: what was labelled, how the labels spread, and a few events of each tier and class.
package struct LabelReport {
    private let manifest: JSONValue
    private let bars: [BarSeries]

    /// - Parameters: manifest: the job's answer. bars: what it labelled, for the pictures.
    package init(_ manifest: JSONValue, bars: [BarSeries]) {
        self.manifest = manifest
        self.bars = bars
    }

    package func write(to path: String) throws(ReportError) { try FinishedFile.write(Array(page.utf8), to: path) }

    var page: String {
        let head = [
            HTML.tag("meta", ["charset": "utf-8"], nil),
            HTML.tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"], nil),
            HTML.text("title", "Apex Cluster, labels"),
            // Not escaped: the style holds no character that XML would mind.
            HTML.tag("style", ReportStyle.css),
        ]
        let body = [headline, countSection, spreadSection] + sampleSections + [sourceSection, settingSection]
        return "<!DOCTYPE html>\n"
            + HTML.tag(
                "html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"],
                HTML.tag("head", head.joined(separator: "\n"))
                    + HTML.tag("body", HTML.tag("main", body.joined(separator: "\n")))) + "\n"
    }

    // MARK: - Numbers

    private func number(_ value: JSONValue?) -> Int { Int(value?.double ?? 0) }
    private func members(_ value: JSONValue?) -> [JSONValue.Member] {
        if case .object(let members)? = value { members } else { [] }
    }
    private var events: Int { number(manifest["events"]) }

    private var headline: String {
        let counts = manifest["counts"]
        let rejected = members(manifest["rejected_events"]).reduce(0) { $0 + number($1.value) }
        let tiles: [(String, String)] = [
            (Figure.count(events), "events labelled"), (Figure.count(rejected), "events without a label"),
            (Figure.count(number(counts?["runner"])), "runners, +15 % and more"),
            (Figure.count(number(counts?["monster_runner"])), "monster runners, +25 %"),
            (Figure.count(number(counts?["avoid_trade"])), "better not traded"),
            (Figure.count(number(counts?["barrier_ambiguous"])), "barriers in one bar"),
        ]
        return HTML.text("p", ["class": "eyebrow"], "Apex Cluster · labels")
            + HTML.text("h1", "\(Figure.count(events)) events and what came of them")
            + HTML.tag(
                "div", ["class": "tiles"],
                tiles.map {
                    HTML.tag("div", ["class": "tile"], HTML.text("b", $0.0) + HTML.text("span", $0.1))
                }.joined())
    }

    private var countSection: String {
        let titles = [
            ("tier", "Quality tier"), ("class", "Class of the five-session return"), ("regime", "Regime"),
            ("barrier", "Barrier touched first"),
        ]
        var cards = titles.map { key, title in
            var rows = members(manifest["counts"]?[key]).map { ($0.key, number($0.value)) }
            // A manifest's members are sorted by their names; tiers are said from the best on.
            if key == "tier" {
                let order = QualityTier.allCases.map(\.name)
                rows = order.compactMap { name in rows.first { $0.0 == name } }
            }
            return card(title, rows, of: events)
        }
        let rejected = members(manifest["rejected_events"]).map { member in
            (EventRejection.allCases.first { $0.name == member.key }?.words ?? member.key, number(member.value))
        }.filter { $0.1 > 0 }
        cards.append(card("Without a label, by reason", rejected, of: rejected.reduce(0) { $0 + $1.1 }))
        return HTML.text("h2", "How many of each") + HTML.tag("div", ["class": "grid"], cards.joined())
    }

    private func card(_ title: String, _ rows: [(String, Int)], of total: Int) -> String {
        let terms = rows.map { name, count in
            let share = total > 0 ? 100 * Double(count) / Double(total) : 0
            return HTML.tag(
                "div", ["class": "term"],
                HTML.text("span", name) + HTML.text("span", ["class": "num"], Figure.count(count))
                    + HTML.tag("div", ["class": "bar", "style": "width:\(Self.short(share))%"], ""))
        }
        return HTML.tag("div", ["class": "card"], HTML.text("h3", title) + terms.joined())
    }

    private var spreadSection: String {
        let titles = ["ret_5d": "Return over five sessions", "max_runup": "Best price in five sessions"]
        let cards = members(manifest["spread"]).map { member -> String in
            let counts = (member.value["counts"]?.array ?? []).map { number($0) }
            let most = Double(max(1, counts.max() ?? 1))
            var svg = ""
            for (at, count) in counts.enumerated() where count > 0 {
                let height = max(1, 110 * Double(count) / most)
                let low = at * 2 - 40
                svg += HTML.tag(
                    "rect",
                    [
                        "x": "\(at * 10)", "y": Self.short(120 - height), "width": "9", "height": Self.short(height),
                        "fill": low < 0 ? "var(--bad)" : "var(--hit)",
                    ], HTML.text("title", "\(low) to \(low + 2) %: \(Figure.count(count))"))
            }
            for percent in [-40, -20, 0, 20, 40] {
                svg += HTML.text(
                    "text", ["x": "\((percent + 40) * 5)", "y": "138", "text-anchor": "middle"], "\(percent) %")
            }
            let title = titles[member.key] ?? "Worst price in five sessions"
            return HTML.tag(
                "div", ["class": "card"],
                HTML.text("h3", title) + HTML.tag("svg", ["viewBox": "-16 0 432 142", "role": "img"], svg))
        }
        return HTML.text("h2", "How they spread")
            + HTML.text("p", ["class": "lead"], "Fractions of the entry price; what is beyond 40 % stands at the edge.")
            + HTML.tag("div", ["class": "grid"], cards.joined())
    }

    // MARK: - Pictures

    private var sampleSections: [String] {
        members(manifest["samples"]).map { member in
            let samples = (member.value.array ?? []).compactMap(sample)
            guard !samples.isEmpty else { return "" }
            let words = member.key.split(separator: " ")
            return HTML.text("h2", words[0] == "tier" ? "Tier \(words[1])" : "Class \(words[1])")
                + HTML.tag("div", ["class": "grid"], samples.joined())
        }
    }

    private func sample(_ sample: JSONValue) -> String? {
        guard let symbol = sample["symbol"]?.string, let name = sample["timeframe"]?.string,
            let timeframe = Timeframe(name: name), let time = sample["time_ms"]?.double,
            let finest = bars.first(where: { $0.symbol == symbol }), finest.timeframe <= timeframe
        else { return nil }
        let series = finest.resampled(to: timeframe)
        let event = series.firstBar(startingAtOrAfter: Int64(time))
        guard event < series.count, series.starts[event] == Int64(time), event >= Regime.bars - 1 else { return nil }
        func percent(_ key: String) -> String { Figure.percent(100 * (sample[key]?.double ?? 0)) }
        let facts =
            "\(sample["tier"]?.string ?? ""), \(sample["class"]?.string ?? ""), \(sample["regime"]?.string ?? ""); 5 "
            + "sessions \(percent("ret_5d")), best \(percent("max_runup")), worst \(percent("max_drawdown"))"
        return HTML.tag(
            "div", ["class": "card"],
            HTML.text(
                "h3", "\(symbol) \(name), \(Figure.day(series.date(of: event))) \(series.date(of: event) / 10000)")
                + Self.candles(series, event - Regime.bars + 1...min(event + 10, series.count - 1), event: event)
                + HTML.text("p", ["class": "soft"], facts))
    }

    /// Bars up to the event, and pale the ten after it, which nobody knew then.
    private static func candles(_ series: BarSeries, _ bars: ClosedRange<Int>, event: Int) -> String {
        let high = bars.map { series.high[$0] }.max() ?? 1
        let low = bars.map { series.low[$0] }.min() ?? 0
        let scale = high > low ? 150 / (high - low) : 0
        func y(_ price: Double) -> Double { 4 + (high - price) * scale }
        var svg = ""
        for (at, bar) in bars.enumerated() {
            let x = Double(at) * 8 + 4
            let isUp = series.close[bar] >= series.open[bar]
            let color = isUp ? "var(--hit)" : "var(--bad)"
            let top = y(max(series.open[bar], series.close[bar]))
            let bottom = y(min(series.open[bar], series.close[bar]))
            let opacity = bar > event ? "0.35" : "1"
            svg += HTML.tag(
                "line",
                [
                    "x1": short(x), "x2": short(x), "y1": short(y(series.high[bar])), "y2": short(y(series.low[bar])),
                    "stroke": color, "opacity": opacity,
                ], nil)
            svg += HTML.tag(
                "rect",
                [
                    "x": short(x - 2.5), "y": short(top), "width": "5", "height": short(max(1, bottom - top)),
                    "fill": isUp ? "var(--card)" : color, "stroke": color, "opacity": opacity,
                ], nil)
        }
        let now = short(Double(event - bars.lowerBound) * 8 + 8)
        svg += HTML.tag(
            "line",
            ["x1": now, "x2": now, "y1": "0", "y2": "158", "stroke": "var(--soft)", "stroke-dasharray": "2 3"], nil)
        return HTML.tag("svg", ["viewBox": "0 0 \(bars.count * 8) 158", "role": "img"], svg)
    }
    /// Two digits after the point, without a locale.
    private static func short(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

    // MARK: - Where from

    private var sourceSection: String {
        let rows = (manifest["sources"]?.array ?? []).map { source in
            let rejected = (source["rejected_rows"]?.array ?? []).map {
                "\(Figure.count(number($0["count"]))) × \($0["reason"]?.string ?? "")"
            }
            return HTML.tag(
                "tr",
                HTML.text("td", source["name"]?.string ?? "")
                    + HTML.text("td", ["class": "num"], Figure.count(number(source["rows"])))
                    + HTML.text("td", rejected.joined(separator: "; "))
                    + HTML.text("td", String((source["hash"]?.string ?? "").prefix(16))))
        }
        let head = HTML.tag(
            "tr",
            HTML.text("th", "file") + HTML.text("th", ["class": "num"], "rows") + HTML.text("th", "left out")
                + HTML.text("th", "hash"))
        return HTML.text("h2", "Made of")
            + HTML.tag("div", ["class": "card wide"], HTML.tag("table", head + rows.joined()))
    }

    private var settingSection: String {
        let list = members(manifest["settings"]).map { member in
            HTML.text("dt", member.key) + HTML.text("dd", member.value.string ?? member.value.text)
        }
        let version = HTML.text("dt", "code") + HTML.text("dd", manifest["code_version"]?.string ?? "")
        return HTML.text("h2", "Settings") + HTML.tag("div", ["class": "card"], HTML.tag("dl", list.joined() + version))
    }
}
