import Jobs
import Messages

package enum CommandRunner: Runner {
    package typealias Kind = Command

    package static func run(_ task: Command.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Command.Result
    {
        let number = String(index)
        let arguments = task.arguments.map { replacing("{index}", in: $0, with: number) }
        let ended = try ChildProcess.run(
            task.program, arguments: arguments, environment: ["APEX_TASK_INDEX": number],
            timeoutMilliseconds: task.timeoutMilliseconds, isCancelled: context.isCancelled)
        switch ended.end {
        case .exited(0): break
        case .exited(let code): throw failure(task.program, "ended with exit code \(code)", ended)
        case .signalled(let signal): throw failure(task.program, "was ended by \(signalName(signal))", ended)
        case .timedOut:
            throw failure(
                task.program, "ran longer than its \(task.timeoutMilliseconds) ms and was stopped", ended)
        case .cancelled: throw JobError("\(task.program) was stopped because its task was cancelled.")
        }
        return Command.Result(exitCode: 0, output: ended.output, errorOutput: ended.errorOutput)
    }

    /// What happened, and the last thing the program said about it.
    private static func failure(_ program: String, _ what: String, _ ended: ChildProcess.Ended) -> JobError {
        for (stream, bytes) in [("stderr", ended.errorOutput), ("stdout", ended.output)] {
            // Only the tail can hold the last line, and a line of at most 400 bytes is enough to recognise it.
            let lines = bytes.suffix(4096).split(whereSeparator: { $0 == 10 || $0 == 13 })
            guard let last = lines.last(where: { $0.contains { $0 > 32 } }) else { continue }
            return JobError(
                "\(program) \(what); last line of \(stream): \(String(decoding: last.suffix(400), as: UTF8.self))")
        }
        return JobError("\(program) \(what); it printed nothing.")
    }

    private static func signalName(_ signal: Int32) -> String {
        let names: [Int32: String] = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
        ]
        let name = names[signal] ?? "signal \(signal)"
        return signal == 9 ? "SIGKILL (out of memory, or somebody's kill -9)" : name
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
