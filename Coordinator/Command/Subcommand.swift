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
