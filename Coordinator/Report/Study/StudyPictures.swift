import Analysis
import Jobs
import Samplers

// What a study's report draws: inline SVG in the colours of the page.
extension StudyReport {
    // MARK: - History

    var historySection: String {
        guard directions.count == 1 else { return "" }
        let points = history(analysed, direction: direction)
        guard points.count > 1 else { return "" }
        let canvas = Canvas(
            PlotAxis(name: "trial", low: 0, high: Double(trials.count - 1)),
            Self.robust("value", points.map(\.value), direction))
        let shown = thinned(points)
        var svg = canvas.frame
        for point in shown {
            svg += canvas.dot(
                Double(point.number), point.value, point.isFeasible ? "accent" : "miss",
                "trial \(point.number): \(Self.words(point.value))" + (point.isFeasible ? "" : ", infeasible"))
        }
        svg += canvas.steps(points.compactMap { point in point.best.map { (Double(point.number), $0) } }, "hit")
        return section(
            "History",
            thinWords(
                "Each dot is a complete trial, the line the best until then."
                    + Self.beyondWords(canvas.y, points.map(\.value)), shown.count, points.count),
            wideCard(canvas.svg("History of the study", svg)))
    }

    // MARK: - Several objectives

    var frontSection: String {
        guard directions.count > 1 else { return "" }
        let points = objectivePoints(analysed, directions: directions)
        guard points.count > 1, let x = PlotAxis("value 0", of: points.map { $0.values[0] }),
            let y = PlotAxis("value 1", of: points.map { $0.values[1] })
        else { return "" }
        let canvas = Canvas(x, y)
        let shown = thinned(points.filter { !$0.isBest }) + points.filter(\.isBest)
        var svg = canvas.frame
        for point in shown {
            svg += canvas.dot(
                point.values[0], point.values[1], point.isBest ? "hit" : "miss",
                "trial \(point.number): " + point.values.map(Self.words).joined(separator: ", "))
        }
        return section(
            "Pareto front",
            thinWords(
                "\(points.count(where: \.isBest)) trials that none is better than in every objective, of \(points.count)"
                    + (directions.count > 2 ? "; the first two objectives are drawn" : "")
                    + ". The first value across, the second upwards.", shown.count, points.count),
            wideCard(canvas.svg("Pareto front", svg)))
    }

    // MARK: - Importance

    var importanceSection: String {
        guard count(.complete) > 1 else { return "" }
        let shares = Importance.all(of: analysed, directions: directions)
        guard shares.count > 1 else { return "" }
        let rows = shares.map { share in
            HTML.tag(
                "div", ["class": "term"],
                HTML.text("span", share.name) + HTML.text("span", ["class": "num"], Figure.percent(100 * share.share))
                    + HTML.tag("div", ["class": "bar", "style": "width: \(max(0.5, 100 * share.share))%"], ""))
        }.joined()
        return section(
            "Importance",
            "How much each parameter decides whether a trial is among the best tenth (PED-ANOVA). Shares add up to 100 %.",
            card(rows))
    }

    // MARK: - Parameters

    var parallelSection: String {
        guard directions.count == 1, spec.parameters.count > 1,
            let picture = ParallelCoordinates(analysed, names: spec.parameters.map(\.name), direction: direction),
            picture.rows.count > 1
        else { return "" }
        let (width, height) = (1040.0, 340.0)
        let (left, top, bottom) = (50.0, 34.0, 300.0)
        let step = (width - 2 * left) / Double(max(1, picture.axes.count - 1))
        // Many axes make each line long.
        let shown = thinned(picture.rows, limit: Self.marks(of: 60_000, each: picture.axes.count))
        var svg = ""
        for (place, row) in shown.enumerated() {
            // The best, which come last, stand out.
            let rank = Double(place + 1) / Double(shown.count)
            let color = rank > 0.9 ? "hit" : "accent"
            var pieces: [[(Double, Double)]] = [[]]
            for (at, position) in row.positions.enumerated() {
                if let position {
                    pieces[pieces.count - 1].append(
                        (left + step * Double(at), bottom - (bottom - top) * min(1, max(0, position))))
                } else if !pieces[pieces.count - 1].isEmpty {
                    pieces.append([])
                }
            }
            for piece in pieces where piece.count > 1 {
                svg += Canvas.path(
                    piece,
                    "stroke: var(--\(color)); stroke-width: \(rank > 0.9 ? 1.6 : 0.8); opacity: \(rank > 0.9 ? 0.9 : 0.12 + 0.4 * rank)"
                )
            }
        }
        for (at, axis) in picture.axes.enumerated() {
            let x = left + step * Double(at)
            svg += Canvas.line(x, top, x, bottom, "soft")
            svg += Canvas.label(x, top - 14, clip(axis.name, 16), strong: true)
            let parameter = at > 0 ? spec.parameters.first { $0.name == axis.name } : nil
            for tick in axis.ticks(4) {
                svg += Canvas.label(
                    x + 5, bottom - (bottom - top) * axis.position(of: tick) + 4,
                    clip(parameter.map { Self.words($0, tick) } ?? Self.words(tick), 10), "start", isHaloed: true)
            }
        }
        return section(
            "Parallel coordinates",
            thinWords("Each line is a complete trial; the best tenth is green.", shown.count, picture.rows.count),
            wideCard(Canvas.picture(width, height, "Parallel coordinates", svg)))
    }

