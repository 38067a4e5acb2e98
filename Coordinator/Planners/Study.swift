import Blobs
import Jobs
import Messages
import Samplers

/// Runs a study: asks the sampler, hands trials to workers, hears their reports, tells the sampler how they ended.
package struct StudyPlanner: Planner {
    package typealias Kind = Study
    /// Answers kept for requests that are repeated, at most.
    private static let keptAnswers = 1024
    /// Trials' bytes in one answer, well under a frame.
    private static let answerBytes = 4 << 20

    private let spec: Study.Spec
    private var book: StudyBook
    /// By number.
    var trials: [Study.Trial] { book.trials }
    /// Per task its trial.
    private var owners: [UInt32] = []
    /// Per running trial its newest task.
    private var tasks: [UInt32: UInt32] = [:]
    private var answered: [UInt64: [UInt8]] = [:]  // looked up by token; `tokens` has their order
    private var tokens: [UInt64] = []
    /// Tasks from before a restart, which are not planned again.
    private var known: [Study.Task] = []

    package init(_ spec: Study.Spec, blobs: any BlobSource) throws(JobError) {
        var history = Study.History(trials: [])
        if let blob = spec.history {
            do throws(WireError) { history = try Study.History(wireBytes: try bytes(of: blob, blobs)) } catch {
                throw JobError(error, while: "reading the trials that study \(spec.name) starts from")
            }
        }
        self.spec = spec
        book = try StudyBook(spec, history: history.trials)
        func bytes(of blob: BlobID, _ blobs: any BlobSource) throws(WireError) -> [UInt8] {
            do throws(JobError) { return try blobs.bytes(of: blob) } catch { throw WireError(error.description) }
        }
    }

    package mutating func start() -> Step<Study.Task> {
        var step = Step<Study.Task>()
        step.publications.append(Study.Publication.study(spec).wireBytes)
        for trial in book.trials { publish(trial, &step) }
        return summed(step)
    }

    package mutating func finished(_ index: Int, with result: Study.Result, load: Load) throws(JobError)
        -> Step<Study.Task>
    {
        guard owners.indices.contains(index) else {
            throw JobError("a result for trial task \(index) of \(owners.count)")
        }
        var step = Step<Study.Task>()
        end(owners[index], result, &step)
        return summed(step)
    }

    package mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8]) throws(JobError) -> Step<Study.Task> {
        var step = Step<Study.Task>()
        switch source {
        case .task(let index):
            // From a worker: what cannot be read is not worth a study.
            guard owners.indices.contains(Int(index)), let report = try? Study.Report(wireBytes: bytes) else { break }
            // What is not taken is answered all the same, or its program and its worker would ask for ever.
            let decision =
                hear(report, of: owners[Int(index)], &step)
                ?? Study.Trial.Decision(step: report.step, isPruned: false, reason: "not recorded", order: 0)
            step.answers.append(.task(index, decision.wireBytes))
        case .parked(let index):
            guard owners.indices.contains(Int(index)) else { break }
            let reason = String(decoding: bytes, as: UTF8.self)
            end(
                owners[Int(index)],
                Study.Result(end: .failed(reason, mayRetry: false), started: 0, ended: 0, worker: ""), &step)
        case .request(let number):
            guard let request = try? StudyRequest(wireBytes: bytes) else {
                let words = "study \(spec.name) cannot read the request; use apex of its coordinator's version."
                step.answers.append(.request(number, StudyReply.refused(words).wireBytes))
                break
            }
            step.answers.append(.request(number, answer(request, &step)))
        }
        return summed(step)
    }

    package mutating func restore(tasks: [Study.Task], results: [(index: Int, result: Study.Result)]) throws(JobError)
        -> Step<Study.Task>
    { try restore(tasks: tasks, results: results, hearings: []) }

    /// Everything happens again in the order in which it happened; what the sampler suggested is not computed again.
    package mutating func restore(
        tasks: [Study.Task], results: [(index: Int, result: Study.Result)], hearings: [Hearing]
    ) throws(JobError) -> Step<Study.Task> {
        known = tasks.reversed()
        var step = start()
        var hearings = hearings[...]
        func heardBefore(_ count: Int) -> Bool { hearings.first.map { Int($0.afterResults) <= count } ?? false }
        let idle = Load(slots: 0, idleSlots: 0, queuedTasks: 0)
        for (count, (index, result)) in results.enumerated() {
            while heardBefore(count) {
                let hearing = hearings.removeFirst()
                step.append(try heard(hearing.source, hearing.bytes))
            }
            step.append(try finished(index, with: result, load: idle))
        }
        for hearing in hearings { step.append(try heard(hearing.source, hearing.bytes)) }
        guard known.isEmpty else {
            throw JobError("\(known.count) trials were planned that nothing asked for; the state was edited.")
        }
        step.tasks.removeFirst(tasks.count)
        // As they stand now, once each.
        step.publications = [Study.Publication.study(spec).wireBytes]
        for trial in book.trials { publish(trial, &step) }
        return step
    }

    // MARK: - Requests

    private mutating func answer(_ request: StudyRequest, _ step: inout Step<Study.Task>) -> [UInt8] {
        guard let token = request.token else { return reply(to: request, &step).wireBytes }
        if let before = answered[token] { return before }
        let bytes = reply(to: request, &step).wireBytes
        answered[token] = bytes
        tokens.append(token)
        if tokens.count > Self.keptAnswers { answered[tokens.removeFirst()] = nil }
        return bytes
    }

    private mutating func reply(to request: StudyRequest, _ step: inout Step<Study.Task>) -> StudyReply {
        switch request {
        case .describe: return .description(spec, book.counts)
        case .trials(let from): return .trials(trials(from: from))
        case .run(_, let trials):
            if case .external = spec.objective {
                return .refused("study \(spec.name) has no objective to run; use `apex study ask` and `tell`.")
            }
            if book.stages?.isOver == true {
                return .refused(
                    "the three stages of study \(spec.name) are over; `apex study best \(spec.name)` names what held.")
            }
            book.want(trials)
            fill(&step)
            return .done
        case .stop:
            book.stop()
            return .done
        case .enqueue(_, let values):
            if let words = spec.parameters.fault(of: values) { return .refused(words) }
            if let words = book.refusalToEnqueue { return .refused("study \(spec.name): \(words)") }
            let trial = book.enqueue(values)
            publish(trial, &step)
            return .trial(trial)
        case .ask:
            if spec.isReproducible, spec.objective != .external {
                return .refused(
                    "study \(spec.name) is reproducible: its trials have one fixed order, in which nobody can step.")
            }
            guard let trial = book.next(isExternal: true) else {
                if let stages = book.stages, !stages.isOver {
                    return .refused(
                        "study \(spec.name): all \(stages.size) trials of stage \(stages.stage.name) are asked for; the "
                            + "next stage begins when the last is told.")
                }
                return .refused("study \(spec.name) has nothing left to try.")
            }
            publish(trial, &step)
            return .trial(trial)
        case .tell(_, let number, let result):
            guard isExternal(number) else { return .refused(notAsked(number)) }
            end(number, result, &step)
            return .trial(book.trials[Int(number)])
        case .report(_, let number, let report):
            guard isExternal(number) else { return .refused(notAsked(number)) }
            guard let decision = hear(report, of: number, &step) else {
                return .refused("trial \(number) has \(StudyBook.maximumReports) reports; no more are taken.")
            }
            return .decision(decision)
        }
    }

    private func isExternal(_ number: UInt32) -> Bool {
        book.pending.contains { $0.trial == number && $0.isExternal && $0.result == nil }
    }
    private func notAsked(_ number: UInt32) -> String {
        guard Int(number) < book.trials.count else {
            return "study \(spec.name) has \(book.trials.count) trials; there is no trial \(number)."
        }
        let trial = book.trials[Int(number)]
        return trial.state.isOver
            ? "trial \(number) of study \(spec.name) is over (\(trial.state.optunaName)); nothing was changed."
            : "trial \(number) of study \(spec.name) was not asked for with `apex study ask`."
    }

    private func trials(from: UInt32) -> [Study.Trial] {
        var bytes = 0
        return Array(
            book.trials.dropFirst(Int(from)).prefix { trial in
                defer { bytes += 256 + 24 * (trial.parameters.count + trial.reports.count + trial.decisions.count * 4) }
                return bytes < Self.answerBytes
            })
    }

    // MARK: - Trials

    private mutating func hear(_ report: Study.Report, of number: UInt32, _ step: inout Step<Study.Task>)
        -> Study.Trial.Decision?
    {
        guard let (decision, isNew) = book.report(number, report) else { return nil }
        if isNew {
            let publication = Study.Publication.report(study: spec.name, trial: number, report, decision)
            step.publications.append(publication.wireBytes)
        }
        return decision
    }

    private mutating func end(_ number: UInt32, _ result: Study.Result, _ step: inout Step<Study.Task>) {
        if book.retries(number, result) {
            book.countAttempt(number)
            return plan(book.trials[Int(number)], &step)
        }
        guard book.ended(number, result) else { return }
        while let trial = book.tellNext() {
            tasks[trial.number] = nil
            publish(trial, &step)
            for promoted in book.takeNewlyWaiting() { publish(promoted, &step) }
            fill(&step)
        }
    }

    /// Asks for as many trials as there is room for.
    private mutating func fill(_ step: inout Step<Study.Task>) {
        while book.hasRoom {
            let before = known.last.map { Suggestion($0) }
            guard let trial = book.next(known: before) else { return }
            publish(trial, &step)
            plan(trial, &step)
        }
    }

    private mutating func plan(_ trial: Study.Trial, _ step: inout Step<Study.Task>) {
        let task = Study.Task(
            study: spec.name, made: spec.made, trial: trial.number, attempt: trial.attempts,
            parameters: spec.parameters, values: trial.parameters, objective: spec.objective,
            objectives: UInt32(spec.directions.count), seed: seed(of: trial.number), draws: trial.draws,
            unused: book.unused(trial.number), stage: trial.stage.flatMap { spec.stages?.part($0) })
        if !known.isEmpty { known.removeLast() }
        tasks[trial.number] = UInt32(owners.count)
        owners.append(trial.number)
        step.tasks.append(task)
    }

    /// What an objective may seed its own chance with: another for each trial, the same for each attempt.
    private func seed(of trial: UInt32) -> UInt32 { (spec.seed ^ trial &* 0x9E37_79B1) &* 0x85EB_CA6B }

    private func publish(_ trial: Study.Trial, _ step: inout Step<Study.Task>) {
        step.publications.append(Study.Publication.trial(study: spec.name, trial).wireBytes)
    }

    private func summed(_ step: Step<Study.Task>) -> Step<Study.Task> {
        var step = step
        step.isResting = !book.isBusy && !book.hasRoom
        var status = PlanStatus()
        if let stages = book.stages {
            status.stages = (stages.past + (stages.isOver ? [] : [(stages.stage, stages.size)])).map {
                stage, size in
                let done = stage == stages.stage ? stages.told : size
                return PlanStatus.Stage(name: stage.name, done: UInt64(done), total: UInt64(size), unit: "trials")
            }
        } else {
            status.stages = [
                PlanStatus.Stage(
                    name: "trials", done: UInt64(book.over), total: UInt64(book.over + book.toCome), unit: "trials")
            ]
        }
        status.incumbent = book.best.map { book.trials[Int($0)].values[0] }
        step.status = status
        return step
    }
}

extension Suggestion {
    /// As a task remembers it.
    fileprivate init(_ task: Study.Task) {
        let draws = task.draws.count == 2 ? Draws(random: task.draws[0], model: task.draws[1]) : Draws()
        self.init(values: task.values, unused: task.unused, draws: draws)
    }
}

extension StudyRequest {
    /// Of a request that changes the study.
    fileprivate var token: UInt64? {
        switch self {
        case .run(let token, _), .stop(let token), .enqueue(let token, _), .ask(let token), .tell(let token, _, _),
            .report(let token, _, _):
            token
        case .describe, .trials: nil
        }
    }
}
