/// `apex study`: hyper-parameter search. Each of its own subcommands is a file in this folder.
enum StudyCommand: SubcommandGroup {
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
        """
        usage: apex study COMMAND NAME [OPTIONS]

        \(listing(of: subcommands))

        A study lives in the coordinator. Where none runs on the state folder, these commands start one for as long
        as they need it, and `run` and `resume` start local workers too.
        \(whereHelp)

        example: apex study create branin --objective function:branin --trials 100
                 apex study run branin
                 apex study create trade --objective algorithm:sma --demo --stages auto
        `apex study COMMAND --help` shows the rest.
        """
    }
}
