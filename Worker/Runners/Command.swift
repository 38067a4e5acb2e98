import Jobs
import Messages

package enum CommandRunner: Runner {
    package typealias Kind = Command

    package static func run(_ task: Command.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Command.Result
    {
        let number = String(index)
        let arguments = task.arguments.map { replacing("{index}", in: $0, with: number) }
        let program = ChildProgram(
            words: [task.program] + arguments, environment: ["APEX_TASK_INDEX=\(number)"], bell: context.bell,
            timeoutMilliseconds: task.timeoutMilliseconds, isCancelled: context.isCancelled,
            limits: ProgramLimits(
                memoryBytes: task.memoryBytes, cores: task.cores, processes: UInt64(task.processes)),
            folderRoot: context.folder.isEmpty ? "" : context.folder + "/tasks")
        var heard = Heard(context: context)
        let end = try ChildProcess.run(program, &heard)
        switch (end.stop, end.way) {
        case (.cancelled, _): throw JobError("\(task.program) was stopped because its task was cancelled.")
        case (.timedOut, _):
            throw failure(task.program, "ran longer than its \(task.timeoutMilliseconds) ms and was stopped", heard)
        case (_, _) where end.ranOutOfMemory:
            throw failure(
                task.program, "used more than its \(task.memoryBytes >> 20) MiB of memory and was ended", heard)
        case (_, .exited(0)):
            return Command.Result(
                exitCode: 0, output: heard.output.marked, errorOutput: heard.errorOutput.marked)
        case (_, .exited(let code)): throw failure(task.program, "ended with exit code \(code)", heard)
        case (_, .signalled(let signal)): throw failure(task.program, "was ended by \(SignalName.of(signal))", heard)
        }
    }

    private struct Heard: ChildListener {
        let context: RunContext
        /// What is kept of each stream, in bytes.
        private static let keptBytes = 64 << 10
        var output = Tail(limitBytes: keptBytes)
        var errorOutput = Tail(limitBytes: keptBytes)
        mutating func heard(_ bytes: Span<UInt8>, on source: ChildSource) {
            if source == .output { output.append(bytes) } else { errorOutput.append(bytes) }
            context.output?.printed(bytes, isError: source != .output)
        }
        mutating func turn(at now: Int64, _ control: inout ChildControl) {
            _ = context.answers()  // nobody answers a command, but the bell must not ring on
        }
    }

    /// What happened, and the last thing the program said about it.
    private static func failure(_ program: String, _ what: String, _ heard: Heard) -> JobError {
        for (stream, bytes) in [("stderr", heard.errorOutput.bytes), ("stdout", heard.output.bytes)] {
            // Only the tail can hold the last line, and a line of at most 400 bytes is enough to recognise it.
            let lines = bytes.suffix(4096).split(whereSeparator: { $0 == 10 || $0 == 13 })
            guard let last = lines.last(where: { $0.contains { $0 > 32 } }) else { continue }
            return JobError(
                "\(program) \(what); last line of \(stream): \(String(decoding: last.suffix(400), as: UTF8.self))")
        }
        return JobError("\(program) \(what); it printed nothing.")
    }

    /// `text` with every `pattern` replaced.
    static func replacing(_ pattern: String, in text: String, with replacement: String) -> String {
        let wanted = Array(pattern.utf8)
        let source = Array(text.utf8)
        guard source.count >= wanted.count else { return text }
        var result: [UInt8] = []
        var at = 0
        while at < source.count {
            if source[at...].starts(with: wanted) {
                result += replacement.utf8
                at += wanted.count
            } else {
                result.append(source[at])
                at += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
