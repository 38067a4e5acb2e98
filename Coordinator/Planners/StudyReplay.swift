import Jobs
import Messages

/// Does a study's asks, decisions and tells again, in the order in which they happened, with the objectives' stored
/// results: whatever differs, the stored study is not what its sampler and pruner make of those results.
package struct StudyReplay {
    package struct Difference: Sendable {
        package var trial: UInt32
        package var words: String
    }
    package private(set) var asks = 0, decisions = 0, tells = 0
    /// The first few.
    package private(set) var differences: [Difference] = []
    private static let keptDifferences = 20

    private enum Event {
        case ask
        case report(Study.Report, Study.Trial.Decision)
        case tell
    }

    private var book: StudyBook

    /// - Parameter trials: all of the study's, by number.
    /// - Throws: when the study cannot be what it says it is.
    package init(_ spec: Study.Spec, trials: [Study.Trial], progress: (Int, Int) -> Void = { _, _ in })
        throws(JobError)
    {
        let history = trials.prefix { $0.asked == 0 && $0.state.isOver }
        book = try StudyBook(spec, history: Array(history))
        book.want(.max)
        let events = Self.events(of: trials.dropFirst(history.count))
        for (done, event) in events.enumerated() {
            progress(done, events.count)
            let stored = trials[Int(event.trial)]
            switch event.kind {
            case .ask: try ask(stored, among: trials)
            case .report(let report, let decision): hear(report, decision, of: stored)
            case .tell: try tell(stored)
            }
        }
    }

    /// In the study's one order. Decisions of a reproducible study have no place of their own: each knows what was told
    /// before its trial was asked, and comes just before the trial's end.
    private static func events(of trials: ArraySlice<Study.Trial>) -> [(trial: UInt32, kind: Event)] {
        var events: [(order: UInt32, at: Int, trial: UInt32, kind: Event)] = []
        for trial in trials where trial.asked > 0 {
            events.append((trial.asked, 0, trial.number, .ask))
            for (at, decision) in trial.decisions.enumerated() {
                guard let report = trial.reports.first(where: { $0.step == decision.step }) else { continue }
                let order = decision.order > 0 ? decision.order : trial.told
                if order > 0 { events.append((order, at, trial.number, .report(report, decision))) }
            }
            if trial.told > 0 { events.append((trial.told, trial.decisions.count, trial.number, .tell)) }
        }
        return events.sorted { ($0.order, $0.at) < ($1.order, $1.at) }.map { ($0.trial, $0.kind) }
    }

    private mutating func ask(_ stored: Study.Trial, among trials: [Study.Trial]) throws(JobError) {
        // Trials get their numbers when they are enqueued.
        while book.trials.count < Int(stored.number) || (book.trials.count == stored.number && stored.isEnqueued) {
            let number = book.trials.count
            guard trials[number].isEnqueued else {
                throw JobError("trial \(number) was neither asked for before trial \(stored.number) nor enqueued.")
            }
            _ = book.enqueue(trials[number].fixed)
        }
        asks += 1
        guard let trial = book.next(isExternal: true) else {
            return differ(stored, "the sampler has nothing left to try")
        }
        guard trial.number == stored.number else {
            throw JobError("trial \(trial.number) is asked where the study asked trial \(stored.number).")
        }
        for (at, parameter) in book.spec.parameters.enumerated()
        where trial.parameters[at]?.bitPattern != stored.parameters[at]?.bitPattern {
            func words(_ value: Double?) -> String { value.map { parameter.value($0).text } ?? "absent" }
            differ(
                stored,
                "\(parameter.name) is \(words(trial.parameters[at])) again, and was \(words(stored.parameters[at]))")
        }
    }

    private mutating func hear(_ report: Study.Report, _ stored: Study.Trial.Decision, of trial: Study.Trial) {
        decisions += 1
        guard let (decision, _) = book.report(trial.number, report) else {
            return differ(trial, "its report of step \(report.step) is not taken")
        }
        if decision.isPruned != stored.isPruned {
            differ(
                trial,
                "step \(report.step) is \(decision.isPruned ? "pruned" : "kept") again (\(decision.reason)), and was "
                    + "\(stored.isPruned ? "pruned" : "kept") (\(stored.reason))")
        }
    }

    private mutating func tell(_ stored: Study.Trial) throws(JobError) {
        tells += 1
        let end: Study.Result.End
        switch stored.state {
        case .complete: end = .complete(stored.values)
        case .pruned: end = .pruned
        case .failed: end = .failed(stored.reason, mayRetry: false)
        case .running, .waiting: throw JobError("trial \(stored.number) was told and is not over.")
        }
        let result = Study.Result(
            end: end, constraints: stored.constraints, attributes: stored.attributes, started: stored.started,
            ended: stored.ended, worker: stored.worker)
        guard book.ended(stored.number, result), let told = book.tellNext() else {
            throw JobError("trial \(stored.number) is told out of turn.")
        }
        if told.number != stored.number || told.state != stored.state {
            differ(
                stored, "trial \(told.number) ends \(told.state.optunaName), where it was \(stored.state.optunaName)")
        }
    }

    private mutating func differ(_ trial: Study.Trial, _ words: String) {
        if differences.count < Self.keptDifferences {
            differences.append(Difference(trial: trial.number, words: words))
        }
    }
}

extension Study.Trial {
    fileprivate var isEnqueued: Bool { fixed.contains { $0 != nil } || state == .waiting }
}
