import Foundation

/// One subcommand of `apex`: a file of its own in this folder, named after it.
protocol Subcommand {
    static var name: String { get }
    /// One line for `apex --help`.
    static var summary: String { get }
    /// All of `apex NAME --help`: use, options, an example.
    static var help: String { get }
    /// The help that these words ask for; a command with commands of its own looks at them.
    static func help(for arguments: inout Arguments) -> String
    static func run(_ arguments: inout Arguments) throws -> ExitCode
}

extension Subcommand {
    static func help(for arguments: inout Arguments) -> String { help }
}

/// A command with commands of its own, as `apex study` has.
protocol SubcommandGroup: Subcommand {
    /// In the order people meet them.
    static var subcommands: [any Subcommand.Type] { get }
}

extension SubcommandGroup {
    static func help(for arguments: inout Arguments) -> String {
        let word = arguments.optionalWord()
        return subcommands.first { $0.name == word }?.help ?? help
    }

    /// The command that the next word names.
    static func next(_ arguments: inout Arguments) throws(UsageError) -> any Subcommand.Type {
        guard let word = arguments.optionalWord() else {
            throw UsageError("which of \(subcommands.map { $0.name }.joined(separator: ", "))?")
        }
        guard let command = subcommands.first(where: { $0.name == word }) else {
            throw UsageError("there is no \(name) command \(word).")
        }
        return command
    }

    /// A wrong use of one of its commands points to that command's help.
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let command = try next(&arguments)
        do { return try command.run(&arguments) } catch let error as UsageError {
            complain("apex \(name) \(command.name): \(error) `apex \(name) \(command.name) --help` shows how.")
            return .wrongUse
        }
    }
}

/// A line for each command: its name, and what it does.
func listing(of commands: [any Subcommand.Type]) -> String {
    let width = commands.map { $0.name.count }.max() ?? 0
    return commands.map { "  " + $0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.summary }
        .joined(separator: "\n")
}
