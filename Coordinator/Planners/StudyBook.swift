import Jobs
import Messages
import Pruners
import Samplers

/// A study as it stands: its trials, and the sampler and pruner that have learned from them. Whatever happens to it
/// happens through its methods, in one order; the same calls in the same order leave the same book.
struct StudyBook {
    let spec: Study.Spec
    /// By number.
    private(set) var trials: [Study.Trial] = []
    /// Trials that `run` requests have wished for and that have been asked, ever.
    private(set) var wanted: UInt32 = 0
    private(set) var asked: UInt32 = 0
    /// The newest place given away in the study's order.
    private(set) var order: UInt32 = 0
    private(set) var best: UInt32?
    /// Trials that ended, those of the history included.
    private(set) var over = 0

    /// Where a three-stage study stands.
    private(set) var stages: StudyStages?
    private var sampler: any Sampler
    private var pruner: any Pruner
    /// Of the stages to come.
    private var later: [(sampler: any Sampler, pruner: any Pruner)] = []
    /// Numbers as the sampler counts: each stage's begins with a mind of its own.
    private var samplerFirst: UInt32 = 0
    /// Trials that wait and nobody has heard of.
    private var newlyWaiting: [UInt32] = []
    /// In order of asking: trials asked and not told. At most `spec.parallel` of them are asked by `next`.
    private(set) var pending: [Pending] = []
    /// Numbers of trials that were enqueued and not asked yet, oldest first.
    private var waiting: [UInt32] = []
    private var isExhausted = false

    struct Pending {
        var trial: UInt32
        /// As the pruner sees it.
        var view: PrunerTrial
        var suggestion: Suggestion
        /// Who asked evaluates it: there is no task.
        var isExternal: Bool
        /// What the pruner knew when it was asked; nil: it is asked as it stands.
        var pruner: (any Pruner)?
        /// It ended, and is not told yet because an earlier one has not.
        var result: Study.Result?
    }

    init(_ spec: Study.Spec, history: [Study.Trial]) throws(JobError) {
        try spec.check()
        self.spec = spec
        (sampler, pruner) = try Self.mind(of: spec, seed: spec.seed)
        for trial in history {
            var trial = trial
            trial.number = UInt32(trials.count)
            trial.asked = 0
            trial.told = 0
            trials.append(trial)
            over += 1
            learn(trial)
        }
        if let template = spec.stages {
            stages = StudyStages(template, first: UInt32(trials.count))
            for stage in ThreeStages.Stage.allCases.dropFirst() {
                later.append(try Self.mind(of: spec, seed: ThreeStages.seed(spec.seed, stage)))
            }
        }
    }

    private static func mind(of spec: Study.Spec, seed: UInt32) throws(JobError)
        -> (sampler: any Sampler, pruner: any Pruner)
    {
        let space = try spec.parameters.space
        let directions = spec.directions.map { Direction($0) }
        let sampler: any Sampler
        do throws(SpaceError) {
            sampler = try makeSampler(
                SamplerKind(named: spec.sampler), space: space, seed: seed, directions: directions)
        } catch { throw JobError("study \(spec.name): \(error.description)") }
        return (sampler, try PrunerChoice(spec.pruner).make(study: spec.name, directions: directions))
    }

    // MARK: - Asking

    /// Another trial may be asked for now.
    var hasRoom: Bool {
        guard asked < wanted, !isExhausted, stages?.isFull != true else { return false }
        return pending.count { !$0.isExternal } < Int(spec.parallel)
    }
    /// Trials that are wished for or run, and are not over.
    var toCome: Int { Int(isExhausted ? asked : wanted) - Int(asked) + pending.count }
    /// Values drawn for parameters that a pending trial does not have.
    func unused(_ number: UInt32) -> [Double?] {
        pending.first { $0.trial == number }?.suggestion.unused ?? []
    }
    var isBusy: Bool { pending.contains { !$0.isExternal && $0.result == nil } }

    mutating func want(_ more: UInt32) {
        wanted = max(wanted, asked).addingReportingOverflow(more).partialValue
        if wanted < more { wanted = .max }
    }
    mutating func stop() { wanted = asked }

    mutating func enqueue(_ fixed: [Double?]) -> Study.Trial {
        var trial = Study.Trial(
            number: UInt32(trials.count), state: .waiting, parameters: fixed, fixed: fixed)
        trial.draws = []
        trials.append(trial)
        waiting.append(trial.number)
        return trial
    }
    /// Why nothing can be enqueued now; nil: it can.
    var refusalToEnqueue: String? { stages?.refusalToEnqueue(waiting: waiting.count) }

