import Messages
import Samplers

/// A pruner as people name it: a name, and options after a colon.
///
///     none
///     median                                  startup=5, warmup=0, interval=1, min-trials=1
///     percentile:25,startup=5,warmup=3        as median; the percentage first
///     asha:min=1,eta=4                        min=auto, eta=4, rate=0, bootstrap=0
///     hyperband:min=1,max=27,eta=3            min=1, max=auto, eta=3, bootstrap=0
///     threshold:lower=0,upper=1               at least one of the two; warmup=0, interval=1
///     patient:median,patience=5               delta=0; options of neither are the inner pruner's
///     wilcoxon:p=0.1                          startup=2
///
/// Defaults are Optuna 5.0's.
package struct PrunerChoice: Sendable, Equatable, CustomStringConvertible {
    /// Text that `init` reads again.
    package let description: String
    private let kind: Kind

    private indirect enum Kind: Sendable, Equatable {
        case none
        case percentile(Double, startup: Int, minimumTrials: Int, Steps)
        case halving(minimum: Int?, reduction: Int, rate: Int, bootstrap: Int)
        case hyperband(minimum: Int, maximum: Int?, reduction: Int, bootstrap: Int)
        case threshold(lower: Double, upper: Double, Steps)
        case patient(Kind?, patience: Int, margin: Double)
        case wilcoxon(threshold: Double, startup: Int)
    }
    private struct Steps: Sendable, Equatable {
        var warmup: Int
        var interval: Int
        init(_ options: inout PrunerOptions) throws(JobError) {
            warmup = try options.integer("warmup", from: 0, default: 0)
            interval = try options.integer("interval", from: 1, default: 1)
        }
        var window: StepWindow { StepWindow(warmup: warmup, interval: interval) }
    }

    package static let names = [
        "none", "median", "percentile", "asha", "hyperband", "threshold", "patient", "wilcoxon",
    ]

    /// One line each for `--help`: when to use which.
    package static let help = """
        none        every trial runs to its end
        median      stop what is worse than the median of complete trials at the same step; a safe first choice
        percentile  as median, stricter or milder: percentile:25 keeps the best quarter
        asha        successive halving: the best 1/eta of those that reach steps min, min*eta, ... go on; many short trials
        hyperband   asha from several starting steps side by side: when early reports may mislead
        threshold   stop at NaN, below lower= or above upper=: diverged trainings
        patient     patient:median,patience=5 asks the inner pruner only after 5 reports without improvement
        wilcoxon    the value is a mean over instances, a step is an instance: a signed-rank test against the best trial
        """

    /// - Throws: what is wrong with the text and what would be right.
    package init(_ text: String) throws(JobError) {
        kind = try Self.kind(of: text)
        description = text
    }

    /// - Parameters: name: one of `names`. options: as after the colon, for instance `["startup": "5"]`; the unnamed
    ///   first one of `percentile` and `patient` has the empty name.
    package init(name: String, options: [String: String]) throws(JobError) {
        let first = options[""].map { [$0] } ?? []
        let rest = options.filter { !$0.key.isEmpty }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let all = (first + rest).joined(separator: ",")
        try self.init(all.isEmpty ? name : "\(name):\(all)")
    }

    /// A pruner that has seen nothing.
    ///
    /// - Parameters: study: its name decides on hyperband's brackets. directions: one an objective.
    /// - Throws: when there are several objectives, which only `none` takes.
    package func make(study: String, directions: [Direction]) throws(JobError) -> any Pruner {
        if kind == .none { return NoPruner() }
        guard directions.count == 1 else {
            throw JobError(
                "pruner \(description): a study of \(directions.count) objectives cannot be pruned; use none.")
        }
        return Self.make(kind, study, directions[0])
    }

    private static func make(_ kind: Kind, _ study: String, _ direction: Direction) -> any Pruner {
        switch kind {
        case .none: NoPruner()
        case .percentile(let percentile, let startup, let minimumTrials, let steps):
            PercentilePruner(
                percentile: percentile, startupTrials: startup, window: steps.window, minimumTrials: minimumTrials,
                direction: direction)
        case .halving(let minimum, let reduction, let rate, let bootstrap):
            SuccessiveHalvingPruner(
                minimum: minimum, reduction: reduction, rate: rate, bootstrap: bootstrap, direction: direction)
        case .hyperband(let minimum, let maximum, let reduction, let bootstrap):
            HyperbandPruner(
                study: study, minimum: minimum, maximum: maximum, reduction: reduction, bootstrap: bootstrap,
                direction: direction)
        case .threshold(let lower, let upper, let steps):
            ThresholdPruner(lower: lower, upper: upper, window: steps.window)
        case .patient(let inner, let patience, let margin):
            PatientPruner(
                inner.map { make($0, study, direction) }, patience: patience, margin: margin, direction: direction)
        case .wilcoxon(let threshold, let startup):
            WilcoxonPruner(threshold: threshold, startupSteps: startup, direction: direction)
        }
    }

    private static func kind(of text: String) throws(JobError) -> Kind {
        var options = try PrunerOptions(text)
        let kind: Kind
        switch options.pruner {
        case "none": kind = .none
        case "median": kind = try percentile(50, &options)
        case "percentile":
            let percentage = try options.number("", in: 0...100, default: nil)
            guard let percentage else {
                throw options.error("needs a percentage from 0 to 100 first, as in percentile:25")
            }
            kind = try percentile(percentage, &options)
        case "asha": kind = try halving(&options)
        case "hyperband": kind = try hyperband(&options)
        case "threshold":
            let lower = try options.number("lower", in: -.infinity ... .infinity, default: nil)
            let upper = try options.number("upper", in: -.infinity ... .infinity, default: nil)
            guard lower != nil || upper != nil else { throw options.error("needs lower=, upper= or both") }
            guard lower ?? -.infinity <= upper ?? .infinity else { throw options.error("has lower above upper") }
            kind = .threshold(lower: lower ?? -.infinity, upper: upper ?? .infinity, try Steps(&options))
        case "patient":
            guard let patience = try options.optionalInteger("patience", from: 0) else {
                throw options.error("needs patience=, as in patient:median,patience=5")
            }
            let margin = try options.number("delta", in: 0...(.greatestFiniteMagnitude), default: 0) ?? 0
            let inner = options.takeRest()
            if inner.hasPrefix("patient") { throw options.error("cannot be patient twice") }
            kind = .patient(inner.isEmpty ? nil : try Self.kind(of: inner), patience: patience, margin: margin)
        case "wilcoxon":
            kind = .wilcoxon(
                threshold: try options.number("p", in: 0...1, default: 0.1) ?? 0.1,
                startup: try options.integer("startup", from: 0, default: 2))
        default:
            throw JobError("pruner \(options.pruner) is unknown; known are \(names.joined(separator: ", ")).")
        }
        try options.end()
        return kind
    }

    private static func percentile(_ percentage: Double, _ options: inout PrunerOptions) throws(JobError) -> Kind {
        .percentile(
            percentage, startup: try options.integer("startup", from: 0, default: 5),
            minimumTrials: try options.integer("min-trials", from: 1, default: 1), try Steps(&options))
    }

    private static func halving(_ options: inout PrunerOptions) throws(JobError) -> Kind {
        let minimum = try options.optionalInteger("min", from: 1)
        let bootstrap = try options.integer("bootstrap", from: 0, default: 0)
        if bootstrap > 0 && minimum == nil { throw options.error("with bootstrap= needs min= as a number") }
        return .halving(
            minimum: minimum, reduction: try options.integer("eta", from: 2, default: 4),
            rate: try options.integer("rate", from: 0, default: 0), bootstrap: bootstrap)
    }

    private static func hyperband(_ options: inout PrunerOptions) throws(JobError) -> Kind {
        let minimum = try options.integer("min", from: 1, default: 1)
        let maximum = try options.optionalInteger("max", from: 1)
        let bootstrap = try options.integer("bootstrap", from: 0, default: 0)
        if bootstrap > 0 && maximum == nil { throw options.error("with bootstrap= needs max= as a number") }
        if let maximum, maximum < minimum { throw options.error("has max \(maximum) below min \(minimum)") }
        return .hyperband(
            minimum: minimum, maximum: maximum, reduction: try options.integer("eta", from: 2, default: 3),
            bootstrap: bootstrap)
    }
}
