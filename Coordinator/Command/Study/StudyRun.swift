import Foundation
import JSON
import Jobs
import Messages

/// `apex study run`.
enum StudyRun: Subcommand {
    static let name = "run"
    static let summary = "evaluate a study's trials, and follow them to the end"
    static let help = """
        usage: apex study run NAME [--trials N] [OPTIONS]

          --trials N        so many more trials; without it, what is left of those before, and as many as
                            `create` said
          --timeout TIME    start no trial after so long; those that run end (default: the study's own)
          --slots N         trials at once on workers of this machine, where no coordinator runs yet
                            (default: the cores, two less when there are more than three)
          --json            {"study","trials","complete","pruned","failed","best","seconds"} at the end
        \(whereHelp)

        A coordinator works on every study that has trials left, this one and others.

        Ctrl-C, a crash or a power cut loses no finished trial, and the sampler goes on exactly where it stood:
        `apex study resume NAME`. Exit code 0: all trials are over; 3: interrupted, resumable; 1: no trial is complete.

        example: apex study run fit --trials 200
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        try follow(&arguments, command: "run", mayAdd: true)
    }

    static func follow(_ arguments: inout Arguments, command: String, mayAdd: Bool) throws -> ExitCode {
        let json = arguments.flag("--json")
        let more = mayAdd ? try arguments.integer("--trials", 1...10_000_000 as ClosedRange<UInt32>) : nil
        let timeout = try StudyOptions.time("--timeout", &arguments)
        let slots = try arguments.integer("--slots", 1...4096)
        let place = try Place.from(&arguments)
        let name = try arguments.word("the study's NAME")
        try arguments.finishWithoutTrailing()
        let host = try StudyHost(place, workers: slots ?? StudyOptions.defaultSlots())
        let study = try host.study(name)
        let began = ContinuousClock.now
        if let more {
            _ = try study.say(.run(token: StudyHost.token, trials: more))
        } else if case let left = try study.missing(), left > 0 {
            _ = try study.say(.run(token: StudyHost.token, trials: left))
        } else if try study.counts().wanted == 0 {
            throw JobError(
                "study \(name) has no trials to run; say how many: `apex study \(command) \(name) --trials 100`.")
        }
        let limit = timeout ?? study.spec.timeoutMilliseconds
        let run = Run(study: study, deadline: limit > 0 ? began + .milliseconds(Int64(limit)) : nil)
        guard try run.follow() else {
            complain(
                host.isPrivate
                    ? "interrupted; no finished trial is lost. Go on with:  apex study resume \(name)"
                    : "stopped following; study \(name) goes on. End it with `apex study stop \(name)`.")
            return .resumable
        }
        return try StudySummary(study, seconds: (.now - began) / .seconds(1)).announce(json: json)
    }

    /// A study's run under way.
    private struct Run {
        let study: OpenStudy
        let deadline: ContinuousClock.Instant?
        private static let awayLimit: Duration = .seconds(60)

        /// - Returns: false when the person stopped following.
        func follow() throws -> Bool {
            let host = study.host
            let progress = Progress()
            defer { progress.end() }
            var isStopped = false
            var awaySince: ContinuousClock.Instant?
            // While this thread waits for an answer nobody starts a coordinator of ours that died again.
            if host.isPrivate { host.client.patience = .seconds(1) }
            defer { host.client.patience = .seconds(30) }
            while !host.isStopped {
                try host.tend()
                do {
                    if !isStopped, let deadline, .now >= deadline {
                        _ = try study.say(.stop(token: StudyHost.token))
                        isStopped = true
                    }
                    let status = try host.client.job(study.job)
                    awaySince = nil
                    if status.state == .resting { return true }
                    if status.state.isOver { throw Ended(words: "study \(study.spec.name): \(status.reason)") }
                    if let stage = status.plan.stages.last {
                        var notes: [String] = []
                        if let best = status.plan.incumbent { notes.append("best \(brief(best))") }
                        if status.state == .paused { notes.append("paused") }
                        if isStopped { notes.append("time is up") }
                        let name = study.spec.name + (study.spec.stages == nil ? "" : " \(stage.name)")
                        progress.show(
                            name, done: stage.done, total: stage.total, unit: stage.unit,
                            note: notes.joined(separator: ", "))
                    }
                } catch let error as Ended {
                    throw JobError(error.words)
                } catch {
                    let since = awaySince ?? .now
                    awaySince = since
                    if .now - since > Self.awayLimit { throw error }
                }
                host.pause(.milliseconds(50))
            }
            return false
        }
        private struct Ended: Error { var words: String }
    }
}

/// `apex study resume`.
enum StudyResume: Subcommand {
    static let name = "resume"
    static let summary = "go on with a study that was interrupted"
    static let help = """
        usage: apex study resume NAME [--timeout TIME] [--slots N] [--json]

