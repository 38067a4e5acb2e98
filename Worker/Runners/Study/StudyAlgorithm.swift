import Jobs
import Kernels
import Market
import Messages

extension StudyRunner {
    /// One variation of one of the weekend's algorithms on the five days of a universe: its stability score.
    ///
    /// The study's parameters have the names of DESIGN §5.2; those it leaves out stand at their first option, which for
    /// `volume` means none. A combination that the algorithm cannot have is worth 0 and violates the constraint
    /// `infeasible`, by 1.
    static func evaluate(
        algorithm name: String, _ universe: BlobID, of task: Study.Task, _ context: RunContext,
        _ result: inout Study.Result
    ) throws(ObjectiveError) {
        guard task.objectives == 1 else {
            throw ObjectiveError("\(name) has one value, its stability score; the study has \(task.objectives).")
        }
        let variation = try variation(named: name, task)
        let kernel: VariationKernel
        do throws(JobError) { kernel = try VariationsRunner.kernel(of: universe, context) } catch {
            // Another worker may get it.
            throw ObjectiveError(error.description, mayRetry: true)
        }
        guard kernel.accepts(variation) else {
            result.constraints = [Study.NamedNumber("infeasible", 1)]
            result.end = .complete([0])
            return
        }
        let metrics = kernel.evaluate([variation])[0].metrics
        result.constraints = [Study.NamedNumber("infeasible", 0)]
        result.attributes = attributes(metrics)
        result.end = .complete([metrics.stabilityScore])
    }

    /// Metrics of DESIGN §5.3 beside the score, by their names there.
    private static func attributes(_ metrics: VariationMetrics) -> [Study.NamedText] {
        let numbers: [(String, Double)] = [
            ("pooled_buys", Double(metrics.pooledBuys)), ("pooled_hits", Double(metrics.pooledHits)),
            ("pooled_pp", metrics.pooledPP), ("median_pp", metrics.medianPP), ("mad", metrics.mad),
            ("buycount_cv", metrics.buycountCV), ("wilson_lb", metrics.wilsonLB),
            ("repeat_rate", metrics.repeatRate), ("min_daily_hits", Double(metrics.minDailyHits)),
        ]
        return numbers.map { Study.NamedText($0.0, ObjectiveJSON.text($0.1)) }
    }

    /// The variation that a trial's values name.
    static func variation(named name: String, _ task: Study.Task) throws(ObjectiveError) -> Variation {
        guard let algorithm = Algorithm.allCases.first(where: { $0.name == name }) else {
            let names = Algorithm.allCases.map(\.name).joined(separator: ", ")
            throw ObjectiveError("there is no algorithm \(name); there are \(names).")
        }
        var options = [UInt8](repeating: 0, count: algorithm.parameters.count)
        for (name, value) in task.parameters.named(task.values) {
            guard let at = algorithm.position(of: name) else {
                let names = algorithm.parameters.map(\.name).joined(separator: ", ")
                throw ObjectiveError("\(algorithm.name) has no parameter \(name); it has \(names).")
            }
            options[at] = try option(value, of: algorithm.parameters[at])
        }
        return Variation(algorithm, options)
    }

    private static func option(_ value: ParameterValue, of parameter: Algorithm.Parameter) throws(ObjectiveError)
        -> UInt8
    {
        let options: String
        switch parameter.options {
        case .choices(let names):
            if case .string(let text) = value, let at = names.firstIndex(of: text) { return UInt8(at) }
            options = names.joined(separator: ", ")
        case .tenths(let low, let high, let step):
            let number: Double? =
                switch value {
                case .int(let integer): Double(integer)
                case .float(let number): number
                default: nil
                }
            // The decimal nearest the double: 0.1 steps from a low make 0.30000000000000004.
            if let number, let tenths = Int(exactly: (number * 10).rounded()), (low...high).contains(tenths),
                abs(Double(tenths) / 10 - number) < 1e-9, (tenths - low) % step == 0
            {
                return UInt8((tenths - low) / step)
            }
            options = "\(Double(low) / 10) to \(Double(high) / 10) in steps of \(Double(step) / 10)"
        }
        throw ObjectiveError("\(parameter.name) cannot be \(value.text); it takes \(options).")
    }
}
