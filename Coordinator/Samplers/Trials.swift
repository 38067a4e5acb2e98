import Glibc

/// Which way is better.
package enum Direction: String, Sendable, Codable { case minimize, maximize }

/// A trial that ended with something to learn from.
package struct Trial: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// One value an objective.
        case complete(values: [Double])
        /// Stopped early after its last report; nil when it never reported.
        case pruned(lastReport: Report?)

        package static func complete(_ value: Double) -> Outcome { .complete(values: [value]) }
    }
    package struct Report: Sendable, Equatable {
        package var step: Int
        package var value: Double
        package init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }
    /// Trials are numbered from 0 in the order they were asked for; age is judged by it.
    package var number: Int
    /// Per parameter of the space; nil where the trial did not have it.
    package var values: [Double?]
    package var outcome: Outcome
    /// Sum of the constraints' positive values; above 0 the trial is infeasible.
    package var violation: Double
    package init(number: Int, values: [Double?], outcome: Outcome, violation: Double = 0) {
        self.number = number
        self.values = values
        self.outcome = outcome
        self.violation = violation
    }
}

/// Everything learned, in trial-number order, and which of it is good.
struct Trials: Sendable {
    /// At most so many trials are ever called good.
    private static let leaderLimit = 25

    let direction: Direction
    private(set) var numbers: [Int] = []
    /// Per parameter one value a trial; NaN where it has none.
    private(set) var columns: [[Double]]
    /// Per parameter how many trials lack it.
    private(set) var absences: [Int]
    private var others: [Trial] = []  // pruned or infeasible, in number order
    private var leaders: [(score: Double, number: Int)] = []  // the best complete ones, best first
    private var completeCount = 0

    init(parameters: Int, direction: Direction) {
        self.direction = direction
        columns = Array(repeating: [], count: parameters)
        absences = Array(repeating: 0, count: parameters)
    }

    var count: Int { numbers.count }

    mutating func add(_ trial: Trial) {
        precondition(trial.values.count == columns.count, "a trial has a value or nil for every parameter")
        let row = position(of: trial.number)
        precondition(row == count || numbers[row] != trial.number, "a trial ends once")
        numbers.insert(trial.number, at: row)
        for (at, value) in trial.values.enumerated() {
            columns[at].insert(value ?? .nan, at: row)
            if value == nil { absences[at] += 1 }
        }
        if case .complete(let values) = trial.outcome, trial.violation <= 0 {
            precondition(values.count == 1, "a trial has one value an objective")
            completeCount += 1
            lead(values[0], trial.number)
        } else {
            let at = others.firstIndex { $0.number > trial.number } ?? others.count
            others.insert(trial, at: at)
        }
    }

    private mutating func lead(_ value: Double, _ number: Int) {
        let score = direction == .minimize ? value : -value
        let at = leaders.firstIndex { (score, number) < ($0.score, $0.number) } ?? leaders.count
        guard at < Self.leaderLimit else { return }
        leaders.insert((score, number), at: at)
        if leaders.count > Self.leaderLimit { leaders.removeLast() }
    }

    /// The first row whose number is not below `number`.
    private func position(of number: Int) -> Int {
        if numbers.last.map({ $0 < number }) ?? true { return count }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Rows of the good trials, ascending: the best tenth, at most 25; complete ones first, then pruned ones that got
    /// furthest, then the least infeasible.
    var goodRows: [Int] {
        let wanted = min(Int(ceil(0.1 * Double(count))), Self.leaderLimit)
        var good = leaders.prefix(wanted).map(\.number)
        if good.count < wanted {
            let pruned = others.filter { $0.violation <= 0 }.map { (rank: pruneRank($0), number: $0.number) }
            let infeasible = others.filter { $0.violation > 0 }
            good += pruned.sorted { ($0.rank.0, $0.rank.1, $0.number) < ($1.rank.0, $1.rank.1, $1.number) }
                .prefix(wanted - good.count).map(\.number)
            good += infeasible.sorted { ($0.violation, $0.number) < ($1.violation, $1.number) }
                .prefix(wanted - good.count).map(\.number)
        }
        return good.map { position(of: $0) }.sorted()
    }

    /// Smaller is better: later last steps, then better last values.
    private func pruneRank(_ trial: Trial) -> (Int, Double) {
        guard case .pruned(let report?) = trial.outcome else { return (1, 0) }
        if report.value.isNaN { return (-report.step, .infinity) }
        return (-report.step, direction == .minimize ? report.value : -report.value)
    }
}
