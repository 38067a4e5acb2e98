import Glibc

/// Which trials are good: the best tenth; complete ones first, then pruned ones that got furthest, then the least
/// infeasible. With one objective at most 25.
struct GoodTrials: Sendable {
    private static let leaderLimit = 25

    let directions: [Direction]
    private var others: [Trial] = []  // pruned or infeasible, in number order
    private var leaders: [(loss: Double, number: Int)] = []  // one objective: the best complete ones, best first
    private var completes: [(number: Int, losses: [Double])] = []  // several objectives, in number order

    init(directions: [Direction]) { self.directions = directions }

    mutating func add(_ trial: Trial) {
        guard trial.violation <= 0, let losses = trial.losses(directions) else {
            let at = others.lastIndex { $0.number < trial.number }.map { $0 + 1 } ?? 0
            others.insert(trial, at: at)
            return
        }
        if directions.count > 1 {
            let at = completes.lastIndex { $0.number < trial.number }.map { $0 + 1 } ?? 0
            completes.insert((trial.number, losses), at: at)
            return
        }
        let entry = (loss: losses[0], number: trial.number)
        let at = leaders.firstIndex { entry < ($0.loss, $0.number) } ?? leaders.count
        guard at < Self.leaderLimit else { return }
        leaders.insert(entry, at: at)
        if leaders.count > Self.leaderLimit { leaders.removeLast() }
    }

    /// Numbers of the good ones of `count` trials, in no order.
    func numbers(of count: Int) -> [Int] {
        let tenth = Int(ceil(0.1 * Double(count)))
        let wanted = directions.count > 1 ? tenth : min(tenth, Self.leaderLimit)
        var good: [Int]
        if directions.count > 1 {
            good = bestSubset(of: completes.map(\.losses), count: wanted).map { completes[$0].number }
        } else {
            good = leaders.prefix(wanted).map(\.number)
        }
        guard good.count < wanted else { return good }
        let pruned = others.filter { $0.violation <= 0 }.map { (rank: pruneRank($0), number: $0.number) }
        good += pruned.sorted { ($0.rank.0, $0.rank.1, $0.number) < ($1.rank.0, $1.rank.1, $1.number) }
            .prefix(wanted - good.count).map(\.number)
        let infeasible = others.filter { $0.violation > 0 }
        good += infeasible.sorted { ($0.violation, $0.number) < ($1.violation, $1.number) }
            .prefix(wanted - good.count).map(\.number)
        return good
    }

    /// Smaller is better: later last steps, then better last values.
    private func pruneRank(_ trial: Trial) -> (Int, Double) {
        guard case .pruned(let report?) = trial.outcome else { return (1, 0) }
        if report.value.isNaN { return (-report.step, .infinity) }
        return (-report.step, directions[0] == .minimize ? report.value : -report.value)
    }
}