        Evaluates the trials that are still wished for, and as many as `create` said. The sampler goes on exactly where it stood: the rest of the
        trials is what it would have been.
        \(whereHelp)

        example: apex study resume fit
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        try StudyRun.follow(&arguments, command: "run", mayAdd: false)
    }
}

/// How a study stands, in a few lines.
struct StudySummary {
    private let study: OpenStudy
    private let counts: StudyReply.Counts
    private let trials: [Study.Trial]
    private let seconds: Double?

    init(_ study: OpenStudy, seconds: Double? = nil) throws {
        self.study = study
        self.seconds = seconds
        counts = try study.counts()
        trials = try study.trials()
    }

    func announce(json: Bool) throws -> ExitCode {
        if json { printJSON(self.json) } else { for line in lines { print(line) } }
        if counts.complete == 0, counts.failed > 0, let failed = trials.last(where: { $0.state == .failed }) {
            complain("no trial is complete; trial \(failed.number) failed: \(printable(failed.reason))")
            return .failed
        }
        return .done
    }

    private var stages: StageSummary? { study.spec.stages.map { StageSummary(stages: $0, trials: trials) } }
    private var best: [Study.Trial] { bestTrials(trials, study.spec.directions) }

    var json: JSONValue {
        .object(present: [
            "study": .string(study.spec.name), "job": JSONValue(study.job.number),
            "trials": JSONValue(trials.count), "wanted": JSONValue(counts.wanted),
            "complete": JSONValue(counts.complete), "pruned": JSONValue(counts.pruned),
            "failed": JSONValue(counts.failed), "running": JSONValue(counts.running),
            "waiting": JSONValue(counts.waiting),
            "best": study.spec.directions.count > 1
                ? .array(best.map { $0.json(study.spec) }) : best.first?.json(study.spec) ?? .null,
            "seconds": seconds.map { .number($0) },
            "stages": stages?.json, "candidates": stages.map { .array($0.candidates.map { $0.json(study.spec) }) },
        ])
    }

    var lines: [String] {
        let parts = [
            ("complete", counts.complete), ("pruned", counts.pruned), ("failed", counts.failed),
            ("running", counts.running), ("waiting", counts.waiting),
        ].filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        var lines = [
            "study \(study.spec.name): \(counted(trials.count, "trial"))"
                + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
                + (seconds.map { " in \(fixed($0, 1)) s" } ?? "")
        ]
        lines += stages?.lines ?? []
        if study.spec.directions.count > 1 { lines.append("\(best.count) on the Pareto front") }
        for trial in best.prefix(study.spec.directions.count > 1 ? 10 : 1) {
            let stage = trial.stage.map { " of stage \($0.name)" } ?? ""
            lines.append(
                "best\(stage): trial \(trial.number), value \(trial.values.map { "\($0)" }.joined(separator: ", "))")
            for (name, value) in study.spec.parameters.named(trial.parameters) {
                lines.append("  \(name) = \(value.text)")
            }
        }
        return lines
    }
}

/// The best complete feasible trial, of three stages that of the furthest; with several directions those that none is better than in all.
func bestTrials(_ trials: [Study.Trial], _ directions: [Study.Direction]) -> [Study.Trial] {
    if trials.contains(where: { $0.stage != nil }) { return Array(ThreeStages.furthest(trials).prefix(1)) }
    let complete = trials.filter { $0.state == .complete && $0.isFeasible && $0.values.count == directions.count }
    func loss(_ trial: Study.Trial) -> [Double] {
        zip(trial.values, directions).map { $1 == .minimize ? $0 : -$0 }
    }
    if directions.count == 1 {
        return complete.min { (loss($0)[0], $0.number) < (loss($1)[0], $1.number) }.map { [$0] } ?? []
    }
    // By their first loss, so that only earlier ones can be better in all.
    var front: [(trial: Study.Trial, loss: [Double])] = []
    for trial in complete.sorted(by: { loss($0).lexicographicallyPrecedes(loss($1)) }) {
        let mine = loss(trial)
        let isBeaten = front.contains { other in
            zip(other.loss, mine).allSatisfy { $0 <= $1 } && other.loss != mine
        }
        if !isBeaten { front.append((trial, mine)) }
    }
    return front.map(\.trial)
}
