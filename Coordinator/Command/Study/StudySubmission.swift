import Jobs
import Messages

// Studies as somebody else than a person submits them: `study create` makes one and has its trials run, `study run` has
// more trials run of one that is there.
extension StudyCommand {
    static func request(_ arguments: inout Arguments, isRehearsal: Bool) throws -> JobRequest {
        if arguments.take(StudyCreate.name) { return try created(&arguments, isRehearsal: isRehearsal) }
        guard arguments.take(StudyRun.name) else {
            throw UsageError("of studies, create NAME … and run NAME … can be submitted.")
        }
        let trials = try arguments.integer("--trials", 1...10_000_000 as ClosedRange<UInt32>)
        let json = arguments.flag("--json")
        let name = try arguments.word("the study's NAME")
        try arguments.finishWithoutTrailing()
        return JobRequest(isFollowed: json) { client, token, _ in
            let study = try StudyHost(client).study(name)
            let wanted = try trials ?? study.missing()
            guard wanted > 0 else {
                throw JobError("study \(name) has no trials to run; say how many with --trials.")
            }
            _ = try study.say(.run(token: token, trials: wanted))
            return study.job
        }
    }

    private static func created(_ arguments: inout Arguments, isRehearsal: Bool) throws -> JobRequest {
        let json = arguments.flag("--json")
        // Files are read when it is submitted: they may not be there yet.
        if isRehearsal, ["--bars", "--space", "--stages"].contains(where: { arguments.has($0) }) {
            guard arguments.has("--objective") else { throw UsageError("--objective is missing.") }
            return JobRequest(isFollowed: json) { _, _, _ in throw UsageError("this was a rehearsal.") }
        }
        let (spec, universe) = try StudyOptions.spec(&arguments)
        try arguments.finishWithoutTrailing()
        guard spec.objective != .external else {
            throw UsageError("an external study is asked and told by somebody; nothing of it can be run by a schedule.")
        }
        guard spec.trials > 0 else {
            throw UsageError("--trials is missing; say how many are to be run, as --trials 100.")
        }
        return JobRequest(isFollowed: json) { client, token, _ in
            if let universe { try client.put(universe) }
            let study = try StudyCreate.create(spec, in: StudyHost(client))
            _ = try study.say(.run(token: token, trials: spec.trials))
            return study.job
        }
    }
}
