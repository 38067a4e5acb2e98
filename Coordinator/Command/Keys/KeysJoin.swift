import Joining
import Messages
import ZeroMQ

/// `apex keys join`: the other side of `add-client` and `add-reader`.
enum KeysJoin: Subcommand {
    static let name = "join"
    static let summary = "on another machine: use the line that add-client or add-reader printed"
    static let help = """
        usage: apex keys join LINE [--keys DIR]

        Makes this machine's own key in DIR and has it let in. The line works once; - reads it from standard input.

          --keys DIR   where the key is kept (default $APEX_KEYS, else ~/.config/apex)

        example: apex keys join apex://10.0.0.5:7117/KEY/TOKEN
                 apex status --coordinator tcp://10.0.0.5:7117
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let folder = absolute(try arguments.value("--keys") ?? Place.defaultKeys)
        var text = arguments.flag("-") ? readLine() ?? "" : ""
        if text.isEmpty { text = try arguments.word("the LINE") }
        try arguments.finishWithoutTrailing()
        let line: JoinLine
        do throws(ZeroMQError) { line = try JoinLine(text) } catch { throw UsageError("\(error).") }
        let name = try Enrolment.join(line, MachineKeys(folder, file: "client"))
        print(
            (name.map { "joined \(line.address) as \($0)" } ?? "this machine has joined \(line.address) before")
                + "; the key is in \(folder). Try: apex status --coordinator \(line.address)")
        return .done
    }
}
