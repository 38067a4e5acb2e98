/// One subcommand of `apex`: a file of its own in this folder, named after it.
protocol Subcommand {
    static var name: String { get }
    /// One line for `apex --help`.
    static var summary: String { get }
    /// All of `apex NAME --help`: use, options, an example.
    static var help: String { get }
    static func run(_ arguments: inout Arguments) throws -> ExitCode
}
