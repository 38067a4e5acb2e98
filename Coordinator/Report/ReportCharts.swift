import Jobs
import Market

/// The report's drawings, as inline SVG in the colours of the page.
enum ReportCharts {
    private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String) -> String {
        HTML.tag(
            "line",
            [
                "x1": n(x1), "y1": n(y1), "x2": n(x2), "y2": n(y2), "style": "stroke: var(--\(color)); stroke-width: 1",
            ], nil)
    }
    private static func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, title: String? = nil
    ) -> String {
        HTML.tag(
            "rect",
            [
                "x": n(x), "y": n(y), "width": n(max(width, 0)), "height": n(max(height, 0)), "rx": "2", "style": style,
            ], title.map { HTML.text("title", $0) })
    }
    private static func label(
        _ x: Double, _ y: Double, _ text: String, _ anchor: String = "middle", strong: Bool = false
    ) -> String {
        HTML.text(
            "text", ["x": n(x), "y": n(y), "text-anchor": anchor, "class": strong ? "strong" : "soft"], text)
    }
    private static func path(_ points: [(Double, Double)], _ style: String) -> String {
        let d = points.enumerated().map { "\($0 == 0 ? "M" : "L")\(n($1.0)) \(n($1.1))" }.joined()
        return HTML.tag("path", ["d": d, "style": "fill: none; " + style], nil)
    }
    private static func picture(_ width: Int, _ height: Int, _ name: String, _ content: String) -> String {
        HTML.tag(
            "svg", ["viewBox": "0 0 \(width) \(height)", "role": "img", "aria-label": name], content)
    }
    /// Tenths of a unit are enough on a screen.
    private static func n(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    // MARK: One group's five days

    /// Five columns: the outline is what the group bought, the filled part what rose.
    static func days(_ group: RunView.Group, dates: [Int32], base: [Double]) -> String {
        let (height, floor) = (116.0, 140.0)
        let top = Double(max(20, group.metrics.maxBuys))
        var svg = line(0, floor, 420, floor, "line")
        for day in 0..<Universe.windows {
            let x = 12 + 82 * Double(day)
            let (buys, hits) = (group.metrics.buys[day], group.metrics.hits[day])
            let (tall, filled) = (height * Double(buys) / top, height * Double(hits) / top)
            let words = "\(MarketDate.text(dates[day])): \(hits) of \(buys) rose"
            svg += rectangle(
                x, floor - tall, 66, tall, "fill: var(--hit-soft); stroke: var(--hit); stroke-width: 1", title: words)
            svg += rectangle(x, floor - filled, 66, filled, "fill: var(--hit)", title: words)
            svg += label(x + 33, floor - tall - 7, Figure.percent(group.metrics.pp[day], 0), strong: true)
            svg += label(x + 33, floor + 17, Figure.day(dates[day], withMonth: false), strong: true)
            svg += label(x + 33, floor + 34, "\(hits) of \(buys)")
            svg += label(x + 33, floor + 50, "all \(Figure.percent(base[day], 0))")
        }
        return picture(420, 194, "Buys and hits of \(group.identifier) on five days", svg)
    }

    // MARK: Scores

    /// How the best groups of one size are distributed, with marks for the best and the chosen.
    static func histogram(_ groups: [RunView.Group]) -> String {
        let scores = groups.map(\.score)
        guard let low = scores.min(), let high = scores.max() else { return "" }
        let bins = 32
        let width = high > low ? (high - low) / Double(bins) : 1
        var counts = [Int](repeating: 0, count: bins)
        for score in scores { counts[min(bins - 1, Int((score - low) / width))] += 1 }
        let most = Double(counts.max() ?? 1)
        let (floor, tall, left, step) = (150.0, 112.0, 10.0, 10.0)
        var svg = line(left, floor, left + 320, floor, "line")
        for (bin, count) in counts.enumerated() where count > 0 {
            let height = max(1.5, tall * Double(count) / most)
            let from = low + width * Double(bin)
            svg += rectangle(
                left + step * Double(bin) + 1, floor - height, step - 2, height, "fill: var(--accent); opacity: 0.8",
                title: "\(Figure.fixed(from, 1)) to \(Figure.fixed(from + width, 1)): \(count) groups")
        }
        func place(_ score: Double) -> Double {
            left + min(step * Double(bins) - step / 2, step * (score - low) / width)
        }
        if let chosen = groups.first(where: \.isChosen) {
            let x = place(chosen.score)
            svg += path([(x, 26), (x, floor)], "stroke: var(--gold); stroke-width: 2; stroke-dasharray: 4 3")
            svg += label(min(max(x, 40), 290), 18, "chosen \(Figure.fixed(chosen.score, 1))", strong: true)
        }
        svg += label(left, floor + 18, Figure.fixed(low, 1), "start")
        svg += label(left + 320, floor + 18, "best \(Figure.fixed(high, 1))", "end", strong: true)
        return picture(340, 174, "Distribution of scores", svg)
    }

    // MARK: The search for variations

    /// The best stability score of each cycle of one study.
    static func bestOfCycles(_ evaluations: [VariationEvaluation], cycles: Int) -> [Double] {
        let batch = max(1, (evaluations.count + max(cycles, 1) - 1) / max(cycles, 1))
        return stride(from: 0, to: evaluations.count, by: batch).map { start in
            evaluations[start..<min(start + batch, evaluations.count)].map(\.metrics.stabilityScore).max() ?? 0
        }
    }

    /// The best so far over the cycles of one study; the dots are each cycle's best.
    static func study(_ perCycle: [Double], scale: ClosedRange<Double>) -> String {
        let (floor, tall, left, wide) = (102.0, 90.0, 26.0, 168.0)
        let extent = max(scale.upperBound - scale.lowerBound, 1)
        func x(_ cycle: Int) -> Double { left + wide * Double(cycle) / Double(max(perCycle.count - 1, 1)) }
        func y(_ score: Double) -> Double { floor - tall * max(score - scale.lowerBound, 0) / extent }
        var svg = ""
        for part in 0...2 {
            let level = scale.lowerBound + extent * Double(part) / 2
            svg += line(left, y(level), left + wide, y(level), "line")
            svg += label(left - 6, y(level) + 4, Figure.fixed(level, 0), "end")
        }
        // At most one dot a pixel or so: a study of a thousand cycles has as much to say.
        let every = max(1, perCycle.count / 160)
        for cycle in stride(from: 0, to: perCycle.count, by: every) {
            svg += HTML.tag(
                "circle",
                ["cx": n(x(cycle)), "cy": n(y(perCycle[cycle])), "r": "1.4", "style": "fill: var(--miss)"], nil)
        }
        var best = 0.0
        var steps: [(Double, Double)] = []
        for (cycle, score) in perCycle.enumerated() where score > best || cycle == 0 || cycle == perCycle.count - 1 {
            steps.append((x(cycle), y(best)))
            best = max(best, score)
            steps.append((x(cycle), y(best)))
        }
        svg += path(Array(steps.dropFirst()), "stroke: var(--accent); stroke-width: 2")
        return picture(200, 110, "Best stability score over \(perCycle.count) cycles", svg)
    }

    // MARK: Budget

    /// Granted, spent and donated time over the run.
    static func ledger(_ entries: [LedgerEntry]) -> String {
        guard let last = entries.last else { return "" }
        let end = Double(max(last.atMilliseconds, 1))
        let most = Double(
            max(1, entries.map { max($0.grantedMilliseconds, $0.spentMilliseconds, $0.donatedMilliseconds) }.max() ?? 1)
        )
        let (floor, tall, left, wide) = (190.0, 164.0, 60.0, 620.0)
        func point(_ entry: LedgerEntry, _ value: Int64) -> (Double, Double) {
            (left + wide * Double(entry.atMilliseconds) / end, floor - tall * Double(value) / most)
        }
        var svg = ""
        for part in 0...4 {
            let y = floor - tall * Double(part) / 4
            svg += line(left, y, left + wide, y, "line")
            svg += label(left - 8, y + 4, Figure.duration(most / 1000 * Double(part) / 4), "end")
            let at = left + wide * Double(part) / 4
            svg += label(at, floor + 20, Figure.duration(end / 1000 * Double(part) / 4), part == 4 ? "end" : "middle")
        }
        let spent = entries.map { point($0, $0.spentMilliseconds) }
        let area = [(spent[0].0, floor)] + spent + [(spent[spent.count - 1].0, floor)]
        svg += path(area, "fill: var(--accent); opacity: 0.22")
        svg += path(entries.map { point($0, $0.grantedMilliseconds) }, "stroke: var(--gold); stroke-width: 2")
        svg += path(spent, "stroke: var(--accent); stroke-width: 2")
        svg += path(
            entries.map { point($0, $0.donatedMilliseconds) },
            "stroke: var(--hit); stroke-width: 2; stroke-dasharray: 5 4")
        return picture(700, 216, "Budget over time", svg)
    }

    /// One bar split into named parts.
    static func parts(_ parts: [(words: String, value: Double, color: String)]) -> String {
        let total = max(parts.reduce(0) { $0 + $1.value }, .leastNonzeroMagnitude)
        var svg = ""
        var x = 0.0
        for part in parts {
            let width = 1000 * part.value / total
            svg += rectangle(
                x, 0, width, 18, "fill: var(--\(part.color))",
                title: "\(part.words): \(Figure.percent(100 * part.value / total, 2))")
            x += width
        }
        return HTML.tag(
            "svg",
            ["viewBox": "0 0 1000 18", "preserveAspectRatio": "none", "style": "height: 18px", "role": "img"], svg)
    }
}
