/// The samplers by the names people type.
package enum SamplerKind: String, CaseIterable, Sendable, Codable {
    case tpe
    case tpeUnivariate = "tpe-univariate"
    case random, grid, qmc, cmaes, gp, nsga2

    /// One line for `--help`.
    package var whenToUse: String {
        switch self {
        case .tpe:
            "the default: any space, conditions, pruning, constraints, many workers; learns from about 20 trials on"
        case .tpeUnivariate:
            "as tpe, each parameter by itself: when parameters hardly interact, or most are conditional"
        case .random: "no model: a baseline; the same points as Optuna's random sampler"
        case .grid: "every combination once, shuffled: small spaces of ints, steps and choices; ends by itself"
        case .qmc: "no model, evenly spread (scrambled Sobol): a first look, or to compare parameters fairly"
        case .cmaes: "2 to 100 numbers that interact, hundreds of trials and more; choices and steps are handled"
        case .gp: "few, expensive trials (up to some hundred) with up to about 20 parameters"
        case .nsga2: "several objectives and a thousand trials or more; for fewer trials tpe"
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
    if directions.count > 1 && (kind == .cmaes || kind == .gp) {
        throw SpaceError("\(kind.rawValue) searches by one value, not \(directions.count); use tpe or nsga2.")
    }
    switch kind {
    case .tpe:
        // Several objectives: one parameter at a time, as Optuna 5.0 does by default.
        return TPESampler(space: space, seed: seed, directions: directions, isMultivariate: directions.count == 1)
    case .tpeUnivariate: return TPESampler(space: space, seed: seed, directions: directions, isMultivariate: false)
    case .random: return RandomSampler(space: space, seed: seed)
    case .grid: return try GridSampler(space: space, seed: seed)
    case .qmc: return QuasiRandomSampler(space: space, seed: seed)
    case .cmaes: return try CMAESSampler(space: space, seed: seed, direction: directions[0])
    case .gp: return GPSampler(space: space, seed: seed, direction: directions[0])
    case .nsga2: return NSGA2Sampler(space: space, seed: seed, directions: directions)
    }
}
