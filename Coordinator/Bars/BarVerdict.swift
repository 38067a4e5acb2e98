/// What a check found about a bar or a series. Verdicts are stored and told; no bar is changed because of one.
package struct BarVerdict: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// The block's bytes are not what was written.
        case damagedBlock = "damaged_block"
        /// Starts are not strictly ascending.
        case timeNotAscending = "time_not_ascending"
        /// Values that no bar can have, among those that are read.
        case impossible
        /// Bars that came and were refused.
        case refused
        /// A close far from those before and those after, to the same side.
        case spike
        /// A high or low far beyond the open and close and the bars beside it.
        case wick
        /// A step at which the prices before and after agree with themselves and not with each other.
        case step
        /// The step is a usual ratio of a split.
        case possibleSplit = "possible_split"
        /// The same five values three times in a row or more, with volume.
        case frozen
        case zeroVolume = "zero_volume"
        /// A daily bar on a day without a session.
        case noSession = "no_session"
        /// Sessions between the first and the newest bar that have no bar.
        case gap
        /// Another source's prices are far from the current ones.
        case sourcesDiffer = "sources_differ"

        /// A fault makes bars unusable; the others are for a person to judge.
        package var isFault: Bool {
            switch self {
            case .damagedBlock, .timeNotAscending, .impossible: true
            default: false
            }
        }
        package var words: String {
            switch self {
            case .damagedBlock: "bytes are not what was written"
            case .timeNotAscending: "times do not ascend"
            case .impossible: "values that no bar can have"
            case .refused: "came and was refused"
            case .spike: "close far from its neighbours"
            case .wick: "high or low far from everything beside it"
            case .step: "prices step"
            case .possibleSplit: "prices step as by a split"
            case .frozen: "the same bar again and again"
            case .zeroVolume: "no volume"
            case .noSession: "bar on a day without a session"
            case .gap: "sessions without a bar"
            case .sourcesDiffer: "another source says otherwise"
            }
        }
    }
    /// nil: of the whole series. See `BarTime`.
    package var start: Int64?
    package var kind: Kind
    package var detail: String
    package init(_ kind: Kind, at start: Int64?, _ detail: String) {
        self.kind = kind
        self.start = start
        self.detail = detail
    }
}

/// From where on a difference counts.
package struct BarLimits: Sendable {
    /// Of a price, as a share of the price it is compared with: below it nothing is remarkable.
    package var move = 0.25
    /// Typical moves of the series (1.4826 × median |log return|) that are not remarkable either.
    package var typicalMoves = 8.0
    /// Of two sources' prices.
    package var sources = 0.005
    /// Equal bars in a row.
    package var frozen = 3
    package init() {}
}
