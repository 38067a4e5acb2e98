import Glibc
import Jobs
import Messages

extension StudyRunner {
    /// A program that says of itself that its trial is not worth going on with.
    static let prunedExitCode: Int32 = 75

    static func evaluate(
        _ program: Study.Program, of task: Study.Task, _ context: RunContext, _ result: inout Study.Result
    ) throws(ObjectiveError) {
        let pattern = program.pattern.isEmpty ? nil : try LinePattern(program.pattern)
        let folder = try TrialFolder(root: try root(of: program, context), task: task)
        var trial = RunningTrial(program, task, context, folder, pattern)
        let channel: Pipe
        do throws(JobError) { channel = try Pipe() } catch {
            throw ObjectiveError(error.description, mayRetry: true)
        }
        let child = ChildProgram(
            words: try words(of: program, task, folder), environment: settings(task, folder),
            isSpokenTo: true, channel: (channel, ["APEX_OUT", "HPO_OUT"]), bell: context.bell,
            timeoutMilliseconds: program.timeoutMilliseconds,
            graceMilliseconds: Int64(clamping: min(program.graceMilliseconds, 1 << 40)),
            isCancelled: context.isCancelled,
            limits: ProgramLimits(
                memoryBytes: program.bounds.memoryBytes, cores: max(1, program.bounds.cores),
                processes: UInt64(program.bounds.processes)),
            folder: folder.path)
        let end: ChildEnd
        do throws(JobError) { end = try ChildProcess.run(child, &trial) } catch {
            throw ObjectiveError(error.description, mayRetry: true)
        }
        trial.finish()
        result.reports = trial.dialogue.reports
        result.constraints = trial.output.constraints
        result.attributes = trial.output.attributes
        if trial.dialogue.droppedReports > 0 {
            result.attributes.append(
                Study.NamedText("apex:dropped_reports", "\(trial.dialogue.droppedReports)"))
        }
        result.output = trial.log.tail.bytes
        result.errorOutput = trial.errorLog.tail.bytes
        result.end = try how(end, trial, program, isStaged: task.stage != nil)
    }

    /// What the end of its program means for a trial.
    private static func how(_ end: ChildEnd, _ trial: borrowing RunningTrial, _ program: Study.Program, isStaged: Bool)
        throws(ObjectiveError) -> Study.Result.End
    {
        if let failure = trial.log.failure ?? trial.errorLog.failure ?? trial.output.fault { throw failure }
        // Told to end, whatever it did then: the decision is already known to everyone.
        if trial.dialogue.prune != nil { return .pruned }
        if end.stop == .timedOut {
            throw ObjectiveError("it ran longer than its \(program.timeoutMilliseconds) ms and was stopped.")
        }
        if end.ranOutOfMemory {
            throw ObjectiveError(
                "it used more than its \(program.bounds.memoryBytes >> 20) MiB of memory and was ended\(trial.lastWords)"
            )
        }
        if let failure = trial.output.failure { throw failure }
        switch end.way {
        case .exited(prunedExitCode): return .pruned
        case .exited(0) where trial.output.isPruned: return .pruned
        // Of three stages the value is made of attributes.
        case .exited(0): return .complete(isStaged ? [] : try trial.output.values())
        case .exited(let code):
            throw ObjectiveError(
                "it ended with exit code \(code)\(trial.lastWords)\(advice(trial.lastWords))", mayRetry: true)
        case .signalled(let signal):
            throw ObjectiveError("it was ended by \(SignalName.of(signal))\(trial.lastWords)", mayRetry: true)
        }
    }

    /// A program that looked for its files where the worker was started.
    private static func advice(_ lastWords: String) -> String {
        lastWords.contains("No such file")
            ? " (a trial's working folder is its own; files beside the study's are in $APEX_START_DIR)" : ""
    }

