import Samplers

/// Complete trials as lines across the axes of their parameters, the objective's axis first.
package struct ParallelCoordinates: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        package var number: Int
        package var value: Double
        /// Per axis 0…1; nil where the trial does not have the parameter.
        package var positions: [Double?]
    }
    package var axes: [PlotAxis]
    /// Worst first, so that the best are drawn on top.
    package var rows: [Row]

    /// - Parameter names: the parameters to show, in this order; nil for all, sorted.
    /// - Returns: nil when no trial is complete.
    package init?(
        _ trials: [AnalysisTrial], names: [String]? = nil, objective: Int = 0, objectiveName: String = "value",
        direction: Direction
    ) {
        let trials = complete(trials, objective)
        guard let first = PlotAxis(objectiveName, of: trials.map { $0.values[objective] }) else { return nil }
        let parameters = (names ?? parameterNames(trials)).compactMap { PlotAxis($0, in: trials) }
        axes = [first] + parameters
        rows = trials.map { trial in
            let value = trial.values[objective]
            let positions = parameters.map { axis in trial.value(of: axis.name).map { axis.position(of: $0) } }
            return Row(number: trial.number, value: value, positions: [first.position(of: value)] + positions)
        }
        rows.sort {
            $0.value == $1.value ? $0.number < $1.number : ($0.value > $1.value) == (direction == .minimize)
        }
    }
}

/// One parameter against the objective.
package struct Slice: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        package var number: Int
        package var parameter: Double
        package var value: Double
    }
    package var axis: PlotAxis
    /// By trial number; those that have the parameter.
    package var points: [Point]

    /// A slice for every parameter of complete trials, by name.
    package static func all(_ trials: [AnalysisTrial], objective: Int = 0) -> [Slice] {
        let trials = complete(trials, objective)
        return parameterNames(trials).compactMap { name in
            guard let axis = PlotAxis(name, in: trials) else { return nil }
            let points = trials.compactMap { trial in
                trial.value(of: name).map {
                    Point(number: trial.number, parameter: $0, value: trial.values[objective])
                }
            }
            return Slice(axis: axis, points: points)
        }
    }
}

/// The objective over two parameters, guessed between the trials.
package struct Contour: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        package var number: Int
        /// Positions on the two axes.
        package var x: Double
        package var y: Double
        package var value: Double
    }
    package var x: PlotAxis
    package var y: PlotAxis
    /// Columns and rows; a categorical axis has one a choice.
    package var columns: Int
    package var rows: Int
    /// Shape [rows][columns] flattened, row 0 at y's low end: the value at the middle of each cell.
    package var cells: [Double]
    /// Trials that have both, by number.
    package var points: [Point]

    /// Each cell is the mean of its eight nearest trials, weighted by the inverse square of the distance in positions: a
    /// picture, not a model. Source: Shepard (1968), *A two-dimensional interpolation function*, cut to neighbours.
    ///
    /// - Returns: nil when no complete trial has both parameters.
    package init?(
        _ trials: [AnalysisTrial], _ xName: String, _ yName: String, objective: Int = 0, resolution: Int = 40
    ) {
        precondition(resolution > 0, "a grid has cells")
        let trials = complete(trials, objective).filter { $0.value(of: xName) != nil && $0.value(of: yName) != nil }
        guard let x = PlotAxis(xName, in: trials), let y = PlotAxis(yName, in: trials) else { return nil }
        (self.x, self.y) = (x, y)
        points = trials.map { trial in
            Point(
                number: trial.number, x: x.position(of: trial.value(of: xName) ?? 0),
                y: y.position(of: trial.value(of: yName) ?? 0), value: trial.values[objective])
        }
        columns = x.choices > 0 ? x.choices : resolution
        rows = y.choices > 0 ? y.choices : resolution
        cells = []
        cells.reserveCapacity(rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let (cx, cy) = ((Double(column) + 0.5) / Double(columns), (Double(row) + 0.5) / Double(rows))
                cells.append(Self.guess(points, cx, cy))
            }
        }
    }

    private static func guess(_ points: [Point], _ x: Double, _ y: Double) -> Double {
        let limit = 8
        var nearest: [(square: Double, value: Double)] = []  // ascending
        for point in points {
            let square = (point.x - x) * (point.x - x) + (point.y - y) * (point.y - y)
            if nearest.count == limit, square >= nearest[limit - 1].square { continue }
            let at = nearest.firstIndex { $0.square > square } ?? nearest.count
            nearest.insert((square, point.value), at: at)
            if nearest.count > limit { nearest.removeLast() }
        }
        // A trial within a thousandth of an axis decides the cell nearly alone.
        var (sum, weights) = (0.0, 0.0)
        for (square, value) in nearest {
            let weight = 1 / (square + 1e-6)
            sum += weight * value
            weights += weight
        }
        return sum / weights
    }
}
