import Samplers

/// Asynchronous successive halving: whoever reaches a rung must be among its best 1/η to go on. Rung r lies at step
/// minimum·η^(rate+r). Nothing is paused: a trial is judged against those that reached the rung before it.
/// Source: Li et al. (2020), *A System for Massively Parallel Hyperparameter Tuning*, as in Optuna 5.0.
package struct SuccessiveHalvingPruner: Pruner {
    package static let minimumNote = "asha:min_resource"
    package static func rungNote(_ rung: Int) -> String { "completed_rung_\(rung)" }

    /// η ≥ 2.
    private let reduction: Int
    private let rate: Int
    /// So many trials stop at a rung before any may pass it.
    private let bootstrap: Int
    private let direction: Direction

    /// Step of the lowest rung at rate 0; nil until a complete trial shows how long trials are.
    private var minimum: Int?
    private var longest: Int?
    /// Per rung what its trials reported there, ascending.
    private var rungs: [[Double]] = []
    /// Per trial number the rungs that it completed and that `rungs` holds.
    private var completed: [Int: Int] = [:]

    /// - Parameter minimum: nil: a hundredth of the longest complete trial's last step, at least 1, fixed when first
    ///   needed and stored as a note of the trial at hand.
    package init(minimum: Int? = nil, reduction: Int = 4, rate: Int = 0, bootstrap: Int = 0, direction: Direction) {
        precondition(
            (minimum ?? 1) >= 1 && reduction >= 2 && rate >= 0 && bootstrap >= 0, "successive halving's ranges")
        self.minimum = minimum
        self.reduction = reduction
        self.rate = rate
        self.bootstrap = bootstrap
        self.direction = direction
    }

    package mutating func learn(_ trial: PrunerTrial) {
        if minimum == nil, let note = trial.notes[Self.minimumNote], note >= 1 { minimum = Int(exactly: note) }
        if trial.state == .complete, let last = trial.reports.last { longest = max(longest ?? 0, last.step) }
        while let value = trial.notes[Self.rungNote(completed[trial.number] ?? 0)] { complete(value, by: trial.number) }
    }

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        guard let (step, value) = trial.reports.last.map({ ($0.step, $0.value) }) else {
            return .keep("nothing is reported")
        }
        var notes: [(String, Double)] = []
        if minimum == nil {
            guard let longest else { return .keep("no complete trial shows yet how many steps trials have") }
            minimum = max(longest / 100, 1)
            notes.append((Self.minimumNote, Double(minimum!)))
        }
        while true {
            let rung = completed[trial.number] ?? 0
            let rungStep = place(of: rung)
            guard let rungStep, step >= rungStep else {
                let words = rungStep.map { " at step \($0)" } ?? ", beyond all steps"
                return .keep("step \(step) is before rung \(rung)\(words)", notes: notes)
            }
            if value.isNaN { return .stop("NaN at step \(step), rung \(rung)", notes: notes) }
            complete(value, by: trial.number)
            notes.append((Self.rungNote(rung), value))
            let rivals = rungs[rung]
            if rivals.count <= bootstrap {
                return .stop(
                    "rung \(rung) stops its first \(bootstrap) trials; this is number \(rivals.count)", notes: notes)
            }
            let allowed = max(rivals.count / reduction, 1)
            let bar = direction == .minimize ? rivals[allowed - 1] : rivals[rivals.count - allowed]
            let leaders = "the best \(allowed) of \(rivals.count) at rung \(rung)"
            if direction.isBetter(bar, value) {
                return .stop(
                    "\(words(value)) at step \(step) is not among \(leaders): those reached \(words(bar))", notes: notes
                )
            }
        }
    }

    private mutating func complete(_ value: Double, by number: Int) {
        let rung = completed[number] ?? 0
        if rung == rungs.count { rungs.append([]) }
        if !value.isNaN { rungs[rung].insertSorted(value) }
        completed[number] = rung + 1
    }

    /// The step where a rung lies; nil when no step is that far.
    private func place(of rung: Int) -> Int? {
        var step = minimum ?? 1
        for _ in 0..<(rate + rung) {
            let (next, overflow) = step.multipliedReportingOverflow(by: reduction)
            if overflow { return nil }
            step = next
        }
        return step
    }
}
