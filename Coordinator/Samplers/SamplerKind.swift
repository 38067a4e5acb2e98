/// The samplers by the names people type.
package enum SamplerKind: String, CaseIterable, Sendable, Codable {
    case tpe
    case tpeUnivariate = "tpe-univariate"
    case random

    /// One line for `--help`.
    package var whenToUse: String {
        switch self {
        case .tpe:
            "the default: any space, conditions, pruning, constraints, many workers; learns from about 20 trials on"
        case .tpeUnivariate:
            "as tpe, each parameter by itself: when parameters hardly interact, or most are conditional"
        case .random: "no model: a baseline, or to spread a first look over a space; the order does not matter"
        }
    }

    package init(named name: String) throws(SpaceError) {
        guard let kind = SamplerKind(rawValue: name) else {
            throw SpaceError(
                "unknown sampler “\(name)”; use one of \(Self.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        self = kind
    }
}

/// - Parameter directions: one an objective, at least one.
/// - Throws: when the sampler cannot search such a space or so many objectives, in words for the user.
package func makeSampler(_ kind: SamplerKind, space: Space, seed: UInt32, directions: [Direction]) throws(SpaceError)
    -> any Sampler
{
    guard !directions.isEmpty else { throw SpaceError("a study has no direction; give minimize or maximize.") }
    if kind != .random && directions.count > 1 {
        throw SpaceError("\(kind.rawValue) searches by one value, not \(directions.count); give one direction.")
    }
    switch kind {
    case .tpe: return TPESampler(space: space, seed: seed, direction: directions[0])
    case .tpeUnivariate:
        return TPESampler(space: space, seed: seed, direction: directions[0], isMultivariate: false)
    case .random: return RandomSampler(space: space, seed: seed)
    }
}
