import Foundation
import Glibc
import Messages

/// The program `apex`: the coordinator, and everything a person types.
@main
enum Apex {
    /// In the order people meet them.
    static var subcommands: [any Subcommand.Type] {
        [
            WeekendCommand.self, ResumeCommand.self, UpCommand.self, CoordinatorCommand.self, SubmitCommand.self,
            StudyCommand.self, DataCommand.self, ScheduleCommand.self, StatusCommand.self, WatchCommand.self,
            JobsCommand.self, WorkersCommand.self, WhyCommand.self, LogsCommand.self, ChartsCommand.self,
            LineageCommand.self,
            CancelCommand.self, PauseCommand.self, UnpauseCommand.self, ReplayCommand.self, PruneCommand.self,
            KeysCommand.self, AllocCommand.self, BackupCommand.self, RestoreCommand.self, DoctorCommand.self,
            VersionCommand.self,
        ]
    }

    static func main() {
        exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    private static func run(_ words: [String]) -> ExitCode {
        guard let first = words.first, first != "--help", first != "-h", first != "help" else {
            print(HelpText.fitted(overview, width: HelpText.width))
            return words.isEmpty ? .wrongUse : .done
        }
        if first == "--version" {
            print("apex \(codeVersion)")
            return .done
        }
        guard let command = subcommands.first(where: { $0.name == first }) else {
            complain("there is no command \(first)\(nearest(to: first)); `apex --help` lists them.")
            return .wrongUse
        }
        var arguments = Arguments(Array(words.dropFirst()))
        if arguments.flag("--help") || arguments.flag("-h") {
            print(HelpText.fitted(command.help(for: &arguments), width: HelpText.width))
            return .done
        }
        do {
            return try command.run(&arguments)
        } catch let error as UsageError {
            complain("apex \(first): \(error) `apex \(first) --help` shows how.")
            return .wrongUse
        } catch {
            complain("apex \(first): \(error)")
            return .failed
        }
    }

    private static var overview: String {
        """
        apex \(codeVersion): a compute cluster for trading research.

        usage: apex COMMAND [OPTIONS]

        \(listing(of: subcommands))

        Try:  apex weekend --demo        the whole weekend on a made-up market, in a minute
              apex COMMAND --help        what a command does, with an example
        Exit codes: 0 done, 1 failed, 2 wrong use, 3 interrupted but resumable, 4 budget ended before the proof.
        """
    }

    private static func nearest(to word: String) -> String {
        let close = subcommands.map { $0.name }.filter { $0.hasPrefix(word) || word.hasPrefix($0) || $0.contains(word) }
        return close.first.map { " (did you mean \($0)?)" } ?? ""
    }
}

/// One line to standard error.
func complain(_ words: String) {
    let line = Array((words + "\n").utf8)
    _ = unsafe write(2, line, line.count)
}
