/// `apex study`: hyper-parameter search. Each of its own subcommands is a file in this folder.
enum StudyCommand: Subcommand {
    static let name = "study"
    static let summary = "search hyper-parameters: any command is an objective"

    /// In the order people meet them.
    static var subcommands: [any Subcommand.Type] {
        [
            StudyCreate.self, StudyRun.self, StudyResume.self, StudyStatus.self, StudyBest.self, StudyTrials.self,
            StudyImportance.self, StudyCheck.self, StudyList.self, StudyEnqueue.self, StudyAsk.self, StudyTell.self,
            StudyStop.self, StudyCancel.self,
            StudyReportCommand.self, StudyExportCommand.self, StudyImport.self,
            StudyReplayCommand.self,
        ]
    }

    static var help: String {
        let width = subcommands.map { $0.name.count }.max() ?? 0
        let lines = subcommands.map {
            "  " + $0.name + String(repeating: " ", count: width + 2 - $0.name.count) + $0.summary
        }
        return """
            usage: apex study COMMAND NAME [OPTIONS]

            \(lines.joined(separator: "\n"))

            A study lives in the coordinator. Where none runs on the state folder, these commands start one for as long
            as they need it, and `run` and `resume` start local workers too.
            \(whereHelp)

            example: apex study create branin --objective function:branin --trials 100
                     apex study run branin
                     apex study create trade --objective algorithm:sma --demo --stages auto
            `apex study COMMAND --help` shows the rest.
            """
    }

    static func help(for arguments: inout Arguments) -> String {
        let word = arguments.optionalWord()
        return subcommands.first { $0.name == word }?.help ?? help
    }

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        guard let word = arguments.optionalWord() else {
            throw UsageError("which of \(subcommands.map { $0.name }.joined(separator: ", "))?")
        }
        guard let command = subcommands.first(where: { $0.name == word }) else {
            throw UsageError("there is no study command \(word).")
        }
        do { return try command.run(&arguments) } catch let error as UsageError {
            complain("apex study \(word): \(error) `apex study \(word) --help` shows how.")
            return .wrongUse
        }
    }
}
