/// The study that a command's words name, with what every such command takes: `--json` and where the coordinator is.
/// Nothing is opened until the rest of the words is known to be right.
struct NamedStudy {
    let name: String
    let json: Bool
    private let place: Place

    /// After the command's own options, before its other words.
    init(_ arguments: inout Arguments) throws {
        json = arguments.flag("--json")
        place = try Place.from(&arguments)
        name = try arguments.word("the study's NAME")
    }

    func open() throws -> OpenStudy { try StudyHost(place).study(name) }
}
