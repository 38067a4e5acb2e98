import Market
import Messages

/// A study in three stages, each on days that the others never see: a coarse search on one symbol and few days, the best
/// of it again on several symbols and more days, and the best of those once more on the newest and longest window, where
/// nothing is tuned any more. Only what holds there is a candidate.
package struct ThreeStages: Sendable, Equatable {
    package enum Stage: Int, Sendable, Equatable, CaseIterable, Comparable {
        case coarse, refine, forward
        package var name: String { "\(self)" }
        package static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
        /// The one that its best trials go on to.
        package var next: Stage? { Stage(rawValue: rawValue + 1) }
    }

    /// Days from first to last, both included, as yyyymmdd.
    package struct Window: Sendable, Equatable, CustomStringConvertible {
        package var first: Int32
        package var last: Int32
        package init(_ first: Int32, _ last: Int32) {
            self.first = first
            self.last = last
        }
        /// Reads `2024-01-02..2024-03-29`; nil for anything else.
        package init?(_ text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, parts[1].isEmpty, let first = MarketDate.parse(parts[0]),
                let last = MarketDate.parse(parts[2])
            else { return nil }
            self.init(first, last)
        }
        package var description: String { "\(MarketDate.text(first))..\(MarketDate.text(last))" }
        /// Calendar days.
        package var days: Int { MarketDate.dayNumber(last) - MarketDate.dayNumber(first) + 1 }
    }

    package struct Setting: Sendable, Equatable {
        package var symbols: [String]
        package var window: Window
        /// Trials of the stage. Refinement begins with those promoted and lets the sampler choose the rest.
        package var trials: Int
        /// How many of them come from the stage before; 0 in the coarse one, all in the forward one.
        package var promoted: Int
        package init(symbols: [String], window: Window, trials: Int, promoted: Int = 0) {
            self.symbols = symbols
            self.window = window
            self.trials = trials
            self.promoted = promoted
        }
    }

    package static let maximumTrials = 1_000_000

    package let coarse: Setting
    package let refine: Setting
    package let forward: Setting
    package let objective: TradingObjective
    /// How the built-in algorithms trade; programs know their own costs.
    package let rules: TradingRules
    /// A forward score above it makes a candidate.
    package let floor: Double
    /// Calendar days at least between two windows, so that what looks back from the first days of one does not see the
    /// other.
    package let gapDays: Int

    /// - Throws: what is wrong, where, and what would be right.
    package init(
        coarse: Setting, refine: Setting, forward: Setting, objective: TradingObjective = TradingObjective(),
        rules: TradingRules = TradingRules(), floor: Double = 0, gapDays: Int = 0
    ) throws(JobError) {
        self.coarse = coarse
        self.refine = refine
        self.forward = forward
        self.objective = objective
        self.rules = rules
        self.floor = floor
        self.gapDays = gapDays
        for stage in Stage.allCases { try Self.check(self[stage], stage) }
        try objective.check()
        try rules.check()
        guard floor.isFinite else { throw JobError("the floor is \(floor); give a number.") }
        try checkWindows()
        try checkSizes()
    }

    package subscript(stage: Stage) -> Setting {
        switch stage {
        case .coarse: coarse
        case .refine: refine
        case .forward: forward
        }
    }

    /// How many trials of a stage go on to the next; nil after the last.
    package func promotions(from stage: Stage) -> Int? { stage.next.map { self[$0].promoted } }

    /// Trials of all stages, when each takes as many as it may.
    package var trials: Int { Stage.allCases.reduce(0) { $0 + self[$1].trials } }

    /// What the trials of a stage carry.
    package func part(_ stage: Stage) -> Part {
        Part(
            stage: stage, symbols: self[stage].symbols, window: self[stage].window, objective: objective, rules: rules)
    }

    /// A stage's sampler begins with a seed of its own; the coarse one with the study's.
    package static func seed(_ seed: UInt32, _ stage: Stage) -> UInt32 {
        stage == .coarse ? seed : (seed ^ UInt32(stage.rawValue) &* 0x9E37_79B1) &* 0x85EB_CA6B
    }

    private static func check(_ setting: Setting, _ stage: Stage) throws(JobError) {
        let at = "stage \(stage.name)"
        guard let symbol = setting.symbols.first else { throw JobError("\(at) has no symbols.") }
        for (place, symbol) in setting.symbols.enumerated() {
            if symbol.isEmpty { throw JobError("\(at) has an empty symbol at place \(place + 1).") }
            if setting.symbols[..<place].contains(symbol) { throw JobError("\(at) has \(symbol) twice.") }
        }
        if stage == .coarse && setting.symbols.count > 1 {
            throw JobError("\(at) has \(setting.symbols.count) symbols; give one, for instance \(symbol).")
        }
        if stage == .refine && setting.symbols.count < 2 {
            throw JobError("\(at) has only \(symbol); give several symbols.")
        }
        for date in [setting.window.first, setting.window.last] where !MarketDate.isDay(date) {
            throw JobError("\(at): \(date) is no day; give yyyymmdd.")
        }
        guard setting.window.first <= setting.window.last else {
            throw JobError("\(at): the window \(setting.window) ends before it begins.")
        }
        guard setting.trials > 0, setting.trials <= maximumTrials else {
            throw JobError("\(at) has \(setting.trials) trials; give 1 to \(maximumTrials).")
        }
    }

    private func checkWindows() throws(JobError) {
        guard gapDays >= 0 else { throw JobError("the gap between windows is \(gapDays) days; give 0 or more.") }
        for (one, next) in [(Stage.coarse, Stage.refine), (.refine, .forward), (.coarse, .forward)] {
            let (a, b) = (self[one].window, self[next].window)
            if a.first <= b.last && b.first <= a.last {
                throw JobError("the windows of \(one.name), \(a), and \(next.name), \(b), overlap.")
            }
            if b.last < a.first {
                throw JobError(
                    "the window of \(next.name), \(b), lies before that of \(one.name), \(a); it comes after.")
            }
            let between = MarketDate.dayNumber(b.first) - MarketDate.dayNumber(a.last) - 1
            if between < gapDays {
                throw JobError(
                    "between the windows of \(one.name) and \(next.name) are \(between) days; \(gapDays) are asked for."
                )
            }
            if a.days > b.days {
                throw JobError(
                    "the window of \(next.name), \(b.days) days, is shorter than that of \(one.name), \(a.days).")
            }
        }
    }

    private func checkSizes() throws(JobError) {
        for stage in Stage.allCases {
            let setting = self[stage]
            let wanted =
                switch stage {
                case .coarse: 0...0
                case .refine: 1...setting.trials
                case .forward: setting.trials...setting.trials
                }
            guard wanted.contains(setting.promoted) else {
                throw JobError(
                    "stage \(stage.name) takes \(setting.promoted) of its \(setting.trials) trials from the stage before; "
                        + "give \(wanted.lowerBound == wanted.upperBound ? "" : "1 to ")\(wanted.upperBound).")
            }
        }
        for (one, next) in [(Stage.coarse, Stage.refine), (.refine, .forward)]
        where self[next].promoted > self[one].trials {
            throw JobError(
                "stage \(next.name) takes \(self[next].promoted) trials from \(one.name), which has \(self[one].trials)."
            )
        }
    }
}