    /// Trials that wait since a stage before theirs ended.
    mutating func takeNewlyWaiting() -> [Study.Trial] {
        defer { newlyWaiting = [] }
        return newlyWaiting.map { trials[Int($0)] }
    }

    /// The next trial; nil when the sampler has nothing left to try.
    ///
    /// - Parameter known: the same suggestion from before a restart; it is not computed again.
    mutating func next(isExternal: Bool = false, known: Suggestion? = nil) -> Study.Trial? {
        if stages?.isFull == true { return nil }
        let number = waiting.first ?? UInt32(trials.count)
        let fixed = waiting.isEmpty ? spec.parameters.map { _ in nil } : trials[Int(number)].fixed
        let suggestion: Suggestion
        if let known {
            sampler.skip(number: Int(number - samplerFirst), to: known)
            suggestion = known
        } else {
            let others = pending.map { PendingTrial(number: Int($0.trial - samplerFirst), $0.suggestion) }
            guard let made = sampler.suggest(number: Int(number - samplerFirst), pending: others, fixed: fixed) else {
                isExhausted = true
                return nil
            }
            suggestion = made
        }
        var trial = Study.Trial(number: number, state: .running, parameters: suggestion.values, fixed: fixed)
        trial.draws = [suggestion.draws.random, suggestion.draws.model]
        trial.attributes = stages?.asked(number) ?? []
        order += 1
        trial.asked = order
        if waiting.isEmpty {
            trials.append(trial)
        } else {
            waiting.removeFirst()
            trials[Int(number)] = trial
        }
        if !isExternal { asked += 1 }
        pending.append(
            Pending(
                trial: number, view: PrunerTrial(number: Int(number)), suggestion: suggestion,
                isExternal: isExternal,
                pruner: spec.isReproducible ? pruner : nil))
        return trial
    }

    // MARK: - Reports

    /// - Returns: the decision, new or as it was; nil when the trial does not run, or nothing is ever pruned.
    mutating func report(_ number: UInt32, _ report: Study.Report) -> (decision: Study.Trial.Decision, isNew: Bool)? {
        guard let at = pending.firstIndex(where: { $0.trial == number && $0.result == nil }) else { return nil }
        let n = Int(number)
        guard report.step >= 0 else { return nil }
        // Reports are in order of their steps, and mostly made so: then there is nothing to look for.
        if let newest = trials[n].reports.last, report.step <= newest.step,
            let known = trials[n].decisions.first(where: { $0.step == report.step })
        {
            return (known, false)
        }
        if let last = trials[n].decisions.last, last.isPruned { return (last, false) }
        guard trials[n].reports.count < Self.maximumReports else { return nil }
        guard pending[at].view.report(step: Int(report.step), value: report.value) else { return nil }
        let place = trials[n].reports.lastIndex { $0.step < report.step }.map { $0 + 1 } ?? 0
        trials[n].reports.insert(report, at: place)
        // When a report is heard is chance, and has no place in a virtual order.
        if !spec.isReproducible { order += 1 }
        var decision = Study.Trial.Decision(
            step: report.step, isPruned: false, reason: "", order: spec.isReproducible ? 0 : order)
        if spec.directions.count == 1 {
            let said: PruneDecision
            if spec.isReproducible {
                said = pending[at].pruner!.decide(pending[at].view)
            } else {
                said = pruner.decide(pending[at].view)
            }
            pending[at].view.remember(said)
            decision.isPruned = said.prune
            decision.reason = said.reason
            for (name, value) in said.notes where !trials[n].notes.contains(where: { $0.name == name }) {
                trials[n].notes.append(Study.NamedNumber(name, value))
            }
        } else {
            decision.reason = "several objectives: nothing is pruned"
        }
        trials[n].decisions.append(decision)
        return (decision, true)
    }
    /// Of one trial: bounds what a program that reports in a loop can cost.
    static let maximumReports = 100_000

    // MARK: - Telling

    /// A trial ended for good; `tellNext` says when it is told.
    /// - Returns: false when no such trial runs.
    mutating func ended(_ number: UInt32, _ result: Study.Result) -> Bool {
        guard let at = pending.firstIndex(where: { $0.trial == number && $0.result == nil }) else { return false }
        for late in result.reports { _ = report(number, late) }
        pending[at].result = result
        return true
    }

    /// Tells the next trial whose turn it is. Between two of them whoever has room asks, so that what a trial is asked
    /// with does not depend on how many results came at once.
    mutating func tellNext() -> Study.Trial? {
        let next = spec.isReproducible ? pending.indices.first : pending.firstIndex { $0.result != nil }
        guard let next, let result = pending[next].result else { return nil }
        return tell(pending.remove(at: next).trial, result)
    }