    private static func root(of program: Study.Program, _ context: RunContext) throws(ObjectiveError) -> String {
        if !program.folder.isEmpty { return absolute(program.folder, startFolder) }
        // A worker's own folder is closed to others.
        if let user = Confinement.kept.other { return try shared(user.number) }
        return absolute(context.folder + "/trials", startFolder)
    }

    /// A folder where everybody may make some: ours only if it is the programs' user's, and closed to others.
    private static func shared(_ user: UInt32) throws(ObjectiveError) -> String {
        let root = "/var/tmp/apex-trials-\(user)"
        var facts = stat()
        let code: Int32 = Confinement.kept.asProgramsUser {
            if unsafe mkdir(root, 0o755) != 0, errno != EEXIST { return errno }
            return unsafe lstat(root, &facts) == 0 ? 0 : errno
        }
        guard code == 0 else { throw TrialFolder.error(root, code) }
        guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == user, facts.st_mode & 0o022 == 0 else {
            throw ObjectiveError(
                "\(root): is not of the programs' user alone; remove it, or give the study a --folder.")
        }
        return root
    }

    /// Where this worker was started.
    private static let startFolder: String = {
        guard let here = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(here) }
        return unsafe String(cString: here)
    }()
    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// A word of a study's objective that is the name of a file where the worker was started, as a full path: the program
    /// runs elsewhere. Names have a dot or a slash in them, and no placeholder.
    private static func found(_ word: String, isProgram: Bool) -> String {
        guard !word.hasPrefix("/"), !word.hasPrefix("-"), !word.contains("{"), word.contains("/") || word.contains("."),
            !isProgram || word.contains("/")
        else { return word }
        let path = startFolder + "/" + word
        return unsafe access(path, F_OK) == 0 ? path : word
    }

    private static func words(of program: Study.Program, _ task: Study.Task, _ folder: TrialFolder)
        throws(ObjectiveError) -> [String]
    {
        var values: [(name: String, text: String?)] = zip(task.parameters, task.values).map { parameter, stored in
            (parameter.name, stored.map { parameter.value($0).text })
        }
        values += [
            ("trial.number", "\(task.trial)"), ("trial.dir", folder.path), ("trial.seed", "\(task.seed)"),
            ("trial.attempt", "\(task.attempt)"), ("study.name", task.study), ("params.json", folder.parametersPath),
        ]
        values += task.stage?.placeholders.map { ($0.name, $0.value) } ?? []
        let words = program.words.enumerated().map { found($1, isProgram: $0 == 0) }
        do throws(JobError) { return try ObjectiveWords(values: values).filled(words) } catch {
            throw ObjectiveError(error.description)
        }
    }

    /// Everything a program may want to know, under two names: `APEX_…`, and `HPO_…` for programs that are to run under
    /// other tools too.
    private static func settings(_ task: Study.Task, _ folder: TrialFolder) -> [String] {
        var settings = [
            "STUDY=\(task.study)", "TRIAL=\(task.trial)", "TRIAL_DIR=\(folder.path)", "PARAMS=\(folder.parametersPath)",
            "SEED=\(task.seed)", "ATTEMPT=\(task.attempt)", "START_DIR=\(startFolder)",
        ]
        settings += task.stage?.placeholders.map { "\(settingName($0.name))=\($0.value)" } ?? []
        let names = task.parameters.map { settingName($0.name) }
        for (at, (parameter, stored)) in zip(task.parameters, task.values).enumerated() {
            // Two parameters of one name in capitals: neither is there, as a wrong one would be worse than none.
            guard let stored, names.firstIndex(of: names[at]) == names.lastIndex(of: names[at]) else { continue }
            settings.append("PARAM_\(names[at])=\(parameter.value(stored).text)")
        }
        return settings.flatMap { ["APEX_\($0)", "HPO_\($0)"] }
    }

    /// In capitals, with `_` for what the name of an environment variable cannot have.
    private static func settingName(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte in
                switch byte {
                case 97...122: byte - 32
                case 65...90, 48...57: byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
    }
}
