import Samplers

/// One complete trial in a study's history, and the best until then.
package struct HistoryPoint: Sendable, Equatable {
    package var number: Int
    package var value: Double
    package var isFeasible: Bool
    /// The best feasible value of this and earlier trials; nil before the first.
    package var best: Double?
}

/// Complete trials with finite values, by number, with the running best.
package func history(_ trials: [AnalysisTrial], objective: Int = 0, direction: Direction) -> [HistoryPoint] {
    var best: Double?
    return complete(trials, objective).map { trial in
        let value = trial.values[objective]
        if trial.violation <= 0, best.map({ direction == .minimize ? value < $0 : value > $0 }) ?? true { best = value }
        return HistoryPoint(number: trial.number, value: value, isFeasible: trial.violation <= 0, best: best)
    }
}

/// Complete trials whose value of an objective is finite, by number.
func complete(_ trials: [AnalysisTrial], _ objective: Int) -> [AnalysisTrial] {
    trials.filter {
        $0.state == .complete && $0.values.indices.contains(objective) && $0.values[objective].isFinite
    }
    .sorted { $0.number < $1.number }
}

/// Names of all parameters that complete trials have, sorted.
package func parameterNames(_ trials: [AnalysisTrial]) -> [String] {
    Set(trials.lazy.filter { $0.state == .complete }.flatMap { $0.parameters.map(\.name) }).sorted()
}

/// One trial's learning curve.
package struct IntermediateCurve: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        package var step: Int
        package var value: Double
    }
    package var number: Int
    package var state: AnalysisTrial.State
    /// Runs of finite reports, steps ascending: a line breaks where a report was not a number.
    package var lines: [[Point]]
}

/// The curves of every trial that reported, by number.
package func intermediateCurves(_ trials: [AnalysisTrial]) -> [IntermediateCurve] {
    trials.filter { !$0.reports.isEmpty }.sorted { $0.number < $1.number }.map { trial in
        let lines = trial.reports.split { !$0.value.isFinite }
            .map { $0.map { IntermediateCurve.Point(step: $0.step, value: $0.value) } }
        return IntermediateCurve(number: trial.number, state: trial.state, lines: lines)
    }
}

/// A complete trial of a study with several objectives.
package struct ObjectivePoint: Sendable, Equatable {
    package var number: Int
    package var values: [Double]
    package var isFeasible: Bool
    /// Feasible, and no feasible trial is better in one objective and worse in none.
    package var isBest: Bool
}

/// Complete trials with finite values, by number, with those on the best front marked.
package func objectivePoints(_ trials: [AnalysisTrial], directions: [Direction]) -> [ObjectivePoint] {
    let complete = trials.filter {
        $0.state == .complete && $0.values.count == directions.count && $0.values.allSatisfy(\.isFinite)
    }
    .sorted { $0.number < $1.number }
    let feasible = complete.indices.filter { complete[$0].violation <= 0 }
    let front = Set(paretoFront(feasible.map { losses(complete[$0].values, directions) }).map { feasible[$0] })
    return complete.enumerated().map { at, trial in
        ObjectivePoint(
            number: trial.number, values: trial.values, isFeasible: trial.violation <= 0, isBest: front.contains(at))
    }
}

/// Places for intervals that overlap, such as trials of one worker on a time line: per interval the lowest row that is
/// free when it begins.
///
/// - Parameter intervals: each with start ≤ end, in any order and unit.
package func rows(of intervals: [(start: UInt64, end: UInt64)]) -> [Int] {
    var rows = [Int](repeating: 0, count: intervals.count)
    var ends: [UInt64] = []
    for at in intervals.indices.sorted(by: { (intervals[$0].start, $0) < (intervals[$1].start, $1) }) {
        let row = ends.firstIndex { $0 <= intervals[at].start } ?? ends.count
        if row == ends.count { ends.append(0) }
        ends[row] = intervals[at].end
        rows[at] = row
    }
    return rows
}