    var sliceSection: String {
        let slices = Slice.all(analysed).filter { $0.points.count > 1 }
        guard !slices.isEmpty else { return "" }
        let order = spec.parameters.map(\.name)
        let limit = Self.marks(of: 24_000, each: slices.count)
        let most = slices.map(\.points.count).max() ?? 0
        let cards = slices.sorted { order.firstIndex(of: $0.axis.name)! < order.firstIndex(of: $1.axis.name)! }.map {
            slice in
            let parameter = spec.parameters.first { $0.name == slice.axis.name }!
            let canvas = Canvas(
                slice.axis, Self.robust("value", slice.points.map(\.value), direction), width: 500, height: 260,
                xWords: { Self.words(parameter, $0) })
            var svg = canvas.frame
            for point in thinned(slice.points, limit: limit) {
                svg += canvas.dot(
                    point.parameter, point.value, "accent",
                    "trial \(point.number): \(slice.axis.name) \(Self.words(parameter, point.parameter)), \(Self.words(point.value))"
                )
            }
            return HTML.tag(
                "div", ["class": "card"],
                HTML.text("h3", slice.axis.name) + canvas.svg("Values over \(slice.axis.name)", svg))
        }
        return section(
            "Slices",
            thinWords(
                "The value of each complete trial over one parameter"
                    + (directions.count > 1 ? " (the first objective)." : "."), min(limit, most), most),
            HTML.tag("div", ["class": "grid pair"], cards.joined()))
    }

    var contourSection: String {
        let names = Importance.all(of: analysed, directions: directions).prefix(2).map(\.name)
        guard names.count == 2, let contour = Contour(analysed, names[0], names[1], resolution: 36),
            contour.points.count > 3
        else { return "" }
        let parameters = names.map { name in spec.parameters.first { $0.name == name }! }
        let canvas = Canvas(
            contour.x, contour.y, xWords: { Self.words(parameters[0], $0) }, yWords: { Self.words(parameters[1], $0) })
        // By rank, so that one wild value does not turn all others into one colour.
        let ranks = contour.cells.sorted()
        var svg = ""
        for row in 0..<contour.rows {
            for column in 0..<contour.columns {
                let value = contour.cells[row * contour.columns + column]
                let below = Double(ranks.partition(below: value)) / Double(max(1, ranks.count))
                let goodness = direction == .minimize ? 1 - below : below
                svg += canvas.cell(
                    column, row, contour.columns, contour.rows,
                    "fill: var(--hit); opacity: \((goodness * goodness * 90).rounded() / 100)")
            }
        }
        svg += canvas.frame
        let shown = thinned(contour.points)
        for point in shown {
            svg += canvas.mark(point.x, point.y, "ink", "trial \(point.number): \(Self.words(point.value))")
        }
        return section(
            "Contour of the two that matter most",
            thinWords(
                "\(names[0]) across, \(names[1]) upwards. Greener is better, by rank; guessed between the trials, which "
                    + "are the dots.", shown.count, contour.points.count),
            wideCard(canvas.svg("Contour over \(names[0]) and \(names[1])", svg)))
    }

    // MARK: - Intermediate values

    var curveSection: String {
        let curves = intermediateCurves(analysed)
        let points = curves.flatMap { $0.lines.flatMap { $0 } }
        guard points.count > 1 else { return "" }
        let canvas = Canvas(
            PlotAxis(name: "step", low: Double(points.map(\.step).min()!), high: Double(points.map(\.step).max()!)),
            Self.robust("value", points.map(\.value), direction))
        let shown = thinned(curves, limit: 400)
        var svg = canvas.frame
        for curve in shown {
            let color = curve.state == .complete ? "hit" : curve.state == .pruned ? "gold" : "miss"
            for line in curve.lines {
                svg += canvas.curve(
                    line.map { (Double($0.step), $0.value) }, color, "trial \(curve.number), \(curve.state)")
            }
        }
        let pruned = trials.filter { $0.state == .pruned && !$0.reason.isEmpty }.suffix(5)
        let reasons = pruned.map { HTML.text("li", "trial \($0.number): \($0.reason)") }.joined()
        return section(
            "Intermediate values",
            thinWords("Green: complete; gold: pruned; grey: failed or running.", shown.count, curves.count),
            wideCard(canvas.svg("Intermediate values", svg))
                + (reasons.isEmpty
                    ? ""
                    : HTML.text("h4", "Why the last ones were pruned") + HTML.tag("ul", ["class": "members"], reasons)))
    }

