import Foundation
import JSON
import Messages
import Synchronization
import Testing

@testable import apex

@Test func `JSON keeps the order of its members and escapes what it must`() throws {
    let value: JSONValue = [
        "b": 1, "a": [true, nil, 0.1, "é\"\\\n\u{1}"], "big": .unsigned(.max), "nan": .number(.nan), "none": [:],
    ]
    let text = value.text
    #expect(
        text == #"{"b":1,"a":[true,null,0.1,"é\"\\\n\u0001"],"big":18446744073709551615,"nan":null,"none":{}}"#)
    let read = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect((read["a"] as? [Any])?.last as? String == "é\"\\\n\u{1}")
}

extension JSONValue: ExpressibleByNilLiteral {
    public init(nilLiteral: ()) { self = .null }
}

@Test(arguments: [0.1, 1e-300, .leastNonzeroMagnitude, 1.7976931348623157e308, -2.5, 123_456_789.125, 0])
func `JSON numbers read back as the same bits`(number: Double) throws {
    let array = try JSONSerialization.jsonObject(with: Data(JSONValue.array([.number(number)]).text.utf8))
    #expect((array as? [Double]) == [number])
}

@Test(arguments: [60, 80, 100, 200]) func `help is never wider than the terminal, and says the same`(width: Int) {
    var helps: [String] = []
    for command in Apex.subcommands { helps.append(command.help) }
    for command in StudyCommand.subcommands { helps.append(command.help) }
    for help in helps {
        let fitted = HelpText.fitted(help, width: width)
        func letters(_ text: String) -> String { text.filter { !$0.isWhitespace } }
        #expect(letters(fitted) == letters(help))
        let lines = fitted.split(separator: "\n").map(String.init)
        // Without a place to break a line stays as it is; there are none at 80.
        #expect(width < 80 || lines.allSatisfy { $0.count <= width }, "\(lines.first { $0.count > width } ?? "")")
        if width == 200 { #expect(!help.split(separator: "\n").contains { $0.count > 100 } == (fitted == help)) }
    }
}

@Test func `a study leaves two cores of a larger machine to its owner`() {
    #expect((0...8).map { StudyOptions.defaultSlots(cores: $0) } == [1, 1, 2, 3, 2, 3, 4, 5, 6])
}

@Test func `a wide option keeps its words together, and what is to be typed stays`() {
    let help = """
        usage: apex x NAME
               apex x --other

          --long VALUE  one two three four five six seven eight
                        nine ten
          --json        {"a","b"}

        example: apex x
        """
    #expect(
        HelpText.fitted(help, width: 44) == """
            usage: apex x NAME
                   apex x --other

              --long VALUE  one two three four five six
                            seven eight nine ten
              --json        {"a","b"}

            example: apex x
            """)
}

@Test func `a table aligns its columns and never gets wider than the terminal`() {
    var table = Table([.init("JOB", .right), .init("NAME", isOptional: true), .init("WHY")])
    table.add(["7", "nightly", "because it waits for something long"])
    table.add(["12", "x\ty\u{1B}[2J", ""])
    #expect(
        table.lines(width: 200) == [
            "JOB  NAME     WHY", "  7  nightly  because it waits for something long", " 12  x y [2J",
        ])
    for width in 1...80 {
        #expect(table.lines(width: width).allSatisfy { $0.count <= width }, "\(width) columns")
    }
    #expect(table.lines(width: 40)[1] == "  7  nightly  because it waits for some…")
    #expect(table.lines(width: 20)[0] == "JOB  WHY", "the optional column goes first")
}

@Test(arguments: [
    (0.0, "0"), (7, "7"), (999, "999"), (1000, "1.00k"), (1234, "1.23k"), (45_678, "45.7k"), (999_999, "1.00M"),
    (2.8e9, "2.80G"), (0.123, "0.12"), (.infinity, "?"),
])
func `numbers are short`(number: Double, text: String) { #expect(short(number) == text) }

@Test func `times read as people write them`() {
    #expect(clockTime(seconds: 6.2) == "0:07")
    #expect(clockTime(seconds: 205) == "3:25")
    #expect(clockTime(seconds: 7405) == "2:03:25")
    #expect(clockTime(seconds: 352_925) == "4d 02:02:05")
    #expect(clockTime(seconds: .infinity) == "?")
    #expect(durationText(milliseconds: 850) == "850ms")
    #expect(durationText(milliseconds: 245_000) == "4m05s")
    #expect(durationText(milliseconds: 11_520_000) == "3h12m")
    #expect(bytesText(1536) == "1.5 KiB")
}

@Test func `the rate is that of the last ten seconds of one stage`() {
    let start = ContinuousClock.now
    var meter = ProgressMeter()
    #expect(meter.rate == nil)
    for second in 0...30 {
        // 100 a second for twenty seconds, then 10.
        let done = second <= 20 ? 100 * second : 2000 + 10 * (second - 20)
        meter.add("tasks", done: UInt64(done), at: start + .seconds(second))
    }
    #expect(meter.rate == 10)
    meter.add("groups", done: 5, at: start + .seconds(31))
    #expect(meter.rate == nil, "another stage counts from its own start")
    meter.add("groups", done: 4, at: start + .seconds(32))
    #expect(meter.rate == nil, "a stage that starts again too")
}

@Test func `without a terminal there is a line at once, every ten seconds and at each new stage`() {
    let lines = Mutex<[String]>([])
    let progress = Progress(isTerminal: false, columns: { 80 }, output: { text in lines.withLock { $0.append(text) } })
    let start = ContinuousClock.now
    for tenth in 0..<250 {
        let at = start + .milliseconds(100 * tenth)
        progress.show("tasks", done: UInt64(tenth * 10), total: 5000, unit: "tasks", at: at)
    }
    progress.show("groups", done: 0, total: 0, unit: "nodes", note: "best 1.50", at: start + .seconds(25))
    progress.end()
    #expect(
        lines.withLock { $0 } == [
            "tasks: 0% 0/5.00k tasks\n", "tasks: 20% 1.00k/5.00k tasks 100/s ETA 0:40\n",
            "tasks: 40% 2.00k/5.00k tasks 100/s ETA 0:30\n", "groups: 0 nodes (best 1.50)\n",
        ])
}

@Test func `on a terminal the bar is redrawn at most ten times a second, and taken away at the end`() {
    let shown = Mutex<[String]>([])
    let progress = Progress(isTerminal: true, columns: { 60 }, output: { text in shown.withLock { $0.append(text) } })
    let start = ContinuousClock.now
    for hundredth in 0..<100 {
        let at = start + .milliseconds(10 * hundredth)
        progress.show("tasks", done: UInt64(hundredth), total: 100, unit: "tasks", at: at)
    }
    progress.end()
    let texts = shown.withLock { $0 }
    #expect(texts.count == 11)
    #expect(texts.last == "\r\u{1B}[K")
    #expect(texts.dropLast().allSatisfy { $0.hasPrefix("\r\u{1B}[K") && $0.count - 4 < 60 })
    #expect(texts[9].contains("###") && texts[9].contains("90%") && texts[9].contains("100/s"))
}
