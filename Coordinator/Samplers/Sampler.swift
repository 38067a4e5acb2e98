/// What to try next, learned from what was tried: one value type a method, so that the same tells and asks give the same
/// suggestions after any crash.
///
/// Whoever owns one calls `learn`, `suggest` and `skip` in one fixed order and writes that order down: `suggest` is
/// written as its answer, and read back as a `skip`.
package protocol Sampler: Sendable {
    /// A trial ended with something to learn from: complete, or pruned. Trials that failed are not told.
    mutating func learn(_ trial: Trial)

    /// What trial `number` should try; nil when nothing is left to try, which only a grid ever says.
    ///
    /// - Parameters:
    ///   - pending: asked for and not ended, in any order, without this one.
    ///   - fixed: per parameter a value that somebody enqueued, or nil: sample. One for a parameter that turns out to be
    ///     inactive is ignored. `Space.problem(with:isPartial:)` tells whether they are in range.
    mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion?

    /// After a restart: trial `number` was suggested before, with this answer. Takes the streams of draws to where they
    /// stood then, without computing the suggestion again.
    mutating func skip(number: Int, to suggestion: Suggestion)
}

/// What a sampler answers, and what it must be given back after a restart.
package struct Suggestion: Equatable, Sendable, Codable {
    /// Per parameter of the space, in its order; nil where it is inactive.
    package var values: [Double?]
    /// Values drawn together with these for parameters that turned out inactive: while the trial is pending, TPE counts
    /// them. Empty when there are none.
    package var unused: [Double?]
    package var draws: Draws
    package init(values: [Double?], unused: [Double?] = [], draws: Draws = Draws()) {
        self.values = values
        self.unused = unused
        self.draws = draws
    }
}

/// Words of 32 bits taken from each stream since the study began. Samplers with a stream a trial leave them 0.
package struct Draws: Equatable, Sendable, Codable {
    /// Start-up and random trials.
    package var random: UInt64
    /// The model's candidates.
    package var model: UInt64
    package init(random: UInt64 = 0, model: UInt64 = 0) {
        self.random = random
        self.model = model
    }
}

/// A trial that was asked for and has not ended.
package struct PendingTrial: Sendable, Equatable {
    package var number: Int
    /// Per parameter; nil where the trial does not have it and nothing was drawn for it either.
    package var values: [Double?]
    package init(number: Int, values: [Double?]) {
        self.number = number
        self.values = values
    }
    package init(number: Int, _ suggestion: Suggestion) {
        self.number = number
        values = suggestion.values
        for (at, value) in suggestion.unused.enumerated() where values[at] == nil { values[at] = value }
    }
}