    // MARK: - Time line

    var timeSection: String {
        let timed = trials.filter { $0.started > 0 && $0.ended >= $0.started && $0.state.isOver }
        guard timed.count > 1, let begin = timed.map(\.started).min(), let end = timed.map(\.ended).max(), end > begin
        else {
            return ""
        }
        let workers = Set(timed.map(\.worker)).sorted()
        var lanes: [(name: String, trials: [Study.Trial], rows: [Int])] = []
        for worker in workers {
            let own = timed.filter { $0.worker == worker }
            lanes.append((worker, own, rows(of: own.map { ($0.started, $0.ended) })))
        }
        let height = 14.0
        let count = lanes.reduce(0) { $0 + ($1.rows.max() ?? 0) + 1 }
        guard count <= 200 else {
            return section(
                "Time line by worker",
                "\(Figure.count(workers.count)) workers with \(Figure.count(count)) trials side by side are more than a "
                    + "picture shows; `apex study export` has every start and end.", "")
        }
        let axis = PlotAxis(name: "seconds", low: 0, high: Double(end - begin) / 1000)
        let (left, width) = (130.0, 1040.0)
        var svg = ""
        var top = 6.0
        let keep = max(1, (timed.count + Self.maximumMarks - 1) / Self.maximumMarks)
        for lane in lanes {
            svg += Canvas.label(left - 8, top + 11, clip(lane.name.isEmpty ? "told" : lane.name, 16), "end")
            for (at, trial) in lane.trials.enumerated() where at % keep == 0 {
                let x = left + (width - left - 20) * axis.position(of: Double(trial.started - begin) / 1000)
                let x2 = left + (width - left - 20) * axis.position(of: Double(trial.ended - begin) / 1000)
                let color = trial.state == .complete ? "hit" : trial.state == .pruned ? "gold" : "bad"
                svg += Canvas.rectangle(
                    x, top + height * Double(lane.rows[at]), max(1, x2 - x - 0.5), height - 3, "fill: var(--\(color))",
                    "trial \(trial.number), \(trial.state.optunaName), \(Figure.duration(Double(trial.ended - trial.started) / 1000))"
                )
            }
            top += height * Double((lane.rows.max() ?? 0) + 1) + 4
        }
        for tick in axis.ticks(8) {
            svg += Canvas.label(left + (width - left - 20) * axis.position(of: tick), top + 16, Figure.duration(tick))
        }
        return section(
            "Time line by worker",
            thinWords("Green: complete; gold: pruned; red: failed.", (timed.count + keep - 1) / keep, timed.count),
            wideCard(Canvas.picture(width, top + 24, "Time line by worker", svg)))
    }

    // MARK: - Helpers

    private func card(_ content: String) -> String { HTML.tag("div", ["class": "card"], content) }
    /// Of a wide picture, which a narrow screen moves along rather than shrink its words.
    private func wideCard(_ picture: String) -> String { HTML.tag("div", ["class": "card picture"], picture) }

    private func thinned<Element>(_ all: [Element], limit: Int = maximumMarks) -> [Element] {
        guard all.count > limit else { return all }
        // Evenly, the last always there.
        return (0..<limit).map { all[all.count - 1 - (limit - 1 - $0) * all.count / limit] }
    }
    /// Marks of each of several pictures or lines, so that all have about `total`.
    private static func marks(of total: Int, each count: Int) -> Int {
        min(maximumMarks, max(100, total / max(1, count)))
    }
    private func thinWords(_ words: String, _ shown: Int, _ all: Int) -> String {
        shown < all ? words + " Drawn are \(Figure.count(shown)) of \(Figure.count(all))." : words
    }
    private func clip(_ text: String, _ count: Int) -> String {
        text.count > count ? text.prefix(count - 1) + "…" : text
    }

    private static func beyondWords(_ axis: PlotAxis, _ values: [Double]) -> String {
        let above = values.count { $0 > axis.high }
        let below = values.count { $0 < axis.low }
        if above > 0 { return " \(Figure.count(above)) above \(words(axis.high)) are drawn at the top." }
        return below > 0 ? " \(Figure.count(below)) below \(words(axis.low)) are drawn at the bottom." : ""
    }
    /// The axis of an objective without the worst twentieth, which otherwise presses all others into a line.
    static func robust(_ name: String, _ values: [Double], _ direction: Direction) -> PlotAxis {
        let sorted = values.filter(\.isFinite).sorted()
        guard let low = sorted.first, let high = sorted.last else { return PlotAxis(name: name, low: 0, high: 1) }
        guard sorted.count >= 20 else { return PlotAxis(name: name, low: low, high: high) }
        let cut = sorted.count / 20
        return direction == .minimize
            ? PlotAxis(name: name, low: low, high: sorted[sorted.count - 1 - cut])
            : PlotAxis(name: name, low: sorted[cut], high: high)
    }
}

extension [Double] {
    /// How many of these, ascending, are below a value.
    fileprivate func partition(below value: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
