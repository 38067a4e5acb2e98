import Analysis

/// Two axes and what is drawn between them. What lies beyond an axis is drawn at its edge.
struct Canvas {
    let x: PlotAxis, y: PlotAxis
    private let width: Double, height: Double
    private let xWords: (Double) -> String, yWords: (Double) -> String
    private let left = 64.0, right = 14.0, top = 12.0, bottom = 40.0

    init(
        _ x: PlotAxis, _ y: PlotAxis, width: Double = 1040, height: Double = 340,
        xWords: @escaping (Double) -> String = StudyReport.words,
        yWords: @escaping (Double) -> String = StudyReport.words
    ) {
        (self.x, self.y) = (x, y)
        (self.width, self.height) = (width, height)
        (self.xWords, self.yWords) = (xWords, yWords)
    }

    private func across(_ position: Double) -> Double { left + (width - left - right) * min(1, max(0, position)) }
    private func up(_ position: Double) -> Double {
        height - bottom - (height - bottom - top) * min(1, max(0, position))
    }

    /// Lines and numbers.
    var frame: String {
        var svg = Self.line(left, height - bottom, width - right, height - bottom, "line")
        for tick in y.ticks(5) {
            svg += Self.line(left, up(y.position(of: tick)), width - right, up(y.position(of: tick)), "line")
            svg += Self.label(left - 8, up(y.position(of: tick)) + 4, yWords(tick), "end")
        }
        let ticks = x.ticks(width > 600 ? 8 : 4)
        // A long list of choices is written in part.
        let keep = max(1, (ticks.count + 11) / 12)
        for (at, tick) in ticks.enumerated() where at % keep == 0 {
            svg += Self.label(across(x.position(of: tick)), height - bottom + 17, xWords(tick))
        }
        return svg + Self.label((left + width - right) / 2, height - 4, x.name)
    }

    func svg(_ name: String, _ content: String) -> String { Self.picture(width, height, name, content) }

    func dot(_ at: Double, _ value: Double, _ color: String, _ title: String) -> String {
        mark(x.position(of: at), y.position(of: value), color, title)
    }
    /// - Parameters: positions on the axes, 0…1.
    func mark(_ position: Double, _ height: Double, _ color: String, _ title: String) -> String {
        HTML.tag(
            "circle",
            [
                "cx": Self.n(across(position)), "cy": Self.n(up(height)), "r": "3",
                "style": "fill: var(--\(color)); opacity: 0.65",
            ], HTML.text("title", title))
    }
    func curve(_ points: [(Double, Double)], _ color: String, _ title: String) -> String {
        guard points.count > 1 else { return points.first.map { dot($0.0, $0.1, color, title) } ?? "" }
        return Self.path(
            points.map { (across(x.position(of: $0.0)), up(y.position(of: $0.1))) },
            "stroke: var(--\(color)); stroke-width: 1.2; opacity: 0.55", title)
    }
    /// A staircase through the points, on to the right edge.
    func steps(_ points: [(Double, Double)], _ color: String) -> String {
        var corners: [(Double, Double)] = []
        for (at, value) in points {
            let (px, py) = (across(x.position(of: at)), up(y.position(of: value)))
            if let last = corners.last {
                // A point a change is enough.
                if last.1 == py { continue }
                corners.append((px, last.1))
            }
            corners.append((px, py))
        }
        if let last = corners.last { corners.append((width - right, last.1)) }
        return Self.path(corners, "stroke: var(--\(color)); stroke-width: 2.2")
    }
    func cell(_ column: Int, _ row: Int, _ columns: Int, _ rows: Int, _ style: String) -> String {
        // Edges as they are written, so that neighbours meet.
        func edge(_ start: Double, _ length: Double, _ at: Int, _ count: Int) -> Double {
            ((start + length * Double(at) / Double(count)) * 10).rounded() / 10
        }
        let (wide, tall) = (width - left - right, height - bottom - top)
        let x = edge(left, wide, column, columns)
        let y = edge(top, tall, rows - 1 - row, rows)
        return Self.rectangle(
            x, y, edge(left, wide, column + 1, columns) - x, edge(top, tall, rows - row, rows) - y,
            style + "; shape-rendering: crispEdges", nil, round: 0)
    }

    // MARK: - Shapes

    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String) -> String {
        HTML.tag(
            "line",
            ["x1": n(x1), "y1": n(y1), "x2": n(x2), "y2": n(y2), "style": "stroke: var(--\(color)); stroke-width: 1"],
            nil)
    }
    static func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, _ title: String?, round: Int = 2
    ) -> String {
        HTML.tag(
            "rect",
            ["x": n(x), "y": n(y), "width": n(width), "height": n(height), "rx": "\(round)", "style": style],
            title.map { HTML.text("title", $0) })
    }
    /// - Parameter isHaloed: it stands out from lines that it lies on.
    static func label(
        _ x: Double, _ y: Double, _ text: String, _ anchor: String = "middle", strong: Bool = false,
        isHaloed: Bool = false
    ) -> String {
        HTML.text(
            "text",
            [
                "x": n(x), "y": n(y), "text-anchor": anchor,
                "class": (strong ? "strong" : "soft") + (isHaloed ? " halo" : ""),
            ], text)
    }
    static func path(_ points: [(Double, Double)], _ style: String, _ title: String? = nil) -> String {
        let d = points.enumerated().map { "\($0 == 0 ? "M" : "L")\(n($1.0)) \(n($1.1))" }.joined()
        return HTML.tag(
            "path", ["d": d, "style": "fill: none; " + style], title.map { HTML.text("title", $0) })
    }
    static func picture(_ width: Double, _ height: Double, _ name: String, _ content: String) -> String {
        HTML.tag("svg", ["viewBox": "0 0 \(n(width)) \(n(height))", "role": "img", "aria-label": name], content)
    }
    /// Tenths of a unit are enough on a screen.
    private static func n(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
