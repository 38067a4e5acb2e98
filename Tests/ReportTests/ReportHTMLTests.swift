import Foundation
import Jobs
import Report
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Reads a page as XML: what it says, and what it would fetch.
private final class PageReader: NSObject, XMLParserDelegate {
    var text = ""
    var elements: [String: Int] = [:]
    var references: [String] = []
    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements[name, default: 0] += 1
        references += ["src", "href", "data", "action"].compactMap { attributes[$0] }
    }
    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}
private func read(_ path: String) throws -> PageReader {
    let parser = XMLParser(data: try #require(FileManager.default.contents(atPath: path)))
    let reader = PageReader()
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError)) at line \(parser.lineNumber)")
    return reader
}

@Test func `the page is well-formed, stands alone and tells the chosen and the best groups`() throws {
    let folder = try Folder()
    let input = FakeWeekend(seed: 1).input
    try RunFiles.write(input, folder: folder.path)
    #expect(folder.names == ["report.html", "report.json", "run.sqlite"])
    let page = try read(folder.file("report.html"))
    let source = try String(contentsOfFile: folder.file("report.html"), encoding: .utf8)
    #expect(page.references.isEmpty && !source.contains("url(") && !source.contains("@import"))
    #expect(page.elements["script"] == nil)
    #expect(page.text.contains("proved best"))
    #expect(page.text.contains("week ending 2026-03-20"))
    // Escaped in the source, itself when read.
    #expect(page.text.contains("apex weekend --bars \"a & b.csv.gz\" --seed 7") && source.contains("a &amp; b.csv.gz"))
    #expect(page.text.contains("2 cores <AVX2>"))
    #expect(page.text.contains(input.run.barsHash.description))
    #expect(
        page.text.contains("the high is below, or the low above, the open or close") && page.text.contains("line 4711"))
    // One drawing for each algorithm, budget, nodes, and per size a histogram and each card's days.
    #expect(try #require(page.elements["svg"]) >= 10 + 2 + 2 * 2)

    let json = try #require(
        try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("report.json"))))
            as? [String: Any])
    #expect(json["proved"] as? Bool == true && json["week_ending"] as? String == "2026-03-20")
    #expect(json["bound_on_the_rest"] is NSNull)
    let sizes = try #require(json["sizes"] as? [[String: Any]])
    #expect(sizes.map { $0["size"] as? Int } == [3, 4])
    for (at, size) in sizes.enumerated() {
        for (key, position) in [("chosen", Int(input.answer.groups.chosen[at]!)), ("best", 0)] {
            let group = try #require(size[key] as? [String: Any])
            let candidate = input.answer.groups.top[at][position]
            // Foundation's JSON reader is off by one unit in the last place now and then.
            #expect(abs(try #require(group["score"] as? Double) - candidate.score) < 1e-12 * candidate.score)
            let days = try #require(group["days"] as? [[String: Any]])
            #expect(days.map { $0["buys"] as? Int } == candidate.buys.map { Int($0) })
            #expect(days.map { ($0["hit_tickers"] as? [String])?.count } == candidate.hits.map { Int($0) })
            for member in try #require(group["members"] as? [[String: Any]]) {
                #expect(page.text.contains(try #require(member["identifier"] as? String)))
                #expect(page.text.contains(try #require(member["words"] as? String)))
            }
            for day in days {
                for ticker in try #require(day["tickers"] as? [String]) { #expect(page.text.contains(ticker)) }
            }
        }
    }
}

@Test func `a run whose budget ended, one without groups and one without anything are told as they are`() throws {
    let folder = try Folder()
    var input = FakeWeekend(seed: 2).input
    input.answer.groups.proved = false
    input.answer.groups.space *= 4
    input.answer.groups.bound = 123.456
    try ReportHTML.write(input, to: folder.file("a.html"))
    let unproved = try read(folder.file("a.html")).text
    #expect(unproved.contains("the budget ended before the proof") && unproved.contains("at most 123.46"))
    #expect(unproved.contains("25.00 %") && unproved.contains("not searched yet"))

    input = FakeWeekend(seed: 2).input
    input.answer.groups.top = [[], []]
    input.answer.groups.chosen = [nil, nil]
    input.ledger = []
    input.bars.rejectedRows = []
    try RunFiles.write(input, folder: folder.path)
    let none = try read(folder.file("report.html")).text
    #expect(none.contains("No group keeps all the rules this week") && none.contains("Every row was a valid bar."))

    // A budget that ended before the prune.
    input.answer.pruned = []
    try RunFiles.write(input, folder: folder.path)
    #expect(try read(folder.file("report.html")).text.contains("80 tested, 0 kept"))

    input.answer.evaluations = []
    input.answer.groups.sizes = []
    input.answer.groups.top = []
    input.answer.groups.chosen = []
    input.answer.groups.space = 0
    try RunFiles.write(input, folder: folder.path)
    _ = try read(folder.file("report.html"))
}

@Test(arguments: seeds(60))
func `hostile text stays text`(seed: UInt64) throws {
    var chance = SplitMix(seed: seed)
    var input = FakeWeekend.smallest.input
    let pieces = ["<script>alert(1)</script>", "]]>", "\u{0}", "\u{FFFF}", "&amp;", "\"'><b>", "é😀", "<!--", "\r\n"]
    input.run.command = (0..<8).map { _ in pieces.randomElement(using: &chance)! }.joined()
    input.run.more = [pieces.randomElement(using: &chance)!: pieces.randomElement(using: &chance)!]
    let folder = try Folder()
    try ReportHTML.write(input, to: folder.file("a.html"))
    #expect(try read(folder.file("a.html")).elements["script"] == nil)
    try ReportJSON.write(input, to: folder.file("a.json"))
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("a.json"))))
    let info = try #require((json as? [String: Any])?["run_info"] as? [String: Any])
    #expect(info["command"] as? String == input.run.command)
}

@Test(arguments: seeds(20))
func `every variation has words that name its own numbers`(seed: UInt64) throws {
    let folder = try Folder()
    let input = FakeWeekend(seed: seed, symbols: 80, perAlgorithm: 2, pooled: 1, keep: 300).input
    try ReportJSON.write(input, to: folder.file("a.json"))
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("a.json"))))
    let sizes = try #require((json as? [String: Any])?["sizes"] as? [[String: Any]])
    for group in sizes.flatMap({ [$0["chosen"], $0["best"]] }).compactMap({ $0 as? [String: Any] }) {
        for member in try #require(group["members"] as? [[String: Any]]) {
            let words = try #require(member["words"] as? String)
            let parameters = try #require(member["params"] as? [String: Any])
            for name in ["fast", "slow", "period", "rsi_period", "bb_period", "level", "threshold", "ema"] {
                if let value = parameters[name] as? Int { #expect(words.contains("\(value)"), "\(words)") }
            }
            #expect((parameters["volume"] as? String == "confirm") == words.contains("volume above"), "\(words)")
        }
    }
}
