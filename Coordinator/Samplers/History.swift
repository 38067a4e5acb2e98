import Glibc

/// Everything learned, in trial-number order, and which of it is good.
struct History: Sendable {
    let directions: [Direction]
    private(set) var numbers: [Int] = []
    private(set) var columns: [Column]
    private var split: GoodTrials
    /// Rows of the good trials since the last one was added.
    private var knownGood: [Int]?
    /// Pending trials stand behind the finished rows while an estimator is built; their numbers.
    private var waiting: [Int] = []

    init(axes: [Axis], directions: [Direction]) {
        self.directions = directions
        columns = axes.map { Column($0) }
        split = GoodTrials(directions: directions)
    }

    var count: Int { numbers.count }

    mutating func add(_ trial: Trial) {
        precondition(trial.values.count == columns.count, "a trial has a value or nil for every parameter")
        let row = position(of: trial.number)
        precondition(row == count || numbers[row] != trial.number, "a trial ends once")
        numbers.insert(trial.number, at: row)
        for (at, value) in trial.values.enumerated() { columns[at].insert(value, at: row) }
        split.add(trial)
        knownGood = nil
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

    /// Counts trials that are asked for and not ended until `dismiss`.
    mutating func admit(_ pending: [PendingTrial]) {
        for trial in pending.sorted(by: { $0.number < $1.number }) {
            waiting.append(trial.number)
            for (at, value) in trial.values.enumerated() { columns[at].insert(value, at: columns[at].values.count) }
        }
    }
    mutating func dismiss() {
        for _ in waiting { for at in columns.indices { columns[at].removeLast() } }
        waiting = []
    }

    /// The good trials and all others, pending ones among the others; of both those that have all the parameters.
    mutating func estimators(_ parameters: [Int], ties: TieOrder) -> (good: ParzenEstimator, rest: ParzenEstimator) {
        let goodRows = knownGood ?? split.numbers(of: count).map { position(of: $0) }.sorted()
        knownGood = goodRows
        let partial = parameters.filter { columns[$0].absences > 0 }
        var good: [Int32] = []
        var rest: [Int32] = []
        rest.reserveCapacity(count + waiting.count)
        var (nextGood, nextWaiting) = (0, 0)
        for row in 0...count {
            while nextWaiting < waiting.count && (row == count || waiting[nextWaiting] < numbers[row]) {
                let id = count + nextWaiting
                if partial.allSatisfy({ !columns[$0].values[id].isNaN }) { rest.append(Int32(id)) }
                nextWaiting += 1
            }
            guard row < count else { break }
            let isGood = nextGood < goodRows.count && goodRows[nextGood] == row
            if isGood { nextGood += 1 }
            if !partial.isEmpty && partial.contains(where: { columns[$0].values[row].isNaN }) { continue }
            if isGood { good.append(Int32(row)) } else { rest.append(Int32(row)) }
        }
        return (
            ParzenEstimator(parameters, &columns, members: good, isAged: directions.count == 1, ties: ties),
            ParzenEstimator(parameters, &columns, members: rest, isAged: true, ties: ties)
        )
    }
}