    /// Whether a failed attempt is worth another.
    func retries(_ number: UInt32, _ result: Study.Result) -> Bool {
        guard case .failed(_, mayRetry: true) = result.end else { return false }
        let trial = trials[Int(number)]
        return trial.attempts < spec.retries && trial.decisions.last?.isPruned != true
    }
    mutating func countAttempt(_ number: UInt32) { trials[Int(number)].attempts += 1 }

    private mutating func tell(_ number: UInt32, _ result: Study.Result) -> Study.Trial {
        let n = Int(number)
        order += 1
        var trial = trials[n]
        trial.told = order
        trial.attempts += 1
        trial.constraints = result.constraints
        // Whatever a program says of its stage, the study knows.
        trial.attributes =
            stages?.marks(trial, result) ?? result.attributes
        trial.started = result.started
        trial.ended = result.ended
        trial.worker = result.worker
        (trial.state, trial.values, trial.reason) = outcome(of: trial, result)
        if stages?.isCandidate(trial) == true {
            trial.attributes.append(Study.NamedText(Study.Trial.candidateKey, "true"))
        }
        trials[n] = trial
        over += 1
        learn(trial)
        if stages?.told(trial) == true { beginNextStage() }
        return trial
    }

    /// The stage's last trial is over: its best go on, to a sampler and a pruner that know nothing of other days.
    private mutating func beginNextStage() {
        let first = stages!.first
        guard let promoted = stages!.advance(trials[Int(first)...]), !later.isEmpty else { return }
        (sampler, pruner) = later.removeFirst()
        samplerFirst = stages!.first
        best = nil
        for one in promoted {
            var trial = enqueue(one.values)
            trial.attributes = stages!.marks(trial.number)
            trials[Int(trial.number)] = trial
            newlyWaiting.append(trial.number)
        }
    }

    private func outcome(of trial: Study.Trial, _ result: Study.Result)
        -> (state: Study.Trial.State, values: [Double], reason: String)
    {
        let last = trial.reports.last.flatMap { $0.value.isNaN ? nil : [$0.value] } ?? []
        if let decision = trial.decisions.last, decision.isPruned { return (.pruned, last, decision.reason) }
        switch result.end {
        case .pruned: return (.pruned, last, "it stopped itself")
        case .failed(let reason, _): return (.failed, [], reason)
        case .complete(let values):
            guard values.count == spec.directions.count else {
                return (
                    .failed, [], "\(values.count) values where the study has \(spec.directions.count) directions"
                )
            }
            guard !values.contains(where: \.isNaN) else { return (.failed, [], "its value is NaN, no number") }
            return (.complete, values, "")
        }
    }

    private mutating func learn(_ trial: Study.Trial) {
        pruner.learn(trial.asPrunersSeeIt)
        let violation = trial.constraints.reduce(0) { $0 + max(0, $1.value) }
        switch trial.state {
        case .complete:
            sampler.learn(
                Samplers.Trial(
                    number: Int(trial.number - samplerFirst), values: trial.parameters,
                    outcome: .complete(values: trial.values),
                    violation: violation))
            if violation <= 0, spec.directions.count == 1, isBetter(trial.values[0]) { best = trial.number }
        case .pruned:
            let last = trial.reports.last.map { Samplers.Trial.Report(step: Int($0.step), value: $0.value) }
            sampler.learn(
                Samplers.Trial(
                    number: Int(trial.number - samplerFirst), values: trial.parameters,
                    outcome: .pruned(lastReport: last),
                    violation: violation))
        case .failed, .running, .waiting: break
        }
    }
    private func isBetter(_ value: Double) -> Bool {
        guard let best else { return true }
        let champion = trials[Int(best)].values[0]
        return spec.directions[0] == .minimize ? value < champion : value > champion
    }

    var counts: StudyReply.Counts {
        func count(_ state: Study.Trial.State) -> UInt32 { UInt32(trials.count { $0.state == state }) }
        return StudyReply.Counts(
            wanted: wanted, waiting: count(.waiting), running: count(.running), complete: count(.complete),
            pruned: count(.pruned), failed: count(.failed), best: best)
    }
}

extension Study.Trial {
    fileprivate var asPrunersSeeIt: PrunerTrial {
        let state: PrunerTrial.State =
            switch self.state {
            case .complete: .complete
            case .pruned: .pruned
            case .failed: .failed
            case .running, .waiting: .running
            }
        var notes: [String: Double] = [:]  // looked up by name only
        for note in self.notes { notes[note.name] = note.value }
        return PrunerTrial(
            number: Int(number), state: state, value: values.first, isFeasible: isFeasible,
            reports: reports.map { (Int($0.step), $0.value) }, notes: notes)
    }
}

extension Direction {
    init(_ direction: Study.Direction) { self = direction == .minimize ? .minimize : .maximize }
}
