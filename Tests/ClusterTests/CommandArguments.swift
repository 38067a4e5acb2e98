import Messages
import Testing

@testable import apex

@Test func `options are taken wherever they stand, and the last value counts`() throws {
    var arguments = Arguments(["--json", "job", "--count", "3", "--name=x y", "--count=7"])
    let json = arguments.flag("--json")
    #expect(json)
    #expect(try arguments.integer("--count", 1...UInt32.max) == 7)
    #expect(try arguments.value("--name") == "x y")
    #expect(try arguments.word("what") == "job")
    try arguments.finishWithoutTrailing()
}

@Test func `everything after two dashes belongs to the program`() throws {
    var arguments = Arguments(["command", "--count", "2", "--", "sh", "-c", "--json", "--"])
    let json = arguments.flag("--json")
    #expect(!json)
    #expect(try arguments.value("--count") == "2")
    #expect(try arguments.word("what") == "command")
    try arguments.finish()
    #expect(arguments.trailing == ["sh", "-c", "--json", "--"])
}

@Test func `several values of one option come in their order`() throws {
    var arguments = Arguments(["--after", "3", "noop", "--after=5"])
    #expect(try arguments.firstValue("--after") == "3")
    #expect(try arguments.firstValue("--after") == "5")
    #expect(try arguments.firstValue("--after") == nil)
    #expect(try arguments.word("what") == "noop")
}

@Test(arguments: [["--cuont", "3"], ["one", "two"], ["--count"], ["--count", "many"], ["--count", "0"]])
func `what is unknown, left over or out of range is wrong use`(words: [String]) {
    #expect(throws: UsageError.self) {
        var arguments = Arguments(words)
        _ = try arguments.integer("--count", 1...100)
        _ = arguments.optionalWord()
        try arguments.finish()
    }
}

@Test(arguments: ["", "x", "0", "-1", "3.1", "4294967296"]) func `a job is a whole number above 0`(word: String) {
    #expect(throws: UsageError.self) { try JobID(argument: word) }
}

@Test func `every command has a name of its own, a summary, and help that shows its use and an example`() {
    let commands = Apex.subcommands
    #expect(Set(commands.map { $0.name }).count == commands.count)
    for command in commands {
        #expect(command.help.hasPrefix("usage: apex \(command.name)"), "\(command.name)")
        #expect(command.help.contains("example: apex \(command.name)"), "\(command.name)")
        #expect(!command.summary.isEmpty && command.summary.count < 80, "\(command.name)")
        let widest = command.help.split(separator: "\n").map(\.count).max() ?? 0
        #expect(widest <= 120, "\(command.name)")
    }
}
