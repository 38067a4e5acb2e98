import Blobs
import Foundation
import Messages

/// `apex resume`: goes on with an interrupted or unfinished weekend.
enum ResumeCommand: Subcommand {
    static let name = "resume"
    static let summary = "go on with an interrupted weekend, or give one more budget"
    static let help = """
        usage: apex resume DIR [--budget TIME] [--workers N] [--json]

        Goes on where the weekend in DIR stopped; nothing finished is computed again. A weekend whose budget ended
        before the proof needs more of it.

          --budget TIME    this much wall-clock time more, as 10m or 2h
          --workers N      local workers (default: the cores this process may use)
          --json           print one JSON object at the end and nothing else

        example: apex resume w1 --budget 1h
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        var more: UInt64 = 0
        if let budget = try arguments.value("--budget") { more = try WeekendSettings.budget(budget) }
        let workers = try arguments.integer("--workers", 1...4096)
        let json = arguments.flag("--json")
        let folder = RunFolder(try arguments.word("the weekend's folder"))
        try arguments.finishWithoutTrailing()
        guard let manifest = try folder.manifest() else {
            throw JobError("\(folder.path): holds no weekend; `apex weekend --out \(folder.path)` starts one.")
        }
        return try WeekendRun(folder, manifest, nil, workers: workers, json: json).run(addingBudget: more)
    }
}
