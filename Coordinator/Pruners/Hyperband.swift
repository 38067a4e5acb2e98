import Glibc
import Samplers

/// Several races of successive halving side by side, each starting at a higher rung than the one before, so that no
/// single guess of the shortest useful training decides. A trial's race, its bracket, follows from its name.
/// Source: Li et al. (2018), *Hyperband*, as in Optuna 5.0.
package struct HyperbandPruner: Pruner {
    package static let maximumNote = "hyperband:max_resource"

    private let study: String
    private let minimum: Int
    private let reduction: Int
    private let bootstrap: Int
    private let direction: Direction

    /// One more than the last step of the longest trial; nil until a complete trial shows it.
    private var maximum: Int?
    private var longest: Int?
    private var brackets: [SuccessiveHalvingPruner] = []
    /// Of `total` trials the first `shares[0]` belong to bracket 0, and so on.
    private var shares: [Int] = []
    private var total = 0
    /// Learned before there were brackets; only those with notes.
    private var waiting: [PrunerTrial] = []

    /// - Parameter maximum: nil: taken from the complete trials when first needed and stored as a note of the trial at
    ///   hand.
    package init(
        study: String, minimum: Int = 1, maximum: Int? = nil, reduction: Int = 3, bootstrap: Int = 0,
        direction: Direction
    ) {
        precondition(minimum >= 1 && reduction >= 2 && bootstrap >= 0, "hyperband's ranges")
        self.study = study
        self.minimum = minimum
        self.reduction = reduction
        self.bootstrap = bootstrap
        self.direction = direction
        if let maximum { open(maximum) }
    }

    package mutating func learn(_ trial: PrunerTrial) {
        if trial.state == .complete, let last = trial.reports.last { longest = max(longest ?? 0, last.step) }
        if maximum == nil, let note = trial.notes[Self.maximumNote], 1...Double(highestStep + 1) ~= note {
            open(Int(note))
        }
        if maximum == nil {
            if !trial.notes.isEmpty { waiting.append(trial) }
        } else if let at = bracket(of: trial.number) {
            brackets[at].learn(trial)
        }
    }

    package mutating func decide(_ trial: PrunerTrial) -> PruneDecision {
        var notes: [(String, Double)] = []
        if maximum == nil {
            guard let longest else { return .keep("no complete trial shows yet how many steps trials have") }
            let maximum = min(longest, highestStep) + 1
            open(maximum)
            notes.append((Self.maximumNote, Double(maximum)))
        }
        guard let at = bracket(of: trial.number) else {
            return .keep("trials of \(maximum ?? 0) steps are too short for any bracket", notes: notes)
        }
        var decision = brackets[at].decide(trial)
        decision.reason = "bracket \(at): " + decision.reason
        decision.notes = notes + decision.notes
        return decision
    }

    private mutating func open(_ maximum: Int) {
        self.maximum = maximum
        // Optuna's floating-point logarithm, with its rounding: log₃ 243 comes out just below 5.
        let count = Int(floor(log(Double(maximum) / Double(minimum)) / log(Double(reduction)))) + 1
        for rate in 0..<max(count, 0) {
            let left = count - rate
            shares.append(Int(ceil(Double(count) * pow(Double(reduction), Double(left - 1)) / Double(left))))
            brackets.append(
                SuccessiveHalvingPruner(
                    minimum: minimum, reduction: reduction, rate: rate, bootstrap: bootstrap, direction: direction))
        }
        total = shares.reduce(0, +)
        for trial in waiting {
            if let at = bracket(of: trial.number) { brackets[at].learn(trial) }
        }
        waiting = []
    }

    /// The bracket of a trial; nil when there is none.
    private func bracket(of number: Int) -> Int? {
        guard total > 0 else { return nil }
        var place = Int(crc32(Array("\(study)_\(number)".utf8))) % total
        for (at, share) in shares.enumerated() {
            place -= share
            if place < 0 { return at }
        }
        return nil
    }
}

/// The check sum of zlib, gzip and PNG. Source: ISO 3309, reflected, polynomial 0xEDB88320.
func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
        var sum = sum ^ UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        return sum
    }
}
