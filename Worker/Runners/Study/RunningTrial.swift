import Jobs
import Messages

/// One attempt as it runs.
struct RunningTrial: ~Copyable, ChildListener {
    var log: TrialLog
    var errorLog: TrialLog
    var output: ObjectiveOutput
    var dialogue = TrialDialogue()
    private let context: RunContext
    private let graceMilliseconds: Int64

    init(
        _ program: Study.Program, _ task: Study.Task, _ context: RunContext, _ folder: TrialFolder,
        _ pattern: LinePattern?
    ) {
        log = TrialLog(path: "\(folder.path)/stdout.\(task.attempt)")
        errorLog = TrialLog(path: "\(folder.path)/stderr.\(task.attempt)")
        output = ObjectiveOutput(objectives: Int(task.objectives), pattern: pattern)
        self.context = context
        graceMilliseconds = Int64(clamping: min(program.graceMilliseconds, 1 << 40))
    }

    mutating func heard(_ bytes: Span<UInt8>, on source: ChildSource) {
        if source != .channel { context.output?.printed(bytes, isError: source == .errorOutput) }
        switch source {
        case .output: log.append(bytes)
        case .errorOutput: errorLog.append(bytes)
        case .channel: break
        }
        output.heard(bytes, on: source)
    }

    mutating func turn(at now: Int64, _ control: inout ChildControl) {
        // Nothing good can come of these any more.
        guard output.fault == nil, log.failure == nil, errorLog.failure == nil else {
            return control.stop(graceMilliseconds: graceMilliseconds)
        }
        takeReports(control)
        dialogue.turn(at: now, graceMilliseconds: graceMilliseconds, context, &control)
    }

    private mutating func takeReports(_ control: ChildControl?) {
        guard !output.reports.isEmpty else { return }
        dialogue.add(output.reports, control)
        output.reports = []
    }

    mutating func finish() {
        output.finish()
        takeReports(nil)
        log.finish()
        errorLog.finish()
    }

    /// The last thing it said, as the end of a sentence.
    var lastWords: String {
        for (stream, tail) in [("stderr", errorLog.tail.bytes), ("stdout", log.tail.bytes)] {
            let lines = tail.split(whereSeparator: { $0 == 10 || $0 == 13 })
            guard let last = lines.last(where: { $0.contains { $0 > 32 } }) else { continue }
            return "; last line of \(stream): \(String(decoding: last.suffix(400), as: UTF8.self))"
        }
        return "; it printed nothing."
    }
}
